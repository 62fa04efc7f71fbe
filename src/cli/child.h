/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - programs that a command starts beside itself: a server, workers, a build script.
 *
 * A child leads a process group of its own, so that Ctrl-C reaches only the command, which then
 * ends its children in order. It gets SIGTERM if the command dies without doing so. For commands
 * with one thread: SIGCHLD is blocked from the first start on and waited for. */
#ifndef PLATOON_CLI_CHILD_H
#define PLATOON_CLI_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include <platoon/status.h>

struct child {
    pid_t pid;      /* 0: not running (never started, or its end was seen) */
    int stdin_fd;   /* our end of its standard input, -1 if it has none */
    int status;     /* as waitpid()'s, once it has ended */
    bool was_asked; /* to stop */
};

struct child_options {
    const char *const *argv; /* argv[0] is a path, or a name to be found in PATH */
    const char *folder;      /* where it runs; NULL: here */
    const char *log;         /* file for its stdout and stderr, made anew; NULL: /dev/null */
    bool has_stdin;          /* a pipe whose other end is child.stdin_fd; else /dev/null */
    int keep_fd;             /* a descriptor it inherits under the same number; -1: none */
};

/* PLATOON_OK when the program runs; ENOTFOUND or EIO when it could not be executed. */
enum platoon_status child_start(const struct child_options *options, struct child *out,
                                struct platoon_err *err);
/* Whether it has ended; never waits. */
bool child_has_ended(struct child *c);
/* Wait for its end, at most `timeout_ms` (-1: for ever). False if it still runs. Returns early,
 * false, when the caller's signal handler ran. */
bool child_wait(struct child *c, int timeout_ms);
/* Close its standard input and send SIGTERM; once. Fine for one that is not running. */
void child_ask_to_stop(struct child *c);
/* The same if that was not done yet, wait `grace_ms`, then kill its whole group. Returns when it is
 * gone. */
void child_stop(struct child *c, int grace_ms);
/* "exited with 3", "was killed by signal 9 (Killed)"; for one that has ended. */
const char *child_describe_end(const struct child *c, char out[64]);

#endif
