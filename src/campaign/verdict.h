/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - the answer of a campaign in a sentence, with its uncertainty. Pure.
 *
 * With arms it is about differences from the baseline; where there are several comparisons their
 * p-values are Holm's. Without arms it is about the mean of each design point. */
#ifndef PLATOON_CAMPAIGN_VERDICT_H
#define PLATOON_CAMPAIGN_VERDICT_H

#include "campaign/tally.h"

enum verdict_language { VERDICT_ENGLISH, VERDICT_CHINESE };

/* Fewer pairs (or runs) than this give no verdict: an interval of two values says nearly nothing. */
enum { VERDICT_MIN_RUNS = 3 };

enum verdict_kind {
    VERDICT_NOTHING,    /* no run has the figure */
    VERDICT_TOO_FEW,    /* fewer than VERDICT_MIN_RUNS */
    VERDICT_REFUSED,    /* too many failed */
    VERDICT_MEAN,       /* no arms: a mean and its interval */
    VERDICT_NO_EFFECT,  /* one comparison, not told apart */
    VERDICT_EFFECT,     /* one comparison, told apart */
    VERDICT_COMPARISONS /* several: how many lower, higher, not told apart */
};

struct verdict {
    enum verdict_kind kind;
    size_t n_lower, n_higher, n_undecided; /* VERDICT_COMPARISONS */
    struct tally_comparison largest; /* the one, or the one with the largest share that is told
                                        apart */
    size_t low_point, high_point;    /* VERDICT_MEAN: where the mean is lowest and highest */
    size_t
        n_stopped_early; /* of all runs; where there are any, nothing is called better or worse */
};

/* ENOMEM only. */
enum platoon_status verdict_find(const struct tally *t, const struct campaign_plan *plan,
                                 size_t metric, struct verdict *out);
/* The sentence, malloc()ed, without a full stop; NULL when out of memory. */
char *verdict_sentence(const struct verdict *v, const struct tally *t,
                       const struct campaign_plan *plan, size_t metric,
                       enum verdict_language language);
/* "K_R=70 o_target=18", malloc()ed; "" for a plan without factors. */
char *verdict_point_text(const struct campaign_plan *plan, size_t point);
/* A number as a person reads it: four significant digits, never less than the digits before the
 * point. Returns `out`. */
enum { VERDICT_NUMBER = 32 };
const char *verdict_number(double x, bool with_sign, char out[VERDICT_NUMBER]);

#endif
