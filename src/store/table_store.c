/* SPDX-License-Identifier: Apache-2.0 */
/* table_store.c - see table_store.h.
 *
 * A verb does its work in the call (the table is right there), tells the journal, notes the answer,
 * and the callback is made by a store_turn() that finds the journal committed: nobody's callback
 * runs inside a call, and a later verb of the same turn sees what an earlier one did.
 *
 * Time. The table's clock runs only while the server does: a pause between two turns counts for
 * LONGEST_TURN_NS at most. So a server that was stopped for minutes (SIGSTOP, a suspended machine)
 * does not find every lease run out before it has read the renewals that wait in its sockets. */
#include "store/table_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/look.h"
#include "store/task_queue.h"

#define LONGEST_TURN_NS UINT64_C(5000000000)

static struct table_store *table_of(struct store *s)
{
    return (struct table_store *)(void *)s;
}

#define CALLBACK(member, cb) ((union answer_callback){.member = (cb)})
/* Tell the journal, if there is one. */
#define TELL(m, what, ...)                                                                         \
    do {                                                                                           \
        if ((m)->journal)                                                                          \
            (m)->journal->what((m)->journal_arg, __VA_ARGS__);                                     \
    } while (0)

/* Room in the journal for a step of `n` items. False: the answer says why not. */
static bool begin(struct table_store *m, struct answer *answer, store_queue_id put_on, size_t n,
                  uint64_t bytes)
{
    enum store_status st;

    if (!answer->items)
        return false;
    if (!m->journal)
        return true;
    st = m->journal->begin(m->journal_arg, put_on, n, bytes);
    if (st == STORE_OK)
        return true;
    answer_fails(answer, st);
    return false;
}

/* The answer is a promise: it waits until the journal has kept what it was told. */
static void promise(struct table_store *m, struct answer *answer)
{
    if (m->journal)
        answer->after = m->journal->told(m->journal_arg);
}

/* A value that only the journal has is read back before the answer. */
static void want_value(struct table_store *m, struct answer *answer, store_task_id task,
                       struct payload *value)
{
    if (!value || !value->cold_bytes)
        return;
    if (m->journal->wanted(m->journal_arg, task, value))
        promise(m, answer);
}

/* --- attach, queues --------------------------------------------------------------------------- */

static void table_attach(struct store *s, const char *name, store_attach_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_ATTACH, CALLBACK(attach, cb), arg, 1);

    (void)name; /* for other servers to see, and there are none here */
    if (!begin(m, answer, 0, 1, 0))
        return;
    m->last_epoch++;
    tasks_admit_epoch(m->tasks, m->last_epoch);
    *(uint64_t *)answer->items = m->last_epoch;
    TELL(m, attached, m->last_epoch);
    promise(m, answer);
}

static void table_queue_ensure(struct store *s, const struct store_queue *wanted, store_queue_cb cb,
                               void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_QUEUE, CALLBACK(queue, cb), arg, 1);
    size_t n_before = tasks_n_queues(m->tasks);
    enum store_status st;

    if (!begin(m, answer, 0, 1, 0))
        return;
    st = tasks_queue_ensure(m->tasks, wanted, (const struct store_queue **)answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
    else if (tasks_n_queues(m->tasks) > n_before)
        TELL(m, queue_made, *(const struct store_queue **)answer->items);
    promise(m, answer);
}

static void table_queue_list(struct store *s, store_queues_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_QUEUES, CALLBACK(queues, cb), arg,
                                        tasks_n_queues(m->tasks));
    struct store_queue *queues = answer->items;

    for (size_t i = 0; i < answer->n; i++) {
        queues[i] = *tasks_queue(m->tasks, (store_queue_id)i + 1);
        answer->counts[i] = *tasks_counts(m->tasks, (store_queue_id)i + 1);
    }
}

/* --- put, claim, renew ------------------------------------------------------------------------ */

static void table_put(struct store *s, store_queue_id queue, const struct store_put_item *items,
                      size_t n, uint64_t limit, store_put_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_PUT, CALLBACK(put, cb), arg, n);
    enum store_status st;
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += payload_bytes(items[i].value);
    if (!begin(m, answer, queue, n, bytes))
        return;
    st = tasks_put(m->tasks, queue, items, n, limit, answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
    else
        TELL(m, put, items, answer->items, n);
    promise(m, answer); /* a DUP too: its first put may not be kept yet */
}

