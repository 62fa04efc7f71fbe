/* SPDX-License-Identifier: Apache-2.0 */
/* store_rig.c - see store_rig.h. */
#include "support/store_rig.h"

#include <sched.h>

#include "base/clock.h"

enum { MAX_BATCH = 16 };

/* One call under way: filled in by its callback. */
struct told {
    bool has_come;
    enum store_status st;
    struct rig *rig;
    size_t n;
    union {
        uint64_t epoch;
        struct store_queue queue;
        struct store_put_answer puts[MAX_BATCH];
        enum store_lease_status lease;
        struct store_done_answer done;
        enum store_fail_status fail;
        enum store_release_status release;
        struct store_counts counts;
        int64_t unfinished;
        enum store_retry_status retried;
        enum store_done_status cancelled;
        uint64_t n_purged;
        char letters[64];
    };
};

static void comes(struct told *told, enum store_status st)
{
    assert_false(told->has_come); /* exactly once */
    told->has_come = true;
    told->st = st;
}

/* True: the answer is there. False: it was lost and the call is to be made again. */
static bool wait_for(struct rig *r, struct told *told)
{
    uint64_t limit_ns = clock_mono_ns() + UINT64_C(20000000000);

    assert_false(told->has_come); /* never from inside the call */
    while (!told->has_come) {
        if (!store_turn(r->s))
            (void)sched_yield();
        assert_true(clock_mono_ns() < limit_ns);
    }
    if (told->st == STORE_UNKNOWN || told->st == STORE_DOWN)
        return false;
    assert_int_equal(told->st, STORE_OK);
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

struct payload *rig_payload(char letter)
{
    platoon_value *v = platoon_int(letter);
    struct payload *p = NULL;

    assert_int_equal(payload_from_value(v, 2, &p), PLATOON_OK);
    platoon_value_unref(v);
    return p;
}

char rig_letter(const struct payload *p)
{
    platoon_value *v = NULL;
    int64_t i = 0;

    assert_int_equal(payload_decode(p, NULL, &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_as_int(v, &i), PLATOON_OK);
    platoon_value_unref(v);
    return (char)i;
}

struct store_lease_id rig_next_lease(struct rig *r)
{
    return (struct store_lease_id){r->epoch, ++r->counter};
}

/* --- open and close --------------------------------------------------------------------------- */

static void on_attach(enum store_status st, uint64_t epoch, void *arg)
{
    struct told *told = arg;

    comes(told, st);
    told->epoch = epoch;
}

static void on_ready(store_queue_id queue, void *arg)
{
    ((struct rig *)arg)->n_ready[queue]++;
}

static void on_room(store_queue_id queue, void *arg)
{
    ((struct rig *)arg)->n_room[queue]++;
}

static void on_queue(enum store_status st, const struct store_queue *q, void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK)
        told->queue = *q;
}

struct store_queue ensure(struct rig *r, const struct store_queue *wanted)
{
    struct told told;

    do {
        told = (struct told){0};
        store_queue_ensure(r->s, wanted, on_queue, &told);
    } while (!wait_for(r, &told));
    return told.queue;
}

void rig_open(struct rig *r, const struct store_maker *maker)
{
    rig_open_on(r, maker, maker->open());
}

void rig_open_on(struct rig *r, const struct store_maker *maker, struct store *s)
{
    struct told told;

    *r = (struct rig){.maker = maker, .s = s};
    store_watch(r->s, on_ready, on_room, r);
    do {
        told = (struct told){0};
        store_attach(r->s, "rig", on_attach, &told);
    } while (!wait_for(r, &told));
    r->epoch = told.epoch;
    r->results = ensure(r, &(struct store_queue){.name = "results"}).id;
    r->tasks = ensure(r, &(struct store_queue){.name = "tasks", .result_queue = r->results}).id;
    r->plain = ensure(r, &(struct store_queue){.name = "plain"}).id;
    r->small = ensure(r, &(struct store_queue){.name = "small", .maxsize = 3}).id;
}

void rig_close(struct rig *r)
{
    store_close(r->s);
}

void rig_pass_ms(struct rig *r, uint32_t ms)
{
    r->maker->pass_ms(r->s, ms);
}

void rig_forget_hints(struct rig *r)
{
    while (store_turn(r->s))
        ;
    memset(r->n_ready, 0, sizeof r->n_ready);
    memset(r->n_room, 0, sizeof r->n_room);
}

/* --- put -------------------------------------------------------------------------------------- */

static void on_put(enum store_status st, const struct store_put_answer *answers, size_t n,
                   void *arg)
{
    struct told *told = arg;

    comes(told, st);
    told->n = n;
    if (st == STORE_OK)
        memcpy(told->puts, answers, n * sizeof *answers);
}

enum store_put_status put_keyed(struct rig *r, store_queue_id queue, const char *letters,
                                uint64_t first_key, uint64_t limit, store_task_id *out)
{
    struct store_put_item items[MAX_BATCH];
    size_t n = strlen(letters);
    enum store_put_status all = STORE_PUT_NEW;
    bool is_repeat = false;
    struct told told;

    assert_true(n <= MAX_BATCH);
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct store_put_item){
            .key = {first_key ? r->epoch : 0, first_key ? first_key + i : 0},
            .value = rig_payload(letters[i]),
            .max_attempts = r->max_attempts};
    }
    for (;;) {
        told = (struct told){0};
        store_put(r->s, queue, items, n, limit, on_put, &told);
        if (wait_for(r, &told))
            break;
        is_repeat |= told.st == STORE_UNKNOWN;
    }
    assert_int_equal(told.n, n);
    for (size_t i = 0; i < n; i++) {
        payload_unref(items[i].value);
        assert_int_equal(told.puts[i].task == 0, told.puts[i].status == STORE_PUT_FULL);
        if (is_repeat && told.puts[i].status == STORE_PUT_DUP)
            told.puts[i].status = STORE_PUT_NEW; /* by the call whose answer was lost */
        if (told.puts[i].status != STORE_PUT_NEW)
            all = told.puts[i].status;
        if (out)
            out[i] = told.puts[i].task;
    }
    return all;
}

