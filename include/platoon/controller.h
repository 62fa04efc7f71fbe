/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h - a controller of traffic signals for SUMO simulations: what Platoon's own (alinea,
 * fixed) are made of, and what one of yours is.
 *
 * A controller is a table: its name, its parameters, the places of the network that it reads and
 * acts on, and a few functions. Yours is the one symbol that a shared object exports:
 *
 *     #include <platoon/controller.h>
 *
 *     const struct platoon_controller platoon_controller_plugin = {
 *         .abi = PLATOON_CONTROLLER_ABI,
 *         .name = "mine",
 *         ...
 *     };
 *
 *     cc -std=c11 -shared -fPIC -o mine.so mine.c
 *     platoon sumo FILE.sumocfg --controller ./mine.so --control mine --set gain=3
 *     platoon work HOST:PORT --controller ./mine.so
 *
 * This file needs nothing but the C library, the shared object no library of Platoon; C11 or C++.
 * examples/controllers holds a whole one.
 *
 * A run goes, step by step:
 *
 *     actuate    for each signal: what it shows in the step that begins now
 *     (SUMO advances one step)
 *     observe    what the detectors saw in that step; here the controller decides
 *
 * A controller sees neither SUMO nor a task. Platoon parses `control: {...}`, checks ranges, looks
 * the named places up in the network, reads the detectors and sets the signals, over TraCI or by
 * libsumo, with the same numbers in both.
 *
 * Process and thread. The shared object is loaded once by each process that runs simulations, with
 * dlopen(RTLD_NOW | RTLD_LOCAL), and never unloaded. A simulation may run in a fork()ed copy of that
 * process, so start no threads and open nothing when loaded. All functions of a table are called
 * from one thread, one simulation at a time. A crash ends the simulation that it happens in, which
 * then is a failure of kind "signal"; a function that does not return is ended by the task's time
 * limit. Standard output and error are log; the current folder is any.
 *
 * All strings and arrays that a table points to are constant, of static lifetime, and UTF-8. */
#ifndef PLATOON_CONTROLLER_H
#define PLATOON_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Raised with every change of what is declared here; a table of another one is refused. */
    PLATOON_CONTROLLER_ABI_VERSION = 1,

    PLATOON_CONTROLLER_MAX_PARAMETERS = 16,
    PLATOON_CONTROLLER_MAX_PLACES = 8,
    PLATOON_CONTROLLER_MAX_IDS = 32,       /* of one place */
    PLATOON_CONTROLLER_MAX_ID_BYTES = 256, /* of one id */
    PLATOON_CONTROLLER_MAX_NAME_BYTES = 64 /* of a controller, a parameter or a place */
};

/* What the shared object was compiled with. Write `.abi = PLATOON_CONTROLLER_ABI`. */
struct platoon_controller_abi {
    uint32_t version, controller_bytes, parameter_bytes, place_bytes;
};
#define PLATOON_CONTROLLER_ABI                                                                     \
    {                                                                                              \
        PLATOON_CONTROLLER_ABI_VERSION, (uint32_t)sizeof(struct platoon_controller),               \
            (uint32_t)sizeof(struct platoon_controller_parameter),                                 \
            (uint32_t)sizeof(struct platoon_controller_place)                                      \
    }

/* A number that a task may set: control: {NAME: 12.5}. */
struct platoon_controller_parameter {
    /* A letter, then letters, digits and '_'. Not "type", "begin", "end", "seed", "scale". */
    const char *name;
    const char *unit;        /* for people: "veh/h/%"; "" if it has none */
    double preset, min, max; /* finite, min <= preset <= max. Other values never reach you */
    bool is_switch;          /* true or false in the task: 1 or 0 here. min 0, max 1 */
    const char *help;        /* for people, a few words: "gain" */
};

/* What a place of the network is, and what is read there. Each detector that is named gives one
 * number a step. */
