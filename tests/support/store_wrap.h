/* SPDX-License-Identifier: Apache-2.0 */
/* store_wrap.h - a store around a store, with a bad link between: what callers must bear from a
 * store that is not in their process.
 *
 *     slow      calls and so their answers are late by some turns
 *     reorder   calls on different queues overtake each other; those on one queue never do
 *     lossy     calls do not arrive (DOWN), arrive twice, or their answers are lost (UNKNOWN); only
 *               where the contract lets the caller repeat the call with the same ids
 *     fenced    everything answers FENCED until the next attach */
#ifndef PLATOON_TEST_STORE_WRAP_H
#define PLATOON_TEST_STORE_WRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct store_wrap_options {
    uint64_t seed;
    unsigned slow_turns; /* at most so many turns late */
    bool is_reordering, is_lossy;
};

/* `inner` is the wrapper's from now on. Aborts when out of memory. */
struct store *store_wrap(struct store *inner, const struct store_wrap_options *options);
void store_wrap_fence(struct store *wrap);
struct store *store_wrap_inner(struct store *wrap);
/* How often each misfortune came, to see that the test was one. */
struct store_wrap_counts {
    unsigned n_calls, n_late, n_overtaken, n_down, n_unknown, n_twice;
};
struct store_wrap_counts store_wrap_counts(const struct store *wrap);

#endif
