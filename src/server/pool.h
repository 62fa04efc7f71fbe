/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - memory of one size that is used again and again: some is kept, the rest goes back. Loop
 * thread only. */
#ifndef PLATOON_SERVER_POOL_H
#define PLATOON_SERVER_POOL_H

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

/* Kept at most. The sanitizers keep none, or they could not tell who uses what was given back. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { POOL_MOST = 0 };
#else
enum { POOL_MOST = 256 };
#endif

struct pool {
    void *first; /* each begins with a pointer to the next */
    size_t n;
};

/* Not zeroed. NULL when out of memory. `size` is the same for all of a pool, and at least a
 * pointer's. */
static inline void *pool_take(struct pool *p, size_t size)
{
    void *taken = p->first;

    if (!taken)
        return mem_alloc(size);
    p->first = *(void **)taken;
    p->n--;
    return taken;
}

static inline void pool_give(struct pool *p, void *given)
{
    if ((long)p->n >= POOL_MOST) {
        free(given);
        return;
    }
    *(void **)given = p->first;
    p->first = given;
    p->n++;
}

static inline void pool_release(struct pool *p)
{
    while (p->first) {
        void *next = *(void **)p->first;

        free(p->first);
        p->first = next;
    }
    p->n = 0;
}

#endif
