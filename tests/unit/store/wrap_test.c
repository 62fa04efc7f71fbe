/* SPDX-License-Identifier: Apache-2.0 */
/* wrap_test.c - the suite of all stores through a bad link (store_wrap.h), over the memory store and
 * over sqlite: late answers for all of it; calls lost, doubled and unanswered for what repeats its
 * calls as the contract says. */
#include <unistd.h>

#include "store/sqlite.h"
#include "store/table_store.h"
#include "support/store_suite.h"
#include "support/store_wrap.h"

static uint64_t now_ns, seed;
static char folder[64];

static uint64_t read_clock(void *arg)
{
    (void)arg;
    return now_ns;
}

static void remove_folder(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (folder[0] && system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", folder);
    folder[0] = '\0';
}

/* Histories make and remove a folder each: fewer than in memory, unless asked. */
__attribute__((constructor)) static void set_up(void)
{
    (void)setenv("PLATOON_STORE_HISTORIES", "60", 0);
    (void)atexit(remove_folder);
}

static struct store *open_memory(void)
{
    struct store *s = NULL;

    now_ns = 1000000000;
    assert_int_equal(store_memory_open(&s, NULL), PLATOON_OK);
    table_store_set_clock(s, read_clock, NULL);
    return s;
}

static struct store *open_sqlite(void)
{
    struct sqlite_options options = {.folder = folder, .reserve_bytes = 4096};
    struct store *s = NULL;

    now_ns = 1000000000;
    remove_folder();
    snprintf(folder, sizeof folder, "%s/platoon-wrap-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_sqlite_open(&options, &s, NULL), PLATOON_OK);
    table_store_set_clock(s, read_clock, NULL);
    return s;
}

static struct store *slow(struct store *inner)
{
    return store_wrap(inner, &(struct store_wrap_options){.seed = ++seed, .slow_turns = 3});
}

static struct store *lossy(struct store *inner)
{
    return store_wrap(
        inner, &(struct store_wrap_options){.seed = ++seed, .slow_turns = 2, .is_lossy = true});
}

static struct store *slow_memory(void)
{
    return slow(open_memory());
}

static struct store *slow_sqlite(void)
{
    return slow(open_sqlite());
}

static struct store *lossy_memory(void)
{
    return lossy(open_memory());
}

static struct store *lossy_sqlite(void)
{
    return lossy(open_sqlite());
}

static void pass_ms(struct store *s, uint32_t ms)
{
    while (ms) {
        uint32_t step = ms < 1000 ? ms : 1000;

        now_ns += (uint64_t)step * 1000000;
        (void)store_turn(s);
        ms -= step;
    }
}

static void stop_ms(struct store *s, uint32_t ms)
{
    now_ns += (uint64_t)ms * 1000000;
    (void)store_turn(s);
}

static const struct store_maker makers[] = {
    {"slow memory", slow_memory, pass_ms, stop_ms},
    {"slow sqlite", slow_sqlite, pass_ms, stop_ms},
    {"lossy memory", lossy_memory, pass_ms, stop_ms},
    {"lossy sqlite", lossy_sqlite, pass_ms, stop_ms},
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* Of the suite, what a late store need not do. */
static const char *const of_one_turn[] = {
    "calls_made_from_callbacks_are_answered_in_the_same_turn",
    "close_drops_answers_that_were_not_told",
    NULL,
};

/* Their calls are not made again by the rig; or they tell the first answer from a repeat's, which
 * nobody can who has lost the first. */
static const char *const never_repeat[] = {
    "callbacks_come_in_the_order_of_the_calls",
    "no_callback_comes_from_inside_a_call",
    "large_batches_keep_their_order",
    "random_histories_match_the_model",
    "epochs_rise",
    "queue_list_tells_options_and_counts",
    "get_tells_of_tasks_in_every_state",
    "a_repeated_put_is_a_dup",
    "a_result_is_an_entry_of_the_linked_queue",
    "a_batch_of_results_may_name_a_task_twice",
    "a_cancelled_task_ends_wherever_it_is",
    "the_failure_of_a_dead_task_is_recorded_once",
    "a_late_result_of_a_dead_task_wins_over_its_failure",
    "the_first_result_wins_even_from_a_lost_lease",
    NULL,
};

#define X(name)                                                                                    \
    TEST(slow_##name)                                                                              \
    {                                                                                              \
        for (int i = 0; i < 2 && !is_one_of(#name, of_one_turn); i++)                              \
            store_suite_##name(&makers[i]);                                                        \
    }                                                                                              \
    TEST(lossy_##name)                                                                             \
    {                                                                                              \
        for (int i = 2;                                                                            \
             i < 4 && !is_one_of(#name, of_one_turn) && !is_one_of(#name, never_repeat); i++)      \
            for (int k = 0; k < 5; k++)                                                            \
                store_suite_##name(&makers[i]);                                                    \
    }
STORE_SUITE(X)
#undef X

/* --- the wrapper itself ------------------------------------------------------------------------- */

TEST(every_misfortune_happens)
{
    struct store_wrap_counts c;
    struct rig r;

    rig_open(&r, &makers[2]);
    for (int i = 0; i < 200; i++) {
        put(&r, r.tasks, "a");
        claim(&r, r.tasks, 1);
        done(&r, 'a', 'A');
    }
    c = store_wrap_counts(r.s);
    assert_true(c.n_late > 50 && c.n_down > 50 && c.n_unknown > 20 && c.n_twice > 20);
    assert_int_equal(counts(&r, r.results).queued, 200); /* and yet each result once */
    rig_close(&r);
}

struct noted {
    char line[128];
};

struct put_on {
    struct noted *noted;
    char what;
};

static void note_put(enum store_status st, const struct store_put_answer *answers, size_t n,
                     void *arg)
{
    struct put_on *p = arg;
    size_t len = strlen(p->noted->line);

    (void)answers;
    assert_true(st == STORE_OK && n == 1);
    p->noted->line[len] = p->what;
    p->noted->line[len + 1] = '\0';
}

TEST(calls_on_different_queues_overtake_and_those_on_one_do_not)
{
    struct store_wrap_options options = {.seed = 7, .slow_turns = 2, .is_reordering = true};
    struct noted noted = {""};
    struct put_on puts[26];
    struct rig r;
    char last_lower = 'a' - 1, last_upper = 'A' - 1;

    rig_open_on(&r, &makers[0], store_wrap(open_memory(), &options));
    for (int i = 0; i < 26; i++) {
        bool is_upper = i % 2;
        struct store_put_item item = {.value = rig_payload((char)((is_upper ? 'A' : 'a') + i / 2))};

        puts[i] = (struct put_on){&noted, (char)((is_upper ? 'A' : 'a') + i / 2)};
        store_put(r.s, is_upper ? r.plain : r.tasks, &item, 1, 0, note_put, &puts[i]);
        payload_unref(item.value);
    }
    while (strlen(noted.line) < 26)
        (void)store_turn(r.s);
    for (int i = 0; i < 26; i++) {
        char *last = noted.line[i] < 'a' ? &last_upper : &last_lower;

        assert_int_equal(noted.line[i], *last + 1);
        *last = noted.line[i];
    }
    assert_true(store_wrap_counts(r.s).n_overtaken > 3);
    rig_close(&r);
}

struct fenced {
    bool has_come;
    enum store_status st;
    uint64_t epoch;
};

static void note_stats(enum store_status st, const struct store_counts *c, void *arg)
{
    struct fenced *f = arg;

    (void)c;
    f->has_come = true;
    f->st = st;
}

static void note_attach(enum store_status st, uint64_t epoch, void *arg)
{
    struct fenced *f = arg;

    f->has_come = true;
    f->st = st;
    f->epoch = epoch;
}

TEST(a_fenced_server_is_told_so_until_it_attaches_anew)
{
    struct fenced f = {0};
    struct rig_lease held;
    struct rig r;

    rig_open(&r, &makers[1]);
    put(&r, r.tasks, "a");
    assert_string_equal(claim_for(&r, r.tasks, 1, 60000), "a");
    held = r.held['a'];
    store_wrap_fence(r.s);
    store_stats(r.s, r.tasks, note_stats, &f);
    while (!f.has_come)
        (void)store_turn(r.s);
    assert_int_equal(f.st, STORE_FENCED);
    f = (struct fenced){0};
    store_attach(r.s, "anew", note_attach, &f);
    while (!f.has_come)
        (void)store_turn(r.s);
    assert_int_equal(f.st, STORE_OK);
    assert_true(f.epoch > r.epoch);
    /* A worker that comes back with a lease of before ends its task. */
    assert_int_equal(done_ref(&r, held.ref, STORE_DONE, 'A', true).status, STORE_DONE_RECORDED);
    rig_close(&r);
}
