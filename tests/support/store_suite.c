/* SPDX-License-Identifier: Apache-2.0 */
/* store_suite.c - behaviours of a store, one a function. */
#include "support/store_suite.h"

#define SUITE(name) void store_suite_##name(const struct store_maker *maker)

/* --- callbacks -------------------------------------------------------------------------------- */

/* What was called back, a letter each. */
struct diary {
    struct rig *rig;
    char text[64];
    int calls_left;
};

static void note(struct diary *d, char letter)
{
    size_t n = strlen(d->text);

    assert_true(n + 1 < sizeof d->text);
    d->text[n] = letter;
}

static void note_put(enum store_status st, const struct store_put_answer *a, size_t n, void *arg)
{
    (void)st, (void)a, (void)n;
    note(arg, 'p');
}

static void note_claim(enum store_status st, const struct store_claimed *c, size_t n, void *arg)
{
    (void)st, (void)c, (void)n;
    note(arg, 'c');
}

static void note_renew(enum store_status st, const enum store_lease_status *a, size_t n, void *arg)
{
    (void)st, (void)a, (void)n;
    note(arg, 'r');
}

static void note_done(enum store_status st, const struct store_done_answer *a, size_t n, void *arg)
{
    (void)st, (void)a, (void)n;
    note(arg, 'd');
}

static void note_fail(enum store_status st, const enum store_fail_status *a, size_t n, void *arg)
{
    (void)st, (void)a, (void)n;
    note(arg, 'f');
}

static void note_release(enum store_status st, const enum store_release_status *a, size_t n,
                         void *arg)
{
    (void)st, (void)a, (void)n;
    note(arg, 'l');
}

static void note_sweep(enum store_status st, const struct store_swept *s, size_t n, void *arg)
{
    (void)st, (void)s, (void)n;
    note(arg, 'w');
}

static void note_stats(enum store_status st, const struct store_counts *c, void *arg)
{
    (void)st, (void)c;
    note(arg, 's');
}

static void note_task_done(enum store_status st, int64_t unfinished, void *arg)
{
    (void)st, (void)unfinished;
    note(arg, 't');
}

static void note_list(enum store_status st, const struct store_queue *q,
                      const struct store_counts *c, size_t n, void *arg)
{
    (void)st, (void)q, (void)c, (void)n;
    note(arg, 'q');
}

/* Every verb once, on queue `tasks`. */
static void call_everything(struct diary *d)
{
    static const struct store_holder holder = {.client = "client", .worker = "worker"};
    struct store *s = d->rig->s;
    store_queue_id queue = d->rig->tasks;
    struct payload *p = rig_payload('a');
    struct store_put_item item = {.value = p};
    struct store_lease_id lease = rig_next_lease(d->rig);
    struct store_lease_ref ref = {1, lease};
    struct store_done_item done_item = {.ref = ref, .state = STORE_DONE, .result = p};
    struct store_fail_item fail_item = {.ref = ref, .error = "e"};
    struct store_release_item release_of = {.ref = ref, .why = "w"};

    store_put(s, queue, &item, 1, 0, note_put, d);
    store_claim(s, queue, &lease, 1, &holder, 0, note_claim, d);
    store_renew(s, &ref, 1, 0, note_renew, d);
    store_fail(s, &fail_item, 1, note_fail, d);
    store_release(s, &release_of, 1, note_release, d);
    store_done(s, &done_item, 1, note_done, d);
    store_sweep(s, 5, note_sweep, d);
    store_stats(s, queue, note_stats, d);
    store_task_done(s, queue, note_task_done, d);
    store_queue_list(s, note_list, d);
    payload_unref(p);
}

static void turn_until(struct rig *r, const struct diary *d, size_t n)
{
    while (strlen(d->text) < n)
        (void)store_turn(r->s);
}

SUITE(no_callback_comes_from_inside_a_call)
{
    struct rig r;
    struct diary d = {&r, "", 0};

    rig_open(&r, maker);
    call_everything(&d);
    assert_string_equal(d.text, "");
    turn_until(&r, &d, 10);
    rig_close(&r);
}

SUITE(callbacks_come_in_the_order_of_the_calls)
{
    struct rig r;
    struct diary d = {&r, "", 0};

    rig_open(&r, maker);
    call_everything(&d);
    call_everything(&d);
    turn_until(&r, &d, 20);
    assert_string_equal(d.text, "pcrfldwstqpcrfldwstq");
    rig_close(&r);
}

static void stats_again(enum store_status st, const struct store_counts *c, void *arg)
{
    struct diary *d = arg;

    (void)st, (void)c;
    note(d, 's');
    if (d->calls_left-- > 0) {
        size_t before = strlen(d->text);

        store_stats(d->rig->s, d->rig->tasks, stats_again, d);
        assert_int_equal(strlen(d->text), before); /* not from inside the call here either */
    }
}

SUITE(calls_made_from_callbacks_are_answered_in_the_same_turn)
{
    struct rig r;
    struct diary d = {&r, "", 3};

    rig_open(&r, maker);
    store_stats(r.s, r.tasks, stats_again, &d);
    store_stats(r.s, r.tasks, note_stats, &d);
    while (!d.text[0])
        (void)store_turn(r.s);
    assert_string_equal(d.text, "sssss");
    rig_close(&r);
}

SUITE(close_drops_answers_that_were_not_told)
{
    struct rig r;
    struct diary d = {&r, "", 0};

    rig_open(&r, maker);
    assert_int_equal(put(&r, r.tasks, "xyz"), STORE_PUT_NEW);
    call_everything(&d);
    rig_close(&r);
    assert_string_equal(d.text, "");
}

/* --- attach, queues --------------------------------------------------------------------------- */

