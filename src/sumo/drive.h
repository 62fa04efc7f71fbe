/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h - the control loop: advances a simulation step by step until it is over, with a
 * controller in it or without.
 *
 * It is over when no vehicle is on the road, waiting or yet to be loaded, when the simulation's own
 * end is reached, or when a rule to stop by says so. */
#ifndef PLATOON_SUMO_DRIVE_H
#define PLATOON_SUMO_DRIVE_H

#include <platoon/status.h>

#include "sumo/control/settings.h"
#include "sumo/simulation.h"
#include "sumo/stop_rule.h"

/* Called after each step. */
typedef void (*drive_step_fn)(double time_s, void *arg);

/* So often (simulated) a rule is looked at, and in each step if those are longer. */
#define DRIVE_LOOK_EVERY_S 10.0

struct drive_plan {
    const struct control_settings *control; /* NULL: nothing is controlled */
    const char *folder;                     /* the task's, absolute; for the controller */
    struct stop_watch *stop;                /* NULL: no rule; else tells whether it fired */
    drive_step_fn on_step;                  /* NULL: nobody asks */
    void *arg;
};

/* EINVAL before the first step when the network lacks what the control names; else as simulation.h.
 * On success the simulation is finished and *out_end_s the time it reached; after a failure it is
 * only to be freed. A run that is over anyway is not stopped. */
enum platoon_status drive(struct simulation *s, const struct drive_plan *plan, double *out_end_s,
                          struct platoon_err *err);

#endif
