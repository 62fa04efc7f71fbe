/* SPDX-License-Identifier: Apache-2.0 */
/* chart_timeline.c - when each run ran, on which worker, in as few lanes as it takes. */
#include <math.h>
#include <stdlib.h>

#include "report/lanes.h"
#include "report/svg.h"

enum {
    LANE_PX = 15,
    NAME_PX = 22,
    MAX_TICKS = 6,
    SIDE_PX = 26,
    NAME_COLUMNS = 40,
    MAX_LANES = 128
};
/* A pause of all workers longer than both is cut out. */
#define PAUSE_S     30.0
#define PAUSE_SHARE 0.1

struct timeline {
    size_t n; /* runs with times, at the front */
    size_t n_pauses;
    double *cuts; /* for each run: seconds cut out before it */
    double origin_s, length_s;
    size_t n_hidden; /* runs in lanes beyond the last */
};

/* --- time without pauses -----------------------------------------------------------------------
 */

static int compare_runs(const void *a, const void *b)
{
    const struct report_run *x = a, *y = b;

    if (x->started_s != y->started_s)
        return x->started_s < y->started_s ? -1 : 1;
    if (x->ended_s != y->ended_s)
        return x->ended_s < y->ended_s ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* The runs with times to the front, by start. */
static size_t sort_runs(struct report_run *runs, size_t n)
{
    size_t n_timed = 0;

    for (size_t i = 0; i < n; i++)
        if (runs[i].ended_s >= runs[i].started_s) { /* not NAN */
            struct report_run run = runs[i];

            runs[i] = runs[n_timed];
            runs[n_timed++] = run;
        }
    qsort(runs, n_timed, sizeof *runs, compare_runs);
    return n_timed;
}

static double busy_seconds(const struct report_run *runs, size_t n)
{
    double busy = 0, end = runs[0].started_s;

    for (size_t i = 0; i < n; i++) {
        busy += fmax(0, runs[i].ended_s - fmax(end, runs[i].started_s));
        end = fmax(end, runs[i].ended_s);
    }
    return busy;
}

static void cut_pauses(struct timeline *t, const struct report_run *runs)
{
    double least = fmax(PAUSE_S, PAUSE_SHARE * busy_seconds(runs, t->n));
    double end = runs[0].started_s, cut = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (runs[i].started_s - end > least) {
            cut += runs[i].started_s - end;
            t->n_pauses++;
        }
        t->cuts[i] = cut;
        end = fmax(end, runs[i].ended_s);
    }
    t->origin_s = runs[0].started_s;
    t->length_s = fmax(end - cut - t->origin_s, 0.001);
}

static double share_of(const struct timeline *t, size_t run, double wall_s)
{
    return (wall_s - t->cuts[run] - t->origin_s) / t->length_s;
}

/* --- drawing ---------------------------------------------------------------------------------- */

static void draw_axis(struct page *p, const struct timeline *t, double height)
{
    struct axis a;
    char text[AXIS_TEXT];

    axis_fit_time(&a, t->length_s, MAX_TICKS);
    for (size_t i = 0; i < a.n_ticks; i++) {
        double at = 100 * axis_share(&a, axis_tick(&a, i));

        buf_printf(p->out,
                   "<line class=\"grid\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"%.1f\"/>"
                   "<text x=\"%.3f%%\" y=\"%.1f\" class=\"mid\">%s</text>\n",
                   at, at, height, at, height + 16, axis_time_text(&a, axis_tick(&a, i), text));
    }
}

static void draw_pauses(struct page *p, const struct timeline *t, double height)
{
    for (size_t i = 1; i < t->n; i++)
        if (t->cuts[i] > t->cuts[i - 1]) {
            double at = 100 * share_of(t, i, p->report->runs[i].started_s);

            buf_printf(p->out,
                       "<line class=\"pause\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" "
                       "y2=\"%.1f\"/>\n",
                       at, at, height);
        }
}

static void draw_run(struct page *p, const struct timeline *t, size_t i, double y)
{
    const struct report_run *run = &p->report->runs[i];
    struct plan_place at = plan_place_of(p->report->plan, run->place);
    char classes[PAGE_CLASS];

    buf_printf(p->out,
               "<rect x=\"%.3f%%\" y=\"%.1f\" width=\"%.3f%%\" height=\"%d\" class=\"%s %s\"/>\n",
               100 * share_of(t, i, run->started_s), y,
               100 * (run->ended_s - run->started_s) / t->length_s, LANE_PX - 3,
               run->is_failed ? "failed" : "run", page_arm_class(p, at.arm, classes));
}

