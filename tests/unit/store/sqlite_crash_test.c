/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_crash_test.c - the sqlite store ended between any two steps of its file system, by kill -9
 * or by loss of power: what it had acknowledged is there, and nothing twice.
 *
 * A child makes random calls and notes each answer in memory that the parent shares; a file system
 * of its own (crash_vfs.h) ends it. Then the parent opens what is left. PLATOON_STORE_CRASHES says
 * how many histories of each kind (default 400), PLATOON_STORE_SEED the first; a failure names its
 * seed: run it alone with PLATOON_STORE_CRASHES=1. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "support/crash_vfs.h"
#include "support/store_rig.h"

enum { MOST = 1024, N_CALLS = 120, MAX_BATCH = 4 };

/* What the child was told, and what it asked for. */
struct ledger {
    struct {
        store_task_id task;
        char letter;
    } puts[MOST];
    struct {
        struct store_lease_ref ref;
        store_task_id result;
        char letter;
    } dones[MOST];
    size_t n_puts, n_dones, n_asked; /* n_asked: tasks and results that may be there */
    bool may_have_ended[2 * MOST];   /* by task: a done was asked for */
    bool may_be_out_of_order[2 * MOST];
};

static struct ledger *ledger;
static char folder[64];
static uint64_t seed, random_state;

static uint32_t pick(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Files of the redo log that a history fills many times, a few times, and not at all. */
static struct sqlite_options options_of(bool is_power)
{
    static const uint64_t redo_bytes[] = {512, 1024, 4096, 0};

    return (struct sqlite_options){.folder = folder,
                                   .durability = is_power ? SQLITE_POWER : SQLITE_PROCESS,
                                   .redo_bytes = redo_bytes[seed % 4],
                                   .reserve_bytes = 4096};
}

/* --- the child -------------------------------------------------------------------------------- */
/* No assertion here: one would go on with the parent's tests. */

struct call {
    size_t n;
    char letters[MAX_BATCH];
    struct store_lease_ref refs[MAX_BATCH];
};

static struct store *s;
static struct store_lease_id next_lease;
static store_queue_id results, tasks;
static size_t n_open;
static struct {
    struct store_lease_ref ref;
    bool is_result;
} held[MOST];
static size_t n_held;

static void must(bool claim)
{
    if (!claim)
        _exit(1);
}

static struct call *new_call(size_t n)
{
    struct call *c = calloc(1, sizeof *c);

    must(c != NULL);
    c->n = n;
    n_open++;
    return c;
}

static void end_call(struct call *c)
{
    free(c);
    n_open--;
}

static void on_put(enum store_status st, const struct store_put_answer *answers, size_t n,
                   void *arg)
{
    struct call *c = arg;

    must(st == STORE_OK && n == c->n);
    for (size_t i = 0; i < n; i++) {
        must(answers[i].status == STORE_PUT_NEW && ledger->n_puts < MOST);
        ledger->puts[ledger->n_puts].task = answers[i].task;
        ledger->puts[ledger->n_puts].letter = c->letters[i];
        ledger->n_puts++;
    }
    end_call(c);
}

static void call_put(void)
{
    struct call *c = new_call(1 + pick(MAX_BATCH));
    struct store_put_item items[MAX_BATCH] = {0};

    for (size_t i = 0; i < c->n; i++) {
        c->letters[i] = (char)('a' + pick(26));
        items[i].value = rig_payload(c->letters[i]);
    }
    ledger->n_asked += c->n;
    store_put(s, tasks, items, c->n, 0, on_put, c);
    for (size_t i = 0; i < c->n; i++)
        payload_unref(items[i].value);
}

static void on_claim(enum store_status st, const struct store_claimed *claimed, size_t n, void *arg)
{
    must(st == STORE_OK);
    for (size_t i = 0; i < n && n_held < MOST; i++) {
        held[n_held].ref = (struct store_lease_ref){claimed[i].task, claimed[i].lease};
        held[n_held].is_result = ((struct call *)arg)->letters[0] != 0;
        n_held++;
    }
    end_call(arg);
}

static void call_claim(void)
{
    static const struct store_holder holder = {.client = "client", .worker = "worker"};
    struct store_lease_id leases[MAX_BATCH];
    struct call *c = new_call(1 + pick(MAX_BATCH));

    for (size_t i = 0; i < c->n; i++) {
        next_lease.counter++;
        leases[i] = next_lease;
    }
    c->letters[0] = pick(4) == 0; /* from the result queue */
    store_claim(s, c->letters[0] ? results : tasks, leases, c->n, &holder, pick(2) ? 60000 : 0,
                on_claim, c);
}

static void on_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                    void *arg)
{
    struct call *c = arg;

    must(st == STORE_OK && n == 1 && ledger->n_dones < MOST);
    if (answers[0].status == STORE_DONE_RECORDED) {
        ledger->dones[ledger->n_dones].ref = c->refs[0];
        ledger->dones[ledger->n_dones].result = answers[0].result;
        ledger->dones[ledger->n_dones].letter = c->letters[0];
        ledger->n_dones++;
    }
    end_call(c);
}

