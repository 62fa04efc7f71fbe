/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - the store that forgets everything at close: the task table with time and callbacks
 * around it.
 *
 * A verb does its work in the call (the table is right there), notes the answer, and the callback
 * is made by the next store_turn(): nobody's callback runs inside a call, and a later verb of the
 * same turn sees what an earlier one did.
 *
 * What it keeps. Waiting and leased tasks with their values; abandoned and dead ones; of an ended
 * task only that its number was given, which is enough to answer ALREADY for as long as the process
 * lives. A result without a result queue to go to is counted and dropped; an entry of a result
 * queue lives until it was taken.
 *
 * Time. The table's clock runs only while the server does: a pause between two turns counts for
 * LONGEST_TURN_NS at most. So a server that was stopped for minutes (SIGSTOP, a suspended machine)
 * does not find every lease run out before it has read the renewals that wait in its sockets. */
#include "store/memory.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/answers.h"
#include "store/tasks.h"

#define LONGEST_TURN_NS UINT64_C(5000000000)

struct memory {
    struct store store; /* first: a struct store * is a struct memory * */
    struct tasks *tasks;
    struct answers answers;
    uint64_t last_epoch;
    uint64_t mono_ns; /* of the turn before */
    uint64_t now_ns;  /* the table's clock, as of the last turn; never 0 */
    uint64_t (*clock)(void *arg);
    void *clock_arg;
    void (*ready)(store_queue_id queue, void *arg);
    void (*room)(store_queue_id queue, void *arg);
    void *watch_arg;
    bool is_in_turn;
};

static struct memory *memory_of(struct store *s)
{
    return (struct memory *)(void *)s;
}

#define CALLBACK(member, cb) ((union answer_callback){.member = (cb)})

/* --- attach, queues --------------------------------------------------------------------------- */

static void memory_attach(struct store *s, const char *name, store_attach_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_ATTACH, CALLBACK(attach, cb), arg, 1);

    (void)name; /* for other servers to see, and there are none here */
    if (!answer->items)
        return;
    m->last_epoch++;
    tasks_admit_epoch(m->tasks, m->last_epoch);
    *(uint64_t *)answer->items = m->last_epoch;
}

static void memory_queue_ensure(struct store *s, const struct store_queue *wanted,
                                store_queue_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_QUEUE, CALLBACK(queue, cb), arg, 1);
    enum store_status st;

    if (!answer->items)
        return;
    st = tasks_queue_ensure(m->tasks, wanted, (const struct store_queue **)answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
}

static void memory_queue_list(struct store *s, store_queues_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_QUEUES, CALLBACK(queues, cb), arg,
                                        tasks_n_queues(m->tasks));
    struct store_queue *queues = answer->items;

    for (size_t i = 0; i < answer->n; i++) {
        queues[i] = *tasks_queue(m->tasks, (store_queue_id)i + 1);
        answer->counts[i] = *tasks_counts(m->tasks, (store_queue_id)i + 1);
    }
}

/* --- put, claim, renew ------------------------------------------------------------------------ */

static void memory_put(struct store *s, store_queue_id queue, const struct store_put_item *items,
                       size_t n, uint64_t limit, store_put_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_PUT, CALLBACK(put, cb), arg, n);
    enum store_status st;

    if (!answer->items)
        return;
    st = tasks_put(m->tasks, queue, items, n, limit, answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
}

static void memory_claim(struct store *s, store_queue_id queue, const struct store_lease_id *leases,
                         size_t n, const struct store_holder *holder, uint32_t lease_ms,
                         store_claim_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_CLAIM, CALLBACK(claim, cb), arg, n);
    enum store_status st;

    (void)holder; /* for histories, which this store does not keep */
    if (!answer->items)
        return;
    st = tasks_claim(m->tasks, queue, leases, n, lease_ms, m->now_ns, answer->items, &answer->n);
    if (st == STORE_OK)
        answer_holds_payloads(answer);
    else
        answer_fails(answer, st);
}

static void memory_renew(struct store *s, const struct store_lease_ref *leases, size_t n,
                         uint32_t lease_ms, store_renew_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_RENEW, CALLBACK(renew, cb), arg, n);

    if (answer->items)
        tasks_renew(m->tasks, leases, n, lease_ms, m->now_ns, answer->items);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void memory_done(struct store *s, const struct store_done_item *items, size_t n,
                        store_done_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_DONE, CALLBACK(done, cb), arg, n);
    enum store_status st;

    if (!answer->items)
        return;
    st = tasks_done(m->tasks, items, n, answer->items);
    if (st != STORE_OK)
        answer_fails(answer, st);
}

static void memory_fail(struct store *s, const struct store_fail_item *items, size_t n,
                        store_fail_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_FAIL, CALLBACK(fail, cb), arg, n);

    if (answer->items)
        tasks_fail(m->tasks, items, n, m->now_ns, answer->items);
}

static void memory_release(struct store *s, const struct store_release_item *items, size_t n,
                           store_release_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_RELEASE, CALLBACK(release, cb), arg, n);

    if (answer->items)
        tasks_release(m->tasks, items, n, answer->items);
}