/* The lanes of one worker, from `y` on; returns their height. With `is_drawing` false only that,
 * and counts what there are no lanes for. */
static double each_lane(struct page *p, struct timeline *t, size_t worker, double y,
                        size_t *lanes_left, bool is_drawing)
{
    struct lanes lanes = {0};
    size_t n_drawn = 0;

    for (size_t i = 0; i < t->n && i < REPORT_MAX_MARKS; i++) {
        const struct report_run *run = &p->report->runs[i];
        size_t lane;

        if (run->worker != worker)
            continue;
        lane = lanes_place(&lanes, run->started_s, run->ended_s);
        if (lane >= *lanes_left || lane == LANES_MAX) {
            t->n_hidden += !is_drawing;
            continue;
        }
        n_drawn = lane + 1 > n_drawn ? lane + 1 : n_drawn;
        if (is_drawing)
            draw_run(p, t, i, y + NAME_PX + (double)lane * LANE_PX);
    }
    if (n_drawn == 0)
        return 0;
    *lanes_left -= n_drawn;
    if (is_drawing) {
        svg_text_open(p, 8 - SIDE_PX, y + NAME_PX - 7, "name");
        html_text_cut(p->out, p->report->workers[worker], NAME_COLUMNS);
        svg_text_close(p);
    }
    return NAME_PX + (double)n_drawn * LANE_PX;
}

static double each_worker(struct page *p, struct timeline *t, bool is_drawing)
{
    size_t lanes_left = MAX_LANES;
    double y = 0;

    for (size_t w = 0; w < p->report->n_workers; w++)
        y += each_lane(p, t, w, y, &lanes_left, is_drawing);
    return y + 4;
}

static void put_note(struct page *p, const struct timeline *t)
{
    buf_text(p->out, SAY(p,
                         "each bar a run, from the moment its worker took it to its end, in as few "
                         "lanes as it takes; short runs are taken ahead. Outlined: failed.",
                         "每条为一次运行，自 worker 取走任务起至结束；"
                         "较短的任务会提前取走。仅有轮廓：失败。"));
    if (t->n_pauses)
        buf_printf(p->out,
                   SAY(p, " Pauses in which nothing ran are cut out at the dashed lines: %zu.",
                       "虚线处略去没有运行的停顿：%zu 处。"),
                   t->n_pauses);
    if (t->n > REPORT_MAX_MARKS)
        buf_printf(
            p->out,
            SAY(p, " Of %zu runs the first %d are drawn.", "共 %zu 次运行，此处画出前 %d 次。"),
            t->n, REPORT_MAX_MARKS);
    if (t->n_hidden)
        buf_printf(p->out,
                   SAY(p, " %zu runs have no lane: there are more than %d.",
                       "另有 %zu 次运行未画出：多于 %d 行。"),
                   t->n_hidden, MAX_LANES);
}

static void put_figure(struct page *p, struct timeline *t)
{
    const struct svg_margins margins = {SIDE_PX, SIDE_PX, 4, 24};
    double height = each_worker(p, t, false);

    figure_open(p);
    buf_text(p->out, SAY(p, "Time line", "时间线"));
    figure_note(p);
    put_note(p, t);
    figure_begin(p);
    if (page_arms(p) > 1)
        figure_legend(p, 0);
    svg_open(p, height, &margins);
    buf_text(p->out, SAY(p, "When each run ran, by worker and slot", "各 worker 与槽位的运行时间"));
    svg_described(p);
    draw_axis(p, t, height);
    draw_pauses(p, t, height);
    (void)each_worker(p, t, true); /* as high as before */
    svg_close(p);
    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Since ", "自 "));
    page_time(p, t->origin_s);
    buf_text(p->out, SAY(p, "", " 起"));
    figure_axis_close(p);
    figure_close(p);
}

void chart_timeline(struct page *p)
{
    struct timeline t = {.n = sort_runs(p->report->runs, p->report->n_runs)};

    if (t.n == 0)
        return;
    t.cuts = calloc(t.n, sizeof *t.cuts);
    if (!t.cuts) {
        p->out->has_failed = true;
        return;
    }
    cut_pauses(&t, p->report->runs);
    put_figure(p, &t);
    free(t.cuts);
}
