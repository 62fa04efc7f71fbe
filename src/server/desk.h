/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h - what the server keeps for work by id (the `platoon` typeid) beside the store: who its
 * workers are, how far their tasks are, and the sweep that takes leases back that ran out.
 *
 * A task whose last lease ran out under one of our agents is a result like any other: the failure
 * value {'platoon_error': {'kind': 'lost', ...}, 'task': ..., 'task_id': ...} goes to the linked
 * queue. */
#ifndef PLATOON_SERVER_DESK_H
#define PLATOON_SERVER_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/deadline.h"
#include "server/log.h"
#include "server/progress_board.h"
#include "server/workers.h"
#include "store/store.h"

struct server;

struct desk {
    struct server *srv;
    struct workers workers;
    struct progress_board progress;
    struct deadline sweep_timer;
    uint64_t sweep_until_ns; /* no lease that was given out or renewed can run out after this */
    struct log_limit expired_log;
    bool is_sweeping; /* the store was asked and has not answered */
};

/* `srv` has its deadlines; the store is asked only while leases are out. */
void desk_init(struct desk *d, struct server *srv);
/* The store answers no more. */
void desk_release(struct desk *d);

/* Leases of `lease_ms` are out or were renewed: sweep until they are gone. */
void desk_keep_sweeping(struct desk *d, uint32_t lease_ms);
/* The same, if any of the `n` queues has something leased: by an earlier run of the store, too. */
void desk_sweep_if_leased(struct desk *d, const struct store_counts *counts, size_t n);
/* The worker of a lease of this run, which was heard of now; NULL: not known. */
struct worker *desk_hear(struct desk *d, struct store_lease_id lease);
/* The lease has ended, and how far its task was is of no interest any more; returns its worker, or
 * NULL. */
struct worker *desk_end_lease(struct desk *d, struct store_lease_ref ref);

#endif
