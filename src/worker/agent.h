/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - `platoon work`: slots that run tasks, until somebody says stop. */
#ifndef PLATOON_WORKER_AGENT_H
#define PLATOON_WORKER_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#include "worker/agent_log.h"
#include "worker/runner.h"

/* Everything is borrowed for the call of agent_run(). */
struct agent_options {
    const char *host;
    uint16_t port;
    const char *address; /* "HOST:PORT", for people */
    const void *authkey;
    size_t authkey_len;
    const char *task_queue, *result_queue;

    const struct runner_ops *runner;
    struct runner_options runner_options; /* its root: the folder as the user gave it */
    unsigned n_slots;                     /* 0: the CPUs that may be used */
    const char *work_dir;                 /* where task folders go; NULL: $TMPDIR, else /tmp */
    const char *const *env;               /* entries of --env */
    size_t n_env;

    double idle_exit_s;      /* end after so long without a task; negative: never */
    double stop_grace_s;     /* what running tasks get after the first signal */
    bool drains;             /* after the first signal: all the time they need */
    size_t max_output_bytes; /* of a command's stdout */
    uint64_t memory_bytes;   /* of each process's address space; 0: no limit */
    struct agent_log log;
};

/* Work until idle_exit_s, a signal (SIGINT, SIGTERM, SIGHUP) or a reason that makes work
 * impossible. Call it from the only thread of the process; it blocks these signals while it runs.
 * SIGPIPE must be ignored.
 *
 * OK: it ended as it was asked to, and all is delivered. EINTR: asked to, but tasks were cut off
 * (and given back). EUNKNOWN: results could not be delivered. EAUTH, EVERSION, EREMOTE, ENOTFOUND:
 * the server refused. EINVAL: an option is wrong. EIO, ENOMEM: this machine cannot. */
enum platoon_status agent_run(const struct agent_options *options, struct platoon_err *err);

#endif
