/* SPDX-License-Identifier: Apache-2.0 */
/* sumo.h - run one SUMO simulation from a C program: what a worker of your own calls for a task.
 *
 * The simulation runs in a process of the program `platoon`, which must be installed: SUMO's crashes
 * are not yours, and libplatoon needs no XML. docs/sumo.md says what a task may hold and what a
 * result does. `platoon work` runs the same simulations without a line of C. */
#ifndef PLATOON_SUMO_H
#define PLATOON_SUMO_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/value.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PLATOON_SUMO_MAX_CONTROLLERS = 16 };

/* Zero-initialise, then set what differs. Everything is borrowed for the call. */
struct platoon_sumo_options {
    const char *root;    /* folder that the task's paths are relative to; NULL: the current one */
    bool allow_any_path; /* the task's paths may lead out of it */
    const char *sumo;    /* NULL: $SUMO_HOME/bin/sumo, then `sumo` in PATH */
    const char *program; /* NULL: $PLATOON_PROGRAM, `platoon` in PATH, where it was installed */
    double timeout_s;    /* wall clock; 0: none */
    /* Controllers of your own (<platoon/controller.h>): names of shared objects, n_controllers of
     * them, at most PLATOON_SUMO_MAX_CONTROLLERS. A task may then name them beside Platoon's own. */
    const char *const *controllers;
    size_t n_controllers;
    /* What carries a controller: "libsumo" (SUMO inside of a process), "traci" (its socket), or
     * "auto", which is libsumo where it can be had. NULL: auto. All give the same vehicles. */
    const char *backend;
    /* How far the run is, about each second: {'time_s', 'begin_s', 'end_s', 'running', 'waiting',
     * 'wall_s', 'done' (a fraction), 'real_time_factor', 'left_s'}, what is not known None; borrowed.
     * NULL: not told. */
    void (*on_progress)(const platoon_value *progress, void *arg);
    void *arg;
};

/* Run the simulation that `task` asks for (borrowed), and wait for its end. A dict such as
 *
 *     {'filename': 'x.sumocfg', 'seed': 7}
 *     {'filename': 'x.sumocfg', 'control': {'type': 'alinea', 'K_R': 70.0, 'o_target': 18.0}}
 *
 * where 'type' is "alinea", "fixed", or the name in the table of one of `controllers`, and the other
 * keys of 'control' are its parameters and places, checked before SUMO starts (a wrong one is a
 * failure of kind "bad-task"). examples/sumo_control.c runs each of these.
 *
 * PLATOON_OK and *out_result (yours) also when the simulation failed: it is then {'platoon_error':
 * {'kind', 'message', 'exit', 'stderr_tail', 'outcome'}, 'task': TASK}, the form in which agents put
 * failures on a result queue; `options` may be NULL. ENOTFOUND: there is no program `platoon`; EINVAL:
 * `options` are wrong, or one of `controllers` cannot be loaded (the message says why); EIO, EPROTO:
 * the program broke; ENOMEM.
 *
 * Any number of threads may run simulations at a time. A process that ends in mid run takes its
 * simulation with it. Needs SIGCHLD not to be ignored. */
PLATOON_API enum platoon_status platoon_sumo_run(platoon_value *task,
                                                 const struct platoon_sumo_options *options,
                                                 platoon_value **out_result,
                                                 struct platoon_err *err);

#ifdef __cplusplus
}
#endif
#endif
