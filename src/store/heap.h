/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h - smallest key first; members know their place, so that any of them can be taken out in
 * O(log n).
 *
 * Binary, in one array of (key, member). A member embeds a heap_seat and is in at most one heap
 * with it. */
#ifndef PLATOON_STORE_HEAP_H
#define PLATOON_STORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_seat {
    uint32_t at;
};

struct heap_entry {
    uint64_t key;
    struct heap_seat *seat;
};

struct heap {
    struct heap_entry *entries;
    size_t n, cap;
};

/* The object around an embedded seat. */
#define HEAP_OWNER(seat, type, member) ((type *)(void *)((char *)(seat)-offsetof(type, member)))

void heap_release(struct heap *h); /* zeroed is as after init; the members are the caller's */
/* Make room for `n` members in all, so that heap_add() up to there cannot fail. False when out of
 * memory. */
bool heap_reserve(struct heap *h, size_t n);
/* Room must have been reserved. O(log n), O(1) for a key above all others. */
void heap_add(struct heap *h, uint64_t key, struct heap_seat *seat);
void heap_remove(struct heap *h, struct heap_seat *seat); /* must be in `h` */
/* Change the key of a member. */
void heap_move(struct heap *h, uint64_t key, struct heap_seat *seat);
/* The member with the smallest key; NULL when empty. */
static inline struct heap_seat *heap_first(const struct heap *h, uint64_t *out_key)
{
    if (!h->n)
        return NULL;
    *out_key = h->entries[0].key;
    return h->entries[0].seat;
}

#endif
