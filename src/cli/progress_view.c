/* SPDX-License-Identifier: Apache-2.0 */
/* progress_view.c - the columns that a simulation tells only where one of the tasks is one. */
#include "cli/progress_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/human.h"
#include "cli/table.h"

static const platoon_value *told(const platoon_value *row)
{
    return platoon_dict_get(row, "progress");
}

/* False if it was not told. */
static bool number(const platoon_value *row, const char *key, double *out)
{
    return platoon_as_float(platoon_dict_get(told(row), key), out) == PLATOON_OK;
}

static bool any_has(const platoon_value *rows, const char *key)
{
    for (size_t i = 0; i < platoon_len(rows); i++)
        if (platoon_dict_get(told(platoon_item(rows, i)), key))
            return true;
    return false;
}

/* As it was told, less the time since; "-" if it was not. */
static const char *left(const platoon_value *row, char out[HUMAN_MAX])
{
    double left_s, ago_s = ask_seconds(row, "told_s");

    if (!number(row, "left_s", &left_s))
        return human_duration(-1, out);
    return human_duration(left_s > ago_s ? left_s - ago_s : 0, out);
}

static void number_cell(struct table *t, size_t column, const platoon_value *row, const char *key,
                        int decimals, const char *unit)
{
    double x;

    if (number(row, key, &x))
        table_cell(t, column, "%.*f%s", decimals, x, unit);
    else
        table_cell(t, column, "-");
}

static void add_row(struct table *t, const platoon_value *row, bool has_time, bool has_text)
{
    char duration[HUMAN_MAX];
    double done, time_s, end_s;
    size_t column = 2;

    table_row(t);
    table_cell(t, 0, "%" PRId64, ask_number(row, "task"));
    table_cell(t, 1, "%s", ask_text(row, "worker"));
    if (number(row, "done", &done))
        table_cell(t, column, "%.0f %%", 100 * done);
    else
        table_cell(t, column, "-");
    column++;
    if (has_time) {
        if (!number(row, "time_s", &time_s))
            table_cell(t, column, "-");
        else if (number(row, "end_s", &end_s))
            table_cell(t, column, "%.0f s of %.0f s", time_s, end_s);
        else
            table_cell(t, column, "%.0f s", time_s);
        number_cell(t, column + 1, row, "real_time_factor", 1, "x");
        number_cell(t, column + 2, row, "running", 0, "");
        number_cell(t, column + 3, row, "waiting", 0, "");
        column += 4;
    }
    table_cell(t, column++, "%s", left(row, duration));
    if (has_text)
        table_cell(t, column, "%s", ask_text(told(row), "text"));
}

bool progress_view_tasks(const platoon_value *rows)
{
    struct table_column columns[9] = {
        {"TASK", true, false}, {"WORKER", false, true}, {"DONE", true, false}};
    const bool has_time = any_has(rows, "time_s"), has_text = any_has(rows, "text");
    size_t n_columns = 3, n = platoon_len(rows);
    struct table *t;
    bool is_printed;

    if (n == 0)
        return true;
    if (has_time) {
        columns[n_columns++] = (struct table_column){"SIMULATED", true, false};
        columns[n_columns++] = (struct table_column){"SPEED", true, false};
        columns[n_columns++] = (struct table_column){"ON ROAD", true, false};
        columns[n_columns++] = (struct table_column){"WAITING", true, false};
    }
    columns[n_columns++] = (struct table_column){"LEFT", true, false};
    if (has_text)
        columns[n_columns++] = (struct table_column){"", false, true};
    t = table_new(columns, n_columns);
    if (!t)
        return false;
    for (size_t i = 0; i < n && i < PROGRESS_VIEW_ROWS; i++)
        add_row(t, platoon_item(rows, i), has_time, has_text);
    printf("\n");
    is_printed = table_print(t, stdout);
    table_free(t);
    if (n > PROGRESS_VIEW_ROWS)
        printf("and %zu more: --json has them\n", n - PROGRESS_VIEW_ROWS);
    return is_printed;
}

void progress_view_sentence(const platoon_value *row)
{
    const char *text = platoon_as_str(platoon_dict_get(told(row), "text"), NULL);
    const struct {
        const char *key, *before, *after;
        double factor;
        int decimals;
    } clauses[] = {
        {"done", "", " % done", 100.0, 0},
        {"time_s", "at ", " s of simulated time", 1.0, 0},
        {"real_time_factor", "", " times as fast as real time", 1.0, 1},
        {"running", "", " vehicles on the road", 1.0, 0},
        {"waiting", "", " waiting to depart", 1.0, 0},
    };
    const char *separator = "";
    char duration[HUMAN_MAX];
    double x;

    if (platoon_is_none(row))
        return;
    printf("How far it was %s ago: ", human_duration(ask_seconds(row, "told_s"), duration));
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++) {
        if (!number(row, clauses[i].key, &x))
            continue;
        printf("%s%s%.*f%s", separator, clauses[i].before, clauses[i].decimals,
               clauses[i].factor * x, clauses[i].after);
        separator = ", ";
    }
    if (number(row, "left_s", &x)) {
        printf("%sabout %s left", separator, left(row, duration));
        separator = ", ";
    }
    if (text)
        printf("%s\"%s\"", separator, text);
    printf(".\n");
}
