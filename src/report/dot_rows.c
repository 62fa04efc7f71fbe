/* SPDX-License-Identifier: Apache-2.0 */
#include "report/dot_rows.h"

#include <math.h>

enum { LABEL_PX = 21, ROW_PX = 28, PAD_PX = 8, SIDE_PX = 26, MAX_TICKS = 7, LABEL_COLUMNS = 40 };

size_t dot_rows_points(const struct page *p, size_t arms_a_point)
{
    size_t n = REPORT_MAX_CHART_ROWS / arms_a_point;

    n = n ? n : 1;
    return n < page_points(p) ? n : page_points(p);
}

/* Values of a row that are drawn. */
static size_t dots_of_row(const struct page *p, size_t n_rows)
{
    size_t most = REPORT_MAX_MARKS / n_rows;

    return p->report->n_seeds < most ? p->report->n_seeds : most;
}

void dot_rows_say_left_out(struct page *p, size_t n_shown, size_t n_rows)
{
    size_t n_dots = dots_of_row(p, n_rows);

    if (n_shown < page_points(p))
        buf_printf(p->out,
                   SAY(p, " Of %zu design points the first %zu are shown.",
                       "共 %zu 个设计点，此处显示前 %zu 个。"),
                   page_points(p), n_shown);
    if (n_dots < p->report->n_seeds)
        buf_printf(p->out,
                   SAY(p, " Small dots are those of the first %zu seeds of %zu.",
                       "小点只画出前 %zu 个种子，共 %zu 个。"),
                   n_dots, p->report->n_seeds);
}

/* With one design point arms are named beside their rows; with several the points are, and the
 * legend tells the arms. */
static bool labels_arms(const struct page *p)
{
    return page_points(p) == 1;
}

static bool begins_group(const struct page *p, const struct dot_rows *d, size_t i)
{
    return labels_arms(p) || i == 0 || d->rows[i].point != d->rows[i - 1].point;
}

static void fit(const struct dot_rows *d, struct axis *axis)
{
    double low = d->has_zero ? 0 : INFINITY, high = d->has_zero ? 0 : -INFINITY;

    for (size_t i = 0; i < d->n; i++) {
        const struct dot_row *row = &d->rows[i];
        double half = !isfinite(row->half) ? 0 : row->half;

        if (isnan(row->centre))
            continue;
        low = fmin(low, fmin(row->low, row->centre - half));
        high = fmax(high, fmax(row->high, row->centre + half));
    }
    axis_fit_across(axis, low > high ? 0 : low, low > high ? 1 : high, MAX_TICKS);
}

static void draw_values(struct page *p, const struct dot_rows *d, const struct dot_row *row,
                        const struct axis *axis, double y)
{
    size_t n = dots_of_row(p, d->n);

    for (size_t r = 0; r < n; r++) {
        double x = d->value(p, row, r);

        if (!isnan(x)) /* apart from each other, in an order that does not look like one */
            svg_dot(p, row->arm, axis_share(axis, x), y + (double)(r * 3 % 5) * 3 - 6);
    }
    buf_text(p->out, "\n");
}

static void draw_row(struct page *p, const struct dot_rows *d, const struct dot_row *row,
                     const struct axis *axis, double y)
{
    if (isnan(row->centre)) {
        svg_text_open(p, 0, y + 4, "muted");
        buf_text(p->out, SAY(p, "no figures", "没有数据"));
        svg_text_close(p);
        return;
    }
    draw_values(p, d, row, axis, y);
    if (isfinite(row->half))
        svg_bar(p, row->arm, axis_share(axis, row->centre - row->half),
                axis_share(axis, row->centre + row->half), y);
    svg_mark(p, row->arm, axis_share(axis, row->centre), y, row->is_hollow);
}

static void draw_label(struct page *p, const struct dot_row *row, double y)
{
    const char *arm = plan_arm_name(p->report->plan, row->arm);

    svg_text_open(p, 8 - SIDE_PX, y, "name");
    if (labels_arms(p))
        html_text_cut(p->out, *arm ? arm : SAY(p, "all runs", "全部运行"), LABEL_COLUMNS);
    else
        page_point(p, row->point, LABEL_COLUMNS);
    svg_text_close(p);
}

void dot_rows_draw(struct page *p, const struct dot_rows *d, const char *description)
{
    const struct svg_margins margins = {SIDE_PX, SIDE_PX, PAD_PX, 24};
    struct axis axis;
    double height = 0, y = 0;

    for (size_t i = 0; i < d->n; i++)
        height += ROW_PX + (begins_group(p, d, i) ? LABEL_PX : 0);
    fit(d, &axis);
    if (!labels_arms(p) && page_arms(p) > 1)
        figure_legend(p, d->first_arm);
    svg_open(p, height, &margins);
    html_text(p->out, description);
    svg_described(p);
    svg_x_axis(p, &axis, height);
    if (d->has_zero)
        buf_printf(p->out,
                   "<line class=\"zero\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"%.1f\"/>\n",
                   100 * axis_share(&axis, 0), 100 * axis_share(&axis, 0), height);
    for (size_t i = 0; i < d->n; i++) {
        if (begins_group(p, d, i)) {
            y += LABEL_PX;
            draw_label(p, &d->rows[i], y - 5);
        }
        draw_row(p, d, &d->rows[i], &axis, y + ROW_PX / 2.0);
        y += ROW_PX;
    }
    svg_close(p);
}
