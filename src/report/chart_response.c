/* SPDX-License-Identifier: Apache-2.0 */
/* chart_response.c - how the metric answers to a swept number: a panel for each setting of the
 * other factors, in it a line and a band for each arm. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/svg.h"

enum { HEIGHT_PX = 210, MAX_TICKS = 6, SIDE_PX = 26, TITLE_COLUMNS = 40, SCALE = 10000 };

struct spot {
    double x;
    size_t point;
};

struct panel {
    char *others; /* what else is set, as the points' text; "" if nothing is */
    struct spot *spots;
    size_t n, n_more; /* by x; n_more are left out */
};

struct response {
    const char *factor;
    struct panel panels[REPORT_MAX_PANELS];
    size_t n_panels, n_left_out; /* points in further panels */
    struct axis x, y;
};

/* --- which points belong together --------------------------------------------------------------
 */

static bool number_of(const platoon_value *v, double *out)
{
    enum platoon_kind kind = platoon_value_kind(v);

    return (kind == PLATOON_INT || kind == PLATOON_FLOAT) &&
           platoon_as_float(v, out) == PLATOON_OK && isfinite(*out);
}

/* "lanes=2 scale=1": the point without the factor; malloc()ed. */
static char *others_text(const platoon_value *params, const char *factor)
{
    platoon_value *key, *child;
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; platoon_dict_entry(params, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL), *word = platoon_as_str(child, NULL);
        char *json = word ? NULL : platoon_json(child);

        if (name && strcmp(name, factor) != 0)
            buf_printf(&b, "%s%s=%s", b.len ? " " : "", name, word ? word : json ? json : "?");
        free(json);
    }
    buf_text(&b, "");
    return buf_take_text(&b, NULL);
}

/* Takes `others`; NULL: it is the one panel too many. */
static struct panel *panel_of(struct response *r, char *others)
{
    for (size_t i = 0; i < r->n_panels; i++)
        if (strcmp(r->panels[i].others, others) == 0) {
            free(others);
            return &r->panels[i];
        }
    if (r->n_panels == REPORT_MAX_PANELS) {
        free(others);
        return NULL;
    }
    r->panels[r->n_panels].others = others;
    return &r->panels[r->n_panels++];
}

static bool add(struct response *r, char *others, double x, size_t point)
{
    struct panel *panel = panel_of(r, others);

    if (!panel) {
        r->n_left_out++;
        return true;
    }
    if (!panel->spots)
        panel->spots = calloc(REPORT_MAX_PANEL_POINTS, sizeof *panel->spots);
    if (!panel->spots)
        return false;
    if (panel->n == REPORT_MAX_PANEL_POINTS)
        panel->n_more++;
    else
        panel->spots[panel->n++] = (struct spot){x, point};
    return true;
}

static int compare_spots(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;

    if (x->x != y->x)
        return x->x < y->x ? -1 : 1;
    return (x->point > y->point) - (x->point < y->point);
}

static void release(struct response *r)
{
    for (size_t i = 0; i < r->n_panels; i++) {
        free(r->panels[i].others);
        free(r->panels[i].spots);
    }
    *r = (struct response){0};
}

/* With `is_together` all points make one panel: factors whose values go in step have no other
 * setting to stay at. False: out of memory. */
static bool gather(const struct page *p, struct response *r, const char *factor, bool is_together)
{
    *r = (struct response){.factor = factor};
    for (size_t point = 0; point < page_points(p); point++) {
        const platoon_value *params = plan_point(p->report->plan, point);
        char *others;
        double x;

        if (!number_of(platoon_dict_get(params, factor), &x))
            continue;
        others = is_together ? strdup("") : others_text(params, factor);
        if (!others || !add(r, others, x, point))
            return false;
    }
    for (size_t i = 0; i < r->n_panels; i++)
        qsort(r->panels[i].spots, r->panels[i].n, sizeof *r->panels[i].spots, compare_spots);
    return true;
}

static bool is_swept(const struct response *r)
{
    for (size_t i = 0; i < r->n_panels; i++)
        if (r->panels[i].spots[0].x < r->panels[i].spots[r->panels[i].n - 1].x)
            return true;
    return false;
}

