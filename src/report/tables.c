/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - tables in general, and those of means and differences. */
#include "report/tables.h"

#include <math.h>
#include <stdlib.h>

enum { POINT_COLUMNS = 80 };

/* --- in general ------------------------------------------------------------------------------- */

void tables_open(struct page *p)
{
    p->n_tables++;
    buf_printf(
        p->out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"t%u\"><table>"
        "<caption id=\"t%u\"><span><b>%s %u.</b> ",
        p->n_tables, p->n_tables, SAY(p, "Table", "表"), p->n_tables);
}

void tables_begin(struct page *p, const struct tables_head *heads, size_t n, size_t first_number)
{
    buf_text(p->out, "</span></caption>\n<thead><tr>");
    for (size_t i = 0; i < n; i++)
        buf_printf(p->out, "<th scope=\"col\"%s>%s</th>", i >= first_number ? " class=\"n\"" : "",
                   SAY(p, heads[i].english, heads[i].chinese));
    buf_text(p->out, "</tr></thead>\n<tbody>\n");
}

void tables_close(struct page *p)
{
    buf_text(p->out, "</tbody></table></div>\n");
}

void tables_say_left_out(struct page *p, size_t n_shown, size_t n)
{
    if (n_shown < n)
        buf_printf(p->out,
                   SAY(p, " The first %zu of %zu rows; platoon run --json has all.",
                       "共 %2$zu 行，此处显示前 %1$zu 行；platoon run --json 给出全部。"),
                   n_shown, n);
}

void tables_where(struct page *p, size_t point, size_t arm)
{
    if (page_points(p) > 1) {
        buf_text(p->out, "<td><span class=\"cell\">");
        page_point(p, point, POINT_COLUMNS);
        buf_text(p->out, "</span></td>");
    }
    if (page_arms(p) > 1) {
        buf_text(p->out, "<td><span class=\"cell\">");
        page_arm(p, arm);
        buf_text(p->out, "</span></td>");
    }
}

size_t tables_where_heads(const struct page *p, struct tables_head *out)
{
    size_t n = 0;

    if (page_points(p) > 1)
        out[n++] = (struct tables_head){"At", "设计点"};
    if (page_arms(p) > 1)
        out[n++] = (struct tables_head){"Arm", "方案"};
    return n;
}

static void number_cell(struct page *p, double x, bool with_sign)
{
    buf_text(p->out, "<td class=\"n\">");
    page_number(p, x, with_sign);
    buf_text(p->out, "</td>");
}

/* The first cells of a row: metric, design point (where there are several), arm (likewise). */
static void row_open(struct page *p, size_t metric, size_t point, size_t arm)
{
    buf_text(p->out, "<tr><th scope=\"row\"><span class=\"cell\">");
    page_metric(p, metric);
    buf_text(p->out, "</span></th>");
    tables_where(p, point, arm);
}

/* The question's metric first, then the others. */
static size_t metric_at(const struct page *p, size_t i)
{
    size_t chosen = p->report->metric;

    return i == 0 ? chosen : i <= chosen ? i - 1 : i;
}

/* --- means ------------------------------------------------------------------------------------ */

static void means_row(struct page *p, size_t metric, size_t point, size_t arm)
{
    struct tally_cell cell;
    bool has_figures;

    if (tally_cell(p->report->tally, point, arm, metric, TALLY_ALL, &cell) != PLATOON_OK) {
        p->out->has_failed = true;
        return;
    }
    has_figures = cell.sample.n > 0;
    row_open(p, metric, point, arm);
    buf_printf(p->out, "<td class=\"n\">%zu</td>", cell.sample.n);
    if (p->report->n_failed)
        buf_printf(p->out, "<td class=\"n\">%zu</td>", cell.n_failed);
    if (tally_n_stopped_early(p->report->tally))
        buf_printf(p->out, "<td class=\"n\">%zu</td>", cell.n_stopped_early);
    number_cell(p, has_figures ? cell.sample.mean : NAN, false);
    if (cell.is_refused)
        buf_printf(p->out, "<td class=\"n\">%s</td>", SAY(p, "refused", "不予给出"));
    else
        number_cell(p, cell.half_width, false);
    number_cell(p, cell.sd, false);
    number_cell(p, has_figures ? cell.sample.min : NAN, false);
    number_cell(p, cell.median, false);
    number_cell(p, has_figures ? cell.sample.max : NAN, false);
    buf_text(p->out, "</tr>\n");
}

