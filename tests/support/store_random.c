/* SPDX-License-Identifier: Apache-2.0 */
/* store_random.c - random histories of calls, each answer compared with the model's.
 *
 * PLATOON_STORE_HISTORIES says how many histories (default 2000), PLATOON_STORE_SEED the first seed
 * (default 1). On a difference the seed and the step are printed: run that one alone by HISTORIES=1
 * SEED=it. */
#include <sched.h>

#include "base/clock.h"
#include "support/store_model.h"
#include "support/store_suite.h"

enum { N_STEPS = 150, MAX_BATCH = 6, MAX_SWEPT = 64 };

struct history {
    struct store *s;
    struct model *model;
    uint64_t seed, random;
    int step;
    struct store_lease_ref leases[MODEL_LEASES]; /* every one that was ever given */
    size_t n_leases;
    struct store_lease_id last_claim[MAX_BATCH];
    size_t n_last_claim;
    struct payload *values[256];
    uint64_t counter;
    size_t n_open; /* calls not yet answered */
};

/* A call under way: what the store must answer. */
struct expected {
    struct history *h;
    size_t n;
    union {
        struct store_put_answer puts[MAX_BATCH];
        struct model_told told[MAX_SWEPT];
        enum store_lease_status leases[MAX_BATCH];
        struct store_done_answer done[MAX_BATCH];
        enum store_fail_status fails[MAX_BATCH];
        enum store_release_status releases[MAX_BATCH];
        struct store_counts counts;
        int64_t unfinished;
    };
};

/* xorshift64*: the same histories on every machine. */
static uint32_t pick(struct history *h, uint32_t n)
{
    h->random ^= h->random >> 12;
    h->random ^= h->random << 25;
    h->random ^= h->random >> 27;
    return (uint32_t)((h->random * UINT64_C(2685821657736338717)) >> 33) % n;
}

#define CHECK(h, condition)                                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %llu, step %d: %s", (unsigned long long)(h)->seed, (h)->step,           \
                     #condition);                                                                  \
    } while (0)

static struct expected *expect(struct history *h)
{
    struct expected *e = calloc(1, sizeof *e);

    assert_non_null(e);
    e->h = h;
    h->n_open++;
    return e;
}

static void met(struct expected *e)
{
    e->h->n_open--;
    free(e);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void check_put(enum store_status st, const struct store_put_answer *answers, size_t n,
                      void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++) {
        CHECK(e->h, answers[i].status == e->puts[i].status);
        CHECK(e->h, answers[i].task == e->puts[i].task);
    }
    met(e);
}

static void check_claim(enum store_status st, const struct store_claimed *claimed, size_t n,
                        void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++) {
        CHECK(e->h, claimed[i].task == e->told[i].task);
        CHECK(e->h, claimed[i].lease.counter == e->told[i].lease.counter);
        CHECK(e->h, claimed[i].attempt == e->told[i].attempt);
        CHECK(e->h, claimed[i].may_be_repeat == e->told[i].may_be_repeat);
        CHECK(e->h, claimed[i].value == e->h->values[e->told[i].value]);
    }
    met(e);
}

static void check_renew(enum store_status st, const enum store_lease_status *answers, size_t n,
                        void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++)
        CHECK(e->h, answers[i] == e->leases[i]);
    met(e);
}

static void check_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                       void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++) {
        CHECK(e->h, answers[i].status == e->done[i].status);
        CHECK(e->h, answers[i].result == e->done[i].result);
    }
    met(e);
}

static void check_fail(enum store_status st, const enum store_fail_status *answers, size_t n,
                       void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++)
        CHECK(e->h, answers[i] == e->fails[i]);
    met(e);
}

static void check_release(enum store_status st, const enum store_release_status *answers, size_t n,
                          void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++)
        CHECK(e->h, answers[i] == e->releases[i]);
    met(e);
}

/* In any order. */
static void check_sweep(enum store_status st, const struct store_swept *swept, size_t n, void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && n == e->n);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < e->n && e->told[k].task != swept[i].task)
            k++;
        CHECK(e->h, k < e->n);
        CHECK(e->h, swept[i].lease.counter == e->told[k].lease.counter);
        CHECK(e->h, swept[i].dead == e->told[k].dead);
        CHECK(e->h, swept[i].value == e->h->values[e->told[k].value]);
        e->told[k].task = 0;
    }
    met(e);
}

static void check_counts(enum store_status st, const struct store_counts *c, void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK);
    CHECK(e->h, c->queued == e->counts.queued && c->delayed == e->counts.delayed);
    CHECK(e->h, c->leased == e->counts.leased);
    CHECK(e->h, c->done == e->counts.done && c->failed == e->counts.failed);
    CHECK(e->h, c->abandoned == e->counts.abandoned && c->dead == e->counts.dead);
    CHECK(e->h, c->unfinished == e->counts.unfinished);
    met(e);
}

static void check_task_done(enum store_status st, int64_t unfinished, void *arg)
{
    struct expected *e = arg;

    CHECK(e->h, st == STORE_OK && unfinished == e->unfinished);
    met(e);
}

/* --- calls ------------------------------------------------------------------------------------ */

