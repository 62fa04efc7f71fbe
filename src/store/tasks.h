/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - the task table: queues, tasks and leases, and every step a task can take. Pure: plain
 * calls that answer at once, no clock of its own, no I/O, no callbacks but a report of what
 * changed.
 *
 *          put, or a result by done
 *                   |
 *                   v         claim
 *      +-------> QUEUED ---------------> LEASED --------- done --------> DONE, FAILED: recorded,
 *      and gone |  due     ^  ^                    |||
 *      |          |  +-- release, sweep --+||
 *   delayed <-----|------ fail, delay -----+|
 *                 +------ fail -------------+-- release to abandoned --> ABANDONED
 *                                           +-- lost too often --------> DEAD (keeps its last
 *                                           lease)
 *
 * done also ends a task that is queued, delayed, abandoned or dead: the first result wins, even
 * from a lost lease. A task at its limit of attempts dies instead of going back.
 *
 * A store puts time, callbacks and durability around it: `memory` only the first two. A store with
 * a journal writes what tasks_on_change() reports.
 *
 * Every call is atomic: with STORE_NOMEM nothing happened. Answers go to arrays of the caller;
 * payloads in them are borrowed until the next call. Instants are of the caller's clock in
 * nanoseconds. O(1), or O(log n) of what is leased, for each task touched. */
#ifndef PLATOON_STORE_TASKS_H
#define PLATOON_STORE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct tasks;
struct task; /* task_queue.h: what on_change may look at */

struct tasks *tasks_new(void);    /* NULL when out of memory */
void tasks_free(struct tasks *t); /* NULL is fine */
/* Leases of this epoch may come; epochs rise, and all from the first one admitted to the last are
 * known. A lease of any other belongs to another life of the store: to end a task by it is GONE,
 * since the number of the task means another task here. */
void tasks_admit_epoch(struct tasks *t, uint64_t epoch);
/* `changed` is called with the task as it is after each step, in order; one that ended is in state
 * DONE or FAILED and is freed after the call. It must not call back into the table. */
void tasks_on_change(struct tasks *t, void (*changed)(const struct task *task, void *arg),
                     void *arg);

/* Make the queue unless its name is known. *out lives as long as the table. NOSPACE: no more than
 * TASKS_MAX_QUEUES. `wanted->result_queue` must be known. */
enum { TASKS_MAX_QUEUES = 65535 };
enum store_status tasks_queue_ensure(struct tasks *t, const struct store_queue *wanted,
                                     const struct store_queue **out);
size_t tasks_n_queues(const struct tasks *t); /* their ids are 1 .. n */
/* `id` must be known. */
const struct store_queue *tasks_queue(const struct tasks *t, store_queue_id id);
const struct store_counts *tasks_counts(const struct tasks *t, store_queue_id id);

/* NULL: there is none (any more). Valid until the next step. */
const struct task *tasks_find(const struct tasks *t, store_task_id id);

/* What a journal kept of one task that had not ended. A task that was leased without a time limit
 * is queued again: its holder's connection is gone. One with a limit stays leased, for its holder
 * to come back, for `lease_ms` from now. */
struct tasks_saved {
    store_task_id task;
    store_queue_id queue;
    uint64_t place;
    enum store_task_state state;
    uint32_t losses;
    uint32_t max_attempts; /* its own limit; 0: its queue's */
    bool may_be_repeat, has_failure_value;
    struct store_lease_id lease; /* the last one; {0,0}: never leased */
    uint32_t lease_ms;
    struct payload *value;
};
/* Into a table that no verb has been used on; queue by queue in the order of places. NOMEM. */
/* First, how many there will be; a hint. */
void tasks_expect(struct tasks *t, size_t n);
enum store_status tasks_restore(struct tasks *t, const struct tasks_saved *saved, uint64_t now_ns);
/* unfinished, done, failed and cancelled of `counts`. */
void tasks_restore_counts(struct tasks *t, store_queue_id queue, const struct store_counts *counts);
/* The last numbers that were given. */
store_task_id tasks_last_id(const struct tasks *t);
void tasks_restore_last(struct tasks *t, store_task_id task, uint64_t place);

/* The verbs of store.h. */
enum store_status tasks_put(struct tasks *t, store_queue_id queue,
                            const struct store_put_item *items, size_t n, uint64_t limit,
                            struct store_put_answer *answers);
/* *out_n of `claimed` are filled. */
enum store_status tasks_claim(struct tasks *t, store_queue_id queue,
                              const struct store_lease_id *leases, size_t n, uint32_t lease_ms,
                              uint64_t now_ns, struct store_claimed *claimed, size_t *out_n);
void tasks_renew(struct tasks *t, const struct store_lease_ref *leases, size_t n, uint32_t lease_ms,
                 uint64_t now_ns, enum store_lease_status *answers);
enum store_status tasks_done(struct tasks *t, const struct store_done_item *items, size_t n,
                             struct store_done_answer *answers);
void tasks_fail(struct tasks *t, const struct store_fail_item *items, size_t n, uint64_t now_ns,
                enum store_fail_status *answers);
void tasks_release(struct tasks *t, const struct store_release_item *items, size_t n,
                   enum store_release_status *answers);
/* Returns how many of `swept` (room for `max`) are filled. */
size_t tasks_sweep(struct tasks *t, size_t max, uint64_t now_ns, struct store_swept *swept);
void tasks_get(const struct tasks *t, const store_task_id *ids, size_t n, struct store_task *out);
enum store_retry_status tasks_retry(struct tasks *t, store_task_id id);
enum store_status tasks_cancel(struct tasks *t, const struct store_cancel_item *items, size_t n,
                               struct store_done_answer *answers);
/* Forget up to `max` that wait, are abandoned or dead; their ids go to `out` (room for `max`). */
size_t tasks_purge(struct tasks *t, store_queue_id queue, uint32_t states, size_t max,
                   store_task_id *out);
/* Walk all tasks, in no order. */
void tasks_each(const struct tasks *t, void (*visit)(const struct task *task, void *arg),
                void *arg);
int64_t tasks_task_done(struct tasks *t, store_queue_id queue);

/* Would a sweep find anything? */
bool tasks_has_expired(const struct tasks *t, uint64_t now_ns);
/* Let delayed tasks whose time has come be taken. */
void tasks_wake_delayed(struct tasks *t, uint64_t now_ns);

/* What store_watch() tells, gathered: each queue at most once until it is asked for. False:
 * nothing. */
struct tasks_hint {
    store_queue_id queue;
    bool is_ready; /* something came to be taken */
    bool has_room; /* something was taken from a queue with a maxsize, or unfinished fell to 0 */
};
bool tasks_next_hint(struct tasks *t, struct tasks_hint *out);

#endif
