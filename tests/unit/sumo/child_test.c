/* SPDX-License-Identifier: Apache-2.0 */
/* A child process in every state: it ends, hangs, talks too much, cannot be started. */
#include "support/test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sumo/sumo_child.h"

extern char **environ;

static struct platoon_err err;

struct heard {
    char text[4096];
    size_t len, total;
    int last_stream;
};

static void hear(int stream, const char *data, size_t len, void *arg)
{
    struct heard *heard = arg;
    size_t room = sizeof heard->text - 1 - heard->len;

    heard->last_stream = stream;
    heard->total += len;
    if (len > room)
        len = room;
    memcpy(heard->text + heard->len, data, len);
    heard->len += len;
    heard->text[heard->len] = '\0';
}

static enum platoon_status start(struct sumo_child *c, struct heard *heard, const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    const struct sumo_child_command command = {.argv = argv, .envp = (const char *const *)environ};

    memset(heard, 0, sizeof *heard);
    sumo_child_init(c, hear, heard);
    return sumo_child_start(c, &command, &err);
}

static uint64_t in_ms(unsigned ms)
{
    return clock_mono_ns() + ms * 1000000ull;
}

TEST(child_is_heard_and_reaped)
{
    struct sumo_child c;
    struct heard heard;

    assert_int_equal(start(&c, &heard, "echo out; echo err >&2; exit 3"), PLATOON_OK);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_OK);
    assert_non_null(strstr(heard.text, "out\n"));
    assert_non_null(strstr(heard.text, "err\n"));
    assert_true(WIFEXITED(c.wait_status));
    assert_int_equal(WEXITSTATUS(c.wait_status), 3);
    sumo_child_end(&c);
    sumo_child_end(&c); /* harmless */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

TEST(child_that_talks_without_end_does_not_stop_at_a_full_pipe)
{
    struct sumo_child c;
    struct heard heard;

    assert_int_equal(start(&c, &heard, "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"),
                     PLATOON_OK);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_OK);
    assert_int_equal(heard.total, 10000000);
    sumo_child_end(&c);
}

TEST(child_that_hangs_is_killed_at_its_deadline)
{
    struct sumo_child c;
    struct heard heard;

    assert_int_equal(start(&c, &heard, "trap '' TERM; kill -STOP $$"), PLATOON_OK);
    c.deadline_mono_ns = in_ms(50);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_ETIMEDOUT);
    assert_true(c.pid > 0);
    sumo_child_end(&c);
    assert_true(WIFSIGNALED(c.wait_status));
    assert_int_equal(WTERMSIG(c.wait_status), SIGKILL);
}

TEST(child_that_never_stops_talking_still_meets_its_deadline)
{
    struct sumo_child c;
    struct heard heard;

    assert_int_equal(start(&c, &heard, "while :; do echo x; done"), PLATOON_OK);
    c.deadline_mono_ns = in_ms(50);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_ETIMEDOUT);
    sumo_child_end(&c);
}

TEST(waiting_for_a_descriptor_ends_when_the_child_does)
{
    struct sumo_child c;
    struct heard heard;
    int never[2];

    assert_int_equal(pipe(never), 0);
    assert_int_equal(start(&c, &heard, "echo last words; kill -9 $$"), PLATOON_OK);
    assert_int_equal(sumo_child_wait_fd(&c, never[0], POLLIN, &err), PLATOON_ECLOSED);
    assert_string_equal(heard.text, "last words\n");
    assert_int_equal(WTERMSIG(c.wait_status), SIGKILL);
    assert_int_equal(sumo_child_wait_fd(&c, never[0], POLLIN, &err), PLATOON_ECLOSED);
    sumo_child_end(&c);
    close(never[0]);
    close(never[1]);
}