static void table_claim(struct store *s, store_queue_id queue, const struct store_lease_id *leases,
                        size_t n, const struct store_holder *holder, uint32_t lease_ms,
                        store_claim_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_CLAIM, CALLBACK(claim, cb), arg, n);
    enum store_status st;

    if (!begin(m, answer, 0, n, 0))
        return;
    st = tasks_claim(m->tasks, queue, leases, n, lease_ms, m->now_ns, answer->items, &answer->n);
    if (st != STORE_OK) {
        answer_fails(answer, st);
        return;
    }
    answer_holds_payloads(answer);
    TELL(m, claimed, answer->items, answer->n, holder,
         holder && holder->ends_with_server ? 0 : lease_ms);
    for (size_t i = 0; i < answer->n; i++) {
        const struct store_claimed *claimed = (const struct store_claimed *)answer->items + i;

        want_value(m, answer, claimed->task, claimed->value);
    }
}

static void table_renew(struct store *s, const struct store_lease_ref *leases, size_t n,
                        uint32_t lease_ms, store_renew_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_RENEW, CALLBACK(renew, cb), arg, n);

    if (answer->items)
        tasks_renew(m->tasks, leases, n, lease_ms, m->now_ns, answer->items);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void table_done(struct store *s, const struct store_done_item *items, size_t n,
                       store_done_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_DONE, CALLBACK(done, cb), arg, n);
    enum store_status st;

    if (!begin(m, answer, 0, 2 * n, 0))
        return;
    st = tasks_done(m->tasks, items, n, answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
    else
        TELL(m, done, items, answer->items, n);
    for (size_t i = 0; i < n; i++) {
        if (!items[i].is_receipt) {
            promise(m, answer); /* an ALREADY too */
            break;
        }
    }
}

static void table_fail(struct store *s, const struct store_fail_item *items, size_t n,
                       store_fail_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_FAIL, CALLBACK(fail, cb), arg, n);

    if (!begin(m, answer, 0, n, 0))
        return;
    tasks_fail(m->tasks, items, n, m->now_ns, answer->items);
    TELL(m, failed, items, answer->items, n);
    promise(m, answer);
}

static void table_release(struct store *s, const struct store_release_item *items, size_t n,
                          store_release_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_RELEASE, CALLBACK(release, cb), arg, n);

    if (!begin(m, answer, 0, n, 0))
        return;
    tasks_release(m->tasks, items, n, answer->items);
    TELL(m, released, items, answer->items, n);
    promise(m, answer);
}

static void table_sweep(struct store *s, size_t max, store_sweep_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    size_t room = tasks_has_expired(m->tasks, m->now_ns) ? max : 0;
    struct answer *answer = answers_add(&m->answers, ANSWER_SWEEP, CALLBACK(sweep, cb), arg, room);

    if (!begin(m, answer, 0, room, 0))
        return;
    answer->n = tasks_sweep(m->tasks, room, m->now_ns, answer->items);
    answer_holds_payloads(answer);
    if (answer->n > 0)
        TELL(m, swept, answer->items, answer->n);
    for (size_t i = 0; i < answer->n; i++) {
        const struct store_swept *swept = (const struct store_swept *)answer->items + i;

        want_value(m, answer, swept->task, swept->value);
    }
    promise(m, answer);
}

/* --- by operators ----------------------------------------------------------------------------- */

static void table_retry(struct store *s, const store_task_id *tasks, size_t n, bool again,
                        store_retry_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_RETRY, CALLBACK(retry, cb), arg, n);

    if (!begin(m, answer, 0, n, 0))
        return;
    for (size_t i = 0; i < n; i++) {
        enum store_retry_status *status = (enum store_retry_status *)answer->items + i;

        *status = tasks_retry(m->tasks, tasks[i]);
        if (*status == STORE_RETRIED)
            TELL(m, retried, tasks[i]);
        else if (*status == STORE_RETRY_GONE && m->journal)
            m->journal->revive(m->journal_arg, tasks[i], again, status);
    }
    promise(m, answer);
}

static void table_cancel(struct store *s, const struct store_cancel_item *items, size_t n,
                         store_done_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_CANCEL, CALLBACK(done, cb), arg, n);
    enum store_status st;

    if (!begin(m, answer, 0, 2 * n, 0))
        return;
    st = tasks_cancel(m->tasks, items, n, answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
    else
        TELL(m, cancelled, items, answer->items, n);
    promise(m, answer);
}