static void call_done(size_t at)
{
    struct call *c = new_call(1);
    struct store_done_item item = {.ref = held[at].ref, .state = STORE_DONE, .outcome = "ok"};

    c->refs[0] = item.ref;
    if (!held[at].is_result) {
        c->letters[0] = (char)('A' + pick(26));
        item.result = rig_payload(c->letters[0]);
        item.counts_unfinished = true;
        ledger->n_asked++;
    }
    ledger->may_have_ended[item.ref.task] = true;
    store_done(s, &item, 1, on_done, c);
    payload_unref(item.result);
}

static void on_release(enum store_status st, const enum store_release_status *answers, size_t n,
                       void *arg)
{
    (void)answers;
    must(st == STORE_OK && n == 1);
    end_call(arg);
}

static void call_release(size_t at)
{
    struct store_release_item item = {.ref = held[at].ref,
                                      .to = (enum store_release_to)pick(3),
                                      .count_attempt = pick(2),
                                      .why = "a test"};

    if (item.to != STORE_TO_FRONT)
        ledger->may_be_out_of_order[item.ref.task] = true;
    store_release(s, &item, 1, on_release, new_call(1));
}

static void call_something(void)
{
    uint32_t kind = pick(10);
    size_t at = n_held ? pick((uint32_t)n_held) : 0;

    if (kind < 4) {
        call_put();
    } else if (kind < 7 || !n_held) {
        call_claim();
    } else {
        if (kind < 9)
            call_done(at);
        else
            call_release(at);
        held[at] = held[--n_held];
    }
}

static void on_attach(enum store_status st, uint64_t epoch, void *arg)
{
    (void)arg;
    must(st == STORE_OK);
    next_lease.epoch = epoch;
}

static void on_queue(enum store_status st, const struct store_queue *q, void *arg)
{
    must(st == STORE_OK);
    *(store_queue_id *)arg = q->id;
}

static void live(bool is_power, unsigned steps)
{
    struct sqlite_options options = options_of(is_power);

    crash_vfs_start(steps, is_power, seed);
    must(store_sqlite_open(&options, &s, NULL) == PLATOON_OK);
    store_attach(s, "crash", on_attach, NULL);
    store_queue_ensure(s, &(struct store_queue){.name = "results"}, on_queue, &results);
    while (!results)
        (void)store_turn(s);
    store_queue_ensure(s, &(struct store_queue){.name = "tasks", .result_queue = results}, on_queue,
                       &tasks);
    while (!tasks)
        (void)store_turn(s);
    for (int i = 0; i < N_CALLS; i++) {
        call_something();
        while (pick(3) && n_open)
            if (!store_turn(s))
                (void)sched_yield();
    }
    store_close(s);
    _exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %llu: %s", (unsigned long long)seed, #condition);                       \
    } while (0)

struct found {
    bool has_come, is_there;
    char letter;
};

static void on_get(enum store_status st, const struct store_task *got, size_t n, void *arg)
{
    struct found *found = arg;

    CHECK(st == STORE_OK && n == 1);
    found->has_come = true;
    found->is_there = got[0].task != 0;
    if (found->is_there)
        found->letter = rig_letter(got[0].value);
}

static struct found find(struct rig *r, store_task_id task)
{
    struct found found = {0};

    store_get(r->s, &task, 1, on_get, &found);
    while (!found.has_come)
        (void)store_turn(r->s);
    return found;
}

static void check_puts(struct rig *r)
{
    for (size_t i = 0; i < ledger->n_puts; i++) {
        store_task_id task = ledger->puts[i].task;
        struct found found = find(r, task);

        CHECK(found.is_there || ledger->may_have_ended[task]);
        CHECK(!found.is_there || found.letter == ledger->puts[i].letter);
    }
}

static void check_dones(struct rig *r)
{
    for (size_t i = 0; i < ledger->n_dones; i++) {
        store_task_id result = ledger->dones[i].result;

        CHECK(!find(r, ledger->dones[i].ref.task).is_there);
        CHECK(done_ref(r, ledger->dones[i].ref, STORE_DONE, 'x', true).status ==
              STORE_DONE_ALREADY);
        if (result) {
            struct found found = find(r, result);

            CHECK(found.is_there || ledger->may_have_ended[result]);
            CHECK(!found.is_there || found.letter == ledger->dones[i].letter);
        }
    }
}

static const struct store_row *row_of(const struct look *l, store_task_id task)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i].task == task)
            return &l->rows[i];
    return NULL;
}