static void take_epoch(enum store_status st, uint64_t epoch, void *arg)
{
    assert_int_equal(st, STORE_OK);
    *(uint64_t *)arg = epoch;
}

SUITE(epochs_rise)
{
    struct rig r;
    uint64_t next = 0;

    rig_open(&r, maker);
    assert_true(r.epoch > 0);
    store_attach(r.s, "again", take_epoch, &next);
    while (!next)
        (void)store_turn(r.s);
    assert_true(next > r.epoch);
    rig_close(&r);
}

SUITE(a_queue_stays_as_it_was_made)
{
    struct rig r;
    char name[] = "own";
    struct store_queue q;
    store_queue_id id;

    rig_open(&r, maker);
    id = ensure(&r, &(struct store_queue){.name = name, .maxsize = 9, .max_attempts = 2}).id;
    name[0] = 'X'; /* the name was borrowed for the call */
    q = ensure(&r, &(struct store_queue){.name = "own", .maxsize = 1, .result_queue = r.results});
    assert_int_equal(q.id, id);
    assert_string_equal(q.name, "own");
    assert_int_equal(q.maxsize, 9);
    assert_int_equal(q.max_attempts, 2);
    assert_int_equal(q.result_queue, 0);
    q = ensure(&r, &(struct store_queue){.name = "tasks"});
    assert_int_equal(q.id, r.tasks);
    assert_int_equal(q.result_queue, r.results);
    assert_int_equal(q.max_attempts, 5);
    rig_close(&r);
}

struct listed {
    bool has_come;
    char text[256];
};

static void take_list(enum store_status st, const struct store_queue *queues,
                      const struct store_counts *c, size_t n, void *arg)
{
    struct listed *l = arg;
    size_t len = 0;

    assert_int_equal(st, STORE_OK);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(l->text + len, sizeof l->text - len, "%s %d %d; ", queues[i].name,
                                (int)c[i].queued, (int)queues[i].maxsize);
    l->has_come = true;
}

SUITE(queue_list_tells_options_and_counts)
{
    struct rig r;
    struct listed l = {0};

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    put(&r, r.small, "c");
    store_queue_list(r.s, take_list, &l);
    while (!l.has_come)
        (void)store_turn(r.s);
    assert_string_equal(l.text, "results 0 0; tasks 2 0; plain 0 0; small 1 3; ");
    rig_close(&r);
}

/* --- put, claim ------------------------------------------------------------------------------- */

SUITE(tasks_are_claimed_in_the_order_of_their_puts)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    put(&r, r.plain, "x");
    put(&r, r.tasks, "de");
    assert_string_equal(claim(&r, r.tasks, 2), "ab");
    assert_int_equal(r.held['a'].attempt, 1);
    assert_false(r.held['a'].may_be_repeat);
    put(&r, r.tasks, "f");
    assert_string_equal(claim(&r, r.tasks, 9), "cdef");
    assert_string_equal(claim(&r, r.plain, 9), "x");
    rig_close(&r);
}

SUITE(a_claim_never_waits)
{
    struct rig r;

    rig_open(&r, maker);
    assert_string_equal(claim(&r, r.tasks, 3), "");
    put(&r, r.tasks, "a");
    assert_string_equal(claim(&r, r.tasks, 3), "a");
    assert_string_equal(claim(&r, r.tasks, 3), "");
    rig_close(&r);
}

SUITE(a_put_over_the_limit_is_refused_whole)
{
    static const struct {
        const char *letters;
        uint64_t limit;
        enum store_put_status status;
        uint64_t queued;
    } rows[] = {
        {"ab", 3, STORE_PUT_NEW, 2}, {"cd", 3, STORE_PUT_FULL, 2}, {"c", 3, STORE_PUT_NEW, 3},
        {"d", 3, STORE_PUT_FULL, 3}, {"d", 0, STORE_PUT_NEW, 4},   {"ef", 5, STORE_PUT_FULL, 4},
        {"ef", 6, STORE_PUT_NEW, 6},
    };
    struct rig r;

    rig_open(&r, maker);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(put_limited(&r, r.small, rows[i].letters, rows[i].limit), rows[i].status);
        assert_int_equal(counts(&r, r.small).queued, rows[i].queued);
    }
    assert_string_equal(claim(&r, r.small, 2), "ab");
    assert_int_equal(put_limited(&r, r.small, "g", 5),
                     STORE_PUT_NEW); /* leased ones take no room */
    assert_string_equal(claim(&r, r.small, 9), "cdefg");
    rig_close(&r);
}

SUITE(a_repeated_put_is_a_dup)
{
    struct rig r;
    store_task_id first[3], again[3];

    rig_open(&r, maker);
    assert_int_equal(put_keyed(&r, r.tasks, "ab", 100, 0, first), STORE_PUT_NEW);
    assert_int_equal(put_keyed(&r, r.tasks, "ab", 100, 0, again), STORE_PUT_DUP);
    assert_memory_equal(first, again, 2 * sizeof first[0]);
    assert_int_equal(counts(&r, r.tasks).queued, 2);
    assert_int_equal(counts(&r, r.tasks).unfinished, 2);
    /* One of three is known; the other two need room, the known one does not. */
    assert_int_equal(put_keyed(&r, r.tasks, "bcd", 101, 3, again), STORE_PUT_FULL);
    assert_int_equal(again[0], first[1]);
    assert_int_equal(put_keyed(&r, r.tasks, "bcd", 101, 4, again), STORE_PUT_DUP);
    assert_int_equal(again[0], first[1]);
    assert_true(again[1] > first[1] && again[2] > again[1]);
    assert_string_equal(claim(&r, r.tasks, 9), "abcd");
    /* A key outlives its task. */
    assert_int_equal(done(&r, 'a', 0), STORE_DONE_RECORDED);
    assert_int_equal(put_keyed(&r, r.tasks, "a", 100, 1, again), STORE_PUT_DUP);
    assert_int_equal(again[0], first[0]);
    /* A refused put may be made again. No key is no key. */
    put(&r, r.tasks, "y");
    assert_int_equal(put_keyed(&r, r.tasks, "e", 200, 1, NULL), STORE_PUT_FULL);
    assert_int_equal(put_keyed(&r, r.tasks, "e", 200, 0, NULL), STORE_PUT_NEW);
    assert_int_equal(put_keyed(&r, r.tasks, "f", 0, 0, NULL), STORE_PUT_NEW);
    assert_int_equal(put_keyed(&r, r.tasks, "f", 0, 0, NULL), STORE_PUT_NEW);
    assert_string_equal(claim(&r, r.tasks, 9), "yeff");
    rig_close(&r);
}

