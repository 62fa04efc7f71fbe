/* SPDX-License-Identifier: Apache-2.0 */
/* dot_rows.h - a chart of rows: in each a mean with its interval over the values it is made of. */
#ifndef PLATOON_REPORT_DOT_ROWS_H
#define PLATOON_REPORT_DOT_ROWS_H

#include "report/svg.h"

struct dot_row {
    size_t point, arm;
    double centre, half; /* NAN: not known */
    double low, high;    /* the values' */
    bool is_hollow;
};

/* One value of a row, NAN where there is none. */
typedef double (*dot_value_fn)(const struct page *p, const struct dot_row *row, size_t replication);

struct dot_rows {
    struct dot_row *rows; /* by points */
    size_t n;
    bool has_zero;    /* zero is on the axis, with a line of its own */
    size_t first_arm; /* of those in the rows */
    dot_value_fn value;
};

/* Rows of how many design points fit. */
size_t dot_rows_points(const struct page *p, size_t arms_a_point);
/* The legend where one is needed, and the drawing, `description` (plain) first. */
void dot_rows_draw(struct page *p, const struct dot_rows *d, const char *description);
/* That of all design points the first `n_shown` are, and of the values in the `n_rows` rows the
 * first ones, where that is so. */
void dot_rows_say_left_out(struct page *p, size_t n_shown, size_t n_rows);

#endif
