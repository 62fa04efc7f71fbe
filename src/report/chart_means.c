/* SPDX-License-Identifier: Apache-2.0 */
/* chart_means.c - the mean of each design point and arm, with its interval, over its runs. */
#include <math.h>
#include <stdlib.h>

#include "report/dot_rows.h"

static double value(const struct page *p, const struct dot_row *row, size_t replication)
{
    return page_figure(p, replication, row->point, row->arm);
}

static bool fill(const struct page *p, struct dot_rows *d, size_t n_points)
{
    for (size_t point = 0; point < n_points; point++)
        for (size_t arm = 0; arm < page_arms(p); arm++) {
            struct tally_cell cell;

            if (tally_cell(p->report->tally, point, arm, p->report->metric, TALLY_ALL, &cell) !=
                PLATOON_OK)
                return false;
            d->rows[d->n++] = (struct dot_row){
                .point = point,
                .arm = arm,
                .centre = cell.sample.n ? cell.sample.mean : NAN,
                .half = cell.half_width,
                .low = cell.sample.min,
                .high = cell.sample.max,
                .is_hollow = !isfinite(cell.half_width),
            };
        }
    return true;
}

void chart_means(struct page *p)
{
    size_t n_points = dot_rows_points(p, page_arms(p));
    struct dot_rows d = {.rows = calloc(n_points * page_arms(p), sizeof *d.rows), .value = value};

    if (!d.rows || !fill(p, &d, n_points)) {
        p->out->has_failed = true;
        free(d.rows);
        return;
    }
    figure_open(p);
    buf_text(p->out, SAY(p, "Means", "均值"));
    figure_note(p);
    buf_text(p->out, SAY(p,
                         "with 95 % intervals; the small dots are runs. A hollow mark has no "
                         "interval: there are too few runs, or too many failed.",
                         "及 95 % 置信区间；小点为各次运行。"
                         "空心标记没有区间：运行太少，或失败太多。"));
    dot_rows_say_left_out(p, n_points, d.n);
    figure_begin(p);
    dot_rows_draw(p, &d,
                  SAY(p,
                      "Mean and 95 % interval of each design point and arm; the table of means "
                      "has the numbers",
                      "各设计点与方案的均值及 95 % 置信区间；数值见均值表"));
    figure_axis_open(p);
    page_metric(p, p->report->metric);
    figure_axis_close(p);
    figure_close(p);
    free(d.rows);
}
