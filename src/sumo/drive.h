/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h - the control loop: advances a simulation step by step until it is over, with a
 * controller in it or without.
 *
 * It is over when no vehicle is on the road, waiting or yet to be loaded, or when the simulation's
 * own end is reached. */
#ifndef PLATOON_SUMO_DRIVE_H
#define PLATOON_SUMO_DRIVE_H

#include <platoon/status.h>

#include "sumo/control/settings.h"
#include "sumo/simulation.h"

/* Called after each step. */
typedef void (*drive_step_fn)(double time_s, void *arg);

/*   settings   NULL: nothing is controlled
 *   folder     the task's, absolute; for the controller
 *
 * EINVAL before the first step when the network lacks what `settings` name; else as simulation.h.
 * On success the simulation is finished and *out_end_s the time it reached; after a failure it is
 * only to be freed. */
enum platoon_status drive(struct simulation *s, const struct control_settings *settings,
                          const char *folder, drive_step_fn on_step, void *arg, double *out_end_s,
                          struct platoon_err *err);

#endif
