/* SPDX-License-Identifier: Apache-2.0 */
/* stats.h - the statistics of replicated simulation runs. Pure arithmetic on doubles; nothing
 * allocates, nothing blocks, any thread.
 *
 * Intervals are Student t intervals of means of independent replications. Two arms that ran with
 * the same seeds are compared pair by pair (common random numbers): what counts is the spread of
 * the differences, not of the arms.
 *
 * Sources. Student's t by the regularised incomplete beta function: M. Abramowitz, I. Stegun,
 * Handbook of Mathematical Functions (1964), 26.7.1 with 26.5.8 (continued fraction). Quantiles:
 * R. Hyndman, Y. Fan, "Sample quantiles in statistical packages" (1996), definition 7. Running
 * moments: B. Welford, "Note on a method for calculating corrected sums of squares and products"
 * (1962). Several comparisons: S. Holm, "A simple sequentially rejective multiple test procedure"
 * (1979). Sequential stopping at a half-width: Y. Chow, H. Robbins, "On the asymptotic theory of
 * fixed-width sequential confidence intervals" (1965); common random numbers: A. Law, Simulation
 * Modeling and Analysis, chapters 9 to 11. */
#ifndef PLATOON_CAMPAIGN_STATS_H
#define PLATOON_CAMPAIGN_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* A sample's running moments. Zero-initialised it is empty. */
struct stats_sample {
    size_t n;
    double mean;
    double m2; /* sum of squared deviations from the mean */
    double min, max;
};

/* Adds a finite value; the caller keeps NaN and infinities out. */
void stats_add(struct stats_sample *s, double x);
/* Standard deviation with n - 1; NaN for fewer than two values. */
double stats_sd(const struct stats_sample *s);
/* Half the width of the interval of the mean, confidence in (0,1), e.g. 0.95; NaN for fewer than
 * two values. */
double stats_half_width(const struct stats_sample *s, double confidence);

/* Student's t: P(T <= t), and the t with P(T <= t) = p. df > 0 (need not be whole), p in (0,1).
 * Relative error below 1e-9 for p in [0.0005, 0.9995], df in [1, 1e6]. */
double stats_t_cdf(double t, double df);
double stats_t_quantile(double p, double df);

/* Quantile q in [0,1] of n >= 1 values in ascending order, by linear interpolation (definition 7).
 * */
double stats_quantile(const double *ascending, size_t n, double q);

/* The same seeds under two settings. */
struct stats_paired {
    size_t n;
    double mean_difference; /* arm minus base */
    double sd_difference;   /* NaN for n < 2, as all below */
    double half_width;
    double p_value;        /* two-sided, of no difference; 0 or 1 where all differences are equal */
    double correlation;    /* achieved between the arms; NaN if one of them does not vary */
    double variance_ratio; /* var(difference) / (var(base) + var(arm)); below 1: seeds helped */
    size_t n_lower, n_higher; /* pairs in which the arm was below, above the base */
};
void stats_compare_paired(const double *base, const double *arm, size_t n, double confidence,
                          struct stats_paired *out);

/* Holm's correction: adjusted[i] is the p-value of hypothesis i among all n; reject where it is
 * below the level. No NaN among them; the arrays are distinct; n <= 10,000 (quadratic). */
void stats_holm(const double *p_values, size_t n, double *adjusted);

/* Run until precise. */
struct stats_target {
    double half_width; /* wanted, > 0 */
    bool is_relative;  /* a share of |reference|: the metric's mean, or the baseline arm's */
    size_t min_n;      /* at least 2; no look before */
    size_t max_n;      /* the cap */
    unsigned looks;    /* precise looks in a row that end it; 0 means 2 */
};
/* One look after each replication is complete (all arms have it): `precise_looks` is the rule's
 * memory, 0 at the start. */
enum stats_advice { STATS_GO_ON, STATS_PRECISE, STATS_AT_CAP };
enum stats_advice stats_look(const struct stats_target *target, size_t n, double half_width,
                             double reference, unsigned *precise_looks);

#endif
