/* SPDX-License-Identifier: Apache-2.0 */
/* zygote.h - a process that has libsumo loaded and forks a child for each simulation.
 *
 * Loading SUMO as a library takes a tenth of a second (some two hundred shared libraries); a fork of
 * the process that has done it takes a few milliseconds. The zygote is forked from this process when
 * it is first needed, loads the module (shim.h), and then waits for requests on a socket. Its
 * children are made with CLONE_PARENT: they are children of *this* process, which waits for them,
 * reads their output and kills them as it does with a SUMO program (sumo_child.h).
 *
 *     this process --request--> zygote --clone--> child: drive() around libsumo
 *          ^                                        |
 *          +------- standard output, error, reports-+
 *
 * The zygote ends when its socket hangs up or this process ends; a child, when this process ends.
 * One thread; the calls block, for no longer than a limit of their own. */
#ifndef PLATOON_SUMO_LIBSUMO_ZYGOTE_H
#define PLATOON_SUMO_LIBSUMO_ZYGOTE_H

#include <stdint.h>
#include <sys/types.h>

#include <platoon/status.h>

#include "sumo/control/settings.h"
#include "sumo/program.h"
#include "sumo/stop_rule.h"
#include "sumo/sumo_child.h"

/* A page that a child shares with this process: what it knew last, whatever ended it. */
struct libsumo_clock {
    _Atomic double time_s; /* simulated, after its last whole step; < 0: it made none */
};

struct libsumo_zygote {
    pid_t pid; /* 0: not running */
    int fd;
    struct libsumo_clock *clock; /* of the last child; NULL: there was never a zygote */
    char version[32];            /* of the SUMO it has loaded */
    struct platoon_err why;      /* status not PLATOON_OK: it was tried, and cannot be had */
};

/* What a child tells, in single writes of one struct. */
struct libsumo_report {
    enum { REPORT_PROGRESS, REPORT_END } kind;
    double time_s, running, waiting; /* vehicles < 0: not known */
    struct platoon_err err;          /* of REPORT_END: PLATOON_OK, or why the loop ended */
    bool was_stopped;                /* of REPORT_END: by the rule, and then what it saw */
    double stop_values[STOP_N_QUANTITIES];
};

/* Have it running, for a SUMO like `program`. Zero-initialise `z` before the first call.
 *
 * ENOTFOUND when there is no module or it cannot be loaded, EVERSION when its SUMO is of another
 * version than `program`; `err` says which and what to do. What was found out about the module is
 * kept for later calls. */
enum platoon_status libsumo_zygote_start(struct libsumo_zygote *z,
                                         const struct sumo_program *program,
                                         struct platoon_err *err);

struct libsumo_request {
    const char *const *argv;                /* SUMO's command line, NULL-terminated */
    const char *cwd;                        /* absolute */
    const struct control_settings *control; /* NULL: no control */
    const struct stop_rule *stop;           /* NULL: no rule */
};

/* Start a simulation in a child, which becomes that of `child` (initialised, not started).
 * *out_report_fd is yours: it delivers libsumo_reports and hangs up when the child ends. */
enum platoon_status libsumo_zygote_fork(struct libsumo_zygote *z,
                                        const struct libsumo_request *request,
                                        struct sumo_child *child, int *out_report_fd,
                                        struct platoon_err *err);

void libsumo_zygote_stop(struct libsumo_zygote *z); /* a zeroed one is fine */

#endif
