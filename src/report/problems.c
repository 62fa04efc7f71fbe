/* SPDX-License-Identifier: Apache-2.0 */
/* problems.c - the runs that failed, and those whose outcome is not ok, with their reasons. */
#include <inttypes.h>

#include "report/tables.h"

enum { REASON_COLUMNS = 400 };

static void put_row(struct page *p, const struct report_problem *problem)
{
    struct plan_place at = plan_place_of(p->report->plan, problem->place);

    buf_printf(p->out, "<tr><th scope=\"row\">%" PRId64 "</th>", p->report->seeds[at.replication]);
    tables_where(p, at.point, at.arm);
    buf_printf(p->out, "<td>%s</td><td class=\"reason\">",
               problem->is_failed ? SAY(p, "failed", "失败") : SAY(p, "counts", "计入"));
    html_text_cut(p->out, problem->reason, REASON_COLUMNS);
    buf_text(p->out, "</td></tr>\n");
}

void page_problems(struct page *p)
{
    const struct report *r = p->report;
    size_t n_all = r->n_failed + r->n_not_ok, n = 0;
    struct tables_head heads[3 + TABLES_WHERE];

    if (n_all == 0) {
        buf_printf(
            p->out, "<p>%s</p>\n",
            SAY(p, "No run failed, and all outcomes are ok.", "没有失败的运行，结果均正常。"));
        return;
    }
    heads[n++] = (struct tables_head){"Seed", "种子"};
    n += tables_where_heads(p, heads + n);
    heads[n++] = (struct tables_head){"In the figures", "是否计入"};
    heads[n++] = (struct tables_head){"Reason", "原因"};
    tables_open(p);
    buf_printf(p->out,
               SAY(p,
                   "%zu failed and have no figures; %zu have an outcome other than ok and count.",
                   "%zu 次失败，没有数据；%zu 次结果非正常，计入统计。"),
               r->n_failed, r->n_not_ok);
    if (r->n_problems < n_all)
        buf_printf(p->out, SAY(p, " The first %zu are listed.", "此处列出前 %zu 次。"),
                   r->n_problems);
    tables_begin(p, heads, n, n);
    for (size_t i = 0; i < r->n_problems; i++)
        put_row(p, &r->problems[i]);
    tables_close(p);
}