/* --- drawing ---------------------------------------------------------------------------------- */

static enum platoon_status cell_at(const struct page *p, size_t point, size_t arm,
                                   struct tally_cell *cell)
{
    return tally_cell(p->report->tally, point, arm, p->report->metric, TALLY_ALL, cell);
}

/* The same axes for all panels, so that they can be compared. False: nothing to draw. */
static bool fit(struct page *p, struct response *r)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};

    for (size_t i = 0; i < r->n_panels; i++)
        for (size_t j = 0; j < r->panels[i].n; j++)
            for (size_t arm = 0; arm < page_arms(p); arm++) {
                const struct spot *at = &r->panels[i].spots[j];
                struct tally_cell cell;
                double half;

                if (cell_at(p, at->point, arm, &cell) != PLATOON_OK)
                    p->out->has_failed = true;
                if (cell.sample.n == 0)
                    continue;
                half = !isfinite(cell.half_width) ? 0 : cell.half_width;
                low[0] = fmin(low[0], at->x);
                high[0] = fmax(high[0], at->x);
                low[1] = fmin(low[1], cell.sample.mean - half);
                high[1] = fmax(high[1], cell.sample.mean + half);
            }
    if (low[0] > high[0])
        return false;
    axis_fit_across(&r->x, low[0], high[0], MAX_TICKS);
    axis_fit(&r->y, low[1], high[1], MAX_TICKS);
    return true;
}

/* Where in the stretched part of the drawing. */
static void put_place(struct page *p, const struct response *r, double x, double y)
{
    buf_printf(p->out, " %.1f %.1f", SCALE * axis_share(&r->x, x),
               HEIGHT_PX * (1 - axis_share(&r->y, y)));
}

/* The band goes along the upper ends and back along the lower ones; then the line. */
static void draw_line(struct page *p, const struct response *r, const struct panel *panel,
                      size_t arm)
{
    char classes[PAGE_CLASS];
    size_t n = 0;

    buf_printf(p->out, "<path class=\"band %s\" d=\"", page_arm_class(p, arm, classes));
    for (size_t i = 0; i < 2 * panel->n; i++) {
        bool is_back = i >= panel->n;
        const struct spot *at = &panel->spots[is_back ? 2 * panel->n - 1 - i : i];
        struct tally_cell cell;

        if (cell_at(p, at->point, arm, &cell) != PLATOON_OK)
            p->out->has_failed = true;
        if (cell.sample.n == 0)
            continue;
        buf_text(p->out, n++ ? "L" : "M");
        put_place(p, r, at->x,
                  cell.sample.mean + (!isfinite(cell.half_width) ? 0
                                      : is_back                  ? -cell.half_width
                                                                 : cell.half_width));
    }
    buf_printf(p->out, "\"/><path class=\"line %s\" d=\"", classes);
    n = 0;
    for (size_t i = 0; i < panel->n; i++) {
        struct tally_cell cell;

        if (cell_at(p, panel->spots[i].point, arm, &cell) != PLATOON_OK)
            p->out->has_failed = true;
        if (cell.sample.n == 0)
            continue;
        buf_text(p->out, n++ ? "L" : "M");
        put_place(p, r, panel->spots[i].x, cell.sample.mean);
    }
    buf_text(p->out, "\"/>\n");
}

static void draw_marks(struct page *p, const struct response *r, const struct panel *panel,
                       size_t arm)
{
    for (size_t i = 0; i < panel->n; i++) {
        struct tally_cell cell;

        if (cell_at(p, panel->spots[i].point, arm, &cell) != PLATOON_OK)
            p->out->has_failed = true;
        if (cell.sample.n)
            svg_mark(p, arm, axis_share(&r->x, panel->spots[i].x),
                     HEIGHT_PX * (1 - axis_share(&r->y, cell.sample.mean)),
                     !isfinite(cell.half_width));
    }
}

