/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h - who takes tasks by id, for people to look at: names, slots, when last heard of,
 * leases in hand.
 *
 * Nothing is decided by what stands here: the store alone says who holds what. The table is
 * bounded: beyond WORKERS_MAX the one that was silent longest and holds nothing is forgotten. Which
 * worker a lease belongs to is known for leases of this run of the server; of others only that they
 * are not counted. */
#ifndef PLATOON_SERVER_WORKERS_H
#define PLATOON_SERVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/list.h"

enum {
    WORKERS_MAX = 20000,
    WORKERS_MAX_NAME = 200 /* bytes of a name or a host; longer ones are cut */
};

struct worker {
    struct list by_age; /* least recently heard of first */
    struct worker *next_in_bucket;
    uint64_t hash;
    uint64_t first_ns, last_ns; /* monotonic: when it was heard of */
    uint32_t slots;             /* 0: it did not say */
    uint32_t n_leases;          /* in hand */
    uint32_t n_users;           /* parked calls that point here */
    uint64_t n_done, n_failed, n_lost;
    char peer[64]; /* where it called from last */
    char *host;    /* "" if it did not say; behind the name */
    char name[];
};

struct workers {
    struct worker **buckets;
    size_t n_buckets; /* a power of two; 0 before the first worker */
    size_t n;
    struct list by_age;
    struct idmap leases; /* counter of a lease -> its worker */
};

void workers_init(struct workers *all);
void workers_release(struct workers *all);

/* What a worker says of itself. */
struct worker_facts {
    const char *name; /* required */
    const char *host; /* NULL: it did not say */
    uint32_t slots;   /* 0: it did not say */
    const char *peer;
};
/* Find or add the worker and note that it was heard of. NULL when out of memory. */
struct worker *workers_see(struct workers *all, const struct worker_facts *facts, uint64_t now_ns);

/* It holds this lease now. Without memory the lease is not counted. */
void workers_lease(struct workers *all, struct worker *w, uint64_t lease_counter);
/* Whose lease is it? It was heard of, when now_ns is not 0. NULL: not known. */
struct worker *workers_holder(struct workers *all, uint64_t lease_counter, uint64_t now_ns);
/* The lease has ended. Returns who held it, or NULL. */
struct worker *workers_end_lease(struct workers *all, uint64_t lease_counter);

#endif