static void table_purge(struct store *s, store_queue_id queue, uint32_t states, size_t max,
                        store_purge_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_PURGE, CALLBACK(purge, cb), arg, 1);
    store_task_id *ids = calloc(max ? max : 1, sizeof *ids);
    size_t n;

    if (!ids)
        answer_fails(answer, STORE_NOMEM);
    if (begin(m, answer, 0, max, 0)) {
        n = tasks_purge(m->tasks, queue, states, max, ids);
        *(uint64_t *)answer->items = n;
        TELL(m, purged, queue, states, ids, n);
        promise(m, answer);
    }
    free(ids);
}

struct looking {
    struct look *look;
    const struct tasks *tasks;
};

static bool takes_results(const struct tasks *t, store_queue_id queue)
{
    for (size_t i = 1; i <= tasks_n_queues(t); i++)
        if (tasks_queue(t, (store_queue_id)i)->result_queue == queue)
            return true;
    return false;
}

/* The smallest ids of the table that a look wants, in order. */
static void look_at_task(const struct task *task, void *arg)
{
    struct looking *looking = arg;
    struct look *l = looking->look;
    size_t at = l->n_rows;
    struct store_row *row;
    bool is_result = takes_results(looking->tasks, task->queue);

    if ((l->filter.only_results && !is_result) ||
        (l->filter.only_tasks && is_result &&
         !tasks_queue(looking->tasks, task->queue)->result_queue))
        return;
    if (!look_wants(&l->filter, task->node.key, task->queue, (enum store_task_state)task->state))
        return;
    while (at > 0 && l->rows[at - 1].task > task->node.key)
        at--;
    if (at == l->filter.limit)
        return;
    if (l->n_rows == l->filter.limit)
        payload_unref(l->rows[--l->n_rows].value);
    row = look_add_row(l);
    if (!row) {
        l->status = STORE_NOMEM;
        return;
    }
    memmove(&l->rows[at + 1], &l->rows[at], (l->n_rows - 1 - at) * sizeof *l->rows);
    l->rows[at] = (struct store_row){
        .task = task->node.key,
        .queue = task->queue,
        .state = (enum store_task_state)task->state,
        .losses = task->losses,
        .may_be_repeat = task->may_be_repeat,
        .bytes = payload_bytes(task->value),
        .value = l->filter.with_values ? payload_ref(task->value) : NULL,
    };
}

static void table_look(struct store *s, const struct store_filter *filter, store_look_cb cb,
                       void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_LOOK, CALLBACK(look, cb), arg, 1);
    struct look *l = look_new(filter);

    if (!l)
        answer_fails(answer, STORE_NOMEM);
    if (!begin(m, answer, 0, 1, 0)) {
        look_free(l);
        return;
    }
    *(struct look **)answer->items = l;
    if (m->journal) {
        m->journal->look(m->journal_arg, l);
        promise(m, answer);
        return;
    }
    tasks_each(m->tasks, look_at_task, &(struct looking){l, m->tasks});
    if (l->status != STORE_OK)
        answer_fails(answer, l->status);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void table_get(struct store *s, const store_task_id *ids, size_t n, store_get_cb cb,
                      void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_GET, CALLBACK(get, cb), arg, n);

    if (!begin(m, answer, 0, n, 0))
        return;
    tasks_get(m->tasks, ids, n, answer->items);
    answer_holds_payloads(answer);
    for (size_t i = 0; i < n; i++) {
        const struct store_task *task = (const struct store_task *)answer->items + i;

        want_value(m, answer, ids[i], task->value);
    }
}

static void table_stats(struct store *s, store_queue_id queue, store_stats_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_STATS, CALLBACK(stats, cb), arg, 1);

    if (answer->items)
        *(struct store_counts *)answer->items = *tasks_counts(m->tasks, queue);
}

static void table_task_done(struct store *s, store_queue_id queue, store_task_done_cb cb, void *arg)
{
    struct table_store *m = table_of(s);
    struct answer *answer =
        answers_add(&m->answers, ANSWER_TASK_DONE, CALLBACK(task_done, cb), arg, 1);

    if (!begin(m, answer, 0, 1, 0))
        return;
    *(int64_t *)answer->items = tasks_task_done(m->tasks, queue);
    TELL(m, unfinished, queue);
    promise(m, answer);
}

