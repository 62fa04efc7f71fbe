/* SPDX-License-Identifier: Apache-2.0 */
/* Random clients against the invariants of lease.h: no task forgotten, none given back twice, none given back or done
 * again after it was done. PLATOON_TEST_SEED repeats a history; PLATOON_TEST_HISTORIES sets how many (default 300). */
#include "support/test.h"

#include "server/lease.h"

enum { N_CONNS = 12, N_IDENTS = 10, N_TASKS = 400, N_STEPS = 2500 };

/* What the world knows of a task from the decisions alone. */
enum place { NEW, QUEUED, HELD, IN_GRACE, ASIDE, DONE };

struct world {
    struct lease_table *table;
    struct lease_conn *conns[N_CONNS];
    struct lease_ident *idents[N_IDENTS];
    int refs[N_IDENTS];
    enum place place[N_TASKS + 1];
    bool still_late[N_TASKS + 1]; /* queued again, but a late put may complete it */
    uint64_t next_task, seed, history, now;
};

static uint32_t dice(struct world *w, uint32_t sides)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % sides;
}

static void expect(const struct world *w, bool ok, uint64_t task, const struct lease_decision *d)
{
    if (!ok)
        fail_msg("history %llu: task %llu in place %d got decision %d (%s)",
                 (unsigned long long)w->history, (unsigned long long)task, w->place[task], d->kind,
                 d->why);
}

static void on_decision(const struct lease_decision *d, void *arg)
{
    struct world *w = arg;

    for (size_t i = 0; i < d->n_tasks; i++) {
        uint64_t task = d->tasks[i];
        enum place *p = &w->place[task];

        switch (d->kind) {
        case LEASE_TAKEN:
            expect(w, *p == NEW || *p == QUEUED, task, d);
            *p = HELD;
            w->still_late[task] = false;
            break;
        case LEASE_DONE:
            expect(w,
                   *p == HELD || *p == IN_GRACE || *p == ASIDE ||
                       (*p == QUEUED && w->still_late[task]),
                   task, d);
            *p = DONE;
            break;
        case LEASE_FRONT:
            expect(w, *p == HELD || *p == IN_GRACE, task, d);
            w->still_late[task] = *p == IN_GRACE;
            *p = QUEUED;
            break;
        case LEASE_BACK:
            expect(w, *p == HELD, task, d);
            *p = QUEUED;
            break;
        case LEASE_ASIDE:
            expect(w, *p == HELD || *p == IN_GRACE, task, d);
            *p = ASIDE;
            break;
        case LEASE_GRACE:
            expect(w, *p == HELD, task, d);
            *p = IN_GRACE;
            break;
        case LEASE_FORGOTTEN:
            expect(w, *p == ASIDE || (*p == QUEUED && w->still_late[task]), task, d);
            w->still_late[task] = false;
            break;
        }
    }
}

/* A task to hand out: one that is queued, else a new one; 0 if all are used up. */
static uint64_t next_item(struct world *w)
{
    if (dice(w, 3) == 0)
        for (uint64_t t = 1; t < w->next_task; t++)
            if (w->place[t] == QUEUED)
                return t;
    return w->next_task <= N_TASKS ? w->next_task++ : 0;
}

static void call(struct world *w, struct lease_conn *c)
{
    uint32_t i = dice(w, N_IDENTS);
    bool on_tasks = i % 2 == 0;

    if (!w->idents[i]) {
        w->idents[i] = lease_ident_new(w->table, on_tasks ? LEASE_TASKS : LEASE_RESULTS,
                                       dice(w, 4) != 0, w->now);
        w->refs[i] = 1;
        lease_incref(w->idents[i]);
        lease_decref(w->idents[i], w->now);
    }
    assert_true(lease_request(c, w->idents[i], w->now));
    if (dice(w, 8) == 0)
        return; /* parked */
    switch (dice(w, 4)) {
    case 0:
        lease_replied_other(c);
        break;
    case 1:
        lease_replied_task_done(c, w->now);
        break;
    case 2: {
        uint64_t task = on_tasks ? next_item(w) : 0;

        if (task)
            lease_replied_item(c, task, dice(w, 2), w->now);
        else
            lease_replied_other(c);
        break;
    }
    default: {
        uint64_t open[1];
        size_t n = lease_open_tasks(c, open, 1);

        lease_replied_put(c, n && on_tasks && dice(w, 10) == 0 ? open[0] : 0, w->now);
        break;
    }
    }
}

