/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - aligned tables on a stream, over libsmartcols: East Asian widths, control characters in
 * names shown escaped, on a terminal the last text column cut to its width.
 *
 *     struct table *t = table_new(columns, n_columns);
 *     table_row(t); table_cell(t, 0, "%s", name); table_cell(t, 1, "%d", n);
 *     if (!table_print(t, stdout)) ... out of memory ...
 *     table_free(t);
 *
 * Running out of memory on the way is remembered and told by table_print(). */
#ifndef PLATOON_CLI_TABLE_H
#define PLATOON_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <platoon/status.h>

struct table;
struct table_column {
    const char *title;
    bool is_right; /* right-aligned, for numbers */
    bool is_cut;   /* gives way when the terminal is too narrow */
};

/* NULL when out of memory. `columns` is borrowed for the call. */
struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *t); /* NULL is fine */
/* Begin a row; cells not set stay empty. */
void table_row(struct table *t);
/* Set cell `column` of the last row. */
void table_cell(struct table *t, size_t column, const char *format, ...) PLATOON_PRINTF(3, 4);
/* Print everything. False when memory ran out at any point. */
bool table_print(struct table *t, FILE *out);

#endif
