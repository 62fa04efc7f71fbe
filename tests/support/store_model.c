/* SPDX-License-Identifier: Apache-2.0 */
/* store_model.c - see store_model.h. */
#include "support/store_model.h"

#include <assert.h>
#include <string.h>

static bool same_lease(struct store_lease_id a, struct store_lease_id b)
{
    return a.epoch == b.epoch && a.counter == b.counter;
}

static bool is_held(const struct model *m, struct store_lease_ref ref)
{
    return ref.task >= 1 && ref.task <= m->n_tasks && m->tasks[ref.task].state == STORE_LEASED &&
           same_lease(m->tasks[ref.task].lease, ref.lease);
}

static bool can_be_taken(const struct model_task *task, store_queue_id queue)
{
    return task->queue == queue && task->state == STORE_QUEUED && !task->is_delayed;
}

static bool has_ended(const struct model_task *task)
{
    return task->state == STORE_DONE || task->state == STORE_FAILED;
}

void model_pass_ms(struct model *m, uint32_t ms)
{
    m->now_ms += ms;
    for (size_t i = 1; i <= m->n_tasks; i++)
        if (m->tasks[i].state == STORE_QUEUED && m->tasks[i].until_ms <= m->now_ms)
            m->tasks[i].is_delayed = false;
}

static store_task_id enter(struct model *m, store_queue_id queue, struct store_key key, int value,
                           uint32_t max_attempts)
{
    assert(m->n_tasks < MODEL_TASKS);
    m->n_tasks++;
    m->tasks[m->n_tasks] = (struct model_task){.queue = queue,
                                               .state = STORE_QUEUED,
                                               .value = value,
                                               .place = ++m->last_place,
                                               .is_unfinished = true,
                                               .max_attempts = max_attempts,
                                               .key = key};
    m->unfinished[queue]++;
    return m->n_tasks;
}

static store_task_id find_key(const struct model *m, struct store_key key)
{
    for (size_t i = 1; i <= m->n_tasks; i++)
        if (key.counter && m->tasks[i].key.counter == key.counter &&
            m->tasks[i].key.epoch == key.epoch)
            return i;
    return 0;
}

void model_put(struct model *m, store_queue_id queue, const struct model_put *items, size_t n,
               uint64_t limit, struct store_put_answer *out)
{
    uint64_t after = model_counts(m, queue).queued;

    for (size_t i = 0; i < n; i++)
        after += !find_key(m, items[i].key);
    for (size_t i = 0; i < n; i++) {
        store_task_id known = find_key(m, items[i].key);

        if (known)
            out[i] = (struct store_put_answer){STORE_PUT_DUP, known};
        else if (limit && after > limit)
            out[i] = (struct store_put_answer){STORE_PUT_FULL, 0};
        else
            out[i] = (struct store_put_answer){
                STORE_PUT_NEW,
                enter(m, queue, items[i].key, items[i].value, items[i].max_attempts)};
    }
}

static struct model_told tell(const struct model *m, store_task_id id)
{
    const struct model_task *task = &m->tasks[id];

    return (struct model_told){.task = id,
                               .lease = task->lease,
                               .attempt = task->losses + 1,
                               .may_be_repeat = task->may_be_repeat,
                               .value = task->value};
}

static store_task_id front_of(const struct model *m, store_queue_id queue)
{
    store_task_id front = 0;

    for (size_t i = 1; i <= m->n_tasks; i++)
        if (can_be_taken(&m->tasks[i], queue) &&
            (!front || m->tasks[i].place < m->tasks[front].place))
            front = i;
    return front;
}

size_t model_claim(struct model *m, store_queue_id queue, const struct store_lease_id *leases,
                   size_t n, uint32_t lease_ms, struct model_told *out)
{
    size_t n_out = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 1; k <= m->n_tasks; k++)
            if (m->tasks[k].state == STORE_LEASED && same_lease(m->tasks[k].lease, leases[i]))
                out[n_out++] = tell(m, k);
    if (n_out)
        return n_out;
    for (; n_out < n; n_out++) {
        store_task_id id = front_of(m, queue);

        if (!id)
            break;
        m->tasks[id].state = STORE_LEASED;
        m->tasks[id].lease = leases[n_out];
        m->tasks[id].until_ms = lease_ms ? m->now_ms + lease_ms : 0;
        out[n_out] = tell(m, id);
    }
    return n_out;
}

enum store_lease_status model_renew(struct model *m, struct store_lease_ref ref, uint32_t lease_ms)
{
    const struct model_task *task = &m->tasks[ref.task];

