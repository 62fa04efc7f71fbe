/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - the rows of the typeid `platoon`, to tasks and back. Pure.
 *
 * The calls (docs/protocol.md has them all):
 *
 *     version()                          -> {'protocol': 1, 'server': '0.1.0'}
 *     settings()                         -> {'worker_lease_s': 60.0, 'max_frame_bytes': N}
 *     lease(queue, n, wait_s, worker)    -> [{'task', 'lease', 'attempt', 'repeat', 'value' or
 *     'pickle'}, ...]
 *     renew(leases)                      -> ['held' or 'lost', ...]; a row may have 'progress'
 *     complete(rows), fail(rows)         -> ['recorded', 'already' or 'gone', ...]
 *     release(leases)                    -> ['released' or 'lost', ...]
 *
 * A lease is named by (task, lease). An opaque or large value stands as bytes under 'pickle'. */
#ifndef PLATOON_WORKER_ROWS_H
#define PLATOON_WORKER_ROWS_H

#include "value/task_progress.h"
#include "worker/task.h"

#define ROWS_PROTOCOL 1

/* EVERSION, with both versions in `err`, if the server speaks another protocol than this program.
 */
enum platoon_status rows_check_version(const platoon_value *version, const char *address,
                                       struct platoon_err *err);
/* What settings() says; what it does not say keeps its value. */
struct rows_settings {
    double lease_s;           /* how long a lease lasts that is not renewed */
    uint64_t max_frame_bytes; /* the server closes a connection that sends a longer message */
};
void rows_read_settings(const platoon_value *settings, struct rows_settings *io);
/* The `worker` of lease(): name, host, slots. NULL when out of memory. */
platoon_value *rows_worker(const char *name, const char *host, unsigned n_slots);

/* Append a struct task for each row of lease()'s answer to `out`. EPROTO: a row is not as it should
 * be (those before it were appended); ENOMEM. */
enum platoon_status rows_read_tasks(const platoon_value *rows, struct list *out,
                                    struct platoon_err *err);

/* One row each, to be appended to the list that a call takes. NULL when out of memory. complete and
 * fail need a task with that outcome. */
platoon_value *rows_complete(const struct task *t);
platoon_value *rows_fail(const struct task *t);
/* A lease as release() takes it. */
platoon_value *rows_lease(uint64_t task, const char *lease);
/* And renew(). `progress`: NULL for no news. */
platoon_value *rows_renewal(uint64_t task, const char *lease, const struct task_progress *progress);

#endif
