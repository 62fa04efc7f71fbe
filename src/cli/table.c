/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - libsmartcols needs care in two places: scols_table_enable_noencoding() loops for ever
 * on UTF-8 data in a C
 * locale, so it is never called (main() sees to a UTF-8 locale where there is one); and widths come
 * from the
 * terminal only where the output is one. */
#include "cli/table.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

struct table {
    struct libscols_table *scols;
    struct libscols_line *row; /* the last one; owned by `scols` */
    bool is_broken;            /* memory ran out */
};

struct table *table_new(const struct table_column *columns, size_t n)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->scols = scols_new_table();
    if (!t->scols) {
        free(t);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        int flags =
            (columns[i].is_right ? SCOLS_FL_RIGHT : 0) | (columns[i].is_cut ? SCOLS_FL_TRUNC : 0);
        if (!scols_table_new_column(t->scols, columns[i].title, 0, flags))
            t->is_broken = true;
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    scols_unref_table(t->scols);
    free(t);
}

void table_row(struct table *t)
{
    t->row = scols_table_new_line(t->scols, NULL);
    t->is_broken = t->is_broken || !t->row;
}

void table_cell(struct table *t, size_t column, const char *format, ...)
{
    char *text;
    va_list args;
    int n;

    if (t->is_broken)
        return;
    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        t->is_broken = true;
        return;
    }
    if (scols_line_refer_data(t->row, column, text) != 0) { /* takes `text` when it succeeds */
        free(text);
        t->is_broken = true;
    }
}

bool table_print(struct table *t, FILE *out)
{
    if (t->is_broken)
        return false;
    if (!isatty(fileno(out)))
        scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
    scols_table_set_stream(t->scols, out);
    return scols_print_table(t->scols) == 0;
}
