/* SPDX-License-Identifier: Apache-2.0 */
/* heap.c - sift up, sift down, and every move writes the member's place back. */
#include "store/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void heap_release(struct heap *h)
{
    free(h->entries);
    memset(h, 0, sizeof *h);
}

bool heap_reserve(struct heap *h, size_t n)
{
    size_t cap = h->cap ? h->cap : 16;
    struct heap_entry *grown;

    if (n <= h->cap)
        return true;
    if (n > UINT32_MAX)
        return false;
    while (cap < n)
        cap *= 2;
    grown = realloc(h->entries, cap * sizeof *grown);
    if (!grown)
        return false;
    h->entries = grown;
    h->cap = cap;
    return true;
}

static void seat_entry(struct heap *h, size_t i, struct heap_entry e)
{
    h->entries[i] = e;
    e.seat->at = (uint32_t)i;
}

/* Let `e` rise from the hole at `i`. */
static void sift_up(struct heap *h, size_t i, struct heap_entry e)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (h->entries[parent].key <= e.key)
            break;
        seat_entry(h, i, h->entries[parent]);
        i = parent;
    }
    seat_entry(h, i, e);
}

/* Let `e` sink from the hole at `i`. */
static void sift_down(struct heap *h, size_t i, struct heap_entry e)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->entries[child + 1].key < h->entries[child].key)
            child++;
        if (e.key <= h->entries[child].key)
            break;
        seat_entry(h, i, h->entries[child]);
        i = child;
    }
    seat_entry(h, i, e);
}

static void settle(struct heap *h, size_t i, struct heap_entry e)
{
    if (i > 0 && e.key < h->entries[(i - 1) / 2].key)
        sift_up(h, i, e);
    else
        sift_down(h, i, e);
}

void heap_add(struct heap *h, uint64_t key, struct heap_seat *seat)
{
    assert(h->n < h->cap);
    h->n++;
    sift_up(h, h->n - 1, (struct heap_entry){key, seat});
}

void heap_remove(struct heap *h, struct heap_seat *seat)
{
    size_t i = seat->at;

    assert(i < h->n && h->entries[i].seat == seat);
    h->n--;
    if (i < h->n)
        settle(h, i, h->entries[h->n]);
}

void heap_move(struct heap *h, uint64_t key, struct heap_seat *seat)
{
    assert(seat->at < h->n && h->entries[seat->at].seat == seat);
    settle(h, seat->at, (struct heap_entry){key, seat});
}
