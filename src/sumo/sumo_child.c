/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_child.c - fork and exec by hand, because posix_spawn() cannot ask for the parent-death
 * signal. */
#include "sumo/sumo_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Where pidfd_open() is missing (Linux before 5.3) the child's end is asked for this often. */
#define REAP_POLL_MS 50
/* Exit code 127: for a child that somebody else reaped (SIGCHLD ignored, for example). Never a
 * success. */
#define LOST_WAIT_STATUS (127 << 8)

void sumo_child_init(struct sumo_child *p, sumo_child_output_fn on_output, void *arg)
{
    *p = (struct sumo_child){
        .on_output = on_output,
        .arg = arg,
        .abort_fd = -1,
        .pid = -1,
        .pid_fd = -1,
        .out_fd = -1,
        .err_fd = -1,
    };
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* pipes that are read from, or written by a child */
    *fd = -1;
}

/* --- starting --------------------------------------------------------------------------------- */

/* What the child tells the parent when it cannot exec. */
struct start_failure {
    char step[16];
    int code;
};

struct child_setup {
    const struct sumo_child_command *command;
    pid_t parent;
    int null_fd, out_fd, err_fd, failure_fd;
};

static void give_up(const struct child_setup *setup, const char *step)
{
    struct start_failure failure = {.code = errno};

    strncpy(failure.step, step, sizeof failure.step - 1);
    while (write(setup->failure_fd, &failure, sizeof failure) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static void become_program(const struct child_setup *setup)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t none;

    if (setup->command->in_child)
        setup->command->in_child(setup->command->in_child_arg);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        give_up(setup, "prctl");
    if (getppid() != setup->parent) /* it died before the signal was asked for */
        _exit(127);
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &by_default,
                        NULL); /* the few that cannot be changed are at their default */
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        give_up(setup, "sigprocmask");
    if (dup2(setup->null_fd, 0) < 0 || dup2(setup->out_fd, 1) < 0 || dup2(setup->err_fd, 2) < 0)
        give_up(setup, "dup2");
    /* Ours are close-on-exec from birth; this is for descriptors that our own starter left open. A
     * kernel without the call leaves them open, which does no harm. */
    (void)close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    if (setup->command->cwd && chdir(setup->command->cwd) < 0)
        give_up(setup, "chdir");
    execve(setup->command->argv[0], (char *const *)setup->command->argv,
           (char *const *)setup->command->envp);
    give_up(setup, "exec");
}

static enum platoon_status tell_start_failure(const struct sumo_child_command *command,
                                              const struct start_failure *failure,
                                              struct platoon_err *err)
{
    const char *reason = strerror(failure->code);

    if (strcmp(failure->step, "chdir") == 0)
        return platoon_fail(err, failure->code == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO,
                            "cannot enter the folder %s to run %s: %s", command->cwd,
                            command->argv[0], reason);
    if (strcmp(failure->step, "exec") == 0)
        return platoon_fail(err, failure->code == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO,
                            "cannot run %s: %s", command->argv[0], reason);
    return platoon_fail(err, PLATOON_EIO, "cannot start %s: %s: %s", command->argv[0],
                        failure->step, reason);
}

/* Waits for exec (the pipe closes) or for the child's word that it failed. */
static enum platoon_status await_exec(struct sumo_child *p,
                                      const struct sumo_child_command *command, int failure_fd,
                                      struct platoon_err *err)
{
    struct start_failure failure;
    ssize_t n;

