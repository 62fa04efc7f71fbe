/* SPDX-License-Identifier: Apache-2.0 */
#include "report/svg.h"

enum { N_SHAPES = 4, DIGIT_PX = 8, GAP_PX = 8 };

/* --- figures ---------------------------------------------------------------------------------- */

void figure_open(struct page *p)
{
    buf_printf(p->out, "<figure><figcaption><b>%s %u.</b> ", SAY(p, "Figure", "图"),
               ++p->n_figures);
}

void figure_note(struct page *p)
{
    buf_text(p->out, " <span class=\"muted\">");
}

void figure_begin(struct page *p)
{
    buf_text(p->out, "</span></figcaption>\n");
}

void figure_close(struct page *p)
{
    buf_text(p->out, "</figure>\n");
}

void figure_axis_open(struct page *p)
{
    buf_text(p->out, "<p class=\"axis\">");
}

void figure_axis_close(struct page *p)
{
    buf_text(p->out, "</p>\n");
}

void figure_legend(struct page *p, size_t first)
{
    char classes[PAGE_CLASS];

    buf_text(p->out, "<ul class=\"legend\">");
    for (size_t a = first; a < page_arms(p); a++) {
        buf_printf(p->out,
                   "<li><svg class=\"%s\" width=\"14\" height=\"14\" aria-hidden=\"true\">"
                   "<use href=\"#m%zu\" x=\"7\" y=\"7\" class=\"mark\"/></svg> ",
                   page_arm_class(p, a, classes), a % N_SHAPES);
        page_arm(p, a);
        buf_text(p->out, "</li>");
    }
    buf_text(p->out, "</ul>\n");
}

/* A tick's number with a minus as wide as a digit. */
static void put_tick(struct page *p, const struct axis *a, size_t i)
{
    char text[AXIS_TEXT];

    axis_text(a, axis_tick(a, i), text);
    if (*text == '-')
        buf_text(p->out, "−");
    buf_text(p->out, text + (*text == '-'));
    buf_text(p->out, "</text>\n");
}

/* --- drawings --------------------------------------------------------------------------------- */

void svg_open(struct page *p, double height, const struct svg_margins *m)
{
    p->n_drawings++;
    buf_printf(p->out,
               "<svg class=\"chart\" role=\"img\" aria-labelledby=\"d%u\" "
               "style=\"height:%.0fpx;padding:%dpx %dpx %dpx %dpx\"><desc id=\"d%u\">",
               p->n_drawings, height + m->top + m->bottom, m->top, m->right, m->bottom, m->left,
               p->n_drawings);
}

void svg_described(struct page *p)
{
    buf_text(p->out, "</desc>\n");
}

void svg_close(struct page *p)
{
    buf_text(p->out, "</svg>\n");
}

void svg_x_axis(struct page *p, const struct axis *a, double height)
{
    for (size_t i = 0; i < a->n_ticks; i++) {
        double at = 100 * axis_share(a, axis_tick(a, i));

        buf_printf(p->out,
                   "<line class=\"grid\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"%.1f\"/>"
                   "<text x=\"%.3f%%\" y=\"%.1f\" class=\"mid\">",
                   at, at, height, at, height + 16);
        put_tick(p, a, i);
    }
}

void svg_y_axis(struct page *p, const struct axis *a, double height)
{
    for (size_t i = 0; i < a->n_ticks; i++) {
        double y = height * (1 - axis_share(a, axis_tick(a, i)));

        buf_printf(p->out,
                   "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
                   "<text x=\"-%d\" y=\"%.1f\" class=\"end\">",
                   y, y, GAP_PX, y + 4);
        put_tick(p, a, i);
    }
}

int svg_y_margin(const struct axis *a)
{
    return (int)axis_text_len(a) * DIGIT_PX + GAP_PX + 2;
}

void svg_text_open(struct page *p, int x_px, double y, const char *classes)
{
    buf_printf(p->out, "<text x=\"%d\" y=\"%.1f\" class=\"%s\">", x_px, y, classes);
}

void svg_text_close(struct page *p)
{
    buf_text(p->out, "</text>\n");
}

void svg_mark(struct page *p, size_t arm, double x, double y, bool is_hollow)
{
    char classes[PAGE_CLASS];

    buf_printf(p->out, "<use href=\"#m%zu\" x=\"%.3f%%\" y=\"%.1f\" class=\"%s %s\"/>\n",
               arm % N_SHAPES, 100 * x, y, is_hollow ? "hollow" : "mark",
               page_arm_class(p, arm, classes));
}

void svg_dot(struct page *p, size_t arm, double x, double y)
{
    char classes[PAGE_CLASS];

    buf_printf(p->out, "<circle cx=\"%.2f%%\" cy=\"%.1f\" r=\"3\" class=\"dot %s\"/>", 100 * x, y,
               page_arm_class(p, arm, classes));
}

void svg_bar(struct page *p, size_t arm, double x_low, double x_high, double y)
{
    char classes[PAGE_CLASS];

    buf_printf(p->out,
               "<line x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%.1f\" y2=\"%.1f\" class=\"bar %s\"/>",
               100 * x_low, 100 * x_high, y, y, page_arm_class(p, arm, classes));
}
