/* SPDX-License-Identifier: Apache-2.0 */
/* result.h - a finished run's figures as the dict that goes back to whoever sent the task. */
#ifndef PLATOON_SUMO_RESULT_H
#define PLATOON_SUMO_RESULT_H

#include <platoon/value.h>

#include "sumo/outcome.h"
#include "sumo/task.h"

struct figures {
    struct sumo_statistics statistics; /* of the whole run: how it ended is judged by these */
    struct sumo_last_minutes last;
    struct sumo_statistics measured;     /* what is told: of the window, if there is one */
    double metrics[MEASURE_MAX_METRICS]; /* the user's; NAN: no value */
};

struct result_facts {
    double ended_s; /* simulated */
    double wall_s;
    const char *sumo_version;
    const char *inputs_sha256; /* NULL: not known */
    enum run_outcome outcome;
    const char *stopped_by; /* the rule and what it saw; NULL: nothing stopped it */
};

/* The task's own keys, then ours (result_keys.c), then the user's metrics. ENOMEM. */
enum platoon_status result_make(const struct sumo_plan *plan, const struct figures *figures,
                                const struct result_facts *facts, platoon_value **out);

#endif
