/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - the rows of the typeid `platoon`, to tasks and back. Pure.
 *
 * The calls (docs/protocol.md has them all):
 *
 *     version()                          -> {'protocol': 1, 'server': '0.1.0', ...}
 *     lease(queue, n, wait_s, worker)    -> [{'task', 'lease', 'attempt', 'repeat', 'value' or 'pickle'}, ...]
 *     renew(leases)                      -> ['held' or 'lost', ...]
 *     complete(rows), fail(rows)         -> ['recorded', 'already' or 'gone', ...]
 *     release(leases)                    -> as many texts
 *
 * An opaque or large value stands as bytes under 'pickle'. */
#ifndef PLATOON_WORKER_ROWS_H
#define PLATOON_WORKER_ROWS_H

#include "worker/task.h"

#define ROWS_PROTOCOL 1

struct rows_version {
    double lease_s; /* 0: the server does not say */
};
/* EVERSION, with both versions in `err`, if the server speaks another protocol than this program. */
enum platoon_status rows_read_version(const platoon_value *version, const char *address,
                                      struct rows_version *out, struct platoon_err *err);

/* Append a struct task for each row of lease()'s answer to `out`. EPROTO: a row is not as it should be (those before it were
 * appended); ENOMEM. */
enum platoon_status rows_read_tasks(const platoon_value *rows, struct list *out,
                                    struct platoon_err *err);

/* One row each, to be appended to the list that a call takes. NULL when out of memory. complete and fail need a task with
 * that outcome. */
platoon_value *rows_complete(const struct task *t);
platoon_value *rows_fail(const struct task *t);
/* A lease as renew() and release() take it. */
platoon_value *rows_lease(const void *lease, size_t lease_len);

#endif