TEST(what_a_descriptor_still_holds_comes_before_the_childs_end)
{
    struct sumo_child c;
    struct heard heard;
    int ready[2];

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(write(ready[1], "x", 1), 1);
    assert_int_equal(start(&c, &heard, "exit 0"), PLATOON_OK);
    assert_int_equal(waitid(P_PID, (id_t)c.pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_int_equal(sumo_child_wait_fd(&c, ready[0], POLLIN, &err), PLATOON_OK);
    sumo_child_end(&c);
    close(ready[0]);
    close(ready[1]);
}

TEST(waiting_ends_when_whoever_asked_hangs_up)
{
    struct sumo_child c;
    struct heard heard;
    int asker[2];

    assert_int_equal(pipe(asker), 0);
    assert_int_equal(start(&c, &heard, "sleep 600"), PLATOON_OK);
    c.abort_fd = asker[0];
    assert_int_equal(sumo_child_wait_ms(&c, 20, &err), PLATOON_OK);
    close(asker[1]);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_EINTR);
    sumo_child_end(&c);
    close(asker[0]);
}

TEST(a_grandchild_that_holds_the_pipes_is_not_waited_for)
{
    struct sumo_child c;
    struct heard heard;
    pid_t grandchild;

    assert_int_equal(start(&c, &heard, "sleep 600 & echo $!"), PLATOON_OK);
    c.deadline_mono_ns = in_ms(20000);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_OK);
    sumo_child_end(&c);
    grandchild = (pid_t)strtol(heard.text, NULL, 10);
    assert_true(grandchild > 1);
    assert_int_equal(kill(grandchild, SIGKILL), 0);
}

/* Signals 32 and 33 belong to libc, which lets no program change them: whoever started these tests
 * may have left them ignored. */
#define OF_LIBC ((1ull << 31) | (1ull << 32))

TEST(child_inherits_no_descriptor_and_default_signals)
{
    struct sumo_child c;
    struct heard heard;
    const char *ignored;
    int stray = dup(2); /* not close-on-exec, as a careless starter leaves it */

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(
        start(&c, &heard, "ls /proc/self/fd | tr '\\n' ' '; grep SigIgn /proc/self/status"),
        PLATOON_OK);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_OK);
    assert_memory_equal(heard.text, "0 1 2 3 ", 8); /* 3 is the folder that ls reads */
    ignored = strstr(heard.text, "SigIgn:\t");
    assert_non_null(ignored);
    assert_int_equal(strtoull(ignored + strlen("SigIgn:\t"), NULL, 16) & ~OF_LIBC, 0);
    sumo_child_end(&c);
    signal(SIGPIPE, SIG_DFL);
    close(stray);
}

TEST(child_stays_in_our_process_group)
{
    struct sumo_child c;
    struct heard heard;

    assert_int_equal(start(&c, &heard, "cut -d' ' -f5 /proc/self/stat"), PLATOON_OK);
    assert_int_equal(sumo_child_wait_end(&c, &err), PLATOON_OK);
    assert_int_equal(strtol(heard.text, NULL, 10), getpgrp());
    sumo_child_end(&c);
}

TEST(what_cannot_be_started_says_why)
{
    const char *argv[] = {"/nowhere/sumo", NULL}, *folder[] = {"/tmp", NULL},
               *shell[] = {"/bin/sh", "-c", "exit 0", NULL};
    struct sumo_child_command command = {.argv = argv, .envp = (const char *const *)environ};
    struct sumo_child c;
    struct heard heard;

    sumo_child_init(&c, hear, &heard);
    assert_int_equal(sumo_child_start(&c, &command, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "cannot run /nowhere/sumo: No such file"));
    command.argv = folder;
    assert_int_equal(sumo_child_start(&c, &command, &err), PLATOON_EIO);
    assert_non_null(strstr(err.message, "Permission denied"));
    command.argv = shell;
    command.cwd = "/nowhere";
    assert_int_equal(sumo_child_start(&c, &command, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "cannot enter the folder /nowhere"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(child_dies_with_its_starter)
{
    int tell[2];
    pid_t starter, grandchild = 0;
    char buffer[32] = "";

    assert_int_equal(pipe(tell), 0);
    starter = fork();
    if (starter == 0) {
        struct sumo_child c;
        struct heard heard;

        if (start(&c, &heard, "exec sleep 600") != PLATOON_OK)
            _exit(1);
        if (write(tell[1], &c.pid, sizeof c.pid) != sizeof c.pid)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(tell[0], &grandchild, sizeof grandchild), sizeof grandchild);
    close(tell[1]); /* now only starter and grandchild... which got no copy: it is close-on-exec */
    kill(starter, SIGKILL);
    waitpid(starter, NULL, 0);
    /* The kernel kills it; whoever adopted it reaps it. Gone, or a zombie, is dead. */
    for (int i = 0; i < 2000; i++) {
        char path[64];
        FILE *file;

        snprintf(path, sizeof path, "/proc/%d/stat", grandchild);
        file = fopen(path, "r");
        if (!file || !fgets(buffer, sizeof buffer, file) || strstr(buffer, ") Z")) {
            if (file)
                fclose(file);
            close(tell[0]);
            return;
        }
        fclose(file);
        poll(NULL, 0, 5);
    }
    fail_msg("the child lives on");
}
