/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - platoon-spawn: starts, watches and ends processes for one agent.
 *
 * A program of its own because it must be small (a fork costs what the forking process weighs) and
 * single-threaded (so that it can prepare children freely, and so that "die with my parent" means
 * what it says). It knows nothing of tasks. It lives as long as the agent holds the other end of
 * its socket; then it kills all it started. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "spawn/channel.h"
#include "spawn/family.h"
#include "spawn/start.h"

/* How long we wait for killed processes that do not end (they hang in the kernel). */
enum { KILL_LIMIT_MS = 10000 };

struct spawner {
    struct channel channel;
    struct family family;
    int signal_fd;
    char *folder; /* removed at the end; NULL: none */
};

/* Numbers 0 to SPAWN_MAX_TARGET_FD become those of children: keep our own descriptors, and those
 * that come with requests, away from them. What else we inherited (from whoever started the agent)
 * is closed, so that no child gets it. Returns the socket's new number, or -1. */
static int tidy_descriptors(void)
{
    enum { SOCKET = SPAWN_MAX_TARGET_FD + 1, FIRST_OTHER };
    int null;

    if (dup3(SPAWN_SOCKET_FD, SOCKET, O_CLOEXEC) < 0)
        return -1;
    if (close_range(FIRST_OTHER, ~0u, 0) != 0)
        for (long fd = FIRST_OTHER; fd < sysconf(_SC_OPEN_MAX); fd++)
            close((int)fd);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -1;
    for (int low = 0; low < SOCKET; low++)
        if (low != 2 && low != null && dup3(null, low, O_CLOEXEC) < 0)
            return -1;
    return SOCKET;
}

static bool take_over_signals(struct spawner *s)
{
    sigset_t all, chld;

    /* Default actions, so that children need not set them; blocked, so that only SIGKILL ends us
     * (Ctrl-C and a service manager's SIGTERM are for the agent to act on). */
    for (int n = 1; n < NSIG; n++)
        (void)signal(n, SIG_DFL); /* EINVAL for SIGKILL, SIGSTOP and libc's own */
    sigfillset(&all);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
        return false;
    s->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd >= 0;
}

static bool send_ended(struct spawner *s, const struct spawn_ended *ended)
{
    return channel_send(&s->channel, SPAWN_ENDED, ended, sizeof *ended);
}

static bool on_start(struct spawner *s, const struct message *m)
{
    struct spawn_ended ended = {.step = SPAWN_STEP_REQUEST, .error = EINVAL};
    struct start_request request;
    struct start_failure failure;
    pid_t pid;

    if (m->header.body_bytes >= sizeof ended.id)
        memcpy(&ended.id, m->body, sizeof ended.id);
    if (!start_parse(m->body, m->header.body_bytes, m->fds, m->n_fds, &request))
        return send_ended(s, &ended);
    pid = start_process(&request, &failure);
    if (pid < 0) {
        ended.step = failure.step;
        ended.error = failure.error;
    } else if (!family_add(&s->family, request.head.id, pid,
                           request.head.n_env ? request.env[request.head.mark] : "")) {
        (void)kill(-pid, SIGKILL);
        ended.step = SPAWN_STEP_FORK;
        ended.error = ENOMEM;
        pid = -1;
    }
    start_release(&request);
    return pid >= 0 || send_ended(s, &ended);
}

static bool on_message(struct spawner *s, const struct message *m)
{
    struct spawn_kill request;

    switch (m->header.type) {
    case SPAWN_START:
        return on_start(s, m);
    case SPAWN_KILL:
        if (m->header.body_bytes != sizeof request)
            return false;
        memcpy(&request, m->body, sizeof request);
        family_kill(&s->family, request.id, (int)request.signal);
        return true;
    case SPAWN_FOLDER:
        free(s->folder);
        s->folder = strdup(m->body);
        return s->folder != NULL;
    default:
        return false;
    }
}

static bool reap(struct spawner *s)
{
    struct signalfd_siginfo info;
    struct spawn_ended ended;

    (void)!read(s->signal_fd, &info, sizeof info); /* one signal may stand for many ends */
    while (family_reap(&s->family, &ended))
        if (!send_ended(s, &ended))
            return false;
    return true;
}

/* Until the agent is gone. */
static void serve(struct spawner *s)
{
    const struct spawn_hello hello = {SPAWN_PROTOCOL_VERSION, (uint32_t)getpid()};
    bool goes_on = channel_send(&s->channel, SPAWN_HELLO, &hello, sizeof hello);

    while (goes_on) {
        struct pollfd fds[2] = {{.fd = s->signal_fd, .events = POLLIN},
                                {.fd = s->channel.fd, .events = POLLIN}};

        if (s->channel.out_len > 0)
            fds[1].events |= POLLOUT;
        if (poll(fds, 2, -1) < 0) {
            goes_on = errno == EINTR;
            continue;
        }
        /* Ends first: a slot that waits for one is idle, and its next request is already here or
         * comes then. */
        if (fds[0].revents)
            goes_on = reap(s);
        if (goes_on && (fds[1].revents & POLLOUT))
            goes_on = channel_flush(&s->channel);
        if (goes_on && (fds[1].revents & (POLLIN | POLLHUP | POLLERR))) {
            struct message m;

            goes_on = channel_read(&s->channel, &m);
            if (goes_on) {
                goes_on = on_message(s, &m);
                message_release(&m);
            }
        }
    }
}

int main(void)
{
    struct spawner s = {.signal_fd = -1};
    struct stat st;

    if (fstat(SPAWN_SOCKET_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        (void)fputs(
            "platoon-spawn: started by hand; it is a part of `platoon work`, which starts it\n",
            stderr);
        return 2;
    }
    (void)
        setsid(); /* away from the terminal; fails only if we lead a group, and then we are away */
    (void)prctl(PR_SET_NAME, "platoon-spawn");
    s.channel.fd = tidy_descriptors();
    if (s.channel.fd < 0 || !take_over_signals(&s)) {
        (void)fprintf(stderr, "platoon-spawn: cannot set up: %s\n", strerror(errno));
        return 1;
    }
    family_init(&s.family);
    serve(&s);
    family_kill_all(&s.family, KILL_LIMIT_MS);
    if (s.folder)
        (void)remove_tree(s.folder); /* nobody is left to tell */
    family_release(&s.family);
    free(s.channel.out);
    free(s.folder);
    close(s.channel.fd);
    close(s.signal_fd);
    return 0;
}