enum store_put_status put_limited(struct rig *r, store_queue_id queue, const char *letters,
                                  uint64_t limit)
{
    uint64_t first_key = r->counter + 1;

    r->counter += strlen(letters);
    return put_keyed(r, queue, letters, first_key, limit, NULL);
}

enum store_put_status put(struct rig *r, store_queue_id queue, const char *letters)
{
    return put_limited(r, queue, letters, 0);
}

/* --- claim, renew ----------------------------------------------------------------------------- */

static void on_claim(enum store_status st, const struct store_claimed *claimed, size_t n, void *arg)
{
    struct told *told = arg;
    struct rig *r = told->rig;

    comes(told, st);
    for (size_t i = 0; i < n; i++) {
        char letter = rig_letter(claimed[i].value);

        r->letters[i] = letter;
        r->held[(int)letter] = (struct rig_lease){.ref = {claimed[i].task, claimed[i].lease},
                                                  .attempt = claimed[i].attempt,
                                                  .may_be_repeat = claimed[i].may_be_repeat};
    }
    r->letters[n] = '\0';
}

static const char *claim_by(struct rig *r, store_queue_id queue, size_t n, uint32_t lease_ms,
                            bool ends_with_server)
{
    struct store_holder holder = {.client = "127.0.0.1:40000 MainProcess",
                                  .worker = "",
                                  .ends_with_server = ends_with_server};
    struct store_lease_id leases[MAX_BATCH];
    struct told told;

    assert_true(n <= MAX_BATCH);
    for (size_t i = 0; i < n; i++)
        leases[i] = rig_next_lease(r);
    do {
        told = (struct told){.rig = r};
        store_claim(r->s, queue, leases, n, &holder, lease_ms, on_claim, &told);
    } while (!wait_for(r, &told));
    return r->letters;
}

