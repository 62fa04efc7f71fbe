/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.c - the statistic and the summary output. */
#include "sumo/outputs.h"

#include <math.h>
#include <string.h>

#include "sumo/xml_scan.h"

/* --- statistic output ------------------------------------------------------------------------- */

static bool on_statistic(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct sumo_statistics *s = arg;

    (void)depth;
    if (strcmp(name, "vehicles") == 0) {
        s->loaded = xml_number(attributes, "loaded", NAN);
        s->inserted = xml_number(attributes, "inserted", NAN);
        s->running = xml_number(attributes, "running", NAN);
        s->waiting = xml_number(attributes, "waiting", NAN);
    } else if (strcmp(name, "teleports") == 0) {
        s->teleports = xml_number(attributes, "total", NAN);
    } else if (strcmp(name, "safety") == 0) {
        s->collisions = xml_number(attributes, "collisions", NAN);
    } else if (strcmp(name, "vehicleTripStatistics") == 0) {
        s->trips = xml_number(attributes, "count", NAN); /* not before SUMO 1.15 */
        s->mean_speed = xml_number(attributes, "speed", NAN);
        s->mean_time_loss = xml_number(attributes, "timeLoss", NAN);
        s->total_travel_time = xml_number(attributes, "totalTravelTime", NAN);
        s->total_depart_delay = xml_number(attributes, "totalDepartDelay", NAN);
    }
    return true;
}

enum platoon_status outputs_read_statistics(const char *path, struct sumo_statistics *out,
                                            struct platoon_err *err)
{
    struct sumo_statistics s = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    enum platoon_status st = xml_scan(path, on_statistic, &s, err);
    double sum;

    if (st != PLATOON_OK)
        return st;
    if (isnan(s.trips))
        s.trips = s.inserted;
    sum = s.loaded + s.inserted + s.running + s.waiting + s.teleports + s.collisions + s.trips +
          s.mean_speed + s.mean_time_loss + s.total_travel_time + s.total_depart_delay;
    if (!isfinite(sum))
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s lacks some of the figures that a run is judged by (vehicles, "
                            "teleports, safety, vehicleTripStatistics)",
                            path);
    *out = s;
    return PLATOON_OK;
}

double outputs_total_time_spent_s(const struct sumo_statistics *s)
{
    return s->total_travel_time + s->total_depart_delay;
}

double outputs_mean_delay_s(const struct sumo_statistics *s)
{
    double vehicles = s->trips + s->waiting;

    return vehicles > 0.0 ? (s->mean_time_loss * s->trips + s->total_depart_delay) / vehicles : 0.0;
}

/* --- summary output --------------------------------------------------------------------------- */

enum { MAX_LINES_KEPT = 64 };

/* The last line, and a ring of earlier ones: time and arrivals so far, thinned out so that the ring
 * reaches back further than the window however often SUMO wrote. */
struct summary {
    struct sumo_last_minutes last;
    double last_ended;
    double spacing_s;
    double time_s[MAX_LINES_KEPT], ended[MAX_LINES_KEPT];
    unsigned long n_kept; /* ever */
};

static bool on_summary(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct summary *s = arg;

    if (depth != 1 || strcmp(name, "step") != 0)
        return true;
    s->last.time_s = xml_number(attributes, "time", -1.0);
    s->last.running = xml_number(attributes, "running", 0.0);
    s->last.halting = xml_number(attributes, "halting", 0.0);
    s->last.waiting = xml_number(attributes, "waiting", 0.0);
    s->last_ended = xml_number(attributes, "ended", 0.0);
    if (s->n_kept > 0 &&
        s->last.time_s - s->time_s[(s->n_kept - 1) % MAX_LINES_KEPT] < s->spacing_s)
        return true;
    s->time_s[s->n_kept % MAX_LINES_KEPT] = s->last.time_s;
    s->ended[s->n_kept % MAX_LINES_KEPT] = s->last_ended;
    s->n_kept++;
    return true;
}

enum platoon_status outputs_read_last_minutes(const char *path, double window_s,
                                              struct sumo_last_minutes *out,
                                              struct platoon_err *err)
{
    struct summary s = {.last = {.time_s = -1.0}, .spacing_s = window_s / (MAX_LINES_KEPT / 2)};
    enum platoon_status st = xml_scan(path, on_summary, &s, err);
    unsigned long n = s.n_kept < MAX_LINES_KEPT ? s.n_kept : MAX_LINES_KEPT;
    double from_s = s.last.time_s, from_ended = s.last_ended;

    if (st != PLATOON_OK)
        return st;
    for (unsigned long i = 1; i <= n && s.last.time_s - from_s < window_s; i++) {
        from_s = s.time_s[(s.n_kept - i) % MAX_LINES_KEPT];
        from_ended = s.ended[(s.n_kept - i) % MAX_LINES_KEPT];
    }
    s.last.arrived_lately = s.last_ended - from_ended;
    s.last.window_s = s.last.time_s - from_s;
    *out = s.last;
    return PLATOON_OK;
}
