/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - tables that scroll in a box of their own where the page is narrow. */
#ifndef PLATOON_REPORT_TABLES_H
#define PLATOON_REPORT_TABLES_H

#include "report/page.h"

/* "Table 2. " and then the caption: write it escaped, then tables_begin() with the heads of the
 * columns, in both languages; those from `first_number` on are of numbers. */
void tables_open(struct page *p);
struct tables_head {
    const char *english, *chinese;
};
void tables_begin(struct page *p, const struct tables_head *heads, size_t n, size_t first_number);
void tables_close(struct page *p);
/* The cells that say where a row is: the design point if there are several, the arm likewise; and
 * their heads, up to TABLES_WHERE of them, returned is how many. */
enum { TABLES_WHERE = 2 };
void tables_where(struct page *p, size_t point, size_t arm);
size_t tables_where_heads(const struct page *p, struct tables_head *out);
/* The caption of the table that comes next is told that it is not whole. */
void tables_say_left_out(struct page *p, size_t n_shown, size_t n);

#endif
