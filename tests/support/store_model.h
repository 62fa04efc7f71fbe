/* SPDX-License-Identifier: Apache-2.0 */
/* store_model.h - what store.h promises, written down as plainly as possible: one array, searched
 * from end to end.
 *
 * It shares nothing with any store but the header. Each call answers what a store must answer to
 * the same call; ended tasks stay in the array with their last state. */
#ifndef PLATOON_TEST_STORE_MODEL_H
#define PLATOON_TEST_STORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { MODEL_QUEUES = 4, MODEL_TASKS = 2048, MODEL_LEASES = 4096 };

struct model_task {
    store_queue_id queue;
    enum store_task_state state;
    bool is_delayed; /* queued, but not yet to be taken */
    int value;
    uint64_t place;
    uint32_t losses, max_attempts; /* max_attempts 0: the queue's */
    bool may_be_repeat, is_unfinished, has_failure;
    struct store_key key;
    struct store_lease_id lease; /* the last one */
    uint64_t until_ms;           /* leased: when it runs out, 0 never; delayed: when it is due */
};

struct model {
    struct store_queue queues[MODEL_QUEUES + 1]; /* by id, from 1 */
    uint64_t unfinished[MODEL_QUEUES + 1];
    struct model_task tasks[MODEL_TASKS + 1]; /* by id, from 1 */
    size_t n_tasks;
    uint64_t last_place;
    uint64_t now_ms;
    uint64_t epoch;
};

struct model_put {
    struct store_key key;
    int value;
    uint32_t max_attempts;
};

/* A task as a claim or a sweep tells it. */
struct model_told {
    store_task_id task;
    struct store_lease_id lease;
    uint32_t attempt;
    bool may_be_repeat, dead;
    int value;
};

void model_pass_ms(struct model *m, uint32_t ms);
void model_put(struct model *m, store_queue_id queue, const struct model_put *items, size_t n,
               uint64_t limit, struct store_put_answer *out);
size_t model_claim(struct model *m, store_queue_id queue, const struct store_lease_id *leases,
                   size_t n, uint32_t lease_ms, struct model_told *out);
enum store_lease_status model_renew(struct model *m, struct store_lease_ref ref, uint32_t lease_ms);
/* `value` of the result; -1: none. */
struct store_done_answer model_done(struct model *m, struct store_lease_ref ref,
                                    enum store_task_state state, int value, bool counts_unfinished);
enum store_fail_status model_fail(struct model *m, struct store_lease_ref ref, uint32_t delay_ms);
enum store_release_status model_release(struct model *m, const struct store_release_item *item);
/* In the order of ids. */
size_t model_sweep(struct model *m, struct model_told *out);
int64_t model_task_done(struct model *m, store_queue_id queue);
struct store_counts model_counts(const struct model *m, store_queue_id queue); /* no bytes */

#endif
