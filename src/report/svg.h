/* SPDX-License-Identifier: Apache-2.0 */
/* svg.h - the parts that charts are drawn with.
 *
 * A drawing is as wide as the page lets it be. So that its letters keep their size on a telephone,
 * it has no scale: across, places are percentages of the inner width; down, they are pixels. Text
 * may stand in the margins around the inner part. Colours come from the page's style by class. */
#ifndef PLATOON_REPORT_SVG_H
#define PLATOON_REPORT_SVG_H

#include "report/axis.h"
#include "report/page.h"

/* <figure> with "Figure 3. TITLE": write the title (escaped) and perhaps a note between these. */
void figure_open(struct page *p);
void figure_note(struct page *p);  /* between title and note */
void figure_begin(struct page *p); /* the caption ends */
void figure_close(struct page *p);
/* The name of an axis, between the tags. */
void figure_axis_open(struct page *p);
void figure_axis_close(struct page *p);
/* The arms from `first` on, with their marks. */
void figure_legend(struct page *p, size_t first);

struct svg_margins {
    int left, right, top, bottom; /* pixels */
};
/* The drawing begins; write its description (escaped, for those who do not see it), then
 * svg_described(). `height` is of the inner part. */
void svg_open(struct page *p, double height, const struct svg_margins *margins);
void svg_described(struct page *p);
void svg_close(struct page *p);

/* Grid lines and numbers: along x below `height`, along y left of 0. */
void svg_x_axis(struct page *p, const struct axis *a, double height);
void svg_y_axis(struct page *p, const struct axis *a, double height);
/* The left margin that the numbers of `a` need. */
int svg_y_margin(const struct axis *a);
/* Text begins, at `x_px` right of the inner part's left end; write it escaped, then
 * svg_text_close(). */
void svg_text_open(struct page *p, int x_px, double y, const char *classes);
void svg_text_close(struct page *p);

/* `x` is a share, 0 to 1; `y` pixels. A mark has the arm's colour and shape. */
void svg_mark(struct page *p, size_t arm, double x, double y, bool is_hollow);
void svg_dot(struct page *p, size_t arm, double x, double y);
void svg_bar(struct page *p, size_t arm, double x_low, double x_high, double y);

#endif
