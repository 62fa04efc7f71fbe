/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - fork, work, wait. */
#include "cli/guard.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/talk.h"

/* How often a copy is looked after. What it does itself ends the wait at once. */
enum { LOOK_MS = 200 };

static uint64_t seconds_ns(double s)
{
    return (uint64_t)(s * 1e9);
}

static _Noreturn void be_copy(const struct guard *g, pid_t parent)
{
    int exit_code;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(CMD_FAILED);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    if (g->not_its_own >= 0)
        (void)close(g->not_its_own); /* nothing was written */
    exit_code = g->work(g->arg);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        talk_error("writing to stdout failed: %m");
        exit_code = CMD_FAILED;
    }
    _exit(exit_code);
}

/* Wait for the copy, and kill it when it has had its time. */
static int wait_for(const struct guard *g, pid_t pid)
{
    uint64_t now = clock_mono_ns(), deadline = g->limit_s > 0.0 ? now + seconds_ns(g->limit_s) : 0;
    int pid_fd = pidfd_open(pid, 0); /* -1: poll() is then no more than a pause */
    bool was_asked = false;
    int status = CMD_FAILED << 8; /* where the system keeps it from us */

    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = pid_fd, .events = POLLIN};

        (void)poll(&p, 1, LOOK_MS);
        now = clock_mono_ns();
        if (!was_asked && *g->is_asked) {
            was_asked = true;
            deadline = now + seconds_ns(GUARD_GRACE_S);
        }
        if (deadline && now >= deadline)
            (void)kill(pid, SIGKILL); /* not reaped yet, so the id is still the copy's */
    }
    if (pid_fd >= 0)
        (void)close(pid_fd);
    return status;
}

int guard_run(const struct guard *g, int *out_signal)
{
    pid_t parent = getpid(), pid;
    int status;

    *out_signal = 0;
    (void)fflush(NULL); /* or the copy might write it again; errors stay with the streams */
    pid = fork();
    if (pid == 0)
        be_copy(g, parent);
    if (pid < 0) {
        talk_error("cannot start a process for the simulation: fork: %m");
        return CMD_FAILED;
    }
    status = wait_for(g, pid);
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    *out_signal = WTERMSIG(status);
    return CMD_FAILED;
}
