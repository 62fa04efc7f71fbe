/* SPDX-License-Identifier: Apache-2.0 */
/* trips.c - the definitions are those of SUMO's own statistic output: its times and losses are over
 * departed vehicles, its total depart delay is over all, its speed is the mean of the trips' mean
 * speeds. */
#include "sumo/measure/trips.h"

#include <math.h>

#include "sumo/config_file.h"
#include "sumo/xml_scan.h"

bool trip_number(const char *const *attributes, const char *name, double *out)
{
    const char *text = xml_attribute(attributes, name);

    return text && config_time_parse(text, out) && isfinite(*out);
}

bool trip_read(const char *const *attributes, double ended_s, struct trip *out)
{
    double depart_s, delay_s;

    if (!trip_number(attributes, "depart", &depart_s))
        return false;
    out->has_departed = depart_s >= 0.0;
    out->depart_s = depart_s;
    if (out->has_departed)
        return true;
    if (!trip_number(attributes, "departDelay", &delay_s))
        return false;
    out->depart_s = ended_s - delay_s;
    return true;
}

static void add(struct aggregate *a, double value)
{
    (void)aggregate_add(a, value, false, NULL); /* fails only where values are kept */
}

bool trips_add(struct trips *t, const struct trip *trip, const char *const *attributes)
{
    double delay_s, duration_s, loss_s, length_m, arrival_s;

    if (!trip_number(attributes, "departDelay", &delay_s))
        return false;
    if (!trip->has_departed) {
        add(&t->depart_delay, delay_s);
        t->waiting++;
        return true;
    }
    if (!trip_number(attributes, "duration", &duration_s) ||
        !trip_number(attributes, "timeLoss", &loss_s) ||
        !trip_number(attributes, "routeLength", &length_m) ||
        !trip_number(attributes, "arrival", &arrival_s))
        return false;
    add(&t->depart_delay, delay_s);
    add(&t->duration, duration_s);
    add(&t->time_loss, loss_s);
    add(&t->speed, duration_s > 0.0 ? length_m / duration_s : 0.0);
    t->departed++;
    t->arrived += arrival_s >= 0.0;
    return true;
}

static double of(struct aggregate *a, enum metric_aggregate which)
{
    double value;

    return aggregate_value(a, which, &value) ? value : 0.0; /* 0 of nothing, as SUMO writes */
}

void trips_put(struct trips *t, struct sumo_statistics *statistics)
{
    statistics->loaded = t->departed + t->waiting;
    statistics->inserted = statistics->trips = t->departed;
    statistics->running = t->departed - t->arrived;
    statistics->waiting = t->waiting;
    statistics->mean_speed = of(&t->speed, METRIC_MEAN);
    statistics->mean_time_loss = of(&t->time_loss, METRIC_MEAN);
    statistics->total_travel_time = of(&t->duration, METRIC_SUM);
    statistics->total_depart_delay = of(&t->depart_delay, METRIC_SUM);
}