static store_queue_id some_queue(struct history *h)
{
    return 1 + pick(h, MODEL_QUEUES);
}

/* Mostly a lease that was given lately; sometimes any, or one that never was. */
static struct store_lease_ref some_lease(struct history *h)
{
    struct store_lease_ref ref = {1 + pick(h, 40), {h->model->epoch, 1 + pick(h, 40)}};
    uint32_t kind = pick(h, 20);

    if (!h->n_leases || kind == 0)
        return ref;
    if (kind < 4)
        return h->leases[pick(h, (uint32_t)h->n_leases)];
    ref = h->leases[h->n_leases - 1 - pick(h, h->n_leases < 12 ? (uint32_t)h->n_leases : 12)];
    if (kind == 4)
        ref.task++;
    if (kind == 5)
        ref.lease.epoch += pick(h, 2) ? 1 : (uint64_t)-1;
    return ref;
}

static void call_put(struct history *h)
{
    struct store_put_item items[MAX_BATCH];
    struct model_put wanted[MAX_BATCH];
    struct expected *e = expect(h);
    store_queue_id queue = some_queue(h);
    uint64_t limit = pick(h, 3) ? h->model->queues[queue].maxsize : pick(h, 12);
    uint64_t back = pick(h, 8) == 0 ? pick(h, 4) : 0; /* the last keys once more */

    if (back > h->counter)
        back = h->counter;
    e->n = 1 + pick(h, MAX_BATCH);
    for (size_t i = 0; i < e->n; i++) {
        int value = (int)pick(h, 256);
        bool has_key = pick(h, 10) > 0;
        struct store_key key = {has_key ? h->model->epoch : 0,
                                has_key ? h->counter - back + i + 1 : 0};

        uint32_t max_attempts = pick(h, 4) ? 0 : 1 + (uint32_t)pick(h, 3);

        items[i] = (struct store_put_item){key, h->values[value], max_attempts};
        wanted[i] = (struct model_put){key, value, max_attempts};
    }
    h->counter += e->n - (back < e->n ? back : e->n);
    model_put(h->model, queue, wanted, e->n, limit, e->puts);
    store_put(h->s, queue, items, e->n, limit, check_put, e);
}

static void call_claim(struct history *h)
{
    static const struct store_holder holder = {.client = "client", .worker = "worker"};
    struct expected *e = expect(h);
    store_queue_id queue = some_queue(h);
    uint32_t lease_ms = pick(h, 2) ? 1 + pick(h, 1000) : 0;
    size_t n = 1 + pick(h, MAX_BATCH);

    if (!h->n_last_claim || pick(h, 12)) {
        for (size_t i = 0; i < n; i++)
            h->last_claim[i] = (struct store_lease_id){h->model->epoch, ++h->counter};
        h->n_last_claim = n;
    }
    e->n = model_claim(h->model, queue, h->last_claim, h->n_last_claim, lease_ms, e->told);
    for (size_t i = 0; i < e->n && h->n_leases < MODEL_LEASES; i++)
        h->leases[h->n_leases++] = (struct store_lease_ref){e->told[i].task, e->told[i].lease};
    store_claim(h->s, queue, h->last_claim, h->n_last_claim, &holder, lease_ms, check_claim, e);
}

static void call_renew(struct history *h)
{
    struct store_lease_ref refs[MAX_BATCH];
    struct expected *e = expect(h);
    uint32_t lease_ms = pick(h, 3) ? 1 + pick(h, 1000) : 0;

    e->n = 1 + pick(h, MAX_BATCH);
    for (size_t i = 0; i < e->n; i++) {
        refs[i] = some_lease(h);
        e->leases[i] = model_renew(h->model, refs[i], lease_ms);
    }
    store_renew(h->s, refs, e->n, lease_ms, check_renew, e);
}

static void call_done(struct history *h)
{
    static const enum store_task_state states[] = {STORE_DONE, STORE_DONE, STORE_FAILED,
                                                   STORE_DEAD};
    struct store_done_item items[MAX_BATCH];
    struct expected *e = expect(h);

    e->n = 1 + pick(h, MAX_BATCH);
    for (size_t i = 0; i < e->n; i++) {
        int value = pick(h, 4) ? (int)pick(h, 256) : -1;

        items[i] = (struct store_done_item){.ref = some_lease(h),
                                            .state = states[pick(h, 4)],
                                            .result = value >= 0 ? h->values[value] : NULL,
                                            .counts_unfinished = pick(h, 2)};
        e->done[i] =
            model_done(h->model, items[i].ref, items[i].state, value, items[i].counts_unfinished);
    }
    store_done(h->s, items, e->n, check_done, e);
}

static void call_fail(struct history *h)
{
    struct store_fail_item items[MAX_BATCH];
    struct expected *e = expect(h);

    e->n = 1 + pick(h, 2);
    for (size_t i = 0; i < e->n; i++) {
        items[i] =
            (struct store_fail_item){some_lease(h), "error", pick(h, 2) ? 1 + pick(h, 500) : 0};
        e->fails[i] = model_fail(h->model, items[i].ref, items[i].delay_ms);
    }
    store_fail(h->s, items, e->n, check_fail, e);
}