    if (!is_held(m, ref)) {
        bool is_known = ref.task >= 1 && ref.task <= m->n_tasks && ref.lease.epoch == m->epoch;

        return is_known && (has_ended(task) || task->has_failure) ? STORE_LEASE_ENDED
                                                                  : STORE_LEASE_LOST;
    }
    m->tasks[ref.task].until_ms = lease_ms ? m->now_ms + lease_ms : 0;
    return STORE_LEASE_HELD;
}

static void settle(struct model *m, struct model_task *task)
{
    if (task->is_unfinished && m->unfinished[task->queue])
        m->unfinished[task->queue]--;
    task->is_unfinished = false;
}

struct store_done_answer model_done(struct model *m, struct store_lease_ref ref,
                                    enum store_task_state state, int value, bool counts_unfinished)
{
    struct store_done_answer answer = {STORE_DONE_RECORDED, 0};
    struct model_task *task = &m->tasks[ref.task];
    store_queue_id results;

    if (ref.task < 1 || ref.task > m->n_tasks || ref.lease.epoch != m->epoch)
        return (struct store_done_answer){STORE_DONE_GONE, 0};
    if (has_ended(task) || task->has_failure)
        return (struct store_done_answer){STORE_DONE_ALREADY, 0};
    if (state == STORE_DEAD) {
        if (task->state != STORE_DEAD || !same_lease(task->lease, ref.lease))
            return (struct store_done_answer){STORE_DONE_ALREADY, 0};
        task->has_failure = true;
    } else {
        if (counts_unfinished)
            settle(m, task);
        task->state = state;
    }
    results = m->queues[task->queue].result_queue;
    if (results && value >= 0)
        answer.result = enter(m, results, (struct store_key){0, 0}, value, 0);
    return answer;
}

/* The attempt is counted; true if the task is dead now. */
static bool lose_attempt(struct model *m, struct model_task *task)
{
    uint32_t limit = task->max_attempts ? task->max_attempts : m->queues[task->queue].max_attempts;

    task->losses++;
    if (task->losses < limit)
        return false;
    task->state = STORE_DEAD;
    settle(m, task);
    return true;
}

enum store_fail_status model_fail(struct model *m, struct store_lease_ref ref, uint32_t delay_ms)
{
    struct model_task *task = &m->tasks[ref.task];

    if (!is_held(m, ref))
        return STORE_FAIL_LOST;
    if (lose_attempt(m, task))
        return STORE_FAIL_DEAD;
    task->state = STORE_QUEUED;
    task->place = ++m->last_place;
    task->is_delayed = delay_ms > 0;
    task->until_ms = m->now_ms + delay_ms;
    return STORE_FAIL_AGAIN;
}

enum store_release_status model_release(struct model *m, const struct store_release_item *item)
{
    struct model_task *task = &m->tasks[item->ref.task];

    if (!is_held(m, item->ref))
        return STORE_RELEASE_LOST;
    if (item->may_be_repeat)
        task->may_be_repeat = true;
    if (item->to == STORE_TO_ABANDONED) {
        task->losses += item->count_attempt;
        task->state = STORE_ABANDONED;
        return STORE_RELEASE_OK;
    }
    if (item->count_attempt && lose_attempt(m, task))
        return STORE_RELEASE_DEAD;
    task->state = STORE_QUEUED;
    task->until_ms = 0;
    if (item->to == STORE_TO_BACK)
        task->place = ++m->last_place;
    return STORE_RELEASE_OK;
}

size_t model_sweep(struct model *m, struct model_told *out)
{
    size_t n = 0;

    for (size_t i = 1; i <= m->n_tasks; i++) {
        struct model_task *task = &m->tasks[i];

        if (task->state != STORE_LEASED || !task->until_ms || task->until_ms > m->now_ms)
            continue;
        out[n] = tell(m, i);
        out[n].dead = lose_attempt(m, task);
        if (!out[n].dead) {
            task->state = STORE_QUEUED;
            task->until_ms = 0;
        }
        n++;
    }
    return n;
}

int64_t model_task_done(struct model *m, store_queue_id queue)
{
    if (!m->unfinished[queue])
        return -1;
    return (int64_t)--m->unfinished[queue];
}

struct store_counts model_counts(const struct model *m, store_queue_id queue)
{
    struct store_counts c = {.unfinished = m->unfinished[queue]};

    for (size_t i = 1; i <= m->n_tasks; i++) {
        const struct model_task *task = &m->tasks[i];

        if (task->queue != queue)
            continue;
        c.queued += task->state == STORE_QUEUED && !task->is_delayed;
        c.delayed += task->state == STORE_QUEUED && task->is_delayed;
        c.leased += task->state == STORE_LEASED;
        c.done += task->state == STORE_DONE;
        c.failed += task->state == STORE_FAILED;
        c.abandoned += task->state == STORE_ABANDONED;
        c.dead += task->state == STORE_DEAD;
    }
    return c;
}
