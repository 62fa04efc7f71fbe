/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_child.h - one child process: started, listened to, waited for, and never left behind.
 *
 * The child stays in the caller's process group, so that whoever kills the group gets it too; it is
 * killed by the kernel when the thread that started it ends; it has /dev/null as standard input,
 * its two outputs are read by the caller, and it inherits no other descriptor.
 *
 * Waiting: every wait drains the child's output (or it would stop at a full pipe), and ends when
 * the child ends, at the deadline, or when `abort_fd` hangs up, whatever else it waits for. So
 * nothing here waits for a child that cannot answer. Single-threaded. */
#ifndef PLATOON_SUMO_SUMO_CHILD_H
#define PLATOON_SUMO_SUMO_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <platoon/status.h>

/* Output of the child: `stream` is 1 or 2. */
typedef void (*sumo_child_output_fn)(int stream, const char *data, size_t len, void *arg);

struct sumo_child {
    sumo_child_output_fn on_output;
    void *arg;
    uint64_t deadline_mono_ns; /* 0: none */
    int abort_fd;              /* -1: none; borrowed */

    pid_t pid; /* -1 before the start and once it was reaped */
    int pid_fd, out_fd, err_fd;
    int wait_status; /* as of waitpid(), once it was reaped */
};

struct sumo_child_command {
    const char *const *argv; /* argv[0] is the path; NULL-terminated */
    const char *const *envp; /* NULL-terminated */
    const char *cwd;         /* NULL: the caller's */
    /* Called in the child first of all, or NULL; async-signal-safe calls only. */
    void (*in_child)(void *arg);
    void *in_child_arg;
};

void sumo_child_init(struct sumo_child *p, sumo_child_output_fn on_output, void *arg);
/* ENOTFOUND if there is no such program or folder, EIO if it cannot be started; `err` says which
 * step failed. */
enum platoon_status sumo_child_start(struct sumo_child *p, const struct sumo_child_command *command,
                                     struct platoon_err *err);
/* Take over a child of this process that somebody else made, as if it were started here: `out_fd`
 * and `err_fd` (taken; non-blocking) are the reading ends of its two outputs. */
void sumo_child_adopt(struct sumo_child *p, pid_t pid, int out_fd, int err_fd);
/* Wait until `fd` has one of `events`. ECLOSED if the child ended before (reaped, all of its output
 * read); ETIMEDOUT at the deadline, EINTR when abort_fd hung up, in both cases with the child still
 * running. */
enum platoon_status sumo_child_wait_fd(struct sumo_child *p, int fd, short events,
                                       struct platoon_err *err);
/* As above, for no longer than `wait_ms` and with no descriptor: PLATOON_OK when that time is
 * over. */
enum platoon_status sumo_child_wait_ms(struct sumo_child *p, unsigned wait_ms,
                                       struct platoon_err *err);
/* Wait for its end: PLATOON_OK once it is reaped and all of its output was read; ETIMEDOUT, EINTR
 * as above. */
enum platoon_status sumo_child_wait_end(struct sumo_child *p, struct platoon_err *err);
/* SIGKILL if it still runs, reap, read what output is there, close. Idempotent; always right. */
void sumo_child_end(struct sumo_child *p);

#endif
