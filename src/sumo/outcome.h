/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.h - how a simulation ended, judged from everything that can be known about it. Pure.
 *
 * SUMO's exit code is not enough: it is 0 after SIGTERM, and 0 when its disk was full. A run is
 * done when all of this holds:
 *
 *   1. SUMO exited with 0 and nobody stopped it, us included;
 *   2. it says for what reason it ended, and that is one of a good end;
 *   3. it reached the end that was asked for, or had nothing left to simulate (where the control
 *      loop drives it, that is the loop's word);
 *   4. every output is there and ends with its closing tag.
 *
 * A done run is `ok`, `gridlocked`, or `stopped-early`. Gridlocked runs count like any other: their
 * stuck vehicles are in the figures, and leaving them out would flatter whatever caused the
 * gridlock. */
#ifndef PLATOON_SUMO_OUTCOME_H
#define PLATOON_SUMO_OUTCOME_H

#include <stdbool.h>

#include "sumo/console.h"
#include "sumo/outputs.h"

enum run_outcome {
    /* done: there is a result */
    OUTCOME_OK,
    OUTCOME_GRIDLOCKED,    /* vehicles were left at the end, and they stood */
    OUTCOME_STOPPED_EARLY, /* by a rule that was set for the run, gridlocked or not */
    /* failed: there is none */
    OUTCOME_FAILED,      /* SUMO ended with an error, was killed, or never began */
    OUTCOME_TIMED_OUT,   /* by our limit on its time */
    OUTCOME_INTERRUPTED, /* somebody told SUMO to stop */
    OUTCOME_INCOMPLETE /* it ended as if all was well, but its outputs or its clock say otherwise */
};

/* "ok", "gridlocked", "stopped-early", "failed", "timed-out", "interrupted", "incomplete". */
const char *outcome_text(enum run_outcome outcome);
bool outcome_is_done(enum run_outcome outcome);

/* How SUMO ended, before its outputs are looked at. */
struct run_end {
    int wait_status; /* as of waitpid() */
    enum console_reason reason;
    bool has_ended; /* SUMO told at what simulated time it ended */
    double ended_s;
    bool is_driven;     /* over TraCI, by the control loop */
    bool loop_finished; /* which came to its own end, and told SUMO to finish */
    bool was_stopped;   /* because a rule to stop by said so */
};
/* OUTCOME_OK, or why the run failed: rules 1 and 2. */
enum run_outcome outcome_of_end(const struct run_end *end);

/* Rule 3 and what kind of done it is. `wanted_end_s` < 0: no end was set. */
enum run_outcome outcome_of_figures(const struct run_end *end, double wanted_end_s,
                                    const struct sumo_statistics *statistics,
                                    const struct sumo_last_minutes *last);

/* Gridlock: at the end vehicles are on the road or waiting for room to depart, at least half of
 * those on the road stand, and nobody has arrived in the last GRIDLOCK_WINDOW_S. A run that was
 * merely cut off by its end while traffic flowed is none. */
#define GRIDLOCK_WINDOW_S 300.0
bool outcome_is_gridlock(const struct sumo_statistics *statistics,
                         const struct sumo_last_minutes *last);

#endif
