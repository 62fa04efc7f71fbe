/* SPDX-License-Identifier: Apache-2.0 */
/* metric.h - what a user's metric is: one number made of one attribute of one of SUMO's outputs.
 * Pure.
 *
 *     SOURCE/ATTRIBUTE AGGREGATE       tripinfo/timeLoss mean, e1/merge_1/occupancy max
 *
 *     SOURCE      tripinfo       a vehicle each
 *                 summary        a line of the summary output each
 *                 e1[/ID]        an interval of an induction loop each; without ID: of every one
 *                 e2[/ID]        the same of lane area detectors
 *     AGGREGATE   mean sum min max count std p50 p90 p95 p99 */
#ifndef PLATOON_SUMO_MEASURE_METRIC_H
#define PLATOON_SUMO_MEASURE_METRIC_H

#include <stdbool.h>

#include <platoon/status.h>

enum {
    METRIC_NAME_BYTES = 63,
    METRIC_ATTRIBUTE_BYTES = 63,
    METRIC_DETECTOR_BYTES = 255,
};

enum metric_source { METRIC_TRIPINFO, METRIC_SUMMARY, METRIC_E1, METRIC_E2 };

enum metric_aggregate {
    METRIC_MEAN,
    METRIC_SUM,
    METRIC_MIN,
    METRIC_MAX,
    METRIC_COUNT,
    METRIC_STD,
    METRIC_P50,
    METRIC_P90,
    METRIC_P95,
    METRIC_P99,
    METRIC_N_AGGREGATES
};

struct metric {
    char name[METRIC_NAME_BYTES + 1];
    enum metric_source source;
    char detector[METRIC_DETECTOR_BYTES + 1]; /* "": all of the kind; of e1 and e2 only */
    char attribute[METRIC_ATTRIBUTE_BYTES + 1];
    enum metric_aggregate aggregate;
};

/* Whether `name` can name a metric: a letter or _, then letters, digits and _, at most
 * METRIC_NAME_BYTES. */
bool metric_is_name(const char *name);

/* `text` (see above) into *out, whose name stays as it is. EINVAL with a sentence that begins with
 * `where` ("the task: metrics.x"). */
enum platoon_status metric_parse(const char *text, const char *where, struct metric *out,
                                 struct platoon_err *err);

/* "tripinfo", "summary", "e1", "e2". */
const char *metric_source_text(enum metric_source source);

/* Whether the aggregate is a quantile; then *out_q is which one, 0 to 1. */
bool metric_is_quantile(enum metric_aggregate aggregate, double *out_q);

#endif
