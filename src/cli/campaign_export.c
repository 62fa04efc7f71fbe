/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_export.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/row_sink.h"

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- columns -----------------------------------------------------------------------------------*/

static bool add_text(platoon_value *list, const char *text)
{
    return platoon_append(list, platoon_str(text)) == PLATOON_OK;
}

/* NULL is None. */
static bool add_ref(platoon_value *list, const platoon_value *v)
{
    return platoon_append(list, v ? platoon_value_ref((platoon_value *)(uintptr_t)v)
                                  : platoon_none()) == PLATOON_OK;
}

/* The names of all factors, as a dict's keys: a table's rows need not all have the same. NULL when
 * out of memory. */
static platoon_value *factor_names(const struct campaign *c)
{
    platoon_value *names = platoon_dict(), *key, *unused;

    for (size_t p = 0; names && p < plan_points(c->file.plan); p++)
        for (size_t i = 0;
             names && platoon_dict_entry(plan_point(c->file.plan, p), i, &key, &unused); i++)
            if (platoon_dict_put(names, platoon_value_ref(key), platoon_none()) != PLATOON_OK) {
                platoon_value_unref(names);
                names = NULL;
            }
    return names;
}

static bool add_keys(platoon_value *list, const platoon_value *dict)
{
    platoon_value *key, *unused;
    bool is_fine = true;

    for (size_t i = 0; is_fine && platoon_dict_entry(dict, i, &key, &unused); i++)
        is_fine = add_ref(list, key);
    return is_fine;
}

/* --- runs ------------------------------------------------------------------------------------- */

struct runs {
    const struct campaign *campaign;
    platoon_value **lines;  /* of each place, NULL: none */
    platoon_value *factors; /* dict: names of the factors' columns */
    platoon_value *extra;   /* dict: names of the results' own columns */
};

/* The last line of an identity counts, a good one before a failed one. */
static enum platoon_status on_line(const platoon_value *line, void *arg, struct platoon_err *err)
{
    struct runs *r = arg;
    const struct campaign *c = r->campaign;
    const char *state = platoon_as_str(platoon_dict_get(line, "state"), NULL);
    bool is_done = state && strcmp(state, "done") == 0;
    struct identity id;

    (void)err;
    if (!identity_parse(platoon_as_str(platoon_dict_get(line, "id"), NULL), &id))
        return PLATOON_OK; /* told when the campaign was opened */
    for (size_t i = campaign_find(c, &id); i < c->file.n_tasks; i = campaign_next(c, i)) {
        if (!is_done && tally_state_of(c->tally, i) == TALLY_DONE)
            continue;
        platoon_value_unref(r->lines[i]);
        r->lines[i] = platoon_value_ref((platoon_value *)(uintptr_t)line);
    }
    return PLATOON_OK;
}

static bool is_column(const platoon_value *v)
{
    enum platoon_kind kind = platoon_value_kind(v);

    return kind == PLATOON_INT || kind == PLATOON_FLOAT || kind == PLATOON_BOOL ||
           kind == PLATOON_STR || kind == PLATOON_BIGINT;
}

/* Names of numbers and texts of the result that the task does not have. */
static enum platoon_status find_columns(struct runs *r, const platoon_value *line,
                                        struct platoon_err *err)
{
    const platoon_value *result = platoon_dict_get(line, "result"),
                        *task = platoon_dict_get(line, "task");
    platoon_value *key, *child;

    if (is_column(result) && platoon_dict_set(r->extra, "value", platoon_none()) != PLATOON_OK)
        return no_memory(err);
    for (size_t i = 0; platoon_dict_entry(result, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (name && is_column(child) && !platoon_dict_get(task, name) &&
            strcmp(name, "outcome") != 0 && !platoon_dict_get(r->extra, name) &&
            platoon_dict_set(r->extra, name, platoon_none()) != PLATOON_OK)
            return no_memory(err);
    }
    return PLATOON_OK;
}

static enum platoon_status read_runs(struct runs *r, const struct campaign *c,
                                     struct platoon_err *err)
{
    enum platoon_status st;

