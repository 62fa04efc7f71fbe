/* SPDX-License-Identifier: Apache-2.0 */
/* chart_differences.c - each arm's difference from the baseline, pairs of the same seed. */
#include <math.h>
#include <stdlib.h>

#include "report/dot_rows.h"

static double value(const struct page *p, const struct dot_row *row, size_t replication)
{
    return page_figure(p, replication, row->point, row->arm) -
           page_figure(p, replication, row->point, 0);
}

static bool fill(const struct page *p, struct dot_rows *d, size_t n_points)
{
    struct tally_comparison *all = NULL;
    size_t n = 0, end = n_points * (page_arms(p) - 1);

    if (tally_compare_all(p->report->tally, p->report->metric, &all, &n) != PLATOON_OK)
        return false;
    for (size_t i = 0; i < n && i < end; i++) {
        const struct tally_comparison *c = &all[i];
        double p_value = n == 1 ? c->paired.p_value : c->adjusted_p;
        struct dot_row *row = &d->rows[d->n++];

        *row = (struct dot_row){.point = c->point,
                                .arm = c->arm,
                                .centre = c->paired.n ? c->paired.mean_difference : NAN,
                                .half = c->paired.half_width,
                                .is_hollow = !(p_value < 1 - TALLY_CONFIDENCE)};
        row->low = row->high = row->centre;
        for (size_t r = 0; r < p->report->n_seeds; r++) {
            row->low = fmin(row->low, value(p, row, r)); /* both ignore NAN */
            row->high = fmax(row->high, value(p, row, r));
        }
    }
    free(all);
    return true;
}

static void put_axis_name(struct page *p)
{
    enum tally_better better = tally_metric(p->report->tally, p->report->metric)->better;

    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Difference from ", "与 "));
    page_arm(p, 0);
    buf_text(p->out, SAY(p, ": ", " 的差值："));
    page_metric(p, p->report->metric);
    if (better == TALLY_LOWER)
        buf_text(p->out, SAY(p, "; left is better", "；左侧更好"));
    else if (better == TALLY_HIGHER)
        buf_text(p->out, SAY(p, "; right is better", "；右侧更好"));
    figure_axis_close(p);
}

void chart_differences(struct page *p)
{
    size_t n_others = page_arms(p) - 1;
    size_t n_points = n_others ? dot_rows_points(p, n_others) : 0;
    struct dot_rows d = {.has_zero = true, .first_arm = 1, .value = value};

    if (n_others == 0)
        return;
    d.rows = calloc(n_points * n_others, sizeof *d.rows);
    if (!d.rows || !fill(p, &d, n_points)) {
        p->out->has_failed = true;
        free(d.rows);
        return;
    }
    figure_open(p);
    buf_text(p->out, SAY(p, "Differences from the baseline", "与基准的差值"));
    figure_note(p);
    buf_text(p->out,
             SAY(p,
                 "of runs with the same seed: mean and 95 % interval; the small dots are pairs. "
                 "Filled: told apart from no difference",
                 "由相同种子的成对运行得出：均值与 95 % 置信区间；"
                 "小点为各对。实心：与零有显著差异"));
    if (n_points * n_others > 1)
        buf_text(p->out, SAY(p, " (Holm's correction)", "（Holm 校正）"));
    buf_text(p->out, SAY(p,
                         ". A mark alone has no interval: there are too few pairs, or too many "
                         "runs failed.",
                         "。单独的标记没有区间：成对运行太少，或失败太多。"));
    dot_rows_say_left_out(p, n_points, d.n);
    figure_begin(p);
    dot_rows_draw(p, &d,
                  SAY(p,
                      "Mean difference from the baseline and 95 % interval of each design point "
                      "and arm; the table of differences has the numbers",
                      "各设计点与方案相对基准的平均差值及 95 % 置信区间；数值见差值表"));
    put_axis_name(p);
    figure_close(p);
    free(d.rows);
}
