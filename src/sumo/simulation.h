/* SPDX-License-Identifier: Apache-2.0 */
/* simulation.h - a running SUMO as the control loop sees it, whatever carries the calls: TraCI,
 * or a SUMO inside the process. Small on purpose; what a call costs is the
 * carrier's affair.
 *
 * All calls block until SUMO has answered, and fail as traci.h says. After a failure only free() is
 * of use. One thread. */
#ifndef PLATOON_SUMO_SIMULATION_H
#define PLATOON_SUMO_SIMULATION_H

#include <stddef.h>

#include <platoon/status.h>

#include "sumo/control/controller.h"

/* One detector figure that is wanted in every step. */
struct sensor {
    enum platoon_controller_place_kind kind; /* one of the detector kinds */
    const char *id;                          /* borrowed for as long as the simulation lives */
    double value;                            /* of the last step */
};

struct simulation_facts {
    double begin_s; /* simulated time now */
    double end_s;   /* as configured; < 0: none */
    double step_s;
    double expected; /* vehicles on the road, waiting, or yet to be loaded */
};

/* What happened to vehicles since the begin. */
struct vehicle_counts {
    double inserted;  /* that departed */
    double arrived;   /* that ended their trips */
    double teleports; /* that began */
    double collided;  /* vehicles in collisions, anew in each */
};

enum network_object { NETWORK_SIGNALS, NETWORK_E1, NETWORK_E2, NETWORK_EDGES, NETWORK_N_OBJECTS };

struct simulation;
struct simulation_ops {
    enum platoon_status (*facts)(struct simulation *s, struct simulation_facts *out,
                                 struct platoon_err *err);
    /* Ids in the network, NULL-terminated; one free() releases all. */
    enum platoon_status (*ids)(struct simulation *s, enum network_object what, char ***out,
                               struct platoon_err *err);
    /* What a signal shows now, a letter a link; malloc()ed. */
    enum platoon_status (*signal_state)(struct simulation *s, const char *id, char **out,
                                        struct platoon_err *err);
    /* Have the sensors filled after each step. Called at most once; `sensors` stays where it is. */
    enum platoon_status (*watch)(struct simulation *s, struct sensor *sensors, size_t n,
                                 struct platoon_err *err);
    /* Have `counts` kept from now on, which stays where it is. Called at most once, before the
     * first step. */
    enum platoon_status (*count)(struct simulation *s, struct vehicle_counts *counts,
                                 struct platoon_err *err);
    /* Vehicles that wait for room to depart now: SUMO makes a list of them. Between a step and the
     * next set_signal() only. */
    enum platoon_status (*waiting)(struct simulation *s, double *out, struct platoon_err *err);
    /* Show a state, one letter a link, from the next step on. */
    enum platoon_status (*set_signal)(struct simulation *s, const char *id, const char *state,
                                      struct platoon_err *err);
    /* Advance one step; time and expected vehicles after it. */
    enum platoon_status (*step)(struct simulation *s, double *out_time_s, double *out_expected,
                                struct platoon_err *err);
    /* End the simulation in good order: SUMO writes and closes its outputs. */
    enum platoon_status (*finish)(struct simulation *s, struct platoon_err *err);
    void (*free)(struct simulation *s); /* NULL is fine */
};

/* The head of every carrier's own struct. */
struct simulation {
    const struct simulation_ops *ops;
};

#endif
