/* SPDX-License-Identifier: Apache-2.0 */
/* shim.h - SUMO inside the process, as a table of C functions: all that our C code knows of
 * libsumo.
 *
 * shim.cpp is the only C++ of the project, built as a module of its own where SUMO's headers are,
 * and loaded with dlopen(): the program does not need SUMO. There is one simulation a process; no
 * function may be called from two threads. Each answers a status, and after any but LIBSUMO_OK
 * error() says what SUMO threw. No exception leaves the module. */
#ifndef PLATOON_SUMO_LIBSUMO_SHIM_H
#define PLATOON_SUMO_LIBSUMO_SHIM_H

#include <stddef.h>

/* Raised with every change of the table; a module of another program is not used. */
enum { LIBSUMO_TABLE_VERSION = 3 };
#define LIBSUMO_TABLE_NAME "platoon_libsumo_table"

enum libsumo_status {
    LIBSUMO_OK,
    LIBSUMO_REFUSED, /* this call was wrong (an unknown id, for example); the simulation goes on */
    LIBSUMO_FATAL,   /* the simulation is over; SUMO alone would have ended with exit code 1 */
    LIBSUMO_NO_MEMORY
};

enum libsumo_objects { LIBSUMO_SIGNALS, LIBSUMO_E1, LIBSUMO_E2, LIBSUMO_EDGES };

struct libsumo_now {
    double time_s;
    double expected; /* vehicles on the road, waiting, or yet to be loaded */
};

struct libsumo_table {
    unsigned version;
    const char *(*sumo_version)(void); /* "1.15.0" */
    const char *(*error)(void);        /* of the last failure; valid until the next call */

    /* argv[0] is not looked at; n counts it. SUMO writes errors of its input to standard error, and
     * then error() is "Process Error". */
    enum libsumo_status (*start)(size_t n, const char *const *argv);
    enum libsumo_status (*now)(struct libsumo_now *out);
    enum libsumo_status (*times)(double *out_end_s, double *out_step_s); /* end < 0: none */
    /* "" if the option has no value. Valid until the next call. */
    enum libsumo_status (*option)(const char *name, const char **out);
    /* NULL-terminated; one free() releases all. */
    enum libsumo_status (*ids)(enum libsumo_objects what, char ***out);
    /* What a signal shows, a letter a link. Valid until the next call. */
    enum libsumo_status (*signal_state)(const char *id, const char **out);
    enum libsumo_status (*set_signal)(const char *id, const char *state);
    enum libsumo_status (*e1_occupancy)(const char *id, double *out_percent);
    enum libsumo_status (*e1_left)(const char *id, double *out); /* that left it in the last step */
    enum libsumo_status (*e1_speed)(const char *id, double *out_mps); /* < 0: nobody was there */
    enum libsumo_status (*e2_vehicles)(const char *id, double *out);
    enum libsumo_status (*e2_halting)(const char *id, double *out);
    enum libsumo_status (*edge_vehicles)(const char *id, double *out);
    enum libsumo_status (*edge_speed)(const char *id, double *out_mps);
    enum libsumo_status (*vehicles)(double *out_running, double *out_waiting);
    enum libsumo_status (*teleports)(double *out); /* that began in the last step */
    /* Vehicles that departed, that ended their trips, and that collided in the last step. */
    enum libsumo_status (*events)(double *out_departed, double *out_arrived, double *out_collided);
    enum libsumo_status (*step)(void);
    /* Writes and closes the outputs; `reason` is what SUMO reports as why it ended. */
    enum libsumo_status (*close)(const char *reason);
};

#endif
