/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h - malloc with one seam: a test can make the n-th allocation from now fail.
 *
 * What is allocated here is freed with free(). */
#ifndef PLATOON_BASE_MEM_H
#define PLATOON_BASE_MEM_H

#include <stddef.h>

/* As malloc() and realloc(), but for the seam. A size of 0 is asked for as 1. */
void *mem_alloc(size_t size);
void *mem_zero(size_t size); /* filled with zero bytes */
void *mem_realloc(void *old, size_t size);

/* Make the `nth` call from now on (1 is the next) and all after it fail; 0 ends that. Tests only:
 * not meant for a process whose other threads allocate. */
void mem_fail_from(size_t nth);
/* Whether a call has failed because of mem_fail_from(). */
int mem_has_failed(void);

#endif
