/* SPDX-License-Identifier: Apache-2.0 */
#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DECIMALS = 6, CHARACTERS_ACROSS = 40, LEAST_TICKS = 3 };
#define LARGEST_PLAIN 1e6
#define LARGEST       1e300 /* and its inverse the smallest: arithmetic on them stays finite */

/* --- round numbers ---------------------------------------------------------------------------- */

/* Ends on multiples of `step`. What misses one by a rounding error only is on it. */
static size_t cover(struct axis *a, double low, double high, double step)
{
    double first = floor(low / step + 1e-9), last = ceil(high / step - 1e-9);

    a->step = step;
    a->low = first * step;
    a->high = last * step;
    return last - first <= 1000 ? (size_t)(last - first) + 1 : 1001;
}

static int decimals_of(double step)
{
    int decimals = 0;

    while (decimals <= MAX_DECIMALS && fabs(step - round(step)) > 1e-6 * step)
        step *= 10, decimals++;
    return decimals > MAX_DECIMALS ? -1 : decimals;
}

void axis_fit(struct axis *a, double low, double high, size_t max_ticks)
{
    static const double leads[] = {1, 2, 5};
    double width, size, power;

    low = fmin(fmax(low, -LARGEST), LARGEST);
    high = fmin(fmax(high, -LARGEST), LARGEST);
    width = high - low;
    size = fmax(fabs(low), fabs(high));
    if (size < 1 / LARGEST)
        size = 0;

    if (size == 0 || width <= 1e-12 * size) {
        width = size > 0 ? size / 10 : 2;
        low -= width / 2;
        high += width / 2;
    }
    power = pow(10, floor(log10(width / (double)max_ticks)));
    for (int i = 0; i < 9; i++) {
        double step = leads[i % 3] * power * pow(10, i / 3); /* NOLINT: whole powers are meant */

        a->n_ticks = cover(a, low, high, step);
        if (a->n_ticks >= 2 && a->n_ticks <= max_ticks)
            break;
    }
    a->decimals = decimals_of(a->step);
    size = fmax(fabs(a->low), fabs(a->high));
    if (a->decimals < 0 || size >= LARGEST_PLAIN) /* as many digits as tell ticks apart */
        a->decimals = -(int)fmin(17, ceil(log10(size / a->step) + 1e-9) + 1);
}

double axis_tick(const struct axis *a, size_t i)
{
    double x = a->low + (double)i * a->step;

    return fabs(x) < a->step * 1e-9 ? 0 : x; /* not -0 nor 1e-17 */
}

double axis_share(const struct axis *a, double x)
{
    return (x - a->low) / (a->high - a->low);
}

const char *axis_text(const struct axis *a, double x, char out[AXIS_TEXT])
{
    if (a->decimals < 0)
        (void)snprintf(out, AXIS_TEXT, "%.*g", -a->decimals, x); /* fits: 17 digits at most */
    else
        (void)snprintf(out, AXIS_TEXT, "%.*f", a->decimals, x); /* below LARGEST_PLAIN: fits */
    return out;
}

size_t axis_text_len(const struct axis *a)
{
    size_t longest = 0;
    char text[AXIS_TEXT];

    for (size_t i = 0; i < a->n_ticks; i++) {
        size_t len = strlen(axis_text(a, axis_tick(a, i), text));

        longest = len > longest ? len : longest;
    }
    return longest;
}

void axis_fit_across(struct axis *a, double low, double high, size_t max_ticks)
{
    axis_fit(a, low, high, max_ticks);
    while (max_ticks > LEAST_TICKS && a->n_ticks * (axis_text_len(a) + 1) > CHARACTERS_ACROSS)
        axis_fit(a, low, high, --max_ticks);
}

/* --- time ------------------------------------------------------------------------------------- */

static const struct {
    double seconds;
    const char *name;
} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}, {0.001, "ms"}};

void axis_fit_time(struct axis *a, double seconds, size_t max_ticks)
{
    static const double steps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,  0.1,   0.2,   0.5,
                                   1,     2,     5,     10,   15,   30,    60,    120,   300,
                                   600,   900,   1800,  3600, 7200, 10800, 21600, 43200, 86400};
    size_t i = 0;

    while (i + 1 < sizeof steps / sizeof *steps && seconds / steps[i] + 1 > (double)max_ticks)
        i++;
    a->step = steps[i];
    while (seconds / a->step + 1 > (double)max_ticks)
        a->step *= 2; /* months */
    a->low = 0;
    a->high = seconds;
    a->n_ticks = (size_t)(seconds / a->step + 1e-9) + 1;
    a->decimals = 0;
}

const char *axis_time_text(const struct axis *a, double seconds, char out[AXIS_TEXT])
{
    size_t i = 0;

    if (seconds == 0)
        return strcpy(out, "0");
    while (i + 1 < sizeof units / sizeof *units && a->step < units[i].seconds)
        i++;
    (void)snprintf(out, AXIS_TEXT, "%.0f %s", seconds / units[i].seconds, units[i].name);
    return out;
}