static void table_watch(struct store *s, void (*ready)(store_queue_id, void *),
                        void (*room)(store_queue_id, void *), void *arg)
{
    struct table_store *m = table_of(s);

    m->ready = ready;
    m->room = room;
    m->watch_arg = arg;
}

static uint64_t table_due_ns(struct store *s)
{
    struct table_store *m = table_of(s);

    return m->journal ? m->journal->due_ns(m->journal_arg) : UINT64_MAX;
}

static void table_on_wake(struct store *s, void (*wake)(void *), void *arg)
{
    struct table_store *m = table_of(s);

    if (m->journal)
        m->journal->on_wake(m->journal_arg, wake, arg);
}

/* --- the turn --------------------------------------------------------------------------------- */

static uint64_t monotonic(void *arg)
{
    (void)arg;
    return clock_mono_ns();
}

static void run_clock(struct table_store *m)
{
    uint64_t mono_ns = m->clock(m->clock_arg);
    uint64_t passed_ns = mono_ns - m->mono_ns;

    m->mono_ns = mono_ns;
    m->now_ns += passed_ns < LONGEST_TURN_NS ? passed_ns : LONGEST_TURN_NS;
}

static bool give_hint(struct table_store *m)
{
    struct tasks_hint hint;

    if (!tasks_next_hint(m->tasks, &hint))
        return false;
    if (hint.is_ready && m->ready)
        m->ready(hint.queue, m->watch_arg);
    if (hint.has_room && m->room)
        m->room(hint.queue, m->watch_arg);
    return true;
}

static void fail_all(struct table_store *m, enum store_status st)
{
    for (struct answer *answer = m->answers.first; answer; answer = answer->next) {
        if (answer->status == STORE_OK)
            answer_fails(answer, st);
        answer->after = 0;
    }
}

static bool table_turn(struct store *s)
{
    struct table_store *m = table_of(s);
    bool has_answered = false, is_moving;

    assert(!m->is_in_turn);
    m->is_in_turn = true;
    run_clock(m);
    tasks_wake_delayed(m->tasks, m->now_ns);
    /* Callbacks and hints lead to more calls, which are answered here too where the journal keeps
     * them at once. Answers first: a hint then leads to one claim for all that was put. */
    do {
        uint64_t kept = m->journal ? m->journal->keep(m->journal_arg) : 0;
        enum store_status health = m->journal ? m->journal->health(m->journal_arg) : STORE_OK;

        if (health != STORE_OK)
            fail_all(m, health);
        is_moving = false;
        while (answers_deliver(&m->answers, kept))
            is_moving = has_answered = true;
        is_moving |= give_hint(m);
    } while (is_moving);
    m->is_in_turn = false;
    return has_answered;
}

/* --- open, close ------------------------------------------------------------------------------ */

static void table_close(struct store *s)
{
    struct table_store *m = table_of(s);

    m->end(m);
}

static const struct store_ops table_store_ops = {
    .attach = table_attach,
    .close = table_close,
    .turn = table_turn,
    .due_ns = table_due_ns,
    .on_wake = table_on_wake,
    .queue_ensure = table_queue_ensure,
    .queue_list = table_queue_list,
    .put = table_put,
    .claim = table_claim,
    .renew = table_renew,
    .done = table_done,
    .fail = table_fail,
    .release = table_release,
    .sweep = table_sweep,
    .retry = table_retry,
    .cancel = table_cancel,
    .purge = table_purge,
    .look = table_look,
    .get = table_get,
    .stats = table_stats,
    .task_done = table_task_done,
    .watch = table_watch,
};

void table_store_set_clock(struct store *s, uint64_t (*mono_ns)(void *arg), void *arg)
{
    struct table_store *m = table_of(s);

    m->clock = mono_ns;
    m->clock_arg = arg;
    m->mono_ns = mono_ns(arg);
}

bool table_store_init(struct table_store *m, void (*end)(struct table_store *))
{
    m->store.ops = &table_store_ops;
    m->end = end;
    m->now_ns = 1;
    table_store_set_clock(&m->store, monotonic, NULL);
    m->tasks = tasks_new();
    return m->tasks && answers_init(&m->answers);
}

void table_store_release(struct table_store *m)
{
    assert(!m->is_in_turn);
    answers_release(&m->answers);
    tasks_free(m->tasks);
}