const char *claim_for(struct rig *r, store_queue_id queue, size_t n, uint32_t lease_ms)
{
    return claim_by(r, queue, n, lease_ms, false);
}

const char *claim_until_end(struct rig *r, store_queue_id queue, size_t n, uint32_t lease_ms)
{
    return claim_by(r, queue, n, lease_ms, true);
}

const char *claim(struct rig *r, store_queue_id queue, size_t n)
{
    return claim_for(r, queue, n, 0);
}

static void on_renew(enum store_status st, const enum store_lease_status *answers, size_t n,
                     void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK) {
        assert_int_equal(n, 1);
        told->lease = answers[0];
    }
}

enum store_lease_status renew_ref(struct rig *r, struct store_lease_ref ref, uint32_t lease_ms)
{
    struct told told;

    do {
        told = (struct told){0};
        store_renew(r->s, &ref, 1, lease_ms, on_renew, &told);
    } while (!wait_for(r, &told));
    return told.lease;
}

enum store_lease_status renew(struct rig *r, char letter, uint32_t lease_ms)
{
    return renew_ref(r, r->held[(int)letter].ref, lease_ms);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void on_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                    void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK) {
        assert_int_equal(n, 1);
        told->done = answers[0];
    }
}

struct store_done_answer done_ref(struct rig *r, struct store_lease_ref ref,
                                  enum store_task_state state, char result, bool counts_unfinished)
{
    struct store_done_item item = {.ref = ref,
                                   .state = state,
                                   .outcome = "ok",
                                   .result = result ? rig_payload(result) : NULL,
                                   .counts_unfinished = counts_unfinished};
    struct told told;
    bool is_repeat = false;

    for (;;) {
        told = (struct told){0};
        store_done(r->s, &item, 1, on_done, &told);
        if (wait_for(r, &told))
            break;
        is_repeat |= told.st == STORE_UNKNOWN; /* after DOWN it did not happen */
    }
    if (is_repeat && told.done.status == STORE_DONE_ALREADY)
        told.done.status = STORE_DONE_RECORDED; /* by the call whose answer was lost */
    payload_unref(item.result);
    return told.done;
}

enum store_done_status done(struct rig *r, char letter, char result)
{
    return done_ref(r, r->held[(int)letter].ref, STORE_DONE, result, true).status;
}

static void on_fail(enum store_status st, const enum store_fail_status *answers, size_t n,
                    void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK) {
        assert_int_equal(n, 1);
        told->fail = answers[0];
    }
}

enum store_fail_status fail_task(struct rig *r, char letter, uint32_t delay_ms)
{
    struct store_fail_item item = {r->held[(int)letter].ref, "it broke", delay_ms};
    struct told told;

    do {
        told = (struct told){0};
        store_fail(r->s, &item, 1, on_fail, &told);
    } while (!wait_for(r, &told));
    return told.fail;
}

static void on_release(enum store_status st, const enum store_release_status *answers, size_t n,
                       void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK) {
        assert_int_equal(n, 1);
        told->release = answers[0];
    }
}

enum store_release_status release_item(struct rig *r, const struct store_release_item *item)
{
    struct told told;

    do {
        told = (struct told){0};
        store_release(r->s, item, 1, on_release, &told);
    } while (!wait_for(r, &told));
    return told.release;
}

enum store_release_status release(struct rig *r, char letter, enum store_release_to to)
{
    struct store_release_item item = {
        .ref = r->held[(int)letter].ref, .to = to, .why = "given back"};

    return release_item(r, &item);
}

enum store_release_status lose(struct rig *r, char letter, enum store_release_to to)
{
    struct store_release_item item = {
        .ref = r->held[(int)letter].ref, .to = to, .count_attempt = true, .why = "died"};

    return release_item(r, &item);
}

static void on_sweep(enum store_status st, const struct store_swept *swept, size_t n, void *arg)
{
    struct told *told = arg;
    struct rig *r = told->rig;

    comes(told, st);
    for (size_t i = 0; i < n; i++) {
        r->swept[i] = swept[i];
        assert_int_equal(r->held[(int)rig_letter(swept[i].value)].ref.task, swept[i].task);
        r->swept[i].value = NULL;
    }
    r->n_swept = n;
}