    do {
        n = read(failure_fd, &failure, sizeof failure);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return PLATOON_OK;
    sumo_child_end(p);
    if (n != (ssize_t)sizeof failure)
        return platoon_fail(err, PLATOON_EIO, "cannot start %s", command->argv[0]);
    return tell_start_failure(command, &failure, err);
}

static enum platoon_status fork_child(struct sumo_child *p, struct child_setup *setup,
                                      int failure_fd, struct platoon_err *err)
{
    setup->parent = getpid();
    p->pid = fork();
    if (p->pid < 0) {
        return platoon_fail(err, PLATOON_EIO, "cannot start %s: fork: %s", setup->command->argv[0],
                            strerror(errno));
    }
    if (p->pid == 0)
        become_program(setup);
    p->pid_fd = pidfd_open(p->pid, 0); /* -1 is handled in poll_once() */
    close_fd(&setup->failure_fd);
    return await_exec(p, setup->command, failure_fd, err);
}

enum platoon_status sumo_child_start(struct sumo_child *p, const struct sumo_child_command *command,
                                     struct platoon_err *err)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1}, failure[2] = {-1, -1}, null_fd;
    enum platoon_status st;

    null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
        pipe2(failure, O_CLOEXEC) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0) {
        st = platoon_fail(err, PLATOON_EIO, "cannot start %s: %s", command->argv[0],
                          strerror(errno));
    } else {
        struct child_setup setup = {
            .command = command,
            .null_fd = null_fd,
            .out_fd = out[1],
            .err_fd = errors[1],
            .failure_fd = failure[1],
        };

        p->out_fd = out[0];
        p->err_fd = errors[0];
        out[0] = errors[0] = -1;
        st = fork_child(p, &setup, failure[0], err);
        failure[1] = setup.failure_fd;
    }
    close_fd(&null_fd);
    for (int i = 0; i < 2; i++) {
        close_fd(&out[i]);
        close_fd(&errors[i]);
        close_fd(&failure[i]);
    }
    if (st != PLATOON_OK)
        sumo_child_end(p);
    return st;
}

