/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - the figures of a campaign's runs and what they say: a summary of each design point and
 * arm, and each arm compared with the baseline, the first arm, pair by pair of the same seed.
 *
 * Metrics are numbers of a run's result, by name; a dotted name reaches into maps. Without declared
 * ones every number of the results that is not a parameter of the task is one, in the order they
 * are met; a result that is a number itself is the metric "value".
 *
 * Runs that failed have no figures. Where more than a share of a cell's runs failed its intervals
 * are refused: those that succeeded are not a fair sample then.
 *
 * Nothing blocks; a tally belongs to one thread at a time. */
#ifndef PLATOON_CAMPAIGN_TALLY_H
#define PLATOON_CAMPAIGN_TALLY_H

#include <stdint.h>

#include "campaign/plan.h"
#include "campaign/stats.h"

enum { TALLY_MAX_METRICS = 32, TALLY_NAME_BYTES = 64, TALLY_UNIT_BYTES = 24 };

enum tally_better { TALLY_NEITHER, TALLY_LOWER, TALLY_HIGHER };

struct tally_metric {
    char name[TALLY_NAME_BYTES], unit[TALLY_UNIT_BYTES]; /* unit "": none */
    enum tally_better better;
};

enum tally_state { TALLY_MISSING, TALLY_DONE, TALLY_FAILED };

struct tally;

/* `plan` is borrowed and must live as long; `metrics` is copied. Memory is 8 bytes a run and
 * metric. NULL when out of memory. */
struct tally *tally_new(const struct campaign_plan *plan, size_t n_replications,
                        const struct tally_metric *metrics, size_t n_metrics,
                        double max_failed_share);
void tally_free(struct tally *t); /* NULL is fine */

/* Take the result (borrowed) of the run with this place in the plan, or its failure; again for one
 * that failed before. ENOMEM. */
enum platoon_status tally_add(struct tally *t, size_t index, const platoon_value *result);
void tally_fail(struct tally *t, size_t index);
/* As if it had not run: a failed run is to be tried again. */
void tally_forget_failure(struct tally *t, size_t index);
enum tally_state tally_state_of(const struct tally *t, size_t index);
/* Runs that are done with the outcome "stopped-early": their figures are of a shorter time. */
size_t tally_n_stopped_early(const struct tally *t);
/* The figure of one run; NaN: it has none. */
double tally_figure(const struct tally *t, size_t index, size_t metric);

size_t tally_n_metrics(const struct tally *t);
const struct tally_metric *tally_metric(const struct tally *t, size_t metric);
/* TALLY_MAX_METRICS and above: there is none of this name. */
size_t tally_find_metric(const struct tally *t, const char *name);

/* The confidence of all intervals. */
#define TALLY_CONFIDENCE 0.95

/* The runs of one design point and arm. */
struct tally_cell {
    size_t n_done, n_failed;
    size_t n_not_ok; /* done, but with an outcome other than "ok"; they count in the figures */
    size_t n_stopped_early;     /* of these, "stopped-early" */
    bool is_refused;            /* too many failed: half_width is NaN */
    struct stats_sample sample; /* its n can be below n_done: a result may lack the metric */
    double sd, half_width;      /* NaN below two values */
    double q25, median, q75;    /* NaN without values */
};
/* Of the first `n_replications` (TALLY_ALL: of all). ENOMEM only. */
#define TALLY_ALL SIZE_MAX
enum platoon_status tally_cell(const struct tally *t, size_t point, size_t arm, size_t metric,
                               size_t n_replications, struct tally_cell *out);

/* An arm (not the first) against the baseline at one design point. */
struct tally_comparison {
    size_t point, arm;
    struct stats_paired paired; /* only of seeds with both figures */
    double base_mean;           /* of those pairs; NaN without */
    bool is_refused;            /* too many failed on either side: no interval, no p */
    double adjusted_p;          /* by Holm over all comparisons of the metric; NaN: none */
};
enum platoon_status tally_compare(const struct tally *t, size_t point, size_t arm, size_t metric,
                                  size_t n_replications, struct tally_comparison *out);
/* All of them, points in order and within each its arms, with adjusted p-values up to
 * TALLY_MAX_ADJUSTED comparisons (above it those are NaN). *out is malloc()ed, yours; NULL for a
 * plan of one arm. */
enum { TALLY_MAX_ADJUSTED = 10000 };
enum platoon_status tally_compare_all(const struct tally *t, size_t metric,
                                      struct tally_comparison **out, size_t *out_n);

#endif