static void call_release(struct history *h)
{
    struct store_release_item items[MAX_BATCH];
    struct expected *e = expect(h);

    e->n = 1 + pick(h, 3);
    for (size_t i = 0; i < e->n; i++) {
        items[i] = (struct store_release_item){.ref = some_lease(h),
                                               .to = (enum store_release_to)pick(h, 3),
                                               .count_attempt = pick(h, 2),
                                               .may_be_repeat = pick(h, 4) == 0,
                                               .why = "why"};
        e->releases[i] = model_release(h->model, &items[i]);
    }
    store_release(h->s, items, e->n, check_release, e);
}

static void call_sweep(struct history *h)
{
    struct expected *e = expect(h);

    e->n = model_sweep(h->model, e->told);
    CHECK(h, e->n <= MAX_SWEPT);
    store_sweep(h->s, MAX_SWEPT, check_sweep, e);
}

static void call_task_done(struct history *h)
{
    struct expected *e = expect(h);
    store_queue_id queue = some_queue(h);

    e->unfinished = model_task_done(h->model, queue);
    store_task_done(h->s, queue, check_task_done, e);
}

static void call_stats(struct history *h, store_queue_id queue)
{
    struct expected *e = expect(h);

    e->counts = model_counts(h->model, queue);
    store_stats(h->s, queue, check_counts, e);
}

/* --- a history -------------------------------------------------------------------------------- */

static void answer_all(struct history *h)
{
    uint64_t limit_ns = clock_mono_ns() + UINT64_C(20000000000);

    while (h->n_open) {
        if (!store_turn(h->s)) { /* a thread of its own is at work */
            CHECK(h, clock_mono_ns() < limit_ns);
            (void)sched_yield();
        }
    }
}

static void take_step(struct history *h, const struct store_maker *maker)
{
    switch (pick(h, 14)) {
    case 0:
    case 1:
    case 2:
        call_put(h);
        break;
    case 3:
    case 4:
    case 5:
        call_claim(h);
        break;
    case 6:
    case 7:
        call_done(h);
        break;
    case 8:
        call_fail(h);
        break;
    case 9:
        call_release(h);
        break;
    case 10:
        call_renew(h);
        break;
    case 11:
        call_task_done(h);
        break;
    case 12:
        call_sweep(h);
        break;
    case 13: {
        uint32_t ms = 1 + pick(h, 400);

        answer_all(h);
        maker->pass_ms(h->s, ms);
        model_pass_ms(h->model, ms);
        break;
    }
    }
    if (pick(h, 3))
        answer_all(h);
}

static void ignore_queue(enum store_status st, const struct store_queue *q, void *arg)
{
    struct history *h = arg;

    CHECK(h, st == STORE_OK);
    h->model->queues[q->id] = *q;
}

static void take_epoch(enum store_status st, uint64_t epoch, void *arg)
{
    struct history *h = arg;

    CHECK(h, st == STORE_OK);
    h->model->epoch = epoch;
}

/* 1: a result queue with few attempts, itself linked to 4 in a next stage; 2: linked to 1; 3:
 * plain, bounded; 4: plain. */
static void make_queues(struct history *h)
{
    static const struct store_queue queues[] = {
        {.name = "last", .maxsize = 0},
        {.name = "middle", .maxsize = 8, .result_queue = 1, .max_attempts = 2},
        {.name = "first", .result_queue = 2},
        {.name = "plain", .maxsize = 5, .max_attempts = 3},
    };

    store_attach(h->s, "random", take_epoch, h);
    for (size_t i = 0; i < MODEL_QUEUES; i++) {
        store_queue_ensure(h->s, &queues[i], ignore_queue, h);
        while (!h->model->queues[i + 1].id)
            (void)store_turn(h->s);
    }
}

static void run_history(struct history *h, uint64_t seed, const struct store_maker *maker)
{
    memset(h->model, 0, sizeof *h->model);
    h->seed = seed;
    h->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    h->n_leases = h->n_last_claim = 0;
    h->counter = 0;
    h->step = 0;
    h->s = maker->open();
    make_queues(h);
    for (h->step = 1; h->step <= N_STEPS; h->step++) {
        take_step(h, maker);
        if (h->step % 5 == 0)
            call_stats(h, some_queue(h));
    }
    for (store_queue_id queue = 1; queue <= MODEL_QUEUES; queue++)
        call_stats(h, queue);
    answer_all(h);
    store_close(h->s);
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

void store_suite_random_histories_match_the_model(const struct store_maker *maker)
{
    uint64_t first = number_from("PLATOON_STORE_SEED", 1);
    uint64_t n = number_from("PLATOON_STORE_HISTORIES", 2000);
    struct history *h = calloc(1, sizeof *h);

    h->model = calloc(1, sizeof *h->model);
    for (int i = 0; i < 256; i++)
        h->values[i] = rig_payload((char)(i % 128));
    for (uint64_t seed = first; seed < first + n; seed++)
        run_history(h, seed, maker);
    for (int i = 0; i < 256; i++)
        payload_unref(h->values[i]);
    free(h->model);
    free(h);
}
