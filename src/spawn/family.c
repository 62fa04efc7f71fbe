/* SPDX-License-Identifier: Apache-2.0 */
/* family.c - who is alive, who is whose, and the end of them all. */
#include "spawn/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void family_init(struct family *f)
{
    char path[64];

    *f = (struct family){.children_fd = -1};
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* since Linux 3.4; without it strays go to init */
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    f->children_fd = open(path, O_RDONLY | O_CLOEXEC);
}

void family_release(struct family *f)
{
    for (size_t i = 0; i < f->n_leaders; i++)
        free(f->leaders[i].mark);
    free(f->leaders);
    if (f->children_fd >= 0)
        close(f->children_fd);
    *f = (struct family){.children_fd = -1};
}

bool family_add(struct family *f, uint64_t id, pid_t pid, const char *mark)
{
    char *copy = strdup(mark);

    if (copy && f->n_leaders == f->cap_leaders) {
        size_t cap = f->cap_leaders ? f->cap_leaders * 2 : 16;
        struct leader *grown = realloc(f->leaders, cap * sizeof *grown);

        if (grown) {
            f->leaders = grown;
            f->cap_leaders = cap;
        }
    }
    if (!copy || f->n_leaders == f->cap_leaders) {
        free(copy);
        return false;
    }
    f->leaders[f->n_leaders++] = (struct leader){id, pid, copy};
    return true;
}

static struct leader *find_pid(struct family *f, pid_t pid)
{
    for (size_t i = 0; i < f->n_leaders; i++)
        if (f->leaders[i].pid == pid)
            return &f->leaders[i];
    return NULL;
}

void family_kill(struct family *f, uint64_t id, int signal)
{
    for (size_t i = 0; i < f->n_leaders; i++)
        if (f->leaders[i].id == id) {
            /* We have not reaped it, so the number is still its own. */
            (void)kill(-f->leaders[i].pid, signal); /* ESRCH: it has ended, ENDED is next */
            return;
        }
}

/* --- strays ----------------------------------------------------------------------------------- */

/* The environment that a process was started with, up to a limit beyond any real one; NULL if it
 * cannot be read (it is a zombie, or changed its user). */
static char *read_environment(pid_t pid, size_t *out_len)
{
    enum { FIRST = 8 * 1024, LIMIT = 4 * 1024 * 1024 };
    char path[64], *text = NULL;
    size_t len = 0, cap = 0;
    ssize_t n = 0;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    do {
        if (len == cap) {
            size_t larger = cap ? cap * 2 : FIRST;
            char *grown = larger <= LIMIT ? realloc(text, larger) : NULL;

            if (!grown)
                break;
            text = grown;
            cap = larger;
        }
        n = read(fd, text + len, cap - len);
        if (n > 0)
            len += (size_t)n;
    } while (n > 0);
    close(fd);
    *out_len = len;
    return text;
}

static bool has_entry(const char *environment, size_t len, const char *entry)
{
    const size_t entry_len = strlen(entry);
    const char *at = environment, *end = environment + len;

    while (at < end) {
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        size_t this_len = (size_t)((stop ? stop : end) - at);

        if (this_len == entry_len && memcmp(at, entry, entry_len) == 0)
            return true;
        at += this_len + 1;
    }
    return false;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* As read_environment(). In the middle of an exec a process has none, for as long as the kernel
 * takes to put the new one in place: that is waited for. */
static char *settled_environment(pid_t pid, size_t *out_len)
{
    enum { LOOKS = 50, PAUSE_NS = 100000 }; /* 5 ms in all; then it was started without any */
    const struct timespec pause = {0, PAUSE_NS};
    char *text = NULL;

    for (int i = 0; i < LOOKS; i++) {
        text = read_environment(pid, out_len);
        if (!text || *out_len > 0 || has_ended(pid))
            break;
        free(text);
        text = NULL;
        (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
    }
    return text;
}

static bool belongs_to_a_leader(const struct family *f, pid_t pid)
{
    size_t len = 0;
    char *environment = f->n_leaders ? settled_environment(pid, &len) : NULL;
    bool is_owned = false;

    for (size_t i = 0; environment && !is_owned && i < f->n_leaders; i++)
        is_owned = f->leaders[i].mark[0] && has_entry(environment, len, f->leaders[i].mark);
    free(environment);
    return is_owned;
}

/* Call `visit` for each child of ours that is no leader. */
static void each_stray(struct family *f, void (*visit)(struct family *, pid_t))
{
    char text[4096];
    off_t at = 0;
    long pid = 0;

    if (f->children_fd < 0)
        return;
    for (;;) {
        ssize_t n = pread(f->children_fd, text, sizeof text, at);

        if (n <= 0)
            break;
        at += n;
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid > 1 && !find_pid(f, (pid_t)pid))
                visit(f, (pid_t)pid);
            pid = 0;
        }
        if ((size_t)n < sizeof text)
            break;
    }
}

static void kill_stray(struct family *f, pid_t pid)
{
    (void)f;
    /* It is our child and not reaped, so the numbers are its own. Its group goes with it, if it
     * leads one. */
    if (getpgid(pid) == pid)
        (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
}

static void kill_stray_without_leader(struct family *f, pid_t pid)
{
    if (!belongs_to_a_leader(f, pid))
        kill_stray(f, pid);
}

/* --- ends ------------------------------------------------------------------------------------- */

static uint64_t as_us(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec;
}

static void forget(struct family *f, struct leader *l)
{
    free(l->mark); /* NOLINT(clang-analyzer-unix.Malloc): it takes two leaders for one */
    *l = f->leaders[--f->n_leaders];
}

bool family_reap(struct family *f, struct spawn_ended *out)
{
    siginfo_t info;

    for (;;) {
        struct rusage usage = {0};
        struct leader *l;
        int status = 0;

        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return false;
        l = find_pid(f, info.si_pid);
        /* Before it is reaped its number cannot become another's: now is the time to end the rest
         * of its group. */
        if (l)
            (void)kill(-l->pid, SIGKILL); /* ESRCH: nobody left */
        if (wait4(info.si_pid, &status, WNOHANG, &usage) != info.si_pid)
            return false;
        if (l) {
            *out = (struct spawn_ended){.id = l->id,
                                        .status = status,
                                        .pid = (uint32_t)l->pid,
                                        .user_us = as_us(usage.ru_utime),
                                        .system_us = as_us(usage.ru_stime),
                                        .max_rss_kib = (uint64_t)usage.ru_maxrss};
            forget(f, l);
        }
        /* Whoever ended may have left children, and those are ours now. */
        each_stray(f, kill_stray_without_leader);
        if (l)
            return true;
    }
}

static int64_t mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void family_kill_all(struct family *f, int limit_ms)
{
    int64_t deadline_ms = mono_ms() + limit_ms;
    sigset_t chld;

    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (size_t i = 0; i < f->n_leaders; i++)
        (void)kill(-f->leaders[i].pid, SIGKILL);
    for (;;) {
        /* A child of a stray becomes ours without a signal: look again soon. */
        const struct timespec step = {.tv_nsec = 20000000};
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
            struct leader *l = find_pid(f, pid);

            if (l)
                forget(f, l);
        }
        if (pid < 0 && errno == ECHILD)
            return;
        each_stray(f, kill_stray);
        if (mono_ms() >= deadline_ms)
            return; /* stuck in the kernel; it dies when it comes back */
        (void)sigtimedwait(&chld, NULL, &step);
    }
}
