/* SPDX-License-Identifier: Apache-2.0 */
/* pace.h - how fast a simulation goes, from how far it was at what time. Pure.
 *
 * A simulation slows down as its roads fill, so only the last PACE_WINDOW_S of the clock count; in
 * the first of them, all since the start. */
#ifndef PLATOON_SUMO_PACE_H
#define PLATOON_SUMO_PACE_H

#include <stddef.h>

#define PACE_WINDOW_S 20.0
enum { PACE_SAMPLES = 32 };

/* Zero-initialise it for each run. */
struct pace {
    struct {
        double time_s, wall_s;
    } samples[PACE_SAMPLES]; /* a ring */
    size_t n;                /* all ever taken */
};

/* It is at simulated time `time_s` (from the simulation's begin), `wall_s` after its start; both only
 * grow. */
void pace_note(struct pace *p, double time_s, double wall_s);
/* Simulated seconds in one of the clock, of late; < 0: not known yet. */
double pace_real_time_factor(const struct pace *p);

#endif