struct looked {
    const struct rig *rig;
    bool has_come;
};

static void on_look(enum store_status st, const struct look *l, void *arg)
{
    struct looked *looked = arg;
    const struct rig *r = looked->rig;

    looked->has_come = true;
    CHECK(st == STORE_OK && l->n_rows < LOOK_MAX_ROWS);
    for (size_t i = 0; i < l->n_rows; i++) {
        const struct store_row *row = &l->rows[i];
        const struct store_row *other;

        if (row->queue == r->tasks && row->state == STORE_DONE) {
            other = row_of(l, row->result);
            CHECK(other && other->queue == r->results && other->result_of == row->task);
        } else if (row->queue == r->results) {
            other = row_of(l, row->result_of);
            CHECK(other && other->state == STORE_DONE && other->result == row->task);
        } else {
            CHECK(!row->result);
        }
    }
}

/* Acknowledged or not: no end of a task without its result, no result without the end. */
static void check_pairs(struct rig *r)
{
    const struct store_filter everything = {.limit = LOOK_MAX_ROWS};
    struct looked looked = {.rig = r};

    store_look(r->s, &everything, on_look, &looked);
    while (!looked.has_come)
        (void)store_turn(r->s);
}

static store_task_id claimed_task(struct rig *r)
{
    return r->held[(int)r->letters[0]].ref.task;
}

/* What waits comes in the order of its puts; and it is no more than was asked for. */
static void check_line(struct rig *r)
{
    store_task_id last = 0;
    size_t n = 0;

    while (*claim(r, r->tasks, 1)) {
        store_task_id task = claimed_task(r);

        CHECK(task < 2 * MOST);
        n++;
        if (ledger->may_be_out_of_order[task])
            continue;
        CHECK(task > last);
        last = task;
    }
    while (*claim(r, r->results, 1))
        n++;
    CHECK(n <= ledger->n_asked);
}

static void run_history(bool is_power)
{
    struct sqlite_options options = options_of(is_power);
    struct platoon_err err;
    struct store *left = NULL;
    unsigned steps;
    struct rig r;
    pid_t child;
    int status;

    memset(ledger, 0, sizeof *ledger);
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    steps = 1 + pick(pick(2) ? 60 : 900);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        live(is_power, steps);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == CRASH_EXIT_CODE || WEXITSTATUS(status) == 0);
    if (store_sqlite_open(&options, &left, &err) != PLATOON_OK)
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
    rig_open_on(&r, NULL, left);
    check_pairs(&r);
    check_puts(&r);
    check_dones(&r);
    check_line(&r);
    rig_close(&r);
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void run_histories(bool is_power)
{
    uint64_t first = number_from("PLATOON_STORE_SEED", 1);
    uint64_t n = number_from("PLATOON_STORE_CRASHES", 400);
    char command[128];

    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(ledger != MAP_FAILED);
    for (seed = first; seed < first + n; seed++) {
        snprintf(folder, sizeof folder, "%s/platoon-crash-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(folder));
        run_history(is_power);
        snprintf(command, sizeof command, "rm -r %s", folder);
        assert_int_equal(system(command), 0);
    }
    munmap(ledger, sizeof *ledger);
}

TEST(a_kill_between_any_two_steps_loses_nothing_that_was_acknowledged)
{
    run_histories(false);
}

TEST(a_loss_of_power_between_any_two_steps_loses_nothing_that_was_acknowledged)
{
    run_histories(true);
}