static void step(struct world *w)
{
    static const char *const peers[] = {"10.0.0.1", "10.0.0.2"};
    static const char *const names[] = {"MainProcess", "MainProcess|Thread-1",
                                        "MainProcess|Thread-2", "Process-1", "Process-2|Thread-1"};
    uint32_t k = dice(w, N_CONNS), i = dice(w, N_IDENTS);

    w->now += dice(w, 100) == 0 ? 4000000000u : dice(w, 50000000);
    lease_tick(w->table, w->now);
    if (!w->conns[k]) {
        w->conns[k] = lease_accept(w->table, peers[dice(w, 2)], names[dice(w, 5)]);
    } else if (dice(w, 12) == 0) {
        lease_end(w->conns[k], dice(w, 5) == 0, w->now);
        w->conns[k] = NULL;
    } else {
        call(w, w->conns[k]);
    }
    if (w->idents[i] && dice(w, 6) == 0) {
        lease_decref(w->idents[i], w->now);
    } else if (w->idents[i] && dice(w, 8) == 0) {
        lease_incref(w->idents[i]);
    } else if (w->idents[i] && dice(w, 40) == 0) {
        lease_ident_forget(w->idents[i]);
        w->idents[i] = NULL;
    }
}

static void run_history(uint64_t history)
{
    static struct world w;
    struct lease_settings s = {3000000000u, 5000000000u, 40};

    memset(&w, 0, sizeof w);
    w.history = history;
    w.seed = history * 7919 + 1;
    w.next_task = 1;
    w.now = 1;
    w.table = lease_table_new(&s, on_decision, &w);
    for (int n = 0; n < N_STEPS; n++)
        step(&w);
    for (int k = 0; k < N_CONNS; k++)
        lease_end(w.conns[k], false, w.now);
    w.now += 100000000000u;
    lease_tick(w.table, w.now);
    assert_true(lease_next_ns(w.table) == UINT64_MAX);
    for (uint64_t t = 1; t < w.next_task; t++)
        if (w.place[t] == HELD || w.place[t] == IN_GRACE)
            fail_msg("history %llu: task %llu was forgotten in place %d",
                     (unsigned long long)history, (unsigned long long)t, w.place[t]);
    for (int i = 0; i < N_IDENTS; i++)
        lease_ident_forget(w.idents[i]);
    lease_table_free(w.table);
}

TEST(random_clients_keep_the_invariants)
{
    const char *seed = getenv("PLATOON_TEST_SEED"), *n = getenv("PLATOON_TEST_HISTORIES");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 0;
    uint64_t count = seed ? 1 : n ? strtoull(n, NULL, 10) : 300;

    (void)state;
    for (uint64_t h = first; h < first + count; h++)
        run_history(h);
}

static void ignore(const struct lease_decision *d, void *arg)
{
    (void)d;
    (void)arg;
}

TEST(a_holder_that_is_never_even_keeps_few_answered_tasks)
{
    struct lease_settings s = {1, 1, 50};
    struct lease_table *t = lease_table_new(&s, ignore, NULL);
    struct lease_ident *tasks = lease_ident_new(t, LEASE_TASKS, true, 0);
    struct lease_ident *results = lease_ident_new(t, LEASE_RESULTS, true, 0);
    struct lease_conn *c = lease_accept(t, "10.0.0.1", "MainProcess");
    uint64_t now = 1;
    size_t answered = 0;

    (void)state;
    for (uint64_t task = 1; task < 2000; task++) {
        assert_true(lease_request(c, tasks, now++));
        lease_replied_item(c, task, true, now);
        if (task % 2) { /* answers half of what it takes: both ends close, the middle stays open */
            assert_true(lease_request(c, results, now++));
            lease_replied_put(c, 0, now);
            answered++;
        }
        /* Of k answers k/2 close a task both ways: those are let go. */
        assert_true(lease_open_tasks(c, NULL, 0) <= task - answered / 2 + 2 * s.keep);
    }
    lease_end(c, false, now);
    lease_ident_forget(tasks);
    lease_ident_forget(results);
    lease_table_free(t);
}