SUITE(a_repeated_claim_answers_what_its_leases_hold)
{
    struct rig r;
    struct rig_lease a, b;

    rig_open(&r, maker);
    put(&r, r.tasks, "abcd");
    claim(&r, r.tasks, 3);
    a = r.held['a'];
    b = r.held['b'];
    r.counter -= 3; /* the same ids again */
    assert_string_equal(claim(&r, r.tasks, 3), "abc");
    assert_int_equal(r.held['a'].ref.task, a.ref.task);
    assert_int_equal(r.held['b'].ref.lease.counter, b.ref.lease.counter);
    assert_int_equal(r.held['b'].attempt, 1);
    assert_int_equal(done(&r, 'a', 0), STORE_DONE_RECORDED);
    r.counter -= 3;
    assert_string_equal(claim(&r, r.tasks, 3), "bc");
    assert_int_equal(counts(&r, r.tasks).queued, 1);
    assert_int_equal(counts(&r, r.tasks).leased, 2);
    rig_close(&r);
}

/* --- coming back ------------------------------------------------------------------------------ */

SUITE(returned_tasks_precede_newer_ones_in_their_old_order)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abcdef");
    assert_string_equal(claim(&r, r.tasks, 4), "abcd");
    put(&r, r.tasks, "g");
    assert_int_equal(release(&r, 'd', STORE_TO_FRONT), STORE_RELEASE_OK);
    assert_int_equal(release(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
    assert_int_equal(release(&r, 'c', STORE_TO_FRONT), STORE_RELEASE_OK);
    assert_string_equal(claim(&r, r.tasks, 2), "ac");
    assert_int_equal(release(&r, 'b', STORE_TO_FRONT), STORE_RELEASE_OK);
    assert_string_equal(claim(&r, r.tasks, 9), "bdefg");
    rig_close(&r);
}

SUITE(a_task_sent_to_the_back_gets_a_new_place)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    assert_string_equal(claim(&r, r.tasks, 2), "ab");
    release(&r, 'a', STORE_TO_BACK);
    put(&r, r.tasks, "d");
    assert_string_equal(claim(&r, r.tasks, 3), "cad");
    release(&r, 'a', STORE_TO_FRONT);
    release(&r, 'd', STORE_TO_FRONT);
    release(&r, 'c', STORE_TO_FRONT);
    release(&r, 'b', STORE_TO_FRONT);
    assert_string_equal(claim(&r, r.tasks, 9), "bcad");
    rig_close(&r);
}

SUITE(an_abandoned_task_is_not_taken_but_a_late_result_completes_it)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 1);
    assert_int_equal(lose(&r, 'a', STORE_TO_ABANDONED), STORE_RELEASE_OK);
    assert_int_equal(counts(&r, r.tasks).abandoned, 1);
    assert_int_equal(renew(&r, 'a', 0), STORE_LEASE_LOST);
    assert_string_equal(claim(&r, r.tasks, 9), "b");
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    assert_int_equal(counts(&r, r.tasks).abandoned, 0);
    assert_string_equal(claim(&r, r.results, 9), "A");
    rig_close(&r);
}

