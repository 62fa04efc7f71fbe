/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - see stats.h for the sources of the formulas. */
#include "campaign/stats.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* --- moments ---------------------------------------------------------------------------------- */

void stats_add(struct stats_sample *s, double x)
{
    double from_old_mean = x - s->mean;

    if (s->n == 0 || x < s->min)
        s->min = x;
    if (s->n == 0 || x > s->max)
        s->max = x;
    s->n++;
    s->mean += from_old_mean / (double)s->n;
    s->m2 += from_old_mean * (x - s->mean);
}

double stats_sd(const struct stats_sample *s)
{
    return s->n < 2 ? NAN : sqrt(s->m2 / (double)(s->n - 1));
}

double stats_half_width(const struct stats_sample *s, double confidence)
{
    if (s->n < 2)
        return NAN;
    return stats_t_quantile(0.5 + confidence / 2, (double)(s->n - 1)) * stats_sd(s) /
           sqrt((double)s->n);
}

/* --- Student's t ------------------------------------------------------------------------------ */

/* The continued fraction of the incomplete beta function (26.5.8), by the modified Lentz method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = DBL_MIN / DBL_EPSILON;
    double c = 1, d = 1 - (a + b) * x / (a + 1), result;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    result = d;
    for (int m = 1; m <= 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double terms[2] = {even, odd};
        double factor = 1;

        for (int k = 0; k < 2; k++) {
            d = 1 + terms[k] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + terms[k] / c;
            c = fabs(c) < tiny ? tiny : c;
            factor = c * d;
            result *= factor;
        }
        if (fabs(factor - 1) < 4 * DBL_EPSILON)
            break;
    }
    return result;
}

/* ln B(a, 1/2) = lgamma(a) + lgamma(1/2) - lgamma(a + 1/2). For large a the two big terms cancel,
 * so their difference is taken by its asymptotic series (from Abramowitz, Stegun 6.1.41). */
static double log_beta_half(double a)
{
    const double log_gamma_half = 0.57236494292470008707;

    if (a > 50)
        return log_gamma_half - 0.5 * log(a) + 1 / (8 * a) - 1 / (192 * pow(a, 3)) +
               1 / (640 * pow(a, 5));
    return lgamma(a) + log_gamma_half - lgamma(a + 0.5);
}

/* P(|T| > t): the regularised incomplete beta I_x(df/2, 1/2) at x = df/(df + t^2), with y = 1 - x
 * given exactly. */
static double two_tails(double t, double df)
{
    double a = df / 2, t2 = t * t, x = df / (df + t2), y = t2 / (df + t2);
    double front;

    if (t2 == 0)
        return 1;
    front = exp(a * log1p(-y) + 0.5 * log(y) - log_beta_half(a));
    if (x < (a + 1) / (a + 2.5))
        return front * beta_fraction(a, 0.5, x) / a;
    return 1 - front * beta_fraction(0.5, a, y) / 0.5;
}

double stats_t_cdf(double t, double df)
{
    double tails = two_tails(t, df);

    return t > 0 ? 1 - tails / 2 : tails / 2;
}

double stats_t_quantile(double p, double df)
{
    double tails, low = 0, high = 1;

    assert(p > 0 && p < 1 && df > 0);
    if (p == 0.5)
        return 0;
    tails = 2 * (p < 0.5 ? p : 1 - p);
    while (two_tails(high, df) > tails && high < 1e300)
        high *= 2;
    for (int i = 0; i < 200; i++) { /* bisection: 60 halvings reach the last bit */
        double middle = low + (high - low) / 2;

        if (middle <= low || middle >= high)
            break;
        if (two_tails(middle, df) > tails)
            low = middle;
        else
            high = middle;
    }
    return p < 0.5 ? -high : high;
}

/* --- quantiles -------------------------------------------------------------------------------- */

double stats_quantile(const double *ascending, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t below = (size_t)floor(at);

    assert(n >= 1 && q >= 0 && q <= 1);
    if (below + 1 >= n)
        return ascending[n - 1];
    return ascending[below] + (at - (double)below) * (ascending[below + 1] - ascending[below]);
}

/* --- comparisons ------------------------------------------------------------------------------ */

static double p_of_no_difference(const struct stats_sample *d)
{
    double sd = stats_sd(d);

    if (d->n < 2)
        return NAN;
    if (sd == 0)
        return d->mean == 0 ? 1 : 0;
    return two_tails(d->mean / (sd / sqrt((double)d->n)), (double)(d->n - 1));
}

void stats_compare_paired(const double *base, const double *arm, size_t n, double confidence,
                          struct stats_paired *out)
{
    struct stats_sample b = {0}, a = {0}, d = {0};
    double products = 0;

    *out = (struct stats_paired){.n = n};
    for (size_t i = 0; i < n; i++) {
        stats_add(&b, base[i]);
        stats_add(&a, arm[i]);
        stats_add(&d, arm[i] - base[i]);
        out->n_lower += arm[i] < base[i];
        out->n_higher += arm[i] > base[i];
    }
    for (size_t i = 0; i < n; i++)
        products += (base[i] - b.mean) * (arm[i] - a.mean);
    out->mean_difference = n ? d.mean : NAN;
    out->sd_difference = stats_sd(&d);
    out->half_width = stats_half_width(&d, confidence);
    out->p_value = p_of_no_difference(&d);
    out->correlation = n > 1 && a.m2 > 0 && b.m2 > 0 ? products / sqrt(a.m2 * b.m2) : NAN;
    out->variance_ratio = n > 1 && a.m2 + b.m2 > 0 ? d.m2 / (a.m2 + b.m2) : NAN;
}

/* Walks the p-values in ascending order without a sort, so that nothing is allocated: each round
 * takes the next distinct value. The smallest of k left is multiplied by k, and no adjusted value
 * may fall below that of a smaller p. */
void stats_holm(const double *p_values, size_t n, double *adjusted)
{
    double last = -INFINITY, highest = 0;
    size_t n_done = 0;

    while (n_done < n) {
        double next = INFINITY;
        size_t n_same = 0;

        for (size_t i = 0; i < n; i++)
            if (p_values[i] > last && p_values[i] < next)
                next = p_values[i];
        highest = fmax(highest, fmin(1, next * (double)(n - n_done)));
        for (size_t i = 0; i < n; i++) {
            if (p_values[i] != next)
                continue;
            adjusted[i] = highest;
            n_same++;
        }
        assert(n_same > 0); /* no NaN came in */
        n_done += n_same;
        last = next;
    }
}

/* --- run until precise ------------------------------------------------------------------------ */

enum stats_advice stats_look(const struct stats_target *target, size_t n, double half_width,
                             double reference, unsigned *precise_looks)
{
    double wanted = target->is_relative ? target->half_width * fabs(reference) : target->half_width;
    unsigned needed = target->looks ? target->looks : 2;

    if (n >= target->min_n && n >= 2) {
        if (half_width <= wanted) /* false for NaN */
            ++*precise_looks;
        else
            *precise_looks = 0;
        if (*precise_looks >= needed)
            return STATS_PRECISE;
    }
    return n >= target->max_n ? STATS_AT_CAP : STATS_GO_ON;
}
