/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what a run is to measure besides what every run does: metrics of the user's own, and
 * the window of time that figures are of.
 *
 * They come from `<name>.platoon.yaml` beside the .sumocfg, then from the task: its metrics win by
 * name (None takes one away), its window wins as a whole.
 *
 *     {'metrics': {'worst_queue_m': 'e2/ramp_queue/maxJamLengthInMeters max'},
 *      'measure': {'from': 900, 'to': 4500}}
 *
 * Use: take for each source, finish. */
#ifndef PLATOON_SUMO_MEASURE_SETTINGS_H
#define PLATOON_SUMO_MEASURE_SETTINGS_H

#include <platoon/value.h>

#include "sumo/measure/metric.h"

enum { MEASURE_MAX_METRICS = 32 };

struct measure_settings {
    struct metric *metrics; /* owned */
    size_t n_metrics;
    bool has_window;
    double from_s, to_s; /* with a window; to_s may be infinite */
};

/* Zero-initialised it measures nothing. */
void measure_settings_release(struct measure_settings *s);

/* Take over what a source sets; both may be NULL or None. `origin` names it in messages. EINVAL with a
 * sentence; ENOMEM. */
enum platoon_status measure_settings_take(struct measure_settings *s, const platoon_value *metrics,
                                          const platoon_value *measure, const char *origin,
                                          struct platoon_err *err);

/* Whether all of it can be in a result of `task`: no metric may have the name of one of its keys or
 * of ours. And whether the window begins before the simulation's end (`end_s` < 0: not known). */
enum platoon_status measure_settings_finish(const struct measure_settings *s,
                                            const platoon_value *task, double end_s,
                                            struct platoon_err *err);

/* Whether the run's tripinfo output is needed. */
bool measure_needs_tripinfo(const struct measure_settings *s);

/* Whether a moment, or an interval from `begin_s` to `end_s`, is in the window. */
bool measure_has_time(const struct measure_settings *s, double time_s);
bool measure_has_interval(const struct measure_settings *s, double begin_s, double end_s);

#endif
