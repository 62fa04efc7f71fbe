/* SPDX-License-Identifier: Apache-2.0 */
/* meter.h - the lamp of a ramp meter: turns a rate into green and red, one vehicle a green. Pure.
 *
 * A cycle lasts 3600 / rate seconds: green_s of them green, enough for one vehicle, the rest red. A
 * simulation shows a state for whole steps, a cycle rarely is a whole number of them: each change
 * is due at an exact time, happens at the first step from then on, and the next is counted from
 * when it was due. So the mean rate is the one that was asked for, whatever the step. A new rate
 * counts from the next change on; the first red after open counts from the last open step. */
#ifndef PLATOON_SUMO_CONTROL_METER_H
#define PLATOON_SUMO_CONTROL_METER_H

#include <stdbool.h>

struct meter {
    double green_s;
    double step_s;
    double change_due_s; /* simulated time of the next change; while the meter is open: now */
    bool is_green;
};

/* Starts open (green) at time_s. 0 < green_s, 0 < step_s. */
void meter_init(struct meter *m, double green_s, double step_s, double time_s);
/* The lamp in the step that begins at time_s; call it for every step, in order.
 *
 *   rate_vph   > 0 and such that a cycle is longer than green_s
 *   is_open    no metering now: green
 *
 * True is green. */
bool meter_shows_green(struct meter *m, double time_s, double rate_vph, bool is_open);

#endif
