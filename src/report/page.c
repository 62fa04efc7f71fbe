/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/num.h"

enum { NAME_COLUMNS = 60, N_COLOURS = 7 };

size_t page_points(const struct page *p)
{
    return plan_points(p->report->plan);
}

size_t page_arms(const struct page *p)
{
    return plan_arms(p->report->plan);
}

double page_figure(const struct page *p, size_t replication, size_t point, size_t arm)
{
    size_t index = (replication * page_points(p) + point) * page_arms(p) + arm;

    return tally_figure(p->report->tally, index, p->report->metric);
}

void page_metric(struct page *p, size_t metric)
{
    const struct tally_metric *m = tally_metric(p->report->tally, metric);

    html_text(p->out, m->name);
    if (m->unit[0])
        html_textf(p->out, " (%s)", m->unit);
}

void page_point(struct page *p, size_t point, size_t max_columns)
{
    char *text = verdict_point_text(p->report->plan, point);

    if (!text)
        p->out->has_failed = true;
    else if (*text)
        html_text_cut(p->out, text, max_columns);
    else
        buf_text(p->out, "–");
    free(text);
}

void page_arm(struct page *p, size_t arm)
{
    const char *name = plan_arm_name(p->report->plan, arm);

    html_text_cut(p->out, *name ? name : SAY(p, "all runs", "全部运行"), NAME_COLUMNS);
}

const char *page_arm_class(const struct page *p, size_t arm, char out[PAGE_CLASS])
{
    bool has_baseline = page_arms(p) > 1;

    if (has_baseline && arm == 0)
        (void)snprintf(out, PAGE_CLASS, "kb"); /* fits */
    else
        (void)snprintf(out, PAGE_CLASS, "k%zu", (arm - has_baseline) % N_COLOURS); /* fits */
    return out;
}

void page_number(struct page *p, double x, bool with_sign)
{
    char text[VERDICT_NUMBER], exact[NUM_DOUBLE_ROOM];

    if (isnan(x)) {
        buf_text(p->out, "–");
        return;
    }
    num_double_text(x, exact);
    verdict_number(x, with_sign, text);
    buf_printf(p->out, "<data value=\"%s\">", exact);
    if (*text == '-') /* a minus as wide as a plus */
        buf_text(p->out, "−");
    buf_text(p->out, text + (*text == '-'));
    buf_text(p->out, "</data>");
}

void page_time(struct page *p, double wall_s)
{
    time_t seconds = (time_t)wall_s;
    char text[40];
    struct tm t;

    if (!gmtime_r(&seconds, &t) || strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &t) == 0)
        text[0] = '\0';
    buf_printf(p->out, "<span class=\"time\">%s</span>", text);
}

void page_note_open(struct page *p)
{
    buf_text(p->out, "<p class=\"note\">");
}

void page_note_close(struct page *p)
{
    buf_text(p->out, "</p>\n");
}