SUITE(attempts_are_counted_only_where_told)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    for (int i = 0; i < 10; i++) {
        assert_string_equal(claim(&r, r.tasks, 1), "a");
        assert_int_equal(r.held['a'].attempt, 1);
        assert_int_equal(release(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
    }
    claim(&r, r.tasks, 1);
    assert_int_equal(lose(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
    claim(&r, r.tasks, 1);
    assert_int_equal(r.held['a'].attempt, 2);
    rig_close(&r);
}

SUITE(a_task_that_is_lost_too_often_is_dead)
{
    static const enum store_release_to where[] = {STORE_TO_FRONT, STORE_TO_BACK};
    struct rig r;

    rig_open(&r, maker);
    for (int w = 0; w < 2; w++) {
        put(&r, r.tasks, "a");
        for (uint32_t i = 1; i <= 5; i++) {
            assert_string_equal(claim(&r, r.tasks, 1), "a");
            assert_int_equal(r.held['a'].attempt, i);
            assert_int_equal(lose(&r, 'a', where[w]),
                             i < 5 ? STORE_RELEASE_OK : STORE_RELEASE_DEAD);
        }
        assert_string_equal(claim(&r, r.tasks, 1), "");
        assert_int_equal(counts(&r, r.tasks).dead, w + 1);
        assert_int_equal(counts(&r, r.tasks).unfinished, 0);
        assert_int_equal(lose(&r, 'a', where[w]), STORE_RELEASE_LOST);
    }
    /* Set aside by hand, even at the limit, is not dead. */
    put(&r, r.tasks, "b");
    for (int i = 0; i < 4; i++) {
        claim(&r, r.tasks, 1);
        lose(&r, 'b', STORE_TO_FRONT);
    }
    claim(&r, r.tasks, 1);
    assert_int_equal(lose(&r, 'b', STORE_TO_ABANDONED), STORE_RELEASE_OK);
    assert_int_equal(counts(&r, r.tasks).abandoned, 1);
    rig_close(&r);
}

SUITE(may_be_repeat_sticks_to_a_task)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    claim(&r, r.tasks, 1);
    assert_false(r.held['a'].may_be_repeat);
    release_item(&r, &(struct store_release_item){
                         .ref = r.held['a'].ref, .to = STORE_TO_BACK, .may_be_repeat = true});
    claim(&r, r.tasks, 1);
    assert_true(r.held['a'].may_be_repeat);
    release(&r, 'a', STORE_TO_FRONT);
    claim(&r, r.tasks, 1);
    assert_true(r.held['a'].may_be_repeat);
    rig_close(&r);
}

SUITE(a_failed_task_is_tried_again_at_the_end)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    for (uint32_t i = 1; i <= 4; i++) {
        assert_string_equal(claim(&r, r.tasks, 1), i % 2 ? "a" : "b");
        assert_int_equal(fail_task(&r, i % 2 ? 'a' : 'b', 0), STORE_FAIL_AGAIN);
    }
    assert_int_equal(fail_task(&r, 'a', 0), STORE_FAIL_LOST);
    claim(&r, r.tasks, 1);
    assert_int_equal(r.held['a'].attempt, 3);
    fail_task(&r, 'a', 0);
    assert_string_equal(claim(&r, r.tasks, 1), "b");
    for (uint32_t i = 4; i <= 5; i++) {
        assert_string_equal(claim(&r, r.tasks, 1), "a");
        assert_int_equal(fail_task(&r, 'a', 0), i < 5 ? STORE_FAIL_AGAIN : STORE_FAIL_DEAD);
    }
    assert_int_equal(counts(&r, r.tasks).dead, 1);
    rig_close(&r);
}

SUITE(a_failed_task_waits_for_its_delay)
{
    struct rig r;
    struct store_counts c;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    assert_string_equal(claim(&r, r.tasks, 2), "ab");
    fail_task(&r, 'a', 3000);
    fail_task(&r, 'b', 1500);
    put(&r, r.tasks, "d");
    c = counts(&r, r.tasks);
    assert_int_equal(c.queued, 2);
    assert_int_equal(c.delayed, 2);
    assert_string_equal(claim(&r, r.tasks, 1), "c");
    rig_forget_hints(&r);
    rig_pass_ms(&r, 1499);
    assert_int_equal(r.n_ready[r.tasks], 0);
    rig_pass_ms(&r, 1);
    assert_true(r.n_ready[r.tasks] > 0);
    assert_int_equal(counts(&r, r.tasks).delayed, 1);
    rig_pass_ms(&r, 1500);
    /* Their places are from when they failed: before d. */
    assert_string_equal(claim(&r, r.tasks, 9), "abd");
    /* A result comes while its task waits for another try. */
    put(&r, r.tasks, "e");
    claim(&r, r.tasks, 1);
    fail_task(&r, 'e', 1000);
    assert_int_equal(done(&r, 'e', 'E'), STORE_DONE_RECORDED);
    rig_pass_ms(&r, 2000);
    assert_string_equal(claim(&r, r.tasks, 9), "");
    assert_int_equal(counts(&r, r.tasks).delayed, 0);
    rig_close(&r);
}

/* --- leases and time -------------------------------------------------------------------------- */

SUITE(a_lease_runs_out_and_its_task_goes_to_the_front)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    assert_string_equal(claim_for(&r, r.tasks, 1, 1000), "a");
    assert_string_equal(claim(&r, r.tasks, 1), "b"); /* never runs out */
    rig_pass_ms(&r, 999);
    assert_int_equal(sweep(&r, 9), 0);
    rig_pass_ms(&r, 1);
    assert_int_equal(sweep(&r, 9), 1);
    assert_int_equal(r.swept[0].task, r.held['a'].ref.task);
    assert_int_equal(r.swept[0].lease.counter, r.held['a'].ref.lease.counter);
    assert_false(r.swept[0].dead);
    assert_int_equal(sweep(&r, 9), 0);
    assert_string_equal(claim_for(&r, r.tasks, 1, 1000), "a");
    assert_int_equal(r.held['a'].attempt, 2);
    for (int i = 3; i <= 5; i++) {
        rig_pass_ms(&r, 1000);
        assert_int_equal(sweep(&r, 9), 1);
        assert_string_equal(claim_for(&r, r.tasks, 1, 1000), "a");
    }
    rig_pass_ms(&r, 100000);
    assert_int_equal(sweep(&r, 9), 1);
    assert_true(r.swept[0].dead);
    assert_int_equal(renew(&r, 'b', 0), STORE_LEASE_HELD);
    rig_close(&r);
}

SUITE(a_renewed_lease_does_not_run_out)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    claim_for(&r, r.tasks, 3, 1000);
    rig_pass_ms(&r, 900);
    assert_int_equal(renew(&r, 'a', 1000), STORE_LEASE_HELD);
    assert_int_equal(renew(&r, 'b', 0), STORE_LEASE_HELD); /* for ever */
    rig_pass_ms(&r, 900);
    assert_int_equal(sweep(&r, 9), 1);
    assert_int_equal(r.swept[0].task, r.held['c'].ref.task);
    rig_pass_ms(&r, 1000);
    assert_int_equal(sweep(&r, 9), 1);
    assert_int_equal(r.swept[0].task, r.held['a'].ref.task);
    assert_int_equal(renew(&r, 'a', 1000), STORE_LEASE_LOST);
    assert_int_equal(renew(&r, 'b', 500), STORE_LEASE_HELD); /* and no longer for ever */
    rig_pass_ms(&r, 500);
    assert_int_equal(sweep(&r, 9), 1);
    rig_close(&r);
}

