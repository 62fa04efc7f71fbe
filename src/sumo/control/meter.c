/* SPDX-License-Identifier: Apache-2.0 */
/* meter.c - changes at exact times, shown in whole steps. */
#include "sumo/control/meter.h"

#include <math.h>

/* Sums of step lengths differ from the exact time by rounding: a change due at the step's beginning
 * belongs to that step. */
#define TIME_TOLERANCE_S 1e-6

void meter_init(struct meter *m, double green_s, double step_s, double time_s)
{
    *m = (struct meter){green_s, step_s, time_s, true};
}

bool meter_shows_green(struct meter *m, double time_s, double rate_vph, bool is_open)
{
    double due_s;

    if (is_open) {
        m->change_due_s = time_s;
        return m->is_green = true;
    }
    if (time_s < m->change_due_s - TIME_TOLERANCE_S)
        return m->is_green;
    /* A step is all that a change can be late by; more is a gap in the calls, not a debt. */
    due_s = fmax(m->change_due_s, time_s - m->step_s);
    m->change_due_s = due_s + (m->is_green ? 3600.0 / rate_vph - m->green_s : m->green_s);
    return m->is_green = !m->is_green;
}
