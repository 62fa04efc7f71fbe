/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - what tests may do with a memory store beside the verbs of store.h. */
#ifndef PLATOON_STORE_MEMORY_H
#define PLATOON_STORE_MEMORY_H

#include <stdint.h>

#include "store/store.h"

/* Read the time from `mono_ns` instead of the monotonic clock. Before the first turn. */
void store_memory_set_clock(struct store *s, uint64_t (*mono_ns)(void *arg), void *arg);

#endif
