/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/verdict.h"
#include "cli/table.h"

/* --- for people ------------------------------------------------------------------------------- */

/* "12 (1 failed, 2 stopped early)": runs with a figure, and in brackets those that failed, and of
 * those that count the ones whose outcome is not ok. */
static void count_cell(struct table *t, size_t column, const struct tally_cell *cell)
{
    const struct {
        size_t n;
        const char *what;
    } others[] = {
        {cell->n_failed, "failed"},
        {cell->n_stopped_early, "stopped early"},
        {cell->n_not_ok - cell->n_stopped_early, "not ok"},
    };
    char text[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].n)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%zu %s", len ? ", " : " (",
                                    others[i].n, others[i].what); /* three numbers fit */
    table_cell(t, column, "%zu%s%s", cell->sample.n, text, len ? ")" : "");
}

static void number_cell(struct table *t, size_t column, double x, bool with_sign)
{
    char text[VERDICT_NUMBER];

    table_cell(t, column, "%s", verdict_number(x, with_sign, text));
}

static void name_cell(struct table *t, size_t column, const struct tally_metric *m)
{
    if (m->unit[0])
        table_cell(t, column, "%s (%s)", m->name, m->unit);
    else
        table_cell(t, column, "%s", m->name);
}

/* The columns that say which cell it is: where, if there are factors, and the arm, if there are
 * arms. Returns the next column; without `t` nothing is written. */
static size_t place_cells(struct table *t, const struct campaign *c, const char *where, size_t arm)
{
    size_t column = 1;

    if (plan_points(c->file.plan) > 1 || *where) {
        if (t)
            table_cell(t, column, "%s", where);
        column++;
    }
    if (plan_arms(c->file.plan) > 1) {
        if (t)
            table_cell(t, column, "%s", plan_arm_name(c->file.plan, arm));
        column++;
    }
    return column;
}

static bool means_row(struct table *t, const struct campaign *c, size_t point, size_t arm,
                      size_t metric)
{
    char *where = verdict_point_text(c->file.plan, point);
    size_t at;
    struct tally_cell cell;
    bool is_fine =
        where && tally_cell(c->tally, point, arm, metric, TALLY_ALL, &cell) == PLATOON_OK;

    if (is_fine) {
        table_row(t);
        name_cell(t, 0, tally_metric(c->tally, metric));
        at = place_cells(t, c, where, arm);
        count_cell(t, at, &cell);
        number_cell(t, at + 1, cell.sample.n ? cell.sample.mean : NAN, false);
        number_cell(t, at + 2, cell.half_width, false);
        number_cell(t, at + 3, cell.sd, false);
        number_cell(t, at + 4, cell.sample.n ? cell.sample.min : NAN, false);
        number_cell(t, at + 5, cell.median, false);
        number_cell(t, at + 6, cell.sample.n ? cell.sample.max : NAN, false);
    }
    free(where);
    return is_fine;
}

/* Titles with the columns of place_cells() after the first. */
enum { MAX_COLUMNS = 10 };
static struct table *new_table(const struct campaign *c, const char *first,
                               const struct table_column *others, size_t n_others)
{
    struct table_column columns[MAX_COLUMNS] = {{first, false, false}};
    char *where = verdict_point_text(c->file.plan, 0);
    size_t n = 1;

    if (!where)
        return NULL;
    if (place_cells(NULL, c, where, 0) > 1 && (plan_points(c->file.plan) > 1 || *where))
        columns[n++] = (struct table_column){"AT", false, true};
    if (plan_arms(c->file.plan) > 1)
        columns[n++] = (struct table_column){"ARM", false, false};
    memcpy(columns + n, others, n_others * sizeof *others);
    free(where);
    return table_new(columns, n + n_others);
}

static bool print_means(const struct campaign *c, size_t first, size_t end)
{
    static const struct table_column columns[] = {{"RUNS", true, false},   {"MEAN", true, false},
                                                  {"± 95 %", true, false}, {"SD", true, false},
                                                  {"MIN", true, false},    {"MEDIAN", true, false},
                                                  {"MAX", true, false}};
    struct table *t = new_table(c, "METRIC", columns, 7);
    bool is_fine = t != NULL;

    for (size_t m = first; m < end; m++)
        for (size_t p = 0; p < plan_points(c->file.plan); p++)
            for (size_t a = 0; is_fine && a < plan_arms(c->file.plan); a++)
                is_fine = means_row(t, c, p, a, m);
    is_fine = is_fine && table_print(t, stdout);
    table_free(t);
    return is_fine;
}