static void draw_panel(struct page *p, const struct response *r, const struct panel *panel)
{
    const struct svg_margins margins = {svg_y_margin(&r->y), SIDE_PX, 10, 24};

    buf_text(p->out, "<div class=\"panel\">");
    if (*panel->others) {
        buf_text(p->out, "<p class=\"paneltitle\">");
        html_text_cut(p->out, panel->others, TITLE_COLUMNS);
        buf_text(p->out, "</p>");
    }
    svg_open(p, HEIGHT_PX, &margins);
    html_textf(p->out,
               SAY(p, "Mean and 95 %% interval of the metric for each value of %s, a line an arm",
                   "%s 各取值下指标的均值与 95 %% 置信区间，每个方案一条线"),
               r->factor);
    svg_described(p);
    svg_y_axis(p, &r->y, HEIGHT_PX);
    svg_x_axis(p, &r->x, HEIGHT_PX);
    /* Stretched to the width of the drawing; lines keep theirs. */
    buf_printf(p->out,
               "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" "
               "preserveAspectRatio=\"none\">\n",
               HEIGHT_PX, SCALE, HEIGHT_PX);
    for (size_t arm = 0; arm < page_arms(p); arm++)
        draw_line(p, r, panel, arm);
    buf_text(p->out, "</svg>\n");
    for (size_t arm = 0; arm < page_arms(p); arm++)
        draw_marks(p, r, panel, arm);
    svg_close(p);
    buf_text(p->out, "</div>\n");
}

static void say_left_out(struct page *p, const struct response *r)
{
    size_t n = r->n_left_out;

    for (size_t i = 0; i < r->n_panels; i++)
        n += r->panels[i].n_more;
    if (n)
        buf_printf(p->out,
                   SAY(p, " %zu further design points are left out.", "另有 %zu 个设计点未画出。"),
                   n);
}

static void put_figure(struct page *p, const struct response *r)
{
    figure_open(p);
    buf_text(p->out, SAY(p, "Response to ", "响应曲线："));
    html_text_cut(p->out, r->factor, TITLE_COLUMNS);
    figure_note(p);
    buf_text(p->out, SAY(p, "means with 95 % intervals", "均值及 95 % 置信区间"));
    if (r->n_panels > 1)
        buf_text(p->out, SAY(p, ", a panel for each setting of the other factors",
                             "，其他因素的每种取值一幅"));
    buf_text(p->out, SAY(p, ".", "。"));
    say_left_out(p, r);
    figure_begin(p);
    if (page_arms(p) > 1)
        figure_legend(p, 0);
    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Up: ", "纵轴："));
    page_metric(p, p->report->metric);
    figure_axis_close(p);
    buf_printf(p->out, "<div class=\"panels%s\">", r->n_panels > 1 ? "" : " one");
    for (size_t i = 0; i < r->n_panels; i++)
        draw_panel(p, r, &r->panels[i]);
    buf_text(p->out, "</div>\n");
    figure_axis_open(p);
    buf_text(p->out, SAY(p, "Across: ", "横轴："));
    html_text_cut(p->out, r->factor, TITLE_COLUMNS);
    figure_axis_close(p);
    figure_close(p);
}

void chart_response(struct page *p)
{
    const platoon_value *first = plan_point(p->report->plan, 0);
    platoon_value *key, *child;
    size_t n_swept = 0;

    for (size_t i = 0; platoon_dict_entry(first, i, &key, &child); i++) {
        const char *factor = platoon_as_str(key, NULL);
        struct response r = {0};
        bool is_fine = factor && gather(p, &r, factor, false);

        if (is_fine && !is_swept(&r)) {
            release(&r);
            is_fine = gather(p, &r, factor, true);
        }
        if (factor && !is_fine)
            p->out->has_failed = true;
        if (is_fine && is_swept(&r) && n_swept++ < REPORT_MAX_FACTORS && fit(p, &r))
            put_figure(p, &r);
        release(&r);
    }
    if (n_swept > REPORT_MAX_FACTORS) {
        page_note_open(p);
        buf_printf(p->out,
                   SAY(p, "Of %zu swept factors the first %d have a figure.",
                       "共 %zu 个扫描的因素，前 %d 个有图。"),
                   n_swept, REPORT_MAX_FACTORS);
        page_note_close(p);
    }
}
