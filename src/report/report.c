/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - the page from its first line to its last; the parts are in files of their own. */
#include "report/report.h"

#include <math.h>
#include <stdlib.h>

#include "report/page.h"

extern const char report_style[]; /* style.css, carried inside the program */

enum { NAME_COLUMNS = 120, MAX_SENTENCES = 32 };

/* The shapes of the arms' marks, used by number; an empty drawing that only defines them. */
static void put_marks(struct page *p)
{
    buf_text(p->out, "<svg width=\"0\" height=\"0\" class=\"defs\" aria-hidden=\"true\"><defs>\n"
                     "<circle id=\"m0\" r=\"5\"/>\n"
                     "<path id=\"m1\" d=\"M-4.6-4.6H4.6V4.6H-4.6Z\"/>\n"
                     "<path id=\"m2\" d=\"M0-6.2L6.2 0L0 6.2L-6.2 0Z\"/>\n"
                     "<path id=\"m3\" d=\"M0-6L5.8 4.6H-5.8Z\"/>\n"
                     "</defs></svg>\n");
}

static void put_head(struct page *p)
{
    buf_printf(p->out,
               "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\"/>\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
               "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
               "<meta name=\"generator\" content=\"platoon ",
               SAY(p, "en", "zh-Hans"));
    html_text(p->out, platoon_version());
    buf_text(p->out, "\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>");
    html_text_cut(p->out, plan_name(p->report->plan), NAME_COLUMNS);
    buf_text(p->out, SAY(p, " – Platoon report", " – Platoon 实验报告"));
    buf_text(p->out, "</title>\n<style>\n");
    buf_text(p->out, report_style);
    buf_text(p->out, "</style>\n</head>\n<body>\n");
    put_marks(p);
}

/* --- the answer at the top ---------------------------------------------------------------------
 */

static void put_verdict_of(struct page *p, size_t metric)
{
    const struct report *r = p->report;
    struct verdict v;
    char *sentence = NULL;

    if (verdict_find(r->tally, r->plan, metric, &v) == PLATOON_OK)
        sentence = verdict_sentence(&v, r->tally, r->plan, metric, r->language);
    if (!sentence)
        p->out->has_failed = true;
    html_text(p->out, sentence);
    free(sentence);
}

static void put_arms(struct page *p)
{
    for (size_t a = 1; a < page_arms(p); a++) {
        buf_text(p->out, a == 1                 ? ""
                         : a + 1 < page_arms(p) ? SAY(p, ", ", "、")
                                                : SAY(p, " or ", " 或 "));
        page_arm(p, a);
    }
}

static void put_question(struct page *p)
{
    const struct report *r = p->report;
    bool has_metric = r->metric < tally_n_metrics(r->tally);

    buf_text(p->out, "<p class=\"question\">");
    if (page_arms(p) > 1) {
        buf_text(p->out, SAY(p, "What does ", "与 "));
        if (p->is_chinese)
            page_arm(p, 0);
        buf_text(p->out, SAY(p, "", " 相比，"));
        put_arms(p);
        buf_text(p->out, SAY(p, " do to ", " 对"));
    } else {
        buf_text(p->out, SAY(p, "What is ", ""));
    }
    if (has_metric)
        page_metric(p, r->metric);
    else
        buf_text(p->out, SAY(p, "the results", "结果"));
    if (page_arms(p) > 1) {
        buf_text(p->out, SAY(p, ", against ", "有什么影响"));
        if (!p->is_chinese)
            page_arm(p, 0);
    } else if (page_points(p) > 1) {
        buf_text(p->out,
                 SAY(p, ", and how does it change with the factors", "是多少，如何随因素变化"));
    } else {
        buf_text(p->out, SAY(p, "", "是多少"));
    }
    buf_text(p->out, SAY(p, "?</p>\n", "？</p>\n"));
}

static void put_tile(struct page *p, size_t n, const char *what)
{
    buf_printf(p->out, "<div><dt>%s</dt><dd>%zu</dd></div>", what, n);
}

