/* SPDX-License-Identifier: Apache-2.0 */
/* simulation_libsumo.h - a SUMO inside this process, as the control loop sees it. */
#ifndef PLATOON_SUMO_LIBSUMO_SIMULATION_LIBSUMO_H
#define PLATOON_SUMO_LIBSUMO_SIMULATION_LIBSUMO_H

#include <stdbool.h>

#include "sumo/libsumo/shim.h"
#include "sumo/simulation.h"

/* Start SUMO with a command line (NULL-terminated, argv[0] first). There is one simulation a
 * process, and none after it.
 *
 * Here and in the calls: EREMOTE for a call that SUMO refuses; ECLOSED when the simulation is over,
 * by an error or by its own rule (max-num-teleports), having said so on standard output or standard
 * error as a SUMO process does. *out is set in any case but ENOMEM, and to be freed. */
enum platoon_status simulation_libsumo_open(const struct libsumo_table *libsumo,
                                            const char *const *argv, struct simulation **out,
                                            struct platoon_err *err);

/* Vehicles on the road, and waiting for room to depart; -1 where SUMO does not tell. */
void simulation_libsumo_vehicles(struct simulation *s, double *out_running, double *out_waiting);
/* Whether SUMO ended by an error: a SUMO process would have exited with 1. */
bool simulation_libsumo_has_failed(const struct simulation *s);

#endif
