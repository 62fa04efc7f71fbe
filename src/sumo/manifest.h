/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - what a run was, told exactly enough to repeat and to compare it: versions, every
 * input file's hash, the command line, the seed, the machine, when. `manifest.json` beside outputs
 * that are kept. */
#ifndef PLATOON_SUMO_MANIFEST_H
#define PLATOON_SUMO_MANIFEST_H

#include <stdint.h>

#include <platoon/value.h>

#include "sumo/inputs/inputs.h"
#include "sumo/program.h"
#include "sumo/task.h"

#define MANIFEST_NAME "manifest.json"

struct manifest_facts {
    const struct sumo_plan *plan;
    const struct sumo_program *program;
    const struct inputs *inputs; /* NULL: not known */
    bool inputs_changed;         /* while the run went on */
    const char *carrier;         /* "sumo", "traci" or "libsumo" */
    const char *task_dir;
    int64_t started_ms, ended_ms; /* wall clock, since 1970 */
    double wall_s;
    const char *outcome;
    const char *stopped_by; /* NULL: nothing stopped it early */
    const char *failure;    /* its message; NULL: the run has a result */
    const char *stderr_tail;
};

/* The manifest as a dict (docs/sumo.md); NULL when out of memory. */
platoon_value *manifest_make(const struct manifest_facts *m);

/* Write it into `folder`, a line for each of its keys. EIO with a sentence, ENOMEM. */
enum platoon_status manifest_write(const platoon_value *manifest, const char *folder,
                                   struct platoon_err *err);

#endif