static void differences_row(struct table *t, const struct campaign *c, size_t metric,
                            const struct tally_comparison *d, const char *where)
{
    double percent = 100 * d->paired.mean_difference / fabs(d->base_mean);
    size_t at;

    table_row(t);
    name_cell(t, 0, tally_metric(c->tally, metric));
    at = place_cells(t, c, where, d->arm);
    table_cell(t, at, "%zu", d->paired.n);
    number_cell(t, at + 1, d->paired.mean_difference, true);
    number_cell(t, at + 2, d->paired.half_width, false);
    if (isfinite(percent))
        table_cell(t, at + 3, "%+.1f %%", percent);
    else
        table_cell(t, at + 3, "-");
    if (isnan(d->adjusted_p))
        table_cell(t, at + 4, "-");
    else
        table_cell(t, at + 4, d->adjusted_p < 0.001 ? "< 0.001" : "%.3f", d->adjusted_p);
    number_cell(t, at + 5, d->paired.correlation, false);
    number_cell(t, at + 6, d->paired.variance_ratio, false);
}

static bool print_differences(const struct campaign *c, size_t first, size_t end)
{
    static const struct table_column columns[] = {
        {"PAIRS", true, false},         {"MEAN", true, false},     {"± 95 %", true, false},
        {"OF BASELINE", true, false},   {"P (HOLM)", true, false}, {"CORRELATION", true, false},
        {"VARIANCE RATIO", true, false}};
    struct table *t = new_table(c, "DIFFERENCE", columns, 7);
    bool is_fine = t != NULL;

    for (size_t m = first; is_fine && m < end; m++) {
        struct tally_comparison *all = NULL;
        size_t n = 0;

        is_fine = tally_compare_all(c->tally, m, &all, &n) == PLATOON_OK;
        for (size_t i = 0; is_fine && i < n; i++) {
            char *where = verdict_point_text(c->file.plan, all[i].point);

            is_fine = where != NULL;
            if (is_fine)
                differences_row(t, c, m, &all[i], where);
            free(where);
        }
        free(all);
    }
    is_fine = is_fine && table_print(t, stdout);
    table_free(t);
    return is_fine;
}

bool campaign_print(const struct campaign *c, const char *metric)
{
    size_t n_metrics = tally_n_metrics(c->tally);
    size_t chosen = metric ? tally_find_metric(c->tally, metric) : 0;
    /* Many points: the one metric; few: all that there are. */
    bool shows_all = !metric && plan_points(c->file.plan) == 1;
    size_t first = shows_all ? 0 : chosen;
    size_t end = shows_all ? n_metrics : chosen < n_metrics ? chosen + 1 : chosen;
    struct verdict v;
    char *sentence;
    bool is_fine;

    if (verdict_find(c->tally, c->file.plan, chosen, &v) != PLATOON_OK)
        return false;
    sentence = verdict_sentence(&v, c->tally, c->file.plan, chosen, VERDICT_ENGLISH);
    if (!sentence)
        return false;
    printf("%s: %s\n", plan_name(c->file.plan), sentence);
    free(sentence);
    if (first >= end || n_metrics == 0)
        return true;
    printf("\n");
    is_fine = print_means(c, first, end);
    if (is_fine && plan_arms(c->file.plan) > 1) {
        printf("\nagainst %s, pairs of the same seed\n", plan_arm_name(c->file.plan, 0));
        is_fine = print_differences(c, first, end);
    }
    return is_fine;
}

/* --- for programs ----------------------------------------------------------------------------- */

static void set_number(platoon_value *dict, const char *key, double x)
{
    (void)platoon_dict_set(dict, key, isnan(x) ? platoon_none() : platoon_float(x));
}

static platoon_value *cell_value(const struct campaign *c, size_t point, size_t arm, size_t metric)
{
    struct tally_cell cell;
    platoon_value *v;

    if (tally_cell(c->tally, point, arm, metric, TALLY_ALL, &cell) != PLATOON_OK)
        return NULL;
    v = platoon_dict();
    (void)platoon_dict_set(v, "metric", platoon_str(tally_metric(c->tally, metric)->name));
    (void)platoon_dict_set(v, "unit", platoon_str(tally_metric(c->tally, metric)->unit));
    (void)platoon_dict_set(v, "point", plan_copy(plan_point(c->file.plan, point)));
    (void)platoon_dict_set(v, "arm", platoon_str(plan_arm_name(c->file.plan, arm)));
    (void)platoon_dict_set(v, "n", platoon_int((int64_t)cell.sample.n));
    (void)platoon_dict_set(v, "n_failed", platoon_int((int64_t)cell.n_failed));
    (void)platoon_dict_set(v, "n_not_ok", platoon_int((int64_t)cell.n_not_ok));
    (void)platoon_dict_set(v, "n_stopped_early", platoon_int((int64_t)cell.n_stopped_early));
    set_number(v, "mean", cell.sample.n ? cell.sample.mean : NAN);
    set_number(v, "sd", cell.sd);
    set_number(v, "half_width", cell.half_width);
    set_number(v, "min", cell.sample.n ? cell.sample.min : NAN);
    set_number(v, "q25", cell.q25);
    set_number(v, "median", cell.median);
    set_number(v, "q75", cell.q75);
    set_number(v, "max", cell.sample.n ? cell.sample.max : NAN);
    return v;
}