    *r = (struct runs){.campaign = c, .factors = factor_names(c), .extra = platoon_dict()};
    r->lines = calloc(c->file.n_tasks, sizeof *r->lines);
    if (!r->lines || !r->factors || !r->extra)
        return no_memory(err);
    st = ledger_read(&c->folder, "runs.jsonl", on_line, r, err);
    for (size_t i = 0; st == PLATOON_OK && i < c->file.n_tasks; i++)
        if (r->lines[i])
            st = find_columns(r, r->lines[i], err);
    return st;
}

static void release_runs(struct runs *r)
{
    for (size_t i = 0; r->lines && i < r->campaign->file.n_tasks; i++)
        platoon_value_unref(r->lines[i]);
    free(r->lines);
    platoon_value_unref(r->factors);
    platoon_value_unref(r->extra);
}

/* The point's values of these factors. */
static bool add_factors(platoon_value *row, const struct campaign *c, const platoon_value *factors,
                        size_t point)
{
    platoon_value *key, *unused;
    bool is_fine = true;

    for (size_t i = 0; is_fine && platoon_dict_entry(factors, i, &key, &unused); i++)
        is_fine = add_ref(
            row, platoon_dict_get(plan_point(c->file.plan, point), platoon_as_str(key, NULL)));
    return is_fine;
}

static const char *const history[] = {"attempt", "worker", "started", "ended"};
enum { N_HISTORY = sizeof history / sizeof *history };

static platoon_value *run_names(const struct runs *r)
{
    platoon_value *names = platoon_list();
    bool is_fine = add_text(names, "task") && add_text(names, "id") &&
                   add_keys(names, r->factors) && add_text(names, "arm") &&
                   add_text(names, "seed") && add_text(names, "state") &&
                   add_text(names, "outcome") && add_text(names, "error");

    for (size_t i = 0; is_fine && i < N_HISTORY; i++)
        is_fine = add_text(names, history[i]);
    is_fine = is_fine && add_keys(names, r->extra);
    if (is_fine)
        return names;
    platoon_value_unref(names);
    return NULL;
}

static platoon_value *run_row(const struct runs *r, size_t index)
{
    const struct campaign *c = r->campaign;
    struct plan_place at = plan_place_of(c->file.plan, index);
    const platoon_value *line = r->lines[index], *result = platoon_dict_get(line, "result");
    const platoon_value *error = platoon_dict_get(line, "error");
    const platoon_value *outcome = platoon_dict_get(error ? error : result, "outcome");
    platoon_value *row = platoon_list(), *key, *unused;
    char id[IDENTITY_TEXT];
    bool is_fine =
        platoon_append(row, platoon_int((int64_t)index)) == PLATOON_OK &&
        add_text(row, identity_text(&c->ids[index], id)) &&
        add_factors(row, c, r->factors, at.point) &&
        add_text(row, plan_arm_name(c->file.plan, at.arm)) &&
        platoon_append(row, platoon_int(c->file.seeds[at.replication])) == PLATOON_OK &&
        add_text(row, line ? platoon_as_str(platoon_dict_get(line, "state"), NULL) : "missing") &&
        add_ref(row, outcome) && add_ref(row, platoon_dict_get(error, "message"));

    for (size_t i = 0; is_fine && i < N_HISTORY; i++)
        is_fine = add_ref(row, platoon_dict_get(line, history[i]));
    for (size_t i = 0; is_fine && platoon_dict_entry(r->extra, i, &key, &unused); i++) {
        const char *name = platoon_as_str(key, NULL);
        bool is_bare = strcmp(name, "value") == 0 && is_column(result);

        is_fine = add_ref(row, is_bare ? result : platoon_dict_get(result, name));
    }
    if (is_fine)
        return row;
    platoon_value_unref(row);
    return NULL;
}

static bool send_row(struct row_sink *s, platoon_value *row)
{
    bool is_fine = row && s->row(s, row);

    platoon_value_unref(row);
    return is_fine;
}

static enum platoon_status export_runs(const struct campaign *c, struct row_sink *s,
                                       struct platoon_err *err)
{
    struct runs r;
    enum platoon_status st = read_runs(&r, c, err);
    platoon_value *names = st == PLATOON_OK ? run_names(&r) : NULL;

