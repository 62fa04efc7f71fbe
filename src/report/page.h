/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - what the parts of a report share while it is written. Failures stick to the buffer. */
#ifndef PLATOON_REPORT_PAGE_H
#define PLATOON_REPORT_PAGE_H

#include "report/html.h"
#include "report/report.h"

struct page {
    struct buf *out;
    const struct report *report;
    bool is_chinese;
    unsigned n_figures, n_tables, n_drawings; /* so far: their numbers and ids */
};

/* Both are literals, so that the compiler sees what a format takes. */
#define SAY(page, english, chinese) ((page)->is_chinese ? (chinese) : (english))

size_t page_points(const struct page *p);
size_t page_arms(const struct page *p);
/* The figure of the question's metric; NAN: none. */
double page_figure(const struct page *p, size_t replication, size_t point, size_t arm);
/* "mean_delay_s (s)", escaped. */
void page_metric(struct page *p, size_t metric);
/* "K_R=70 scale=2", escaped, cut to `max_columns`. */
void page_point(struct page *p, size_t point, size_t max_columns);
/* An arm's name, escaped and cut; of a plan without arms "all runs". */
void page_arm(struct page *p, size_t arm);
/* The classes that give an arm its colour: "kb" is the baseline's. */
enum { PAGE_CLASS = 24 };
const char *page_arm_class(const struct page *p, size_t arm, char out[PAGE_CLASS]);
/* A number as people read it, with all its digits for programs; "–" for NAN. */
void page_number(struct page *p, double x, bool with_sign);
/* "2026-11-25 10:45 UTC". */
void page_time(struct page *p, double wall_s);
/* A paragraph in small print: begin and end. */
void page_note_open(struct page *p);
void page_note_close(struct page *p);

/* --- sections; each in a file of its own -------------------------------------------------------
 */

void page_tables(struct page *p);
void page_problems(struct page *p);
void page_reproduce(struct page *p);
void chart_means(struct page *p);
void chart_differences(struct page *p); /* nothing without arms */
void chart_response(struct page *p);    /* nothing without a swept number */
void chart_pairs(struct page *p);       /* without arms: runs in the order of their seeds */
void chart_timeline(struct page *p);    /* nothing without times */

#endif
