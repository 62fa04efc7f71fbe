/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.c - a binary heap that writes each node's place back into it. */
#include "base/mem.h"
#include "server/deadline.h"

#include <stdlib.h>

void deadlines_init(struct deadlines *all)
{
    *all = (struct deadlines){NULL, 0, 0};
}

void deadlines_release(struct deadlines *all)
{
    free(all->heap);
    deadlines_init(all);
}

static void set_place(struct deadlines *all, size_t i, struct deadline *d)
{
    all->heap[i] = d;
    d->place = i + 1;
}

static void sift_up(struct deadlines *all, size_t i, struct deadline *d)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (all->heap[parent]->at_ns <= d->at_ns)
            break;
        set_place(all, i, all->heap[parent]);
        i = parent;
    }
    set_place(all, i, d);
}

static void sift_down(struct deadlines *all, size_t i, struct deadline *d)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= all->n)
            break;
        if (child + 1 < all->n && all->heap[child + 1]->at_ns < all->heap[child]->at_ns)
            child++;
        if (d->at_ns <= all->heap[child]->at_ns)
            break;
        set_place(all, i, all->heap[child]);
        i = child;
    }
    set_place(all, i, d);
}

/* Put `d` at hole `i`, up or down as its time says. */
static void settle(struct deadlines *all, size_t i, struct deadline *d)
{
    if (i > 0 && all->heap[(i - 1) / 2]->at_ns > d->at_ns)
        sift_up(all, i, d);
    else
        sift_down(all, i, d);
}

bool deadline_set(struct deadlines *all, struct deadline *d, uint64_t at_ns,
                  void (*fire)(struct deadline *d))
{
    d->fire = fire;
    d->at_ns = at_ns;
    if (d->place) {
        settle(all, d->place - 1, d);
        return true;
    }
    if (all->n == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 64;
        struct deadline **grown = mem_realloc(all->heap, cap * sizeof(struct deadline *));

        if (!grown)
            return false;
        all->heap = grown;
        all->cap = cap;
    }
    sift_up(all, all->n++, d);
    return true;
}

void deadline_clear(struct deadlines *all, struct deadline *d)
{
    size_t i = d->place;

    if (!i)
        return;
    d->place = 0;
    all->n--;
    if (i - 1 < all->n)
        settle(all, i - 1, all->heap[all->n]);
}

uint64_t deadlines_next(const struct deadlines *all)
{
    return all->n ? all->heap[0]->at_ns : UINT64_MAX;
}

void deadlines_run(struct deadlines *all, uint64_t now_ns)
{
    while (all->n && all->heap[0]->at_ns <= now_ns) {
        struct deadline *d = all->heap[0];

        deadline_clear(all, d);
        d->fire(d);
    }
}