enum platoon_controller_place_kind {
    PLATOON_PLACE_SIGNAL,       /* a traffic light (tlLogic). Not read: the controller sets it */
    PLATOON_PLACE_E1_OCCUPANCY, /* an induction loop: % of the step that it was covered, 0 to 100 */
    PLATOON_PLACE_E1_PASSED,    /* an induction loop: vehicles that left it in the step */
    PLATOON_PLACE_E1_SPEED,     /* an induction loop: mean speed in m/s; < 0: nobody was on it */
    PLATOON_PLACE_E2_VEHICLES,  /* a lane area detector: vehicles on it in the step */
    PLATOON_PLACE_E2_HALTING,   /* a lane area detector: of these, slower than 0.1 m/s */
    PLATOON_PLACE_EDGE_VEHICLES, /* an edge: vehicles on it at the end of the step */
    PLATOON_PLACE_EDGE_SPEED, /* an edge: their mean speed in m/s; its speed limit if it is empty */
    PLATOON_PLACE_N_KINDS
};

/* Something of the network that a task may name: control: {KEY: ID} or {KEY: [ID, ...]}. */
struct platoon_controller_place {
    const char *key; /* as the name of a parameter, and unlike all of them */
    enum platoon_controller_place_kind kind;
    bool may_be_many;          /* 1 to PLATOON_CONTROLLER_MAX_IDS ids; else 1 */
    const char *const *preset; /* ids for a task that names none, ended by NULL; NULL: it must */
    const char *help;          /* for people, a few words */
};

/* What the things of one place showed, in the order in which they were named. Borrowed for the
 * call. */
struct platoon_controller_reading {
    const double *values;
    size_t n; /* 0: a signal, or a place that this run does without */
};

/* What a controller is told when a run begins. Borrowed for the call. */
struct platoon_controller_run {
    const double *parameters; /* in the order of the table; within their ranges, and checked */
    const size_t *n_ids;      /* how many things each place has; 0: this run does without it */
    double begin_s;           /* simulated time now */
    double end_s;             /* of the simulation as configured; < 0: none */
    double step_s;            /* length of a step; > 0 */
    const char *folder; /* absolute: the task's own, for files; removed after it. UTF-8 or not */
};

/* A signal that is to be set. Borrowed for the call. */
struct platoon_controller_signal {
    size_t place, index; /* the place in the table, and which of its ids */
    /* n_links letters of SUMO's: one of "rRyYgGsuoO" for each link that the signal steers (docs of
     * SUMO: Simulation/Traffic_Lights). Holds what the signal shows; change it to what it is to
     * show. No '\0' at its end. */
    char *state;
    size_t n_links; /* > 0 */
};

struct platoon_controller {
    struct platoon_controller_abi abi;

    /* control: {type: NAME}. A letter, then letters, digits, '_' and '-'; not that of another
     * controller, nor "none". */
    const char *name;
    const char *help; /* for people, a few words */
    const struct platoon_controller_parameter *parameters;
    size_t n_parameters;
    const struct platoon_controller_place *places; /* at least one signal */
    size_t n_places;

    /* Whether the values, each within its own range, fit together: false, and a sentence in `why`
     * (UTF-8, '\0' at its end, in `why_bytes`). The task is then refused with it (kind "bad-task")
     * before SUMO starts. Pure; called any number of times. NULL: they always do. */
    bool (*check)(const double *parameters, char *why, size_t why_bytes);
    /* Whether place `place` is needed with these values, which passed check(). One that is not, and
     * that the task does not name, has no readings in this run. Pure. NULL: all are. */
    bool (*needs)(const double *parameters, size_t place);
    /* A controller for one run, which destroy() is called for. NULL when it cannot be had: with a
     * sentence in `why` the task is refused (kind "bad-task"), without one memory ran out. */
    void *(*create)(const struct platoon_controller_run *run, char *why, size_t why_bytes);
    /* What a signal shows in the step that begins at simulated time time_s: called for each signal
     * that was named, by place and index, in each step. A state with a letter that SUMO does not
     * know ends the run (kind "bad-output"). */
    void (*actuate)(void *self, double time_s, const struct platoon_controller_signal *signal);
    /* What was seen in the step that ended at simulated time time_s: readings[i] is of place i.
     * False, and a sentence in `why`, ends the run as a failure (kind "bad-output"). */
    bool (*observe)(void *self, double time_s, const struct platoon_controller_reading *readings,
                    char *why, size_t why_bytes);
    void (*destroy)(void *self); /* never NULL; also after a run that failed */
};

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
/* What a shared object defines. Nothing in Platoon's libraries does. */
extern const struct platoon_controller platoon_controller_plugin;

#ifdef __cplusplus
}
#endif
#endif