size_t sweep(struct rig *r, size_t max)
{
    struct told told;

    assert_true(max <= MAX_BATCH);
    do {
        told = (struct told){.rig = r};
        store_sweep(r->s, max, on_sweep, &told);
    } while (!wait_for(r, &told));
    return r->n_swept;
}

/* --- looking ---------------------------------------------------------------------------------- */

static void on_stats(enum store_status st, const struct store_counts *c, void *arg)
{
    struct told *told = arg;

    comes(told, st);
    if (st == STORE_OK)
        told->counts = *c;
}

struct store_counts counts(struct rig *r, store_queue_id queue)
{
    struct told told;

    do {
        told = (struct told){0};
        store_stats(r->s, queue, on_stats, &told);
    } while (!wait_for(r, &told));
    return told.counts;
}

static void on_task_done(enum store_status st, int64_t unfinished, void *arg)
{
    struct told *told = arg;

    comes(told, st);
    told->unfinished = unfinished;
}

int64_t task_done(struct rig *r, store_queue_id queue)
{
    struct told told;

    do {
        told = (struct told){0};
        store_task_done(r->s, queue, on_task_done, &told);
    } while (!wait_for(r, &told));
    return told.unfinished;
}

static void on_retry(enum store_status st, const enum store_retry_status *answers, size_t n,
                     void *arg)
{
    struct told *told = arg;

    (void)n;
    comes(told, st);
    if (st == STORE_OK)
        told->retried = answers[0];
}

static enum store_retry_status retry_it(struct rig *r, store_task_id task, bool again)
{
    struct told told;

    do {
        told = (struct told){0};
        store_retry(r->s, &task, 1, again, on_retry, &told);
    } while (!wait_for(r, &told));
    return told.retried;
}

enum store_retry_status retry(struct rig *r, store_task_id task)
{
    return retry_it(r, task, false);
}

enum store_retry_status retry_again(struct rig *r, store_task_id task)
{
    return retry_it(r, task, true);
}

static void on_cancelled(enum store_status st, const struct store_done_answer *answers, size_t n,
                         void *arg)
{
    struct told *told = arg;

    (void)n;
    comes(told, st);
    if (st == STORE_OK)
        told->cancelled = answers[0].status;
}

enum store_done_status cancel(struct rig *r, store_task_id task, char result)
{
    struct payload *value = result ? rig_payload(result) : NULL;
    struct store_cancel_item item = {task, value};
    struct told told;

    do {
        told = (struct told){0};
        store_cancel(r->s, &item, 1, on_cancelled, &told);
    } while (!wait_for(r, &told));
    payload_unref(value);
    return told.cancelled;
}

static void on_purged(enum store_status st, uint64_t n, void *arg)
{
    struct told *told = arg;

    comes(told, st);
    told->n_purged = n;
}

uint64_t purge(struct rig *r, store_queue_id queue, uint32_t states)
{
    struct told told;

    do {
        told = (struct told){0};
        store_purge(r->s, queue, states, 100, on_purged, &told);
    } while (!wait_for(r, &told));
    return told.n_purged;
}

static void on_look(enum store_status st, const struct look *l, void *arg)
{
    struct told *told = arg;
    size_t n = 0;

    comes(told, st);
    for (; st == STORE_OK && n < l->n_rows && n < sizeof told->letters - 1; n++)
        told->letters[n] = l->rows[n].value ? rig_letter(l->rows[n].value) : '?';
    told->letters[n] = '\0';
}

const char *look(struct rig *r, const struct store_filter *filter)
{
    struct told told;

    do {
        told = (struct told){0};
        store_look(r->s, filter, on_look, &told);
    } while (!wait_for(r, &told));
    snprintf(r->letters, sizeof r->letters, "%s", told.letters);
    return r->letters;
}
