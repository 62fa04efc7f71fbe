/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - ends of processes to sentences. */
#include "worker/judge.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "worker/spawner.h"

bool judge_start(const struct spawn_ended *ended, const char *program, const char *folder,
                 struct outcome *out, char *why)
{
    const char *reason = strerror(ended->error);

    if (ended->step == SPAWN_STEP_FOLDER) {
        outcome_fail(out, FAILURE_NOT_FOUND, "the folder %s cannot be entered: %s", folder, reason);
        return true;
    }
    if (ended->step == SPAWN_STEP_EXEC) {
        switch (ended->error) {
        case ENOENT:
        case ENOTDIR:
            outcome_fail(
                out, FAILURE_NOT_FOUND,
                "the program %s, or the interpreter that its first line names, is not there",
                program);
            return true;
        case E2BIG:
            outcome_fail(
                out, FAILURE_BAD_TASK,
                "the arguments that this task gives to %s are longer than the system takes; "
                "the whole task is on its stdin",
                program);
            return true;
        case ENOEXEC:
            outcome_fail(out, FAILURE_NOT_FOUND,
                         "%s is no program that this machine can run (a script needs a first line "
                         "like #!/bin/sh)",
                         program);
            return true;
        case EACCES:
        case EPERM:
            outcome_fail(out, FAILURE_NOT_FOUND, "the program %s cannot be run: %s", program,
                         reason);
            return true;
        default:
            break;
        }
    }
    (void)snprintf(why, 512, "cannot start %s: %s: %s", program,
                   spawn_step_text((enum spawn_step)ended->step), reason);
    return false;
}

bool judge_is_good_end(const struct spawn_ended *ended)
{
    return ended->step == SPAWN_STEP_NONE && WIFEXITED(ended->status) &&
           WEXITSTATUS(ended->status) == 0;
}

static void set_exit(const struct spawn_ended *ended, struct outcome *out)
{
    out->failure.has_exit = true;
    out->failure.exit =
        WIFSIGNALED(ended->status) ? -WTERMSIG(ended->status) : WEXITSTATUS(ended->status);
}

void judge_bad_end(const struct spawn_ended *ended, bool is_early, struct outcome *out)
{
    const char *who = is_early ? "the runner's process" : "the program";
    const char *when = is_early ? " before it gave a result" : "";

    if (WIFSIGNALED(ended->status)) {
        int number = WTERMSIG(ended->status);
        const char *name = sigabbrev_np(number);

        outcome_fail(out, FAILURE_SIGNAL, "%s was killed by signal %d (%s%s)%s%s", who, number,
                     name ? "SIG" : "unknown", name ? name : "", when,
                     number == SIGKILL
                         ? "; if nobody did that, the machine may have run out of memory"
                         : "");
    } else {
        outcome_fail(out, FAILURE_EXIT, "%s ended with code %d%s", who, WEXITSTATUS(ended->status),
                     when);
    }
    set_exit(ended, out);
}

void judge_timeout(const struct spawn_ended *ended, double limit_s, struct outcome *out)
{
    outcome_fail(out, FAILURE_TIMEOUT, "it ran longer than %g s (--timeout) and was killed",
                 limit_s);
    set_exit(ended, out);
}
