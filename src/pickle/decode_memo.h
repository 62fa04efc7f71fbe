/* SPDX-License-Identifier: Apache-2.0 */
/* decode_memo.h - the memo of a decoder: numbers to values.
 *
 * Picklers number from 0 (Python 2's from 1) without holes: that part is an array. Any other number
 * goes to a hash map, so that one entry numbered 4 billion costs one slot. */
#ifndef PLATOON_PICKLE_DECODE_MEMO_H
#define PLATOON_PICKLE_DECODE_MEMO_H

#include <platoon/value.h>

#include "base/map.h"

struct decode_memo {
    platoon_value **dense; /* NULL where nothing was put */
    size_t n_dense;
    struct map sparse;
    uint64_t n; /* entries set: the number that MEMOIZE uses next */
};

void decode_memo_init(struct decode_memo *m);
void decode_memo_release(struct decode_memo *m);
/* false when out of memory, the memo unchanged. Values are borrowed. */
bool decode_memo_put(struct decode_memo *m, uint64_t number, platoon_value *v);
/* NULL if nothing was put there. */
platoon_value *decode_memo_get(const struct decode_memo *m, uint64_t number);

#endif