static void memory_sweep(struct store *s, size_t max, store_sweep_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    size_t room = tasks_has_expired(m->tasks, m->now_ns) ? max : 0;
    struct answer *answer = answers_add(&m->answers, ANSWER_SWEEP, CALLBACK(sweep, cb), arg, room);

    if (!answer->items)
        return;
    answer->n = tasks_sweep(m->tasks, room, m->now_ns, answer->items);
    answer_holds_payloads(answer);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void memory_get(struct store *s, const store_task_id *ids, size_t n, store_get_cb cb,
                       void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_GET, CALLBACK(get, cb), arg, n);

    if (!answer->items)
        return;
    tasks_get(m->tasks, ids, n, answer->items);
    answer_holds_payloads(answer);
}

static void memory_stats(struct store *s, store_queue_id queue, store_stats_cb cb, void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer = answers_add(&m->answers, ANSWER_STATS, CALLBACK(stats, cb), arg, 1);

    if (answer->items)
        *(struct store_counts *)answer->items = *tasks_counts(m->tasks, queue);
}

static void memory_task_done(struct store *s, store_queue_id queue, store_task_done_cb cb,
                             void *arg)
{
    struct memory *m = memory_of(s);
    struct answer *answer =
        answers_add(&m->answers, ANSWER_TASK_DONE, CALLBACK(task_done, cb), arg, 1);

    if (answer->items)
        *(int64_t *)answer->items = tasks_task_done(m->tasks, queue);
}

static void memory_watch(struct store *s, void (*ready)(store_queue_id, void *),
                         void (*room)(store_queue_id, void *), void *arg)
{
    struct memory *m = memory_of(s);

    m->ready = ready;
    m->room = room;
    m->watch_arg = arg;
}

static void memory_on_wake(struct store *s, void (*wake)(void *), void *arg)
{
    (void)s; /* it works nowhere else: what it knows, it knows at the next turn */
    (void)wake;
    (void)arg;
}

/* --- the turn --------------------------------------------------------------------------------- */

static uint64_t monotonic(void *arg)
{
    (void)arg;
    return clock_mono_ns();
}

static void run_clock(struct memory *m)
{
    uint64_t mono_ns = m->clock(m->clock_arg);
    uint64_t passed_ns = mono_ns - m->mono_ns;

    m->mono_ns = mono_ns;
    m->now_ns += passed_ns < LONGEST_TURN_NS ? passed_ns : LONGEST_TURN_NS;
}

static bool give_hint(struct memory *m)
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

static bool memory_turn(struct store *s)
{
    struct memory *m = memory_of(s);
    bool has_answered = false;

    assert(!m->is_in_turn);
    m->is_in_turn = true;
    run_clock(m);
    tasks_wake_delayed(m->tasks, m->now_ns);
    /* Callbacks and hints lead to more calls, which are answered here too. Answers first: a hint
     * then leads to one claim for all that was put. */
    do {
        while (answers_deliver(&m->answers))
            has_answered = true;
    } while (give_hint(m));
    m->is_in_turn = false;
    return has_answered;
}

/* --- open, close ------------------------------------------------------------------------------ */

static void memory_close(struct store *s)
{
    struct memory *m = memory_of(s);

    assert(!m->is_in_turn);
    answers_release(&m->answers);
    tasks_free(m->tasks);
    free(m);
}

static const struct store_ops memory_ops = {
    .attach = memory_attach,
    .close = memory_close,
    .turn = memory_turn,
    .on_wake = memory_on_wake,
    .queue_ensure = memory_queue_ensure,
    .queue_list = memory_queue_list,
    .put = memory_put,
    .claim = memory_claim,
    .renew = memory_renew,
    .done = memory_done,
    .fail = memory_fail,
    .release = memory_release,
    .sweep = memory_sweep,
    .get = memory_get,
    .stats = memory_stats,
    .task_done = memory_task_done,
    .watch = memory_watch,
};

void store_memory_set_clock(struct store *s, uint64_t (*mono_ns)(void *arg), void *arg)
{
    struct memory *m = memory_of(s);

    m->clock = mono_ns;
    m->clock_arg = arg;
    m->mono_ns = mono_ns(arg);
}

enum platoon_status store_memory_open(struct store **out, struct platoon_err *err)
{
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        goto fail;
    m->store.ops = &memory_ops;
    m->tasks = tasks_new();
    if (!m->tasks || !answers_init(&m->answers))
        goto fail;
    /* Nothing survives a close, but clients keep leases of an earlier server on this address:
     * epochs must differ from its. Microseconds of wall time do, and rise. */
    m->last_epoch = (uint64_t)clock_wall_ms() * 1000;
    m->now_ns = 1;
    store_memory_set_clock(&m->store, monotonic, NULL);
    *out = &m->store;
    return PLATOON_OK;

fail:
    if (m)
        tasks_free(m->tasks);
    free(m);
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
}