SUITE(sweep_takes_no_more_than_asked)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abcde");
    claim_for(&r, r.tasks, 5, 10);
    rig_pass_ms(&r, 10);
    assert_int_equal(sweep(&r, 2), 2);
    assert_int_equal(sweep(&r, 0), 0);
    assert_int_equal(sweep(&r, 2), 2);
    assert_int_equal(sweep(&r, 2), 1);
    assert_string_equal(claim(&r, r.tasks, 9), "abcde");
    rig_close(&r);
}

SUITE(a_stopped_server_does_not_lose_its_leases)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    claim_for(&r, r.tasks, 1, 60000);
    maker->stop_ms(r.s, 3600000);
    assert_int_equal(sweep(&r, 9), 0);
    assert_int_equal(renew(&r, 'a', 60000), STORE_LEASE_HELD);
    rig_pass_ms(&r, 60000);
    assert_int_equal(sweep(&r, 9), 1);
    rig_close(&r);
}

SUITE(a_lost_lease_can_do_nothing_but_complete)
{
    struct rig r;
    struct rig_lease old;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 1);
    old = r.held['a'];
    release(&r, 'a', STORE_TO_FRONT);
    assert_int_equal(renew(&r, 'a', 0), STORE_LEASE_LOST);
    assert_int_equal(release(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_LOST);
    assert_int_equal(fail_task(&r, 'a', 0), STORE_FAIL_LOST);
    claim(&r, r.tasks, 2);
    /* Another holds it now; the lease of one task does not fit another. */
    assert_int_equal(renew_ref(&r, old.ref, 0), STORE_LEASE_LOST);
    assert_int_equal(
        renew_ref(&r, (struct store_lease_ref){r.held['b'].ref.task, r.held['a'].ref.lease}, 0),
        STORE_LEASE_LOST);
    assert_int_equal(renew_ref(&r, (struct store_lease_ref){r.held['b'].ref.task, {0, 0}}, 0),
                     STORE_LEASE_LOST);
    assert_int_equal(renew(&r, 'a', 0), STORE_LEASE_HELD);
    assert_int_equal(done_ref(&r, old.ref, STORE_DONE, 'A', true).status, STORE_DONE_RECORDED);
    assert_int_equal(renew(&r, 'a', 0), STORE_LEASE_ENDED);
    assert_int_equal(renew_ref(&r, old.ref, 0), STORE_LEASE_ENDED);
    assert_int_equal(renew(&r, 'b', 0), STORE_LEASE_HELD);
    rig_close(&r);
}

/* --- results ---------------------------------------------------------------------------------- */

SUITE(the_first_result_wins_even_from_a_lost_lease)
{
    struct rig r;
    struct rig_lease old;
    struct store_done_answer answer;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    claim_for(&r, r.tasks, 1, 100);
    old = r.held['a'];
    rig_pass_ms(&r, 100);
    assert_int_equal(sweep(&r, 9), 1);
    claim(&r, r.tasks, 1);
    assert_int_equal(done_ref(&r, old.ref, STORE_DONE, '1', true).status, STORE_DONE_RECORDED);
    answer = done_ref(&r, r.held['a'].ref, STORE_DONE, '2', true);
    assert_int_equal(answer.status, STORE_DONE_ALREADY);
    assert_int_equal(answer.result, 0);
    assert_int_equal(done_ref(&r, old.ref, STORE_DONE, '1', true).status, STORE_DONE_ALREADY);
    assert_string_equal(claim(&r, r.results, 9), "1");
    assert_int_equal(counts(&r, r.tasks).done, 1);
    rig_close(&r);
}

SUITE(a_late_result_takes_a_queued_task_off_its_queue)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    claim(&r, r.tasks, 2);
    release(&r, 'a', STORE_TO_FRONT);
    release(&r, 'b', STORE_TO_BACK);
    assert_int_equal(done(&r, 'b', 'B'), STORE_DONE_RECORDED);
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    assert_int_equal(counts(&r, r.tasks).queued, 1);
    assert_string_equal(claim(&r, r.tasks, 9), "c");
    assert_string_equal(claim(&r, r.results, 9), "BA");
    rig_close(&r);
}

SUITE(a_result_of_another_life_of_the_store_is_gone)
{
    struct rig r;
    struct store_lease_ref ref;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    claim(&r, r.tasks, 1);
    ref = r.held['a'].ref;
    ref.lease.epoch -= 1; /* the same numbers, given out by an earlier server */
    assert_int_equal(done_ref(&r, ref, STORE_DONE, 'A', true).status, STORE_DONE_GONE);
    ref.lease.epoch += 1000;
    assert_int_equal(done_ref(&r, ref, STORE_DONE, 'A', true).status, STORE_DONE_GONE);
    ref = r.held['a'].ref;
    ref.task = 1000;
    assert_int_equal(done_ref(&r, ref, STORE_DONE, 'A', true).status, STORE_DONE_GONE);
    ref.task = 0;
    assert_int_equal(done_ref(&r, ref, STORE_DONE, 'A', true).status, STORE_DONE_GONE);
    assert_string_equal(claim(&r, r.results, 9), "");
    assert_int_equal(renew(&r, 'a', 0), STORE_LEASE_HELD);
    rig_close(&r);
}

