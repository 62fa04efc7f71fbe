/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.c - A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
 * Summen" (1974): the error of a sum does not grow with the number of its terms. B. Welford, "Note
 * on a method for calculating corrected sums of squares and products" (1962). */
#include "sumo/measure/aggregate.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_VALUES = 1024 };

static enum platoon_status keep(struct aggregate *a, double value, size_t *room)
{
    if (*room == 0)
        return PLATOON_ELIMIT;
    if (a->n_values == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : FIRST_VALUES;
        double *grown = realloc(a->values, cap * sizeof *grown);

        if (!grown)
            return PLATOON_ENOMEM;
        a->values = grown;
        a->cap = cap;
    }
    a->values[a->n_values++] = value;
    --*room;
    return PLATOON_OK;
}

enum platoon_status aggregate_add(struct aggregate *a, double value, bool keeps, size_t *room)
{
    double sum = a->sum + value, from_old_mean = value - a->mean;

    if (a->n == 0 || value < a->min)
        a->min = value;
    if (a->n == 0 || value > a->max)
        a->max = value;
    a->n++;
    a->mean += from_old_mean / (double)a->n;
    a->m2 += from_old_mean * (value - a->mean);
    a->lost += fabs(a->sum) >= fabs(value) ? (a->sum - sum) + value : (value - sum) + a->sum;
    a->sum = sum;
    return keeps ? keep(a, value, room) : PLATOON_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
    double place = q * (double)(n - 1);
    size_t below = (size_t)place;

    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

bool aggregate_value(struct aggregate *a, enum metric_aggregate which, double *out)
{
    double n = (double)a->n;
    double q;

    if (which == METRIC_SUM || which == METRIC_COUNT) {
        *out = which == METRIC_SUM ? a->sum + a->lost : n;
        return true;
    }
    if (n < 1.0 || (which == METRIC_STD && n < 2.0))
        return false;
    if (metric_is_quantile(which, &q)) {
        qsort(a->values, a->n_values, sizeof *a->values, ascending);
        *out = quantile(a->values, a->n_values, q);
    } else if (which == METRIC_MEAN) {
        *out = (a->sum + a->lost) / n;
    } else if (which == METRIC_STD) {
        *out = sqrt(a->m2 / (n - 1.0));
    } else {
        *out = which == METRIC_MIN ? a->min : a->max;
    }
    return true;
}

void aggregate_release(struct aggregate *a)
{
    free(a->values);
    *a = (struct aggregate){0};
}
