/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* In the child, between fork and exec: only calls that are safe there. `tell` is closed by a
 * successful exec; errno goes through it otherwise. */
static void become(const struct child_options *options, pid_t parent, int input, int tell)
{
    sigset_t none;
    int output = STDERR_FILENO;
    int why;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1); /* it died before the line above */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    output = options->log ? open(options->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
                          : open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (output >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0 && (!options->folder || chdir(options->folder) == 0) &&
        (options->keep_fd < 0 || fcntl(options->keep_fd, F_SETFD, 0) == 0))
        execvp(options->argv[0], (char *const *)options->argv); /* does not change them */
    why = errno;
    if (write(tell, &why, sizeof why) < 0)
        _exit(126); /* nobody to tell: the parent sees an early end */
    _exit(127);
}

/* Read errno from the child, or nothing if exec succeeded. */
static int exec_error(int from)
{
    int why = 0;
    ssize_t n;

    do
        n = read(from, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == sizeof why ? why : 0;
}

enum platoon_status child_start(const struct child_options *options, struct child *out,
                                struct platoon_err *err)
{
    int input[2] = {-1, -1}, tell[2] = {-1, -1};
    enum platoon_status st = PLATOON_EIO;
    pid_t self = getpid(), pid;
    sigset_t child_signal;
    int why;

    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, NULL);
    if (options->has_stdin ? pipe2(input, O_CLOEXEC) != 0
                           : (input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        goto fail;
    if (pipe2(tell, O_CLOEXEC) != 0)
        goto fail;
    pid = fork();
    if (pid < 0)
        goto fail;
    if (pid == 0)
        become(options, self, input[0], tell[1]);
    setpgid(pid, pid); /* both sides do it: whoever is first */
    close(tell[1]);
    tell[1] = -1;
    why = exec_error(tell[0]);
    if (why) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        errno = why;
        st = why == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO;
        goto fail;
    }
    close(tell[0]);
    close(input[0]);
    *out = (struct child){.pid = pid, .stdin_fd = input[1]};
    return PLATOON_OK;

fail:
    why = errno;
    for (int i = 0; i < 2; i++) {
        if (input[i] >= 0)
            close(input[i]);
        if (tell[i] >= 0)
            close(tell[i]);
    }
    return platoon_fail(err, st, "cannot run %s: %s", options->argv[0], strerror(why));
}

static void close_stdin(struct child *c)
{
    if (c->stdin_fd >= 0)
        close(c->stdin_fd);
    c->stdin_fd = -1;
}

bool child_has_ended(struct child *c)
{
    pid_t got;

    if (c->pid == 0)
        return true;
    got = waitpid(c->pid, &c->status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    c->pid = 0;
    close_stdin(c);
    return true;
}

bool child_wait(struct child *c, int timeout_ms)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000u;
    sigset_t child_signal;

    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    while (!child_has_ended(c)) {
        uint64_t now_ns = clock_mono_ns();
        struct timespec left = {.tv_sec = 3600};

        if (timeout_ms >= 0) {
            uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
            if (left_ns == 0)
                return false;
            left =
                (struct timespec){(time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u)};
        }
        if (sigtimedwait(&child_signal, NULL, &left) < 0 && errno == EINTR)
            return child_has_ended(c);
    }
    return true;
}

void child_ask_to_stop(struct child *c)
{
    if (c->pid == 0 || c->was_asked)
        return;
    c->was_asked = true;
    close_stdin(c);
    kill(c->pid, SIGTERM);
}

void child_stop(struct child *c, int grace_ms)
{
    pid_t group = c->pid;
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)grace_ms * 1000000u;

    if (c->pid == 0)
        return;
    child_ask_to_stop(c);
    while (!child_has_ended(c)) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= deadline_ns)
            break;
        (void)child_wait(c, (int)((deadline_ns - now_ns) / 1000000u) + 1); /* asked above */
    }
    /* Also when it ended by itself: what it started may be left in its group. */
    kill(-group, SIGKILL);
    while (!child_has_ended(c))
        (void)child_wait(c, -1); /* asked above */
}

const char *child_describe_end(const struct child *c, char out[64])
{
    if (WIFSIGNALED(c->status))
        (void)snprintf(out, 64, "was killed by signal %d (%.30s)", WTERMSIG(c->status),
                       strsignal(WTERMSIG(c->status))); /* fits */
    else
        (void)snprintf(out, 64, "exited with %d", WEXITSTATUS(c->status)); /* fits */
    return out;
}