static void put_means(struct page *p)
{
    static const struct tables_head numbers[] = {
        {"Mean", "均值"},     {"±&#160;95&#160;%", "±&#160;95&#160;%"},
        {"SD", "标准差"},     {"Min", "最小值"},
        {"Median", "中位数"}, {"Max", "最大值"}};
    size_t n_all = tally_n_metrics(p->report->tally) * page_points(p) * page_arms(p), n_shown = 0;
    size_t n_rows = n_all < REPORT_MAX_TABLE_ROWS ? n_all : REPORT_MAX_TABLE_ROWS;
    struct tables_head heads[6 + sizeof numbers / sizeof *numbers];
    size_t n = 1 + tables_where_heads(p, heads + 1), first_number = n;

    heads[0] = (struct tables_head){"Metric", "指标"};
    heads[n++] = (struct tables_head){"Runs", "运行"};
    if (p->report->n_failed)
        heads[n++] = (struct tables_head){"Failed", "失败"};
    if (tally_n_stopped_early(p->report->tally))
        heads[n++] = (struct tables_head){"Stopped early", "提前终止"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        heads[n++] = numbers[i];
    tables_open(p);
    buf_text(p->out, SAY(p, "Means.", "均值。"));
    tables_say_left_out(p, n_rows, n_all);
    tables_begin(p, heads, n, first_number);
    for (size_t m = 0; n_shown < n_rows; m++)
        for (size_t point = 0; point < page_points(p) && n_shown < n_rows; point++)
            for (size_t arm = 0; arm < page_arms(p) && n_shown < n_rows; arm++, n_shown++)
                means_row(p, metric_at(p, m), point, arm);
    tables_close(p);
}

/* --- differences ------------------------------------------------------------------------------ */

static void differences_row(struct page *p, size_t metric, const struct tally_comparison *c)
{
    double percent = 100 * c->paired.mean_difference / fabs(c->base_mean);

    row_open(p, metric, c->point, c->arm);
    buf_printf(p->out, "<td class=\"n\">%zu</td>", c->paired.n);
    number_cell(p, c->paired.n ? c->paired.mean_difference : NAN, true);
    if (c->is_refused)
        buf_printf(p->out, "<td class=\"n\">%s</td>", SAY(p, "refused", "不予给出"));
    else
        number_cell(p, c->paired.half_width, false);
    if (isfinite(percent))
        buf_printf(p->out, "<td class=\"n\">%s%.1f %%</td>", percent < 0 ? "−" : "+",
                   fabs(percent));
    else
        buf_text(p->out, "<td class=\"n\">–</td>");
    if (!isnan(c->adjusted_p) && c->adjusted_p < 0.001)
        buf_printf(p->out, "<td class=\"n\"><data value=\"%.17g\">&lt; 0.001</data></td>",
                   c->adjusted_p);
    else
        number_cell(p, c->adjusted_p, false);
    number_cell(p, c->paired.correlation, false);
    number_cell(p, c->paired.variance_ratio, false);
    buf_text(p->out, "</tr>\n");
}

static void put_differences(struct page *p)
{
    static const struct tables_head numbers[] = {{"Pairs", "对数"},
                                                 {"Difference", "平均差值"},
                                                 {"±&#160;95&#160;%", "±&#160;95&#160;%"},
                                                 {"Of baseline", "占基准"},
                                                 {"p (Holm)", "p（Holm）"},
                                                 {"Correlation", "相关系数"},
                                                 {"Variance ratio", "方差比"}};
    size_t n_all = tally_n_metrics(p->report->tally) * page_points(p) * (page_arms(p) - 1);
    size_t n_rows = n_all < REPORT_MAX_TABLE_ROWS ? n_all : REPORT_MAX_TABLE_ROWS, n_shown = 0;
    struct tables_head heads[3 + sizeof numbers / sizeof *numbers];
    size_t n = 1 + tables_where_heads(p, heads + 1), first_number = n;

    heads[0] = (struct tables_head){"Metric", "指标"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        heads[n++] = numbers[i];
    tables_open(p);
    buf_text(p->out, SAY(p, "Differences from ", "相对 "));
    page_arm(p, 0);
    buf_text(p->out,
             SAY(p, ", pairs of runs with the same seed.", " 的差值，由相同种子的成对运行得出。"));
    tables_say_left_out(p, n_rows, n_all);
    tables_begin(p, heads, n, first_number);
    for (size_t m = 0; n_shown < n_rows && !p->out->has_failed; m++) {
        struct tally_comparison *all = NULL;
        size_t n_comparisons = 0;

        if (tally_compare_all(p->report->tally, metric_at(p, m), &all, &n_comparisons) !=
            PLATOON_OK)
            p->out->has_failed = true;
        for (size_t i = 0; i < n_comparisons && n_shown < n_rows; i++, n_shown++)
            differences_row(p, metric_at(p, m), &all[i]);
        free(all);
    }
    tables_close(p);
}

/* --- both ------------------------------------------------------------------------------------- */

/* Does an interval miss because too many runs failed? Of the design points that tables show. */
static bool has_refusal(const struct page *p)
{
    for (size_t point = 0; point < page_points(p) && point < REPORT_MAX_TABLE_ROWS; point++)
        for (size_t arm = 0; arm < page_arms(p); arm++) {
            struct tally_cell cell;

            if (tally_cell(p->report->tally, point, arm, p->report->metric, TALLY_ALL, &cell) ==
                    PLATOON_OK &&
                cell.is_refused)
                return true;
        }
    return false;
}

void page_tables(struct page *p)
{
    put_means(p);
    if (page_arms(p) > 1)
        put_differences(p);
    if (has_refusal(p)) {
        page_note_open(p);
        buf_printf(p->out,
                   SAY(p,
                       "An interval is refused where more than %.0f %% of the runs failed: those "
                       "that succeeded are no fair sample then.",
                       "失败的运行超过 %.0f %% 时不给出区间："
                       "其余成功的运行不再是公平的样本。"),
                   100 * p->report->max_failed_share);
        page_note_close(p);
    }
}
