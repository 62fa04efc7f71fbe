/* SPDX-License-Identifier: Apache-2.0 */
/* trips.h - the figures of those vehicles that departed within the window, from the tripinfo
 * output. What SUMO's statistic output tells is always of all vehicles, warm-up included. Pure.
 *
 * A vehicle that found no room to depart until the end has no time of departure; it is in the
 * window if the time at which it wanted to depart is. Leaving it out would flatter a run that
 * jammed. */
#ifndef PLATOON_SUMO_MEASURE_TRIPS_H
#define PLATOON_SUMO_MEASURE_TRIPS_H

#include "sumo/measure/aggregate.h"
#include "sumo/measure/settings.h"
#include "sumo/outputs.h"

/* One <tripinfo>: when it departed, or wanted to. */
struct trip {
    bool has_departed;
    double depart_s;
};

/* `ended_s`: when the simulation did. False: not what SUMO writes. */
bool trip_read(const char *const *attributes, double ended_s, struct trip *out);

/* The value of an attribute: a number, or a time (with human-readable-time SUMO writes 00:15:00).
 * False if it is not there or neither. */
bool trip_number(const char *const *attributes, const char *name, double *out);

/* Zero-initialised it is empty. */
struct trips {
    struct aggregate duration, depart_delay, time_loss, speed;
    double departed, arrived, waiting;
};

/* Count a vehicle that is in the window. False: it lacks a figure. */
bool trips_add(struct trips *t, const struct trip *trip, const char *const *attributes);

/* The same figures as SUMO's statistic output has, over the vehicles that were added. `statistics`
 * keeps what is not told by vehicle: teleports and collisions. */
void trips_put(struct trips *t, struct sumo_statistics *statistics);

#endif
