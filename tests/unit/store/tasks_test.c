/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_test.c - what the task table does beside the verbs, which the suite of the stores tests:
 * its report of changes is enough to know what the table knows, as a store that keeps a journal
 * must. */
#include "store/tasks.h"

#include "store/task_queue.h"
#include "support/store_rig.h"

enum { N_KEPT = 4096, N_STEPS = 4000 };

/* What a journal would hold: the last report of each task. */
struct kept {
    store_queue_id queue;
    enum store_task_state state;
    uint64_t place;
    bool is_delayed, is_known;
    uint32_t losses;
    struct store_lease_id lease;
};

struct journal {
    struct kept kept[N_KEPT]; /* by id */
    uint64_t n_reports;
};

static void write_down(const struct task *task, void *arg)
{
    struct journal *j = arg;
    struct kept *k = &j->kept[task->node.key];

    assert_true(task->node.key < N_KEPT);
    *k = (struct kept){.queue = task->queue,
                       .state = (enum store_task_state)task->state,
                       .place = task->place,
                       .is_delayed = task->where == TASK_DELAYED,
                       .is_known = true,
                       .losses = task->losses};
    if (task->state == STORE_LEASED)
        k->lease = task->lease->id;
    j->n_reports++;
}

static struct store_counts count_journal(const struct journal *j, store_queue_id queue)
{
    struct store_counts c = {0};

    for (size_t i = 0; i < N_KEPT; i++) {
        const struct kept *k = &j->kept[i];

        if (!k->is_known || k->queue != queue)
            continue;
        c.queued += k->state == STORE_QUEUED && !k->is_delayed;
        c.delayed += k->state == STORE_QUEUED && k->is_delayed;
        c.leased += k->state == STORE_LEASED;
        c.done += k->state == STORE_DONE;
        c.failed += k->state == STORE_FAILED;
        c.abandoned += k->state == STORE_ABANDONED;
        c.dead += k->state == STORE_DEAD;
    }
    return c;
}

static store_task_id front_of_journal(const struct journal *j, store_queue_id queue)
{
    store_task_id front = 0;

    for (size_t i = 1; i < N_KEPT; i++) {
        const struct kept *k = &j->kept[i];

        if (k->is_known && k->queue == queue && k->state == STORE_QUEUED && !k->is_delayed &&
            (!front || k->place < j->kept[front].place))
            front = i;
    }
    return front;
}

struct driver {
    struct tasks *t;
    struct journal journal;
    struct payload *value;
    uint64_t counter, now_ns;
    struct store_lease_ref leases[N_STEPS];
    size_t n_leases;
    uint32_t random;
};

static uint32_t pick(struct driver *d, uint32_t n)
{
    d->random = d->random * 1664525 + 1013904223;
    return (d->random >> 8) % n;
}

static void claim_one(struct driver *d, store_queue_id queue)
{
    struct store_lease_id lease = {1, ++d->counter};
    struct store_claimed claimed;
    store_task_id front = front_of_journal(&d->journal, queue);
    size_t n = 0;

    assert_int_equal(tasks_claim(d->t, queue, &lease, 1, pick(d, 2) * 500, d->now_ns, &claimed, &n),
                     STORE_OK);
    assert_int_equal(n, front != 0);
    if (!n)
        return;
    assert_int_equal(claimed.task, front);
    assert_int_equal(d->journal.kept[front].lease.counter, lease.counter);
    assert_int_equal(claimed.attempt, d->journal.kept[front].losses + 1);
    d->leases[d->n_leases++] = (struct store_lease_ref){claimed.task, lease};
}

static void step(struct driver *d)
{
    store_queue_id queue = 1 + pick(d, 2);
    struct store_lease_ref ref =
        d->n_leases ? d->leases[pick(d, (uint32_t)d->n_leases)] : (struct store_lease_ref){0};
    struct store_put_item put_item = {.key = {1, ++d->counter}, .value = d->value};
    struct store_done_item done_item = {
        .ref = ref, .state = pick(d, 2) ? STORE_DONE : STORE_FAILED, .result = d->value};
    struct store_fail_item fail_item = {ref, "", pick(d, 2) * 300};
    struct store_release_item release_of = {
        .ref = ref, .to = (enum store_release_to)pick(d, 3), .count_attempt = pick(d, 2)};
    union {
        struct store_put_answer put;
        struct store_done_answer done;
        enum store_fail_status fail;
        enum store_release_status release;
        struct store_swept swept[8];
    } answer;

    switch (pick(d, 8)) {
    case 0:
    case 1:
        (void)tasks_put(d->t, queue, &put_item, 1, 0, &answer.put);
        break;
    case 2:
    case 3:
        claim_one(d, queue);
        break;
    case 4:
        (void)tasks_done(d->t, &done_item, 1, &answer.done);
        break;
    case 5:
        tasks_fail(d->t, &fail_item, 1, d->now_ns, &answer.fail);
        break;
    case 6:
        tasks_release(d->t, &release_of, 1, &answer.release);
        break;
    case 7:
        d->now_ns += 100000000;
        tasks_wake_delayed(d->t, d->now_ns);
        (void)tasks_sweep(d->t, 8, d->now_ns, answer.swept);
        break;
    }
}

TEST(the_reported_changes_tell_all_that_the_table_knows)
{
    struct driver *d = calloc(1, sizeof *d);
    const struct store_queue *q;

    d->t = tasks_new();
    d->value = rig_payload('v');
    d->now_ns = 1;
    d->random = 7;
    tasks_admit_epoch(d->t, 1);
    tasks_on_change(d->t, write_down, &d->journal);
    assert_int_equal(tasks_queue_ensure(d->t, &(struct store_queue){.name = "results"}, &q),
                     STORE_OK);
    assert_int_equal(
        tasks_queue_ensure(d->t, &(struct store_queue){.name = "tasks", .result_queue = q->id}, &q),
        STORE_OK);
    for (int i = 0; i < N_STEPS; i++) {
        step(d);
        for (store_queue_id queue = 1; i % 16 == 0 && queue <= 2; queue++) {
            struct store_counts a = *tasks_counts(d->t, queue);
            struct store_counts b = count_journal(&d->journal, queue);

            a.unfinished = b.unfinished = 0; /* a number of its own, not of the tasks */
            a.bytes_queued = b.bytes_queued = 0;
            assert_memory_equal(&a, &b, sizeof a);
        }
    }
    assert_true(d->journal.n_reports > 1000);
    tasks_free(d->t);
    payload_unref(d->value);
    free(d);
}

TEST(a_full_table_of_queues_refuses_one_more_but_knows_the_old_ones)
{
    struct tasks *t = tasks_new();
    const struct store_queue *q = NULL;
    char name[16];

    for (int i = 0; i < TASKS_MAX_QUEUES; i++) {
        snprintf(name, sizeof name, "q%05d", i);
        assert_int_equal(tasks_queue_ensure(t, &(struct store_queue){.name = name}, &q), STORE_OK);
        assert_int_equal(q->id, i + 1);
    }
    assert_int_equal(tasks_queue_ensure(t, &(struct store_queue){.name = "more"}, &q),
                     STORE_NOSPACE);
    for (int i = 0; i < TASKS_MAX_QUEUES; i += 777) {
        snprintf(name, sizeof name, "q%05d", i);
        assert_int_equal(tasks_queue_ensure(t, &(struct store_queue){.name = name}, &q), STORE_OK);
        assert_int_equal(q->id, i + 1);
        assert_string_equal(q->name, name);
    }
    tasks_free(t);
}
