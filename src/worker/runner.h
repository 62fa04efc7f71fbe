/* SPDX-License-Identifier: Apache-2.0 */
/* runner.h - the contract between the agent and what executes tasks; how to add a runner.
 *
 * A runner is a struct runner_ops in runner_<name>.c and a line in the table of runner.c. It
 * decides *what* is run for a task and what its output means. Everything else is the agent's:
 * processes, pipes, time limits, killing, folders, environment, the server. A runner never blocks,
 * never starts anything, and knows no queue.
 *
 * There are two shapes.
 *
 * RUNNER_PER_TASK (`command`): a process for each task.
 *
 *     plan(task)      -> argv, and bytes for its stdin
 *     ... the agent runs it; stdout is collected, of stderr the tail is kept ...
 *     collect(stdout) -> the result, or a failure; called only if it ended by itself with code 0
 *
 * RUNNER_PERSISTENT (`python`, `sumo`): a process for each slot, which does one task after another.
 *
 *     command()       -> argv, and bytes to begin descriptor 3 with; once for each process
 *
 *     The process has /dev/null as stdin; stdout and stderr are log, never protocol. It is spoken
 *     to in frames: a length of four bytes, big endian, then a pickle (protocol 2 to 4, plain data
 *     only) of at most RUNNER_MAX_FRAME bytes.
 *
 *     descriptor 3, agent -> process, one frame for each task:
 *         {'task': VALUE, 'task_id': N, 'attempt': K, 'slot': I, 'task_dir': PATH}
 *         (an opaque task, with takes_opaque and --unsafe-pickle: 'task_pickle': bytes for 'task')
 *     descriptor 4, process -> agent, for each task any number of
 *         {'progress': {...}}          how far it is: value/task_progress.h has the keys
 *         {'warning': str}             for the agent's log
 *     and then exactly one of
 *         {'result': VALUE}
 *         {'result_pickle': bytes}     a whole pickle, which is passed on unread
 *         {'error': {'kind': one of failure.h, 'message': str, 'exit': int, 'stderr_tail': str,
 *                    'outcome': str}}  (exit, stderr_tail and outcome may be left out)
 *     With says_ready the process says {'ready': {...}} before anything else, or {'failed': 'why'}:
 *     then it cannot work at all, and the agent stops instead of failing task after task. A
 *     'pickle_protocol' in ready's dict bounds the protocol of what it is sent.
 *
 *     End of file on descriptor 3 means: end. A process that ends, or sends what is no frame or no
 *     answer, is killed with its group, its task fails, and the slot gets a new process. (One
 *     that is killed before it read more of its task than the length had no part in it: the task
 *     goes back to the queue.)
 *
 * Both shapes start in --root, with the environment of environment.h, in a session of their own,
 * and are killed as a group. A task's folder (PLATOON_TASK_DIR, 'task_dir') is empty at first, and
 * what is in it is removed after the task. */
#ifndef PLATOON_WORKER_RUNNER_H
#define PLATOON_WORKER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#include "worker/task.h"

#define RUNNER_MAX_FRAME (1u << 30)

/* Descriptors of a persistent runner's process. */
enum { RUNNER_FD_IN = 3, RUNNER_FD_OUT = 4 };

/* What `platoon work` was told about runners. Borrowed; lives as long as the agent. */
struct runner_options {
    const char *const *args; /* what followed --runner NAME: FILE.py:FUNCTION, PROGRAM ARG... */
    size_t n_args;
    const char *root; /* absolute */
    const char *python;
    const char *sumo;               /* NULL: the runner's own search */
    const char *sumo_backend;       /* NULL: the runner's own choice */
    const char *const *controllers; /* sumo: shared objects; absolute */
    size_t n_controllers;
    const char *keep, *keep_dir; /* sumo: whose outputs are kept, and where; NULL: none */
    bool allow_any_path;         /* sumo: file names may leave the root */
    bool unsafe_pickle;          /* opaque tasks may be loaded by the runner's process */
    double timeout_s;            /* of a task; 0: none */
};

/* What to run. Zero-initialised by the agent, which frees what is in it with run_plan_release(). */
struct run_plan {
    char **argv; /* ends with NULL; owned, strings too */
    size_t n_argv;
    uint8_t *input; /* bytes for stdin, or for descriptor 3; owned */
    size_t input_len;
};
/* Append a copy of `arg`. false when out of memory. */
bool run_plan_add(struct run_plan *p, const char *arg);
/* Append `arg`, which is malloc()ed and taken, NULL included. */
bool run_plan_take(struct run_plan *p, char *arg);
void run_plan_release(struct run_plan *p);

enum runner_shape { RUNNER_PER_TASK, RUNNER_PERSISTENT };

struct runner_ops {
    const char *name;
    const char *summary; /* for --help: what stands behind --runner */
    enum runner_shape shape;
    bool says_ready;
    bool takes_opaque;
    bool
        limits_itself; /* its process ends tasks at timeout_s and answers; the agent waits for that */

    /* Check the options and make the runner's own state, once. EINVAL: the command line is wrong,
     * `err` says how. */
    enum platoon_status (*open)(const struct runner_options *options, void **out_runner,
                                struct platoon_err *err);
    void (*close)(void *runner); /* NULL is fine */

    /* RUNNER_PER_TASK. `task` is plain. plan() returns false after a failure was set: nothing is
     * run. collect() turns stdout (borrowed) into an outcome. */
    bool (*plan)(void *runner, const struct task *task, struct run_plan *plan,
                 struct failure *out_failure);
    void (*collect)(void *runner, const uint8_t *output, size_t output_len, struct outcome *out);

    /* RUNNER_PERSISTENT. false when out of memory. */
    bool (*command)(void *runner, struct run_plan *plan);
};

extern const struct runner_ops runner_command, runner_python, runner_sumo;

/* By name; NULL if there is none. */
const struct runner_ops *runner_find(const char *name);
/* All of them, ends with NULL. */
extern const struct runner_ops *const runner_table[];

#endif
