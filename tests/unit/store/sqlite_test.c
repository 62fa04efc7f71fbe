/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_test.c - the durable store passes the suite of all stores, and keeps what it promised. */
#include "store/sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

#include "store/data_folder.h"
#include "store/sqlite_copy.h"
#include "store/table_store.h"
#include "support/store_suite.h"

static uint64_t now_ns;
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
}

static void new_folder(void)
{
    static bool is_registered;

    remove_folder();
    /* In memory where that is to be had: thousands of stores are made and synced. */
    snprintf(folder, sizeof folder, "%s/platoon-store-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    if (!is_registered)
        (void)atexit(remove_folder);
    is_registered = true;
}

/* Each history makes and removes a folder: fewer than in memory, unless asked. */
__attribute__((constructor)) static void few_histories(void)
{
    (void)setenv("PLATOON_STORE_HISTORIES", "100", 0);
}

static struct sqlite_options options_of(enum sqlite_durability durability)
{
    return (struct sqlite_options){
        .folder = folder, .durability = durability, .reserve_bytes = 4096};
}

static struct store *open_with(const struct sqlite_options *options)
{
    struct store *s = NULL;
    struct platoon_err err;

    if (store_sqlite_open(options, &s, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    table_store_set_clock(s, read_clock, NULL);
    return s;
}

static struct store *open_fresh(enum sqlite_durability durability)
{
    struct sqlite_options options;

    now_ns = 1000000000;
    new_folder();
    options = options_of(durability);
    return open_with(&options);
}

static struct store *open_process(void)
{
    return open_fresh(SQLITE_PROCESS);
}

static struct store *open_power(void)
{
    return open_fresh(SQLITE_POWER);
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

static const struct store_maker process_maker = {"sqlite process", open_process, pass_ms, stop_ms};
static const struct store_maker power_maker = {"sqlite power", open_power, pass_ms, stop_ms};

#define X(name)                                                                                    \
    TEST(name)                                                                                     \
    {                                                                                              \
        store_suite_##name(&process_maker);                                                        \
    }
STORE_SUITE(X)
#undef X

#define X(name)                                                                                    \
    TEST(power_##name)                                                                             \
    {                                                                                              \
        store_suite_##name(&power_maker);                                                          \
    }
STORE_SUITE(X)
#undef X

/* --- again after a stop ------------------------------------------------------------------------- */

/* The rig on the folder that is there; it remembers the leases of the life before. */
static void reopen(struct rig *r, const struct sqlite_options *options)
{
    struct rig_lease held[sizeof r->held / sizeof r->held[0]];

    memcpy(held, r->held, sizeof held);
    rig_open_on(r, &process_maker, open_with(options));
    memcpy(r->held, held, sizeof held);
}

TEST(what_was_put_is_there_after_a_stop)
{
    struct sqlite_options options;
    struct rig r;
    struct store_counts c;

    rig_open(&r, &process_maker);
    options = options_of(SQLITE_PROCESS);
    put(&r, r.tasks, "abcdef");
    assert_string_equal(claim(&r, r.tasks, 4), "abcd");
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    assert_int_equal(release(&r, 'b', STORE_TO_FRONT), STORE_RELEASE_OK);
    assert_int_equal(release(&r, 'c', STORE_TO_ABANDONED), STORE_RELEASE_OK);
    /* d stays leased without a time: its holder is gone after a restart. */
    store_close(r.s);

    reopen(&r, &options);
    c = counts(&r, r.tasks);
    assert_int_equal(c.queued, 4);
    assert_int_equal(c.abandoned, 1);
    assert_int_equal(c.done, 1);
    assert_string_equal(claim(&r, r.tasks, 9), "bdef");
    assert_string_equal(claim(&r, r.results, 9), "A");
    assert_int_equal(done(&r, 'a', 'X'), STORE_DONE_ALREADY); /* by the lease of the first life */
    rig_close(&r);
}

TEST(a_lease_with_a_time_outlives_a_stop)
{
    struct sqlite_options options;
    struct rig_lease held;
    struct rig r;

    rig_open(&r, &process_maker);
    options = options_of(SQLITE_PROCESS);
    put(&r, r.tasks, "ab");
    assert_string_equal(claim_for(&r, r.tasks, 1, 60000), "a");
    held = r.held['a'];
    store_close(r.s);

    reopen(&r, &options);
    assert_string_equal(claim(&r, r.tasks, 9), "b");
    assert_int_equal(renew_ref(&r, held.ref, 60000), STORE_LEASE_HELD);
    assert_int_equal(done_ref(&r, held.ref, STORE_DONE, 'A', true).status, STORE_DONE_RECORDED);
    rig_close(&r);
}

TEST(a_lease_with_a_time_of_a_holder_that_ends_with_its_server_does_not)
{
    struct sqlite_options options;
    struct rig r;

    rig_open(&r, &process_maker);
    options = options_of(SQLITE_PROCESS);
    put(&r, r.tasks, "ab");
    do { /* a dies by it, and nobody is to be told */
        assert_string_equal(claim_until_end(&r, r.tasks, 1, 1000), "a");
        rig_pass_ms(&r, 1001);
        assert_int_equal(sweep(&r, 1), 1);
    } while (!r.swept[0].dead);
    assert_string_equal(claim_until_end(&r, r.tasks, 1, 60000), "b");
    assert_int_equal(renew(&r, 'b', 60000), STORE_LEASE_HELD); /* it is a lease all the same */
    store_close(r.s);

    reopen(&r, &options);
    assert_int_equal(counts(&r, r.tasks).dead, 1);
    assert_string_equal(claim(&r, r.tasks, 9), "b");
    assert_int_equal(r.held['b'].attempt, 1);
    rig_pass_ms(&r, 2);
    assert_int_equal(sweep(&r, 1), 0);
    rig_close(&r);
}

TEST(values_over_the_limit_of_memory_stay_on_disk_and_come_back)
{
    struct sqlite_options options;
    struct store *s;
    struct rig r;

    now_ns = 1000000000;
    new_folder();
    options = options_of(SQLITE_PROCESS);
    options.max_memory_bytes = 20; /* a letter takes about ten */
    s = open_with(&options);
    rig_open_on(&r, &process_maker, s);
    put(&r, r.tasks, "abcdefgh");
    assert_string_equal(claim(&r, r.tasks, 3), "abc");
    assert_string_equal(claim(&r, r.tasks, 9), "defgh");
    rig_close(&r);
}

/* --- what is refused ---------------------------------------------------------------------------- */

static void assert_refused(const struct sqlite_options *options, enum platoon_status status,
                           const char *message)
{
    struct store *s = NULL;
    struct platoon_err err;

    assert_int_equal(store_sqlite_open(options, &s, &err), status);
    if (!strstr(err.message, message))
        fail_msg("said \"%s\", wanted \"%s\"", err.message, message);
    assert_null(s);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

TEST(a_folder_in_use_is_refused)
{
    struct store *s = open_process();
    struct sqlite_options options = options_of(SQLITE_PROCESS);

    assert_refused(&options, PLATOON_EBUSY, "in use by another server (pid ");
    store_close(s);
}

TEST(a_foreign_file_is_refused_and_left_alone)
{
    struct sqlite_options options;
    char path[128], text[64] = "";
    FILE *f;

    new_folder();
    write_file("platoon.db", "this is somebody's shopping list\n");
    options = options_of(SQLITE_PROCESS);
    assert_refused(&options, PLATOON_EINVAL, "is no store of Platoon's");
    snprintf(path, sizeof path, "%s/platoon.db", folder);
    f = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "this is somebody's shopping list\n");
}

static void run_sqlite(const char *sql)
{
    char path[128];
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/platoon.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(a_store_of_a_newer_version_is_refused)
{
    struct sqlite_options options;

    store_close(open_process());
    run_sqlite("PRAGMA user_version=99");
    options = options_of(SQLITE_PROCESS);
    assert_refused(&options, PLATOON_EVERSION, "written by a newer Platoon (schema 99");
}

TEST(a_store_of_the_first_version_is_brought_up_to_date)
{
    struct sqlite_options options;
    struct rig r;

    rig_open(&r, &process_maker);
    options = options_of(SQLITE_PROCESS);
    put(&r, r.tasks, "a");
    store_close(r.s);
    run_sqlite("ALTER TABLE task DROP COLUMN max_attempts;"
               "DELETE FROM meta WHERE key IN ('redo', 'redo_life'); PRAGMA user_version=1");

    for (int life = 0; life < 2; life++) {
        reopen(&r, &options);
        assert_string_equal(claim(&r, r.tasks, 9), life ? "ab" : "a");
        assert_int_equal(release(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
        r.max_attempts = 1;
        put(&r, r.tasks, life ? "c" : "b");
        store_close(r.s);
    }
    reopen(&r, &options);
    assert_int_equal(counts(&r, r.tasks).queued, 3);
    rig_close(&r);
}

TEST(a_limit_of_attempts_outlives_a_stop_and_a_retry)
{
    struct sqlite_options options;
    struct rig r;

    rig_open(&r, &process_maker);
    options = options_of(SQLITE_PROCESS);
    r.max_attempts = 2;
    put(&r, r.tasks, "a");
    assert_string_equal(claim(&r, r.tasks, 1), "a");
    assert_int_equal(lose(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
    store_close(r.s);

    reopen(&r, &options);
    assert_string_equal(claim(&r, r.tasks, 1), "a");
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    assert_int_equal(retry_again(&r, r.held['a'].ref.task), STORE_RETRIED); /* out of the file */
    for (int i = 0; i < 2; i++) {
        assert_string_equal(claim(&r, r.tasks, 1), "a");
        assert_int_equal(lose(&r, 'a', STORE_TO_FRONT), i ? STORE_RELEASE_DEAD : STORE_RELEASE_OK);
    }
    rig_close(&r);
}

TEST(another_programs_database_is_refused)
{
    struct sqlite_options options;

    new_folder();
    run_sqlite("CREATE TABLE x(y)");
    options = options_of(SQLITE_PROCESS);
    assert_refused(&options, PLATOON_EINVAL, "none of Platoon's");
}

TEST(a_damaged_store_is_refused)
{
    struct sqlite_options options;
    struct rig r;
    char path[128];
    FILE *f;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "abcdefghijklmnop");
    rig_close(&r);
    snprintf(path, sizeof path, "%s/platoon.db", folder);
    f = fopen(path, "r+");
    for (long at = 4096; at < 40000; at += 512) { /* not the header */
        fseek(f, at, SEEK_SET);
        fputs("damage damage damage", f);
    }
    fclose(f);
    options = options_of(SQLITE_PROCESS);
    assert_refused(&options, PLATOON_EIO, "damaged");
}

static bool is_on_nfs(const char *path, long *out_type)
{
    (void)path;
    *out_type = 0x6969;
    return true;
}

TEST(a_network_file_system_is_refused)
{
    struct sqlite_options options;
    bool (*asked)(const char *, long *) = data_folder_fs_type;

    new_folder();
    data_folder_fs_type = is_on_nfs;
    options = options_of(SQLITE_PROCESS);
    assert_refused(&options, PLATOON_EINVAL, "network file system (NFS)");
    data_folder_fs_type = asked;
}

TEST(a_copy_of_a_live_store_is_a_store)
{
    struct sqlite_options options;
    char from[128], copy[128], command[300];
    struct platoon_err err;
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "abc");
    snprintf(from, sizeof from, "%s/platoon.db", folder);
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    if (sqlite_copy(from, copy, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    assert_int_equal(sqlite_copy(from, copy, &err), PLATOON_EINVAL); /* is there already */
    put(&r, r.tasks, "d");
    rig_close(&r);
    snprintf(command, sizeof command, "rm -f %s/platoon.db*; mv %s %s/platoon.db", folder, copy,
             folder);
    assert_int_equal(system(command), 0);
    options = options_of(SQLITE_PROCESS);
    reopen(&r, &options);
    assert_string_equal(claim(&r, r.tasks, 9), "abc");
    rig_close(&r);
}

/* --- what has ended ----------------------------------------------------------------------------- */

TEST(an_ended_task_is_shown_with_its_history_and_can_be_retried)
{
    struct store_filter filter = {.with_values = true, .limit = 10};
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 2);
    done_ref(&r, r.held['a'].ref, STORE_FAILED, 'A', true);
    filter.states = LOOK_STATE(STORE_FAILED);
    assert_string_equal(look(&r, &filter), "a");
    filter = (struct store_filter){.only_results = true, .with_values = true, .limit = 10};
    assert_string_equal(look(&r, &filter), "A");
    put(&r, r.tasks, "c");
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    assert_int_equal(counts(&r, r.tasks).failed, 0);
    assert_int_equal(counts(&r, r.tasks).unfinished, 3);
    assert_string_equal(claim(&r, r.tasks, 9), "ac"); /* at its old place */
    rig_close(&r);
}

/* Lost with each of its workers, and its master told so by F. */
static void die_and_tell(struct rig *r, char letter)
{
    do {
        assert_int_equal(claim_for(r, r->tasks, 1, 1000)[0], letter);
        rig_pass_ms(r, 1001);
        assert_int_equal(sweep(r, 1), 1);
    } while (!r->swept[0].dead);
    assert_int_equal(done_ref(r, r->held[(int)letter].ref, STORE_DEAD, 'F', true).status,
                     STORE_DONE_RECORDED);
}

/* After a restart too, which is when the file has its say. */
static void check_result_is_recorded_and_told(struct rig *r)
{
    struct sqlite_options options = options_of(SQLITE_PROCESS);

    store_close(r->s);
    reopen(r, &options);
    assert_string_equal(claim(r, r->tasks, 1), "a");
    assert_int_equal(done(r, 'a', 'A'), STORE_DONE_RECORDED);
    store_close(r->s);
    reopen(r, &options);
    assert_string_equal(claim(r, r->tasks, 9), "");
    assert_string_equal(claim(r, r->results, 9), "FA");
    assert_int_equal(counts(r, r->tasks).queued + counts(r, r->tasks).leased, 0);
}

TEST(a_dead_task_that_is_retried_has_its_result_recorded_after_a_restart)
{
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "a");
    die_and_tell(&r, 'a');
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    check_result_is_recorded_and_told(&r);
    rig_close(&r);
}

TEST(a_dead_task_that_was_cancelled_and_retried_has_its_result_recorded_after_a_restart)
{
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "a");
    die_and_tell(&r, 'a');
    assert_int_equal(cancel(&r, r.held['a'].ref.task, 'C'), STORE_DONE_RECORDED);
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    check_result_is_recorded_and_told(&r);
    rig_close(&r);
}

TEST(a_failed_task_that_is_retried_has_its_result_recorded_after_a_restart)
{
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "a");
    claim(&r, r.tasks, 1);
    done_ref(&r, r.held['a'].ref, STORE_FAILED, 'F', true);
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    check_result_is_recorded_and_told(&r);
    rig_close(&r);
}

static void on_guessed(enum store_status st, const struct store_done_answer *answers, size_t n,
                       void *arg)
{
    assert_int_equal(st, STORE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(answers[0].status, STORE_DONE_RECORDED);
    *(bool *)arg = true;
}

/* As a server says it of a stock client whose marks tell no more. */
static void done_by_a_guess(struct rig *r, char letter)
{
    struct store_done_item item = {
        .ref = r->held[(int)letter].ref, .state = STORE_DONE, .outcome = STORE_ASSUMED};
    bool has_come = false;

    store_done(r->s, &item, 1, on_guessed, &has_come);
    while (!has_come)
        (void)store_turn(r->s);
}

TEST(a_done_task_is_retried_only_by_who_insists_or_where_it_was_a_guess)
{
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 2);
    assert_int_equal(done(&r, 'a', 'F'), STORE_DONE_RECORDED);
    done_by_a_guess(&r, 'b');
    assert_int_equal(retry(&r, r.held['b'].ref.task), STORE_RETRIED);
    assert_string_equal(claim(&r, r.tasks, 9), "b");
    assert_int_equal(done(&r, 'b', 0), STORE_DONE_RECORDED);
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRY_DONE);
    assert_string_equal(claim(&r, r.tasks, 9), "");
    assert_int_equal(counts(&r, r.tasks).done, 2);
    assert_int_equal(retry_again(&r, r.held['a'].ref.task), STORE_RETRIED);
    assert_int_equal(retry_again(&r, r.held['a'].ref.task), STORE_RETRY_NOT_NOW);
    assert_int_equal(retry_again(&r, 999), STORE_RETRY_GONE);
    purge(&r, r.tasks, LOOK_STATE(STORE_DONE)); /* b */
    check_result_is_recorded_and_told(&r);
    rig_close(&r);
}

/* It died once before and its master was told; that it dies again is news. */
TEST(a_second_death_is_told_though_the_server_ends_before_it_is)
{
    struct sqlite_options options = options_of(SQLITE_PROCESS);
    struct rig r;

    rig_open(&r, &process_maker);
    options.folder = folder;
    put(&r, r.tasks, "a");
    die_and_tell(&r, 'a');
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    do {
        assert_string_equal(claim_for(&r, r.tasks, 1, 1000), "a");
        rig_pass_ms(&r, 1001);
        assert_int_equal(sweep(&r, 1), 1);
    } while (!r.swept[0].dead);
    store_close(r.s);
    reopen(&r, &options);
    rig_pass_ms(&r, 2);
    assert_int_equal(sweep(&r, 1), 1);
    assert_true(r.swept[0].dead);
    rig_close(&r);
}

TEST(results_stay_after_they_were_taken_until_they_are_purged)
{
    struct store_filter filter = {.only_results = true, .with_values = true, .limit = 10};
    struct rig r;

    rig_open(&r, &process_maker);
    put(&r, r.tasks, "a");
    claim(&r, r.tasks, 1);
    done(&r, 'a', 'A');
    assert_string_equal(claim(&r, r.results, 1), "A");
    done_ref(&r, r.held['A'].ref, STORE_DONE, 0, false); /* a master has received it */
    assert_string_equal(look(&r, &filter), "A");
    purge(&r, r.results, ~0u);
    assert_string_equal(look(&r, &filter), "");
    rig_close(&r);
}
