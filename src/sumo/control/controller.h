/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h - what a ramp-metering controller is: a table of functions, its parameters by name,
 * and the places of the network that it reads and acts on.
 *
 * A run with control goes, step by step:
 *
 *     actuate      the controller says what its signals show in the step that begins now
 *     (SUMO advances one step)
 *     observe      the controller is given what its detectors saw in that step
 *
 * The controller knows neither SUMO nor TraCI: names of detectors and signals are found, checked
 * and subscribed to by others (settings.h, drive.h). So it can be tested with numbers alone, and a
 * new one is one file and one line in controllers[]. One instance serves one run; single-threaded;
 * no allocation after create. */
#ifndef PLATOON_SUMO_CONTROL_CONTROLLER_H
#define PLATOON_SUMO_CONTROL_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/status.h>

enum { CONTROLLER_MAX_PARAMETERS = 16, CONTROLLER_MAX_PLACES = 8 };

/* A number that a task may set: control: {NAME: ...}. Units stand in `name` or in `unit`. */
struct controller_parameter {
    const char *name;
    const char *unit; /* for messages: "veh/h/%"; "" if it has none */
    double preset, min, max;
    bool is_switch; /* true or false; 0 or 1 in `preset` */
};

/* A thing of the network that a task may name: control: {KEY: ...}. */
enum controller_place_kind {
    PLACE_SIGNAL,       /* a traffic light; it is what the controller sets */
    PLACE_E1_OCCUPANCY, /* induction loops; reads % of the step that each was covered */
    PLACE_E1_PASSED,    /* an induction loop; reads vehicles that left it in the step */
    PLACE_E2_VEHICLES,  /* a lane area detector; reads vehicles on it */
    PLACE_N_KINDS
};
struct controller_place {
    const char *key;
    enum controller_place_kind kind;
    bool may_be_many;          /* a list of names */
    const char *const *preset; /* NULL-terminated: the names tried when the task gives none */
};

/* What the detectors of one place saw, in the order of their names. */
struct controller_reading {
    const double *values; /* borrowed */
    size_t n;             /* 0: this place is not used in this run */
};

struct controller_type {
    const char *name; /* control: {type: NAME} */
    const struct controller_parameter *parameters;
    size_t n_parameters; /* <= CONTROLLER_MAX_PARAMETERS */
    const struct controller_place *places;
    size_t n_places; /* <= CONTROLLER_MAX_PLACES */

    /* Whether the values, each inside its own range, fit together. EINVAL with a sentence. */
    enum platoon_status (*check)(const double *parameters, struct platoon_err *err);
    /* Whether place i is needed with these values. An unneeded place is used if it was named. */
    bool (*needs)(const double *parameters, size_t i);
    /* A controller at simulated time begin_s, of a simulation with steps of step_s. `parameters`
     * (in the order of the table; borrowed) passed check(). NULL when out of memory. */
    void *(*create)(const double *parameters, double begin_s, double step_s);
    /* What the signal of place i shows in the step that begins at time_s: a letter of SUMO's signal
     * states ('G', 'r', ...), which all links of the signal get. Called once for each signal and
     * step. */
    char (*actuate)(void *self, size_t i, double time_s);
    /* readings[i] is place i in the step that ended at time_s; signals have n == 0. */
    void (*observe)(void *self, double time_s, const struct controller_reading *readings);
    void (*free)(void *self); /* NULL is fine */
};

/* Every controller there is, NULL-terminated; the first is the one of a task that names none. */
extern const struct controller_type *const controllers[];
/* NULL if there is none of that name. */
const struct controller_type *controller_find(const char *name);

extern const struct controller_type controller_alinea;
extern const struct controller_type controller_fixed;

#endif
