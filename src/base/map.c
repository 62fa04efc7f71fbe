/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - see map.h. Open addressing, linear probing, at most two thirds full. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_CAP = 16 };

void map_init(struct map *m)
{
    memset(m, 0, sizeof *m);
}

void map_release(struct map *m)
{
    free(m->slots);
    map_init(m);
}

/* The slot of (a, b), or the free one where it would go. The map has a free slot. */
static struct map_slot *slot_of(struct map_slot *slots, size_t cap, uint64_t a, uint64_t b)
{
    size_t i = (size_t)hash_pair(a, b) & (cap - 1);

    while (slots[i].is_used && (slots[i].a != a || slots[i].b != b))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

uint64_t *map_find(const struct map *m, uint64_t a, uint64_t b)
{
    struct map_slot *slot;

    if (m->n == 0)
        return NULL;
    slot = slot_of(m->slots, m->cap, a, b);
    return slot->is_used ? &slot->value : NULL;
}

static bool grow(struct map *m)
{
    size_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
    struct map_slot *slots = mem_alloc(cap * sizeof *slots);

    if (!slots)
        return false;
    memset(slots, 0, cap * sizeof *slots);
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].is_used)
            *slot_of(slots, cap, m->slots[i].a, m->slots[i].b) = m->slots[i];
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return true;
}

uint64_t *map_put(struct map *m, uint64_t a, uint64_t b, bool *out_is_new)
{
    struct map_slot *slot;

    if ((m->n + 1) * 3 > m->cap * 2 && !grow(m))
        return NULL;
    slot = slot_of(m->slots, m->cap, a, b);
    if (out_is_new)
        *out_is_new = !slot->is_used;
    if (!slot->is_used) {
        *slot = (struct map_slot){a, b, 0, true};
        m->n++;
    }
    return &slot->value;
}
