/* SPDX-License-Identifier: Apache-2.0 */
/* pickle_text.h - pickles written by hand, and how much memory is in use. */
#ifndef PLATOON_TEST_PICKLE_TEXT_H
#define PLATOON_TEST_PICKLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "80 04 8c03 'put' 94": hex bytes in any grouping, and text in quotes (no escapes). malloc()ed;
 * fails the test where it cannot read `text`. */
uint8_t *pickle_from_text(const char *text, size_t *out_len);

/* Bytes allocated and not freed in this process. */
size_t heap_in_use(void);

#endif
