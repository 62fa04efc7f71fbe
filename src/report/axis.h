/* SPDX-License-Identifier: Apache-2.0 */
/* axis.h - an axis: round numbers at even distances that cover a range. Pure. */
#ifndef PLATOON_REPORT_AXIS_H
#define PLATOON_REPORT_AXIS_H

#include <stddef.h>

struct axis {
    double low, high; /* the ends, low < high; ticks lie at both but for a time axis */
    double step;
    size_t n_ticks;
    int decimals; /* of the ticks' texts; negative: significant digits in scientific notation */
};

/* The finest steps of 1, 2 or 5 times a power of ten with at most `max_ticks` (3 to 50) that cover
 * [low, high], finite. A range of no width is widened, so that its value lies in the middle. */
void axis_fit(struct axis *a, double low, double high, size_t max_ticks);
/* The same for an axis that lies: fewer ticks where their texts are so long that they would touch
 * each other on a telephone. */
void axis_fit_across(struct axis *a, double low, double high, size_t max_ticks);
/* The longest text of a tick. */
size_t axis_text_len(const struct axis *a);
/* Seconds from 0 to `seconds` > 0, the end as it is; steps are those of clocks (5 s, 2 min, 6 h).
 */
void axis_fit_time(struct axis *a, double seconds, size_t max_ticks);

double axis_tick(const struct axis *a, size_t i);
/* Where x lies: 0 at the low end, 1 at the high one. */
double axis_share(const struct axis *a, double x);
/* A tick as text; of a time axis with its unit. Returns `out`. */
enum { AXIS_TEXT = 32 };
const char *axis_text(const struct axis *a, double x, char out[AXIS_TEXT]);
const char *axis_time_text(const struct axis *a, double seconds, char out[AXIS_TEXT]);

#endif
