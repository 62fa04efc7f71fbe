/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/child.h"

static struct child start(const char *script, bool has_stdin)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct child_options options = {.argv = argv, .has_stdin = has_stdin, .keep_fd = -1};
    struct child c;

    assert_int_equal(child_start(&options, &c, NULL), PLATOON_OK);
    return c;
}

TEST(child_that_ends_is_seen_with_its_exit_code)
{
    struct child c = start("exit 3", false);
    char text[64];

    assert_true(child_wait(&c, 10000));
    assert_int_equal(c.pid, 0);
    assert_int_equal(WEXITSTATUS(c.status), 3);
    assert_string_equal(child_describe_end(&c, text), "exited with 3");
    child_stop(&c, 10); /* of one that is gone: nothing */
}

TEST(child_that_cannot_be_run_is_an_error_and_leaves_no_zombie)
{
    const char *const argv[] = {"/no/such/program", NULL};
    struct child_options options = {.argv = argv, .keep_fd = -1};
    struct child c = {.pid = 77};
    struct platoon_err err;

    assert_int_equal(child_start(&options, &c, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "/no/such/program"));
    assert_int_equal(c.pid, 77);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(child_wait_gives_up_in_time)
{
    struct child c = start("exec sleep 600", false);
    uint64_t before_ns = clock_mono_ns();

    assert_false(child_wait(&c, 50));
    assert_true(clock_mono_ns() - before_ns >= 50000000u);
    child_stop(&c, 10000);
    assert_int_equal(WTERMSIG(c.status), SIGTERM);
}

TEST(child_that_ignores_sigterm_is_killed_with_its_group)
{
    struct child c = start("trap '' TERM; sleep 600 & wait; wait", true);
    char text[64];

    assert_false(
        child_wait(&c, 100)); /* long enough for the trap; if not, TERM ends it and that is fine */
    child_stop(&c, 100);
    assert_int_equal(c.pid, 0);
    assert_int_equal(c.stdin_fd, -1);
    assert_true(WIFSIGNALED(c.status));
    assert_non_null(strstr(child_describe_end(&c, text), "signal"));
}

TEST(child_reads_what_we_write_and_sees_the_end)
{
    struct child c = start("read line; test \"$line\" = hello && ! read more", true);

    assert_int_equal(write(c.stdin_fd, "hello\n", 6), 6);
    close(c.stdin_fd);
    c.stdin_fd = -1;
    assert_true(child_wait(&c, 10000));
    assert_int_equal(c.status, 0);
}