SUITE(a_result_is_an_entry_of_the_linked_queue)
{
    struct rig r;
    struct store_done_answer answer;

    rig_open(&r, maker);
    put(&r, r.tasks, "abc");
    put(&r, r.plain, "d");
    claim(&r, r.tasks, 3);
    claim(&r, r.plain, 1);
    answer = done_ref(&r, r.held['b'].ref, STORE_DONE, 'B', true);
    assert_int_equal(answer.status, STORE_DONE_RECORDED);
    assert_true(answer.result > r.held['d'].ref.task);
    answer = done_ref(&r, r.held['a'].ref, STORE_FAILED, 'A', true); /* a failure is a result */
    assert_true(answer.result > 0);
    answer = done_ref(&r, r.held['c'].ref, STORE_DONE, 0, true);
    assert_int_equal(answer.result, 0);
    answer = done_ref(&r, r.held['d'].ref, STORE_DONE, 'D', true); /* no linked queue */
    assert_int_equal(answer.status, STORE_DONE_RECORDED);
    assert_int_equal(answer.result, 0);
    assert_int_equal(counts(&r, r.tasks).done, 2);
    assert_int_equal(counts(&r, r.tasks).failed, 1);
    assert_int_equal(counts(&r, r.results).queued, 2);
    assert_int_equal(counts(&r, r.results).unfinished, 2);
    assert_string_equal(claim(&r, r.results, 9), "BA");
    rig_close(&r);
}

SUITE(a_result_needs_no_room)
{
    struct rig r;
    store_queue_id jobs;

    rig_open(&r, maker);
    jobs = ensure(&r, &(struct store_queue){.name = "jobs", .result_queue = r.small}).id;
    put(&r, jobs, "abcde");
    claim(&r, jobs, 5);
    for (char c = 'a'; c <= 'e'; c++)
        assert_int_equal(done(&r, c, c), STORE_DONE_RECORDED);
    assert_int_equal(counts(&r, r.small).queued, 5);
    assert_int_equal(put_limited(&r, r.small, "x", 3), STORE_PUT_FULL);
    rig_close(&r);
}

struct twice {
    bool has_come;
    struct store_done_answer answers[3];
};

static void take_three(enum store_status st, const struct store_done_answer *answers, size_t n,
                       void *arg)
{
    struct twice *t = arg;

    assert_int_equal(st, STORE_OK);
    assert_int_equal(n, 3);
    memcpy(t->answers, answers, sizeof t->answers);
    t->has_come = true;
}

SUITE(a_batch_of_results_may_name_a_task_twice)
{
    struct rig r;
    struct twice t = {0};
    struct store_done_item items[3];
    const char *results = "123";

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 2);
    for (int i = 0; i < 3; i++)
        items[i] = (struct store_done_item){.ref = r.held[i < 2 ? 'a' : 'b'].ref,
                                            .state = STORE_DONE,
                                            .result = rig_payload(results[i])};
    store_done(r.s, items, 3, take_three, &t);
    for (int i = 0; i < 3; i++)
        payload_unref(items[i].result);
    while (!t.has_come)
        (void)store_turn(r.s);
    assert_int_equal(t.answers[0].status, STORE_DONE_RECORDED);
    assert_int_equal(t.answers[1].status, STORE_DONE_ALREADY);
    assert_int_equal(t.answers[1].result, 0);
    assert_int_equal(t.answers[2].status, STORE_DONE_RECORDED);
    assert_string_equal(claim(&r, r.results, 9), "13");
    rig_close(&r);
}

/* --- death ------------------------------------------------------------------------------------ */

static void kill_task(struct rig *r, char letter)
{
    while (*claim(r, r->tasks, 1))
        lose(r, letter, STORE_TO_FRONT);
}

SUITE(a_limit_of_attempts_of_its_own_goes_before_the_queues)
{
    static const uint32_t limits[] = {1, 2, 7}; /* below and above the queue's 5 */
    struct rig r;

    rig_open(&r, maker);
    for (int w = 0; w < 3; w++) {
        r.max_attempts = limits[w];
        put(&r, r.tasks, "a");
        for (uint32_t i = 1; i <= limits[w]; i++) {
            assert_string_equal(claim(&r, r.tasks, 1), "a");
            assert_int_equal(lose(&r, 'a', STORE_TO_FRONT),
                             i < limits[w] ? STORE_RELEASE_OK : STORE_RELEASE_DEAD);
        }
        assert_int_equal(counts(&r, r.tasks).dead, w + 1);
    }
    r.max_attempts = 2;
    put(&r, r.tasks, "b");
    for (int i = 0; i < 2; i++) { /* by time, as an agent's */
        assert_string_equal(claim_for(&r, r.tasks, 1, 1000), "b");
        rig_pass_ms(&r, 1001);
        assert_int_equal(sweep(&r, 5), 1);
        assert_int_equal(r.swept[0].dead, i == 1);
    }
    rig_close(&r);
}

SUITE(the_failure_of_a_dead_task_is_recorded_once)
{
    struct rig r;
    struct store_lease_ref last, wrong;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    claim(&r, r.tasks, 1);
    wrong = r.held['a'].ref;
    assert_int_equal(done_ref(&r, wrong, STORE_DEAD, 'F', true).status,
                     STORE_DONE_ALREADY); /* it lives */
    lose(&r, 'a', STORE_TO_FRONT);
    kill_task(&r, 'a');
    last = r.held['a'].ref;
    assert_int_equal(done_ref(&r, wrong, STORE_DEAD, 'F', true).status, STORE_DONE_ALREADY);
    assert_int_equal(renew_ref(&r, last, 0), STORE_LEASE_LOST); /* a result would be taken */
    assert_int_equal(done_ref(&r, last, STORE_DEAD, 'F', true).status, STORE_DONE_RECORDED);
    assert_int_equal(renew_ref(&r, last, 0), STORE_LEASE_ENDED);
    assert_int_equal(done_ref(&r, last, STORE_DEAD, 'G', true).status, STORE_DONE_ALREADY);
    assert_int_equal(done_ref(&r, wrong, STORE_DONE, 'A', true).status, STORE_DONE_ALREADY);
    assert_int_equal(counts(&r, r.tasks).dead, 1); /* kept and listed */
    assert_int_equal(counts(&r, r.tasks).unfinished, 0);
    assert_string_equal(claim(&r, r.results, 9), "F");
    rig_close(&r);
}