static void put_counts(struct page *p)
{
    const struct report *r = p->report;
    size_t n_tasks = page_points(p) * page_arms(p) * r->n_seeds;

    buf_text(p->out, "<dl class=\"tiles\">");
    put_tile(p, page_points(p), SAY(p, "design points", "设计点"));
    if (page_arms(p) > 1)
        put_tile(p, page_arms(p), SAY(p, "arms", "方案"));
    put_tile(p, r->n_seeds, SAY(p, "seeds", "种子"));
    put_tile(p, r->n_done, SAY(p, "runs done", "完成的运行"));
    put_tile(p, r->n_failed, SAY(p, "failed", "失败"));
    if (r->n_done + r->n_failed < n_tasks)
        put_tile(p, n_tasks - r->n_done - r->n_failed, SAY(p, "not run", "未运行"));
    buf_text(p->out, "</dl>\n");
}

static void put_dates(struct page *p)
{
    double first = INFINITY, last = -INFINITY;

    for (size_t i = 0; i < p->report->n_runs; i++) {
        first = fmin(first, p->report->runs[i].started_s);
        last = fmax(last, p->report->runs[i].ended_s);
    }
    if (first > last)
        return;
    buf_text(p->out, SAY(p, ", ", "，"));
    page_time(p, first);
    buf_text(p->out, SAY(p, " to ", " 至 "));
    page_time(p, last);
}

static void put_top(struct page *p)
{
    buf_text(p->out, "<header>\n<p class=\"muted\">");
    buf_text(p->out, SAY(p, "Campaign report", "实验报告"));
    put_dates(p);
    buf_text(p->out, "</p>\n<h1>");
    html_text_cut(p->out, plan_name(p->report->plan), NAME_COLUMNS);
    buf_text(p->out, "</h1>\n");
    put_question(p);
    buf_text(p->out, "<p class=\"verdict\">");
    put_verdict_of(p, p->report->metric);
    buf_text(p->out, SAY(p, ".</p>\n", "。</p>\n"));
    put_counts(p);
    buf_text(p->out, "</header>\n");
}

/* --- sections --------------------------------------------------------------------------------- */

static void section_open(struct page *p, const char *title)
{
    buf_printf(p->out, "<section>\n<h2>%s</h2>\n", title);
}

static void section_close(struct page *p)
{
    buf_text(p->out, "</section>\n");
}

static void put_others(struct page *p)
{
    size_t n = tally_n_metrics(p->report->tally);

    if (n < 2)
        return;
    section_open(p, SAY(p, "Other metrics", "其他指标"));
    buf_text(p->out, "<ul class=\"others\">\n");
    for (size_t m = 0; m < n && m < MAX_SENTENCES; m++)
        if (m != p->report->metric) {
            buf_text(p->out, "<li>");
            put_verdict_of(p, m);
            buf_text(p->out, SAY(p, ".</li>\n", "。</li>\n"));
        }
    buf_text(p->out, "</ul>\n");
    section_close(p);
}

static void put_sections(struct page *p)
{
    if (p->report->metric < tally_n_metrics(p->report->tally)) {
        section_open(p, SAY(p, "What the runs say", "运行结果"));
        if (page_arms(p) > 1)
            chart_differences(p);
        chart_means(p);
        chart_response(p);
        chart_pairs(p);
        section_close(p);
        put_others(p);
        section_open(p, SAY(p, "Tables", "数据表"));
        page_tables(p);
        section_close(p);
    }
    section_open(p, SAY(p, "What went wrong", "异常的运行"));
    page_problems(p);
    section_close(p);
    if (p->report->n_runs) {
        section_open(p, SAY(p, "When it ran", "运行时间"));
        chart_timeline(p);
        section_close(p);
    }
    section_open(p, SAY(p, "How to do it again", "如何重现"));
    page_reproduce(p);
    section_close(p);
}

enum platoon_status report_write(const struct report *r, struct buf *out)
{
    struct page p = {.out = out, .report = r, .is_chinese = r->language == VERDICT_CHINESE};

    put_head(&p);
    buf_text(out, "<main>\n");
    put_top(&p);
    put_sections(&p);
    buf_text(out, "</main>\n</body>\n</html>\n");
    return out->has_failed ? PLATOON_ENOMEM : PLATOON_OK;
}
