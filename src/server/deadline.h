/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.h - things to do at a time: a binary heap of nodes that live inside what they time.
 *
 * Times are monotonic nanoseconds. A node knows its place, so taking it out needs no search.
 * Nothing fires early: the loop sleeps until the time rounded up. */
#ifndef PLATOON_SERVER_DEADLINE_H
#define PLATOON_SERVER_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t at_ns;
    size_t place; /* 1 + index in the heap; 0: not set */
    void (*fire)(struct deadline *d);
};

/* What a deadline is a member of. */
#define DEADLINE_ENTRY(d, type, member) ((type *)(void *)((char *)(d)-offsetof(type, member)))

struct deadlines {
    struct deadline **heap;
    size_t n, cap;
};

void deadlines_init(struct deadlines *all);
void deadlines_release(struct deadlines *all); /* the nodes are left as they are */

/* Set `d` (zeroed once before its first use) to fire at `at_ns`, or move it there. false when out
 * of memory. */
bool deadline_set(struct deadlines *all, struct deadline *d, uint64_t at_ns,
                  void (*fire)(struct deadline *d));
/* Fine when it is not set. */
void deadline_clear(struct deadlines *all, struct deadline *d);
/* The earliest time, or UINT64_MAX. */
uint64_t deadlines_next(const struct deadlines *all);
/* Fire what is due at `now_ns`, earliest first; a node is out of the heap when its `fire` runs. */
void deadlines_run(struct deadlines *all, uint64_t now_ns);

#endif