    if (st == PLATOON_OK && (!names || !s->begin(s, "runs", names)))
        st = no_memory(err);
    for (size_t i = 0; st == PLATOON_OK && i < c->file.n_tasks; i++)
        if (!send_row(s, run_row(&r, i)))
            st = no_memory(err);
    platoon_value_unref(names);
    release_runs(&r);
    return st;
}

/* --- points ----------------------------------------------------------------------------------- */

static platoon_value *point_names(const platoon_value *factors)
{
    static const char *const own[] = {
        "arm",  "metric", "unit",       "n",   "n_failed", "n_not_ok", "n_stopped_early",
        "mean", "sd",     "half_width", "min", "q25",      "median",   "q75",
        "max"};
    platoon_value *names = platoon_list();
    bool is_fine = add_keys(names, factors);

    for (size_t i = 0; is_fine && i < sizeof own / sizeof *own; i++)
        is_fine = add_text(names, own[i]);
    if (is_fine)
        return names;
    platoon_value_unref(names);
    return NULL;
}

static platoon_value *point_row(const struct campaign *c, const platoon_value *factors,
                                size_t point, size_t arm, size_t metric)
{
    const struct tally_metric *m = tally_metric(c->tally, metric);
    platoon_value *row = platoon_list();
    struct tally_cell cell;
    bool is_fine = tally_cell(c->tally, point, arm, metric, TALLY_ALL, &cell) == PLATOON_OK &&
                   add_factors(row, c, factors, point) &&
                   add_text(row, plan_arm_name(c->file.plan, arm)) && add_text(row, m->name) &&
                   add_text(row, m->unit);
    const size_t counts[] = {cell.sample.n, cell.n_failed, cell.n_not_ok, cell.n_stopped_early};
    const double numbers[] = {cell.sample.n ? cell.sample.mean : NAN,
                              cell.sd,
                              cell.half_width,
                              cell.sample.n ? cell.sample.min : NAN,
                              cell.q25,
                              cell.median,
                              cell.q75,
                              cell.sample.n ? cell.sample.max : NAN};

    for (size_t i = 0; is_fine && i < sizeof counts / sizeof *counts; i++)
        is_fine = platoon_append(row, platoon_int((int64_t)counts[i])) == PLATOON_OK;
    for (size_t i = 0; is_fine && i < sizeof numbers / sizeof *numbers; i++)
        is_fine = platoon_append(row, isnan(numbers[i]) ? platoon_none()
                                                        : platoon_float(numbers[i])) == PLATOON_OK;
    if (is_fine)
        return row;
    platoon_value_unref(row);
    return NULL;
}

static enum platoon_status export_points(const struct campaign *c, struct row_sink *s,
                                         struct platoon_err *err)
{
    platoon_value *factors = factor_names(c), *names = factors ? point_names(factors) : NULL;
    bool is_fine = names && s->begin(s, "points", names);

    for (size_t p = 0; p < plan_points(c->file.plan); p++)
        for (size_t a = 0; a < plan_arms(c->file.plan); a++)
            for (size_t m = 0; is_fine && m < tally_n_metrics(c->tally); m++)
                is_fine = send_row(s, point_row(c, factors, p, a, m));
    platoon_value_unref(names);
    platoon_value_unref(factors);
    return is_fine ? PLATOON_OK : no_memory(err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status export(const struct campaign *c, enum export_rows rows,
                                  struct row_sink *s, struct platoon_err *err) {
    return rows == EXPORT_RUNS ? export_runs(c, s, err) : export_points(c, s, err);
}

enum platoon_status campaign_export_csv(const struct campaign *c, enum export_rows rows, FILE *out,
                                        struct platoon_err *err)
{
    struct row_sink s = row_sink_csv(out);

    return export(c, rows, &s, err);
}

enum platoon_status campaign_export_jsonl(const struct campaign *c, enum export_rows rows,
                                          FILE *out, struct platoon_err *err)
{
    struct row_sink s = row_sink_jsonl(out);

    return export(c, rows, &s, err);
}

static enum platoon_status write_database(const struct campaign *c, const char *path,
                                          struct platoon_err *err)
{
    struct row_sink s;
    enum platoon_status st = row_sink_open_sqlite(&s, path, err);

    if (st == PLATOON_OK)
        st = export_runs(c, &s, err);
    if (st == PLATOON_OK)
        st = export_points(c, &s, err);
    return row_sink_close(&s, st, err);
}

enum platoon_status campaign_export_sqlite(const struct campaign *c, const char *path,
                                           struct platoon_err *err)
{
    char *fresh;
    enum platoon_status st;

    if (asprintf(&fresh, "%s.new", path) < 0)
        return no_memory(err);
    unlink(fresh);
    st = write_database(c, fresh, err);
    if (st == PLATOON_OK && rename(fresh, path) != 0)
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", path, strerror(errno));
    if (st != PLATOON_OK)
        unlink(fresh);
    free(fresh);
    return st;
}
