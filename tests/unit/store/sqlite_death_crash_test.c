/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_death_crash_test.c - a task dies with its last worker, and its master is told by a failure
 * value: two calls, since the server makes the value of what the sweep answers. Ended between any two
 * steps of the file system there, by kill -9 or by loss of power: the next server, doing what a
 * server does, tells the master exactly once.
 *
 * A child plays the server and is ended by crash_vfs.h at step 1, 2, 3, ... until one history comes
 * to its end. The parent opens what is left and goes on as desk.c would. Under a sanitizer that makes
 * each history a second long, PLATOON_STORE_CRASH_STRIDE says to take every n-th step only. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "store/table_store.h"
#include "support/crash_vfs.h"
#include "support/store_rig.h"

enum { LEASE_MS = 1000, MAX_ATTEMPTS = 2, MAX_STEPS = 5000 };

static char folder[64];
static uint64_t now_ns;

static uint64_t read_clock(void *arg)
{
    (void)arg;
    return now_ns;
}

static void pass_ms(struct store *s, uint32_t ms)
{
    for (; ms; ms--) {
        now_ns += 1000000;
        (void)store_turn(s);
    }
}

static const struct store_maker maker = {"sqlite", NULL, pass_ms, pass_ms};

static struct store *open_store(bool is_power)
{
    struct sqlite_options options = {.folder = folder,
                                     .durability = is_power ? SQLITE_POWER : SQLITE_PROCESS,
                                     .reserve_bytes = 4096};
    struct store *s = NULL;
    struct platoon_err err;

    if (store_sqlite_open(&options, &s, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    table_store_set_clock(s, read_clock, NULL);
    return s;
}

/* The queues of a history: `dying`, whose tasks die with their second worker. */
static store_queue_id open_dying(struct rig *r)
{
    struct store_queue wanted = {
        .name = "dying", .result_queue = r->results, .max_attempts = MAX_ATTEMPTS};

    return ensure(r, &wanted).id;
}

/* What desk.c does with what a sweep answers: a task that died is a failure value. */
static size_t sweep_and_tell(struct rig *r)
{
    size_t n = sweep(r, 16);

    for (size_t i = 0; i < n; i++) {
        struct store_lease_ref ref = {r->swept[i].task, r->swept[i].lease};

        if (r->swept[i].dead)
            (void)done_ref(r, ref, STORE_DEAD, 'F', true);
    }
    return n;
}

/* Lose it with workers until it waits no more. */
static void lose_all(struct rig *r, store_queue_id dying)
{
    do {
        (void)sweep_and_tell(r);
        rig_pass_ms(r, LEASE_MS + 1);
    } while (sweep_and_tell(r) || *claim_for(r, dying, 1, LEASE_MS));
}

/* No test's assertion may return to the parent's tests: the child ends by exit code alone. */
static void live(bool is_power, unsigned steps, bool *is_put)
{
    struct rig r;

    crash_vfs_start(steps, is_power, steps);
    rig_open_on(&r, &maker, open_store(is_power));
    put(&r, open_dying(&r), "a");
    *is_put = true;
    lose_all(&r, open_dying(&r));
    rig_close(&r);
    _exit(0);
}

static void check_told_once(bool is_power, unsigned steps, bool is_put)
{
    struct rig r;
    store_queue_id dying;
    const char *told;

    for (int life = 0; life < 2; life++) { /* and the life after it has nothing to add */
        rig_open_on(&r, &maker, open_store(is_power));
        r.held['a'].ref.task = 1; /* the rig knows leases of its own life only */
        dying = open_dying(&r);
        lose_all(&r, dying);
        if (life == 0)
            rig_close(&r);
    }
    told = claim(&r, r.results, 9);
    if (strcmp(told, "F") != 0 && (is_put || *told))
        fail_msg("ended before step %u, the master is told '%s'", steps, told);
    assert_int_equal(counts(&r, dying).unfinished, 0);
    assert_int_equal(counts(&r, dying).dead, *told ? 1 : 0);
    rig_close(&r);
}

static unsigned stride(void)
{
    const char *text = getenv("PLATOON_STORE_CRASH_STRIDE");
    unsigned long n = text ? strtoul(text, NULL, 10) : 1;

    return n >= 1 && n <= 100 ? (unsigned)n : 1;
}

static void end_at_every_step(bool is_power)
{
    unsigned by = stride();
    bool *is_put =
        mmap(NULL, sizeof *is_put, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char command[128];
    int status = -1;
    unsigned steps;

    assert_true(is_put != MAP_FAILED);
    for (steps = 1; status != 0 && steps < MAX_STEPS; steps += by) {
        pid_t child;

        snprintf(folder, sizeof folder, "%s/platoon-death-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(folder));
        now_ns = 1000000000;
        *is_put = false;
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            live(is_power, steps, is_put);
        assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == CRASH_EXIT_CODE || WEXITSTATUS(status) == 0);
        check_told_once(is_power, steps, *is_put);
        snprintf(command, sizeof command, "rm -r %s", folder);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(status, 0);
    assert_true(steps > 20); /* the file system was in the way */
    munmap(is_put, sizeof *is_put);
}

TEST(a_death_is_told_once_though_the_server_is_killed_between_any_two_steps)
{
    end_at_every_step(false);
}

TEST(a_death_is_told_once_though_power_is_lost_between_any_two_steps)
{
    end_at_every_step(true);
}
