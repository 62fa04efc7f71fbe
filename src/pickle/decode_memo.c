/* SPDX-License-Identifier: Apache-2.0 */
/* decode_memo.c - see decode_memo.h. */
#include "pickle/decode_memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_DENSE = 64 };

void decode_memo_init(struct decode_memo *m)
{
    memset(m, 0, sizeof *m);
}

void decode_memo_release(struct decode_memo *m)
{
    free(m->dense);
    map_release(&m->sparse);
    decode_memo_init(m);
}

platoon_value *decode_memo_get(const struct decode_memo *m, uint64_t number)
{
    const uint64_t *there;

    if (number < m->n_dense && m->dense[number])
        return m->dense[number];
    there = map_find(&m->sparse, number, 0);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map holds numbers */
    return there ? (platoon_value *)(uintptr_t)*there : NULL;
}

static bool grow_dense(struct decode_memo *m, uint64_t number)
{
    size_t n = m->n_dense ? m->n_dense : FIRST_DENSE;
    platoon_value **grown;

    while (n <= number)
        n *= 2;
    grown = mem_realloc(m->dense, n * sizeof(platoon_value *));
    if (!grown)
        return false;
    memset(grown + m->n_dense, 0, (n - m->n_dense) * sizeof(platoon_value *));
    m->dense = grown;
    m->n_dense = n;
    return true;
}

bool decode_memo_put(struct decode_memo *m, uint64_t number, platoon_value *v)
{
    uint64_t *there;
    bool is_new;

    /* Dense means: the array is at most a few times as long as there are entries. */
    if (number >= m->n_dense && number <= m->n * 2 + FIRST_DENSE && !grow_dense(m, number))
        return false;
    if (number < m->n_dense) {
        is_new = !m->dense[number] && !map_find(&m->sparse, number, 0);
        m->dense[number] = v; /* hides what the map may have under this number */
    } else {
        there = map_put(&m->sparse, number, 0, &is_new);
        if (!there)
            return false;
        *there = (uint64_t)(uintptr_t)v;
    }
    m->n += is_new;
    return true;
}