SUITE(a_late_result_of_a_dead_task_wins_over_its_failure)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 2);
    release(&r, 'a', STORE_TO_FRONT);
    kill_task(&r, 'a');
    assert_int_equal(counts(&r, r.tasks).unfinished, 1);
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    assert_int_equal(done_ref(&r, r.held['a'].ref, STORE_DEAD, 'F', true).status,
                     STORE_DONE_ALREADY);
    assert_int_equal(counts(&r, r.tasks).dead, 0);
    assert_int_equal(counts(&r, r.tasks).done, 1);
    assert_int_equal(counts(&r, r.tasks).unfinished, 1); /* b's; a's fell when it died */
    assert_string_equal(claim(&r, r.results, 9), "A");
    rig_close(&r);
}

/* --- unfinished, counts ----------------------------------------------------------------------- */

/* Steps, a letter each: p put and claim a task, i end it by id, m end it by a mark, t task_done, x
 * lose it until it is dead, f fail it for good by id, l complete it late once more. */
SUITE(unfinished_falls_once_for_each_task)
{
    static const struct {
        const char *steps;
        uint64_t unfinished;
    } rows[] = {
        {"p", 1},   {"pi", 0},   {"pm", 1},   {"pmt", 0},  {"ptm", 0},  {"pf", 0},
        {"px", 0},  {"pxl", 0},  {"pil", 0},  {"pti", 0},  {"ppm", 2},  {"ppmti", 0},
        {"ppi", 1}, {"ptpi", 0}, {"pmpi", 1}, {"ppxi", 0}, {"ppxl", 1}, {"ppxlt", 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig r;
        char last = 'a';
        struct store_lease_ref dead = {0};

        rig_open(&r, maker);
        for (const char *step = rows[i].steps; *step; step++) {
            char open = last; /* what the next ending step ends: the youngest */
            char letter[2] = {(char)(last + 1), '\0'};

            switch (*step) {
            case 'p':
                put(&r, r.tasks, letter);
                assert_string_equal(claim(&r, r.tasks, 1), letter);
                last++;
                break;
            case 'i':
            case 'm':
            case 'f':
                done_ref(&r, r.held[(int)open].ref, *step == 'f' ? STORE_FAILED : STORE_DONE, 'R',
                         *step != 'm');
                last--;
                dead = r.held[(int)open].ref;
                break;
            case 't':
                (void)task_done(&r, r.tasks);
                break;
            case 'x':
                lose(&r, open, STORE_TO_FRONT);
                kill_task(&r, open);
                dead = r.held[(int)open].ref;
                last--;
                break;
            case 'l':
                (void)done_ref(&r, dead, STORE_DONE, 'L', true);
                break;
            }
        }
        if (counts(&r, r.tasks).unfinished != rows[i].unfinished)
            fail_msg("steps %s: unfinished is %d, not %d", rows[i].steps,
                     (int)counts(&r, r.tasks).unfinished, (int)rows[i].unfinished);
        rig_close(&r);
    }
}

SUITE(task_done_below_zero_changes_nothing)
{
    struct rig r;

    rig_open(&r, maker);
    assert_int_equal(task_done(&r, r.plain), -1);
    put(&r, r.plain, "ab");
    assert_int_equal(task_done(&r, r.plain), 1);
    assert_int_equal(task_done(&r, r.plain), 0);
    assert_int_equal(task_done(&r, r.plain), -1);
    assert_int_equal(counts(&r, r.plain).queued, 2); /* it takes nothing */
    put(&r, r.plain, "c");
    assert_int_equal(task_done(&r, r.plain), 0);
    rig_close(&r);
}

struct seen {
    bool has_come;
    char text[256];
};

static void take_tasks(enum store_status st, const struct store_task *tasks, size_t n, void *arg)
{
    struct seen *seen = arg;
    size_t len = 0;

    assert_int_equal(st, STORE_OK);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(seen->text + len, sizeof seen->text - len, "%c %s %d; ",
                                tasks[i].task ? rig_letter(tasks[i].value) : '-',
                                tasks[i].task ? store_state_name(tasks[i].state) : "unknown",
                                (int)tasks[i].losses);
    seen->has_come = true;
}

SUITE(get_tells_of_tasks_in_every_state)
{
    struct rig r;
    struct seen seen = {0};
    store_task_id ids[8] = {0};

    rig_open(&r, maker);
    put_keyed(&r, r.tasks, "abcdef", 100, 0, ids);
    claim(&r, r.tasks, 4);
    lose(&r, 'b', STORE_TO_ABANDONED);
    for (int i = 0; i < 4; i++) {
        lose(&r, 'c', STORE_TO_FRONT);
        claim(&r, r.tasks, 1);
    }
    lose(&r, 'c', STORE_TO_FRONT);
    done(&r, 'd', 0);
    ids[3] = 0; /* of an ended task a store may keep something or nothing */
    ids[6] = 1000;
    ids[7] = ids[0];
    store_get(r.s, ids, 8, take_tasks, &seen);
    while (!seen.has_come)
        (void)store_turn(r.s);
    assert_string_equal(seen.text, "a leased 0; b abandoned 1; c dead 5; - unknown 0; e queued 0; "
                                   "f queued 0; - unknown 0; a leased 0; ");
    rig_close(&r);
}

static void assert_counts(struct rig *r, const char *text)
{
    struct store_counts c = counts(r, r->tasks);
    char have[128];

    snprintf(have, sizeof have, "queued %d leased %d abandoned %d dead %d done %d failed %d",
             (int)c.queued, (int)c.leased, (int)c.abandoned, (int)c.dead, (int)c.done,
             (int)c.failed);
    assert_string_equal(have, text);
}

SUITE(counts_follow_each_step)
{
    struct rig r;
    uint64_t bytes_each;

    rig_open(&r, maker);
    put(&r, r.tasks, "abcdef");
    assert_counts(&r, "queued 6 leased 0 abandoned 0 dead 0 done 0 failed 0");
    bytes_each = counts(&r, r.tasks).bytes_queued / 6;
    assert_true(bytes_each > 0);
    claim(&r, r.tasks, 5);
    assert_counts(&r, "queued 1 leased 5 abandoned 0 dead 0 done 0 failed 0");
    assert_int_equal(counts(&r, r.tasks).bytes_queued, bytes_each);
    done(&r, 'a', 'A');
    done_ref(&r, r.held['b'].ref, STORE_FAILED, 'B', true);
    release(&r, 'c', STORE_TO_ABANDONED);
    release(&r, 'd', STORE_TO_FRONT);
    release(&r, 'e', STORE_TO_BACK);
    assert_counts(&r, "queued 3 leased 0 abandoned 1 dead 0 done 1 failed 1");
    assert_int_equal(counts(&r, r.tasks).bytes_queued, 3 * bytes_each);
    done(&r, 'd', 0);
    assert_counts(&r, "queued 2 leased 0 abandoned 1 dead 0 done 2 failed 1");
    assert_int_equal(counts(&r, r.tasks).bytes_queued, 2 * bytes_each);
    rig_close(&r);
}

/* --- hints ------------------------------------------------------------------------------------ */

SUITE(ready_is_told_when_there_is_something_to_take)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    assert_true(r.n_ready[r.tasks] > 0);
    assert_int_equal(r.n_ready[r.plain], 0);
    rig_forget_hints(&r);
    claim_for(&r, r.tasks, 2, 100);
    rig_forget_hints(&r);
    release(&r, 'a', STORE_TO_FRONT);
    assert_true(r.n_ready[r.tasks] > 0);
    rig_forget_hints(&r);
    claim(&r, r.tasks, 1);
    release(&r, 'a', STORE_TO_ABANDONED);
    assert_int_equal(r.n_ready[r.tasks], 0);
    rig_pass_ms(&r, 100);
    sweep(&r, 9);
    assert_true(r.n_ready[r.tasks] > 0);
    claim(&r, r.tasks, 1);
    rig_forget_hints(&r);
    done(&r, 'b', 'B');
    assert_true(r.n_ready[r.results] > 0);
    assert_int_equal(r.n_ready[r.tasks], 0);
    rig_close(&r);
}