static platoon_value *comparison_value(const struct campaign *c, size_t metric,
                                       const struct tally_comparison *d)
{
    platoon_value *v = platoon_dict();

    (void)platoon_dict_set(v, "metric", platoon_str(tally_metric(c->tally, metric)->name));
    (void)platoon_dict_set(v, "point", plan_copy(plan_point(c->file.plan, d->point)));
    (void)platoon_dict_set(v, "arm", platoon_str(plan_arm_name(c->file.plan, d->arm)));
    (void)platoon_dict_set(v, "baseline", platoon_str(plan_arm_name(c->file.plan, 0)));
    (void)platoon_dict_set(v, "n", platoon_int((int64_t)d->paired.n));
    set_number(v, "baseline_mean", d->base_mean);
    set_number(v, "mean_difference", d->paired.mean_difference);
    set_number(v, "sd_difference", d->paired.sd_difference);
    set_number(v, "half_width", d->paired.half_width);
    set_number(v, "p", d->paired.p_value);
    set_number(v, "p_holm", d->adjusted_p);
    set_number(v, "correlation", d->paired.correlation);
    set_number(v, "variance_ratio", d->paired.variance_ratio);
    return v;
}

static bool add_metric(const struct campaign *c, size_t metric, platoon_value *cells,
                       platoon_value *comparisons)
{
    struct tally_comparison *all = NULL;
    size_t n = 0;
    bool is_fine = tally_compare_all(c->tally, metric, &all, &n) == PLATOON_OK;

    for (size_t p = 0; p < plan_points(c->file.plan); p++)
        for (size_t a = 0; is_fine && a < plan_arms(c->file.plan); a++)
            is_fine = platoon_append(cells, cell_value(c, p, a, metric)) == PLATOON_OK;
    for (size_t i = 0; is_fine && i < n; i++)
        is_fine = platoon_append(comparisons, comparison_value(c, metric, &all[i])) == PLATOON_OK;
    free(all);
    return is_fine;
}

bool campaign_print_json(const struct campaign *c)
{
    platoon_value *v = platoon_dict(), *cells = platoon_list(), *comparisons = platoon_list();
    bool is_fine = v && cells && comparisons;
    struct verdict verdict;
    char *text = NULL;

    for (size_t m = 0; is_fine && m < tally_n_metrics(c->tally); m++)
        is_fine = add_metric(c, m, cells, comparisons);
    is_fine = is_fine && verdict_find(c->tally, c->file.plan, 0, &verdict) == PLATOON_OK;
    if (is_fine)
        text = verdict_sentence(&verdict, c->tally, c->file.plan, 0, VERDICT_ENGLISH);
    is_fine = is_fine && text;
    if (is_fine) {
        (void)platoon_dict_set(v, "campaign", platoon_str(plan_name(c->file.plan)));
        (void)platoon_dict_set(v, "folder", platoon_str(c->folder.path));
        (void)platoon_dict_set(v, "n_tasks", platoon_int((int64_t)c->file.n_tasks));
        (void)platoon_dict_set(v, "n_done", platoon_int((int64_t)c->n_done));
        (void)platoon_dict_set(v, "n_failed", platoon_int((int64_t)c->n_failed));
        (void)platoon_dict_set(v, "n_stopped_early",
                               platoon_int((int64_t)tally_n_stopped_early(c->tally)));
        (void)platoon_dict_set(v, "verdict", platoon_str(text));
        is_fine = platoon_dict_set(v, "cells", platoon_value_ref(cells)) == PLATOON_OK &&
                  platoon_dict_set(v, "comparisons", platoon_value_ref(comparisons)) == PLATOON_OK;
    }
    free(text);
    text = is_fine ? platoon_json(v) : NULL;
    if (text)
        puts(text);
    platoon_value_unref(v);
    platoon_value_unref(cells);
    platoon_value_unref(comparisons);
    is_fine = text != NULL;
    free(text);
    return is_fine;
}
