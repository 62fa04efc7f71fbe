/* SPDX-License-Identifier: Apache-2.0 */
/* pace.c - see pace.h. */
#include "sumo/pace.h"

void pace_note(struct pace *p, double time_s, double wall_s)
{
    p->samples[p->n % PACE_SAMPLES].time_s = time_s;
    p->samples[p->n % PACE_SAMPLES].wall_s = wall_s;
    p->n++;
}

double pace_real_time_factor(const struct pace *p)
{
    size_t n_kept = p->n < PACE_SAMPLES ? p->n : PACE_SAMPLES, oldest = p->n - n_kept;
    double since_time_s = 0.0, since_wall_s = 0.0, time_s, wall_s;

    if (p->n == 0)
        return -1.0;
    time_s = p->samples[(p->n - 1) % PACE_SAMPLES].time_s;
    wall_s = p->samples[(p->n - 1) % PACE_SAMPLES].wall_s;
    /* The last one before the window, so that at least so much is looked at. */
    for (size_t i = oldest; wall_s - p->samples[i % PACE_SAMPLES].wall_s >= PACE_WINDOW_S; i++) {
        since_time_s = p->samples[i % PACE_SAMPLES].time_s;
        since_wall_s = p->samples[i % PACE_SAMPLES].wall_s;
    }
    return wall_s > since_wall_s ? (time_s - since_time_s) / (wall_s - since_wall_s) : -1.0;
}
