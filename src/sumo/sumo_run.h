/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_run.h - one simulation from a plan to a result: starts SUMO, drives or watches it, judges
 * how it ended, and reads its figures. Blocks until all of that is over; leaves no process and no
 * descriptor behind, whatever happens. */
#ifndef PLATOON_SUMO_SUMO_RUN_H
#define PLATOON_SUMO_SUMO_RUN_H

#include <stdbool.h>

#include <platoon/value.h>

#include "sumo/inputs/input_cache.h"
#include "sumo/libsumo/zygote.h"
#include "sumo/outcome.h"
#include "sumo/program.h"
#include "sumo/task.h"

enum sumo_backend {
    /* A run with neither control nor a rule to stop by is SUMO alone; any other is libsumo's where
     * that is to be had, in the version of the SUMO program, else TraCI's. */
    SUMO_BACKEND_AUTO,
    SUMO_BACKEND_LIBSUMO, /* every run is stepped, in a process that has SUMO as a library */
    SUMO_BACKEND_TRACI    /* every run is stepped, over TraCI */
};
/* "auto", "libsumo" or "traci"; false: none of them. */
bool sumo_backend_parse(const char *text, enum sumo_backend *out);

/* Whether a run may be libsumo's: not where TraCI was asked for, nor (unless libsumo was) where
 * `wanted_program` names a SUMO of the user's own, which may be changed and of the same version. */
bool sumo_wants_library(enum sumo_backend backend, const char *wanted_program);

/* How far a run is. */
struct sumo_progress {
    double time_s;         /* simulated */
    double begin_s, end_s; /* of the simulation; end_s < 0: not known */
    double running;        /* vehicles on the road; < 0: not known yet */
    double waiting;        /* vehicles waiting for room to depart; < 0: not known yet */
    double wall_s;         /* since SUMO was started */
};

struct sumo_run_options {
    const char *task_dir; /* absolute; an existing folder, for all that the run writes */
    enum sumo_backend backend;
    struct libsumo_zygote *zygote; /* for libsumo; NULL: it is not to be used. Kept for more runs */
    double timeout_s;              /* wall clock; 0: none */
    int abort_fd;                  /* when it hangs up the run is given up; -1: none */
    /* Called at most once in progress_every_s, between steps; NULL: never. */
    void (*on_progress)(const struct sumo_progress *progress, void *arg);
    void *arg;
    double progress_every_s;
    struct input_cache *input_cache; /* kept for more runs; NULL: inputs are not hashed */
    platoon_value **out_manifest;    /* of a run that began (yours), else left; NULL: not wanted */
};

enum { SUMO_FAILURE_TEXT_BYTES = 4096 };

/* What a failed run has to say. */
struct sumo_failure {
    /* "exit", "signal", "timeout", "bad-task", "bad-output", "not-found", "internal" */
    const char *kind;
    enum run_outcome outcome;
    bool has_exit;
    int exit;                              /* SUMO's exit code, or minus the signal that ended it */
    char message[SUMO_FAILURE_TEXT_BYTES]; /* UTF-8 */
    char stderr_tail[SUMO_FAILURE_TEXT_BYTES];
};

/* PLATOON_OK and the result: the task's own keys, then (docs/sumo.md says what each means)
 *
 *     seed  total_time_spent_h  total_travel_time_h  mean_delay_s  mean_speed_kmh
 *     vehicles_inserted  vehicles_arrived  vehicles_running  vehicles_waiting
 *     teleports  collisions  end_time_s  wall_s  sumo_version  inputs_sha256  outcome
 *     stopped_by  (of a run that was stopped early)
 *     measure_from_s  measure_to_s  (with a window), and the user's metrics
 *
 * EINTR when abort_fd hung up; any other status: the run failed and *out_failure says how. */
enum platoon_status sumo_run(const struct sumo_plan *plan, const struct sumo_program *program,
                             const struct sumo_run_options *options, platoon_value **out_result,
                             struct sumo_failure *out_failure);

/* {'kind', 'message', 'exit', 'stderr_tail', 'outcome'}; NULL when out of memory. */
platoon_value *sumo_failure_value(const struct sumo_failure *failure);

/* Whether `dir` can be a task_dir: an absolute path of a folder, without what SUMO fills in
 * wherever it stands in the name of an output. EIO with a sentence. */
enum platoon_status sumo_task_dir_check(const char *dir, struct platoon_err *err);

/* A failure that came before there was a run: a task that cannot be planned, or no SUMO. */
void sumo_failure_before_run(struct sumo_failure *failure, const struct platoon_err *err);
/* A failure of a run whose own process, in which a controller was at work, a signal ended. With a
 * time limit (timeout_s > 0) SIGKILL is taken for what came of that. */
void sumo_failure_by_signal(struct sumo_failure *failure, int signal_number, double timeout_s);

#endif