void sumo_child_adopt(struct sumo_child *p, pid_t pid, int out_fd, int err_fd)
{
    p->pid = pid;
    p->pid_fd = pidfd_open(pid, 0); /* -1 is handled in poll_once() */
    p->out_fd = out_fd;
    p->err_fd = err_fd;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Reads what is there. Closes the pipe at its end. */
static void drain(struct sumo_child *p, int stream)
{
    int *fd = stream == 1 ? &p->out_fd : &p->err_fd;
    char data[8192];

    while (*fd >= 0) {
        ssize_t n = read(*fd, data, sizeof data);

        if (n > 0)
            p->on_output(stream, data, (size_t)n, p->arg);
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            close_fd(fd);
        else if (errno == EAGAIN)
            return;
    }
}

static void drain_both(struct sumo_child *p)
{
    drain(p, 1);
    drain(p, 2);
}

/* Whether the child has ended; then it is reaped, and its output read. A grandchild may hold the
 * pipes open: what came until now is all that is waited for. */
static bool reap(struct sumo_child *p, int flags)
{
    pid_t got;

    if (p->pid < 0)
        return true;
    do {
        got = waitpid(p->pid, &p->wait_status, flags);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    if (got < 0)
        p->wait_status = LOST_WAIT_STATUS;
    p->pid = -1;
    close_fd(&p->pid_fd);
    drain_both(p);
    return true;
}

enum { WATCHED_FD, OUT, ERR, PID, ABORT, N_WATCHED };

/* One poll. Returns whether `fd` is ready (false without one); *out_has_ended and so on say the
 * rest. */
struct woken {
    bool fd_ready, has_ended, aborted;
};

static enum platoon_status poll_once(struct sumo_child *p, int fd, short events, int timeout_ms,
                                     struct woken *out, struct platoon_err *err)
{
    struct pollfd watched[N_WATCHED] = {
        [WATCHED_FD] = {fd, events, 0}, [OUT] = {p->out_fd, POLLIN, 0},
        [ERR] = {p->err_fd, POLLIN, 0}, [PID] = {p->pid_fd, POLLIN, 0},
        [ABORT] = {p->abort_fd, 0, 0},
    };
    int n;

    if (p->pid_fd < 0 && (timeout_ms < 0 || timeout_ms > REAP_POLL_MS))
        timeout_ms = REAP_POLL_MS;
    n = poll(watched, N_WATCHED, timeout_ms);
    if (n < 0 && errno != EINTR)
        return platoon_fail(err, PLATOON_EIO, "poll on a child: %s", strerror(errno));
    *out = (struct woken){0};
    if (n < 0)
        return PLATOON_OK;
    if (watched[OUT].revents)
        drain(p, 1);
    if (watched[ERR].revents)
        drain(p, 2);
    out->fd_ready = watched[WATCHED_FD].revents != 0;
    out->aborted = (watched[ABORT].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    /* What the descriptor still holds counts before the child's end. */
    if (!out->fd_ready && (watched[PID].revents || p->pid_fd < 0))
        out->has_ended = reap(p, WNOHANG);
    return PLATOON_OK;
}

static int ms_until(uint64_t mono_ns)
{
    uint64_t now = clock_mono_ns(), ms;

    if (mono_ns <= now)
        return 0;
    ms = (mono_ns - now + 999999) / 1000000; /* rounded up, or the last millisecond spins */
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Waits for `fd`, for the child's end (*out_has_ended), or until `until_mono_ns` (0: for ever). */
static enum platoon_status wait_for(struct sumo_child *p, int fd, short events,
                                    uint64_t until_mono_ns, bool *out_has_ended,
                                    struct platoon_err *err)
{
    *out_has_ended = false;
    for (;;) {
        uint64_t deadline = p->deadline_mono_ns;
        struct woken woken = {0};
        enum platoon_status st;
        int timeout_ms = -1;

        /* Before the poll: a child that always has something to say must not outlive its time. */
        if (deadline && clock_mono_ns() >= deadline)
            return platoon_fail(err, PLATOON_ETIMEDOUT, "the time limit is over");
        if (until_mono_ns && (!deadline || until_mono_ns < deadline))
            deadline = until_mono_ns;
        if (deadline)
            timeout_ms = ms_until(deadline);
        if ((st = poll_once(p, fd, events, timeout_ms, &woken, err)) != PLATOON_OK)
            return st;
        if (woken.fd_ready)
            return PLATOON_OK;
        if (woken.has_ended) {
            *out_has_ended = true;
            return PLATOON_OK;
        }
        if (woken.aborted)
            return platoon_fail(err, PLATOON_EINTR, "whoever asked for this run is gone");
        if (until_mono_ns && clock_mono_ns() >= until_mono_ns)
            return PLATOON_OK;
    }
}

static enum platoon_status ended_early(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ECLOSED, "the process ended");
}

enum platoon_status sumo_child_wait_fd(struct sumo_child *p, int fd, short events,
                                       struct platoon_err *err)
{
    bool has_ended = p->pid < 0;
    enum platoon_status st;

    if (has_ended)
        return ended_early(err);
    st = wait_for(p, fd, events, 0, &has_ended, err);
    return st == PLATOON_OK && has_ended ? ended_early(err) : st;
}

enum platoon_status sumo_child_wait_ms(struct sumo_child *p, unsigned wait_ms,
                                       struct platoon_err *err)
{
    bool has_ended = p->pid < 0;
    enum platoon_status st;

    if (has_ended)
        return ended_early(err);
    st = wait_for(p, -1, 0, clock_mono_ns() + (uint64_t)wait_ms * 1000000u, &has_ended, err);
    return st == PLATOON_OK && has_ended ? ended_early(err) : st;
}

enum platoon_status sumo_child_wait_end(struct sumo_child *p, struct platoon_err *err)
{
    bool has_ended;

    return p->pid < 0 ? PLATOON_OK : wait_for(p, -1, 0, 0, &has_ended, err);
}

void sumo_child_end(struct sumo_child *p)
{
    if (p->pid >= 0) {
        (void)kill(p->pid, SIGKILL); /* not reaped yet, so the id is still the child's */
        (void)reap(p, 0);
    }
    drain_both(p);
    close_fd(&p->out_fd);
    close_fd(&p->err_fd);
    close_fd(&p->pid_fd);
}
