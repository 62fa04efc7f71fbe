/* SPDX-License-Identifier: Apache-2.0 */
/* chart_pairs.c - run by run: each arm against the baseline with the same seed; without arms the
 * figures in the order of their seeds. */
#include <math.h>

#include "report/svg.h"

enum { HEIGHT_PX = 300, MAX_TICKS = 6, SIDE_PX = 26 };

struct range {
    double low, high;
};

static void widen(struct range *range, double x)
{
    range->low = fmin(range->low, x);
    range->high = fmax(range->high, x);
}

/* How many pairs there are. The first REPORT_MAX_MARKS widen the range, and are drawn if there is
 * an axis. */
static size_t each_pair(struct page *p, const struct axis *axis, struct range *range)
{
    size_t n = 0;

    for (size_t r = 0; r < p->report->n_seeds; r++)
        for (size_t point = 0; point < page_points(p); point++)
            for (size_t arm = 1; arm < page_arms(p); arm++) {
                double x = page_figure(p, r, point, 0), y = page_figure(p, r, point, arm);

                if (isnan(x) || isnan(y) || n++ >= REPORT_MAX_MARKS)
                    continue;
                widen(range, x);
                widen(range, y);
                if (axis)
                    svg_mark(p, arm, axis_share(axis, x), HEIGHT_PX * (1 - axis_share(axis, y)),
                             false);
            }
    return n;
}

static size_t each_run(struct page *p, const struct axis *axis, struct range *range)
{
    size_t n = 0;

    for (size_t r = 0; r < p->report->n_seeds; r++)
        for (size_t point = 0; point < page_points(p); point++) {
            double y = page_figure(p, r, point, 0);

            if (isnan(y) || n++ >= REPORT_MAX_MARKS)
                continue;
            widen(range, y);
            if (axis)
                svg_dot(p, 0, ((double)r + 0.5) / (double)p->report->n_seeds,
                        HEIGHT_PX * (1 - axis_share(axis, y)));
        }
    return n;
}

static void say_left_out(struct page *p, size_t n)
{
    if (n > REPORT_MAX_MARKS)
        buf_printf(p->out,
                   SAY(p, " Of %zu the first %d are drawn.", "共 %zu 个，此处画出前 %d 个。"), n,
                   REPORT_MAX_MARKS);
}

static void put_pairs(struct page *p, const struct axis *axis, size_t n, struct range *range)
{
    const struct svg_margins margins = {svg_y_margin(axis), SIDE_PX, 10, 24};

    figure_open(p);
    buf_text(p->out, SAY(p, "Run against run", "逐次运行对照"));
    figure_note(p);
    buf_text(p->out,
             SAY(p, "with the same seed at the same design point. On the line both are equal.",
                 "相同种子、相同设计点。线上的点表示两者相等。"));
    say_left_out(p, n);
    figure_begin(p);
    figure_legend(p, 1);
    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Up: the arm", "纵轴：各方案"));
    figure_axis_close(p);
    buf_text(p->out, "<div class=\"square\">");
    svg_open(p, HEIGHT_PX, &margins);
    buf_text(p->out, SAY(p, "Each arm's figure against the baseline's, one mark a pair of runs",
                         "各方案的数值对基准的数值，每对运行一个标记"));
    svg_described(p);
    svg_y_axis(p, axis, HEIGHT_PX);
    svg_x_axis(p, axis, HEIGHT_PX);
    buf_printf(p->out, "<line class=\"zero\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"0\"/>\n",
               HEIGHT_PX);
    (void)each_pair(p, axis, range); /* counted before */
    svg_close(p);
    buf_text(p->out, "</div>\n");
    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Across: ", "横轴："));
    page_arm(p, 0);
    buf_text(p->out, SAY(p, "; ", "；"));
    page_metric(p, p->report->metric);
    figure_axis_close(p);
    figure_close(p);
}

static void put_runs(struct page *p, const struct axis *axis, size_t n, struct range *range)
{
    const struct svg_margins margins = {svg_y_margin(axis), SIDE_PX, 10, 10};

    figure_open(p);
    buf_text(p->out, SAY(p, "Runs", "各次运行"));
    figure_note(p);
    buf_text(p->out,
             SAY(p, "in the order of their seeds, left to right.", "按种子的次序从左到右。"));
    say_left_out(p, n);
    figure_begin(p);
    figure_axis_open(p);
    page_metric(p, p->report->metric);
    figure_axis_close(p);
    svg_open(p, HEIGHT_PX, &margins);
    buf_text(p->out, SAY(p, "The figure of each run", "每次运行的数值"));
    svg_described(p);
    svg_y_axis(p, axis, HEIGHT_PX);
    (void)each_run(p, axis, range); /* counted before */
    svg_close(p);
    figure_close(p);
}

void chart_pairs(struct page *p)
{
    bool has_arms = page_arms(p) > 1;
    struct range range = {INFINITY, -INFINITY};
    size_t n = has_arms ? each_pair(p, NULL, &range) : each_run(p, NULL, &range);
    struct axis axis;

    if (n == 0)
        return;
    axis_fit_across(&axis, range.low, range.high, MAX_TICKS);
    if (has_arms)
        put_pairs(p, &axis, n, &range);
    else
        put_runs(p, &axis, n, &range);
}
