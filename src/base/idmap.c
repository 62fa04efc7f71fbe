/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c - linear probing; a removal moves later entries of the run back, so there are no
 * tombstones. */
#include "base/idmap.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

static size_t home(const struct idmap *m, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (m->cap - 1);
}

/* The slot that holds `id`, or the free one where it would go. */
static size_t find(const struct idmap *m, uint64_t id)
{
    size_t i = home(m, id);

    while (m->slots[i].id && m->slots[i].id != id)
        i = (i + 1) & (m->cap - 1);
    return i;
}

void idmap_init(struct idmap *m)
{
    memset(m, 0, sizeof *m);
}

void idmap_release(struct idmap *m)
{
    free(m->slots);
    idmap_init(m);
}

bool idmap_reserve(struct idmap *m)
{
    struct idmap old = *m;

    if ((m->n + 1) * 4 <= m->cap * 3)
        return true;
    m->cap = old.cap ? old.cap * 2 : FIRST_CAP;
    m->slots = calloc(m->cap, sizeof *m->slots);
    if (!m->slots) {
        *m = old;
        return false;
    }
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].id)
            m->slots[find(m, old.slots[i].id)] = old.slots[i];
    free(old.slots);
    return true;
}

bool idmap_set(struct idmap *m, uint64_t id, void *value)
{
    size_t i;

    if (!idmap_reserve(m))
        return false;
    i = find(m, id);
    if (!m->slots[i].id)
        m->n++;
    m->slots[i] = (struct idmap_slot){id, value};
    return true;
}

void *idmap_get(const struct idmap *m, uint64_t id)
{
    return m->n ? m->slots[find(m, id)].value : NULL;
}

void *idmap_remove(struct idmap *m, uint64_t id)
{
    size_t mask = m->cap - 1, hole, i;
    void *value;

    if (!m->n || !m->slots[hole = find(m, id)].id)
        return NULL;
    value = m->slots[hole].value;
    for (i = (hole + 1) & mask; m->slots[i].id; i = (i + 1) & mask) {
        /* An entry may move into the hole unless its home lies cyclically in (hole, i]. */
        size_t want = home(m, m->slots[i].id);

        if (((i - want) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct idmap_slot){0, NULL};
    m->n--;
    return value;
}