SUITE(room_is_told_when_there_may_be_some)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.small, "abc");
    rig_forget_hints(&r);
    claim(&r, r.small, 1);
    assert_true(r.n_room[r.small] > 0);
    rig_forget_hints(&r);
    release(&r, 'a', STORE_TO_FRONT);
    assert_int_equal(r.n_room[r.small], 0);
    done(&r, 'a', 0); /* taken off the queue */
    assert_true(r.n_room[r.small] > 0);
    /* unfinished fell to 0: joiners wait for that */
    put(&r, r.plain, "xy");
    claim(&r, r.plain, 2);
    rig_forget_hints(&r);
    task_done(&r, r.plain);
    assert_int_equal(r.n_room[r.plain], 0);
    task_done(&r, r.plain);
    assert_true(r.n_room[r.plain] > 0);
    put(&r, r.tasks, "z");
    claim(&r, r.tasks, 1);
    rig_forget_hints(&r);
    done(&r, 'z', 0);
    assert_true(r.n_room[r.tasks] > 0);
    rig_close(&r);
}

/* --- size ------------------------------------------------------------------------------------- */

enum { N_LARGE = 20000 };

struct large {
    size_t n_seen;
    store_task_id ids[N_LARGE];
};

static void take_ids(enum store_status st, const struct store_put_answer *answers, size_t n,
                     void *arg)
{
    struct large *l = arg;

    assert_int_equal(st, STORE_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(answers[i].status, STORE_PUT_NEW);
        l->ids[l->n_seen++] = answers[i].task;
    }
}

static void check_ids(enum store_status st, const struct store_claimed *claimed, size_t n,
                      void *arg)
{
    struct large *l = arg;

    assert_int_equal(st, STORE_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(claimed[i].task, l->ids[l->n_seen++]);
        assert_int_equal(claimed[i].lease.counter, l->n_seen);
    }
}

SUITE(large_batches_keep_their_order)
{
    static const struct store_holder holder = {.client = "client", .worker = ""};
    struct rig r;
    struct large *l = calloc(1, sizeof *l);
    struct store_put_item *items = calloc(N_LARGE, sizeof *items);
    struct store_lease_id *leases = calloc(N_LARGE, sizeof *leases);
    struct payload *p = rig_payload('a');

    rig_open(&r, maker);
    for (size_t i = 0; i < N_LARGE; i++) {
        items[i] = (struct store_put_item){.key = {r.epoch, i + 1}, .value = p};
        leases[i] = (struct store_lease_id){r.epoch, i + 1};
    }
    store_put(r.s, r.tasks, items, N_LARGE / 2, 0, take_ids, l);
    store_put(r.s, r.tasks, items + N_LARGE / 2, N_LARGE / 2, 0, take_ids, l);
    while (l->n_seen < N_LARGE)
        (void)store_turn(r.s);
    l->n_seen = 0;
    for (size_t i = 0; i < N_LARGE; i += N_LARGE / 4)
        store_claim(r.s, r.tasks, leases + i, N_LARGE / 4, &holder, 1000, check_ids, l);
    while (l->n_seen < N_LARGE)
        (void)store_turn(r.s);
    assert_int_equal(counts(&r, r.tasks).leased, N_LARGE);
    rig_close(&r);
    payload_unref(p);
    free(leases);
    free(items);
    free(l);
}
