/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.h - many values into one: moments in constant memory, quantiles with all values kept,
 * up to a limit. Pure. */
#ifndef PLATOON_SUMO_MEASURE_AGGREGATE_H
#define PLATOON_SUMO_MEASURE_AGGREGATE_H

#include <stddef.h>

#include "sumo/measure/metric.h"

/* What the quantiles of one run may keep together: 64 MiB. */
enum { AGGREGATE_MAX_VALUES = 8 << 20 };

/* Zero-initialised it is empty. */
struct aggregate {
    size_t n;
    double min, max;
    double sum, lost; /* Neumaier's sum: `lost` is what rounding took away from `sum` */
    double mean, m2;  /* Welford's: m2 is the sum of squared deviations from the mean */
    double *values;   /* kept ones */
    size_t n_values, cap;
};

/* Add a finite value. With `keeps` it is remembered for quantiles, at the cost of one of *room, the
 * values that may still be kept. ELIMIT when there is no room, ENOMEM; `err` is not filled. */
enum platoon_status aggregate_add(struct aggregate *a, double value, bool keeps, size_t *room);

/* The aggregate of what was added; for a quantile all of it was kept (between two values it is
 * interpolated linearly: Hyndman and Fan's definition 7). False: there is none, because nothing was
 * added (for std: fewer than two; it has n - 1). A sum or count of nothing is 0. Sorts the kept
 * values. */
bool aggregate_value(struct aggregate *a, enum metric_aggregate which, double *out);

void aggregate_release(struct aggregate *a);

#endif
