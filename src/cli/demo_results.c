/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/stats.h"
#include "cli/csv.h"
#include "cli/table.h"

static const char *const columns[] = {
    "filename",
    "control_bool",
    "seed",
    "total_time_spent_h",
    "total_travel_time_h",
    "mean_delay_s",
    "mean_speed_kmh",
    "vehicles_inserted",
    "vehicles_arrived",
    "vehicles_running",
    "vehicles_waiting",
    "teleports",
    "collisions",
    "end_time_s",
    "wall_s",
    "sumo_version",
    "outcome",
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static const struct {
    const char *key, *title;
    int decimals;
} metrics[DEMO_N_METRICS] = {
    {"total_time_spent_h", "total time spent (veh h)", 1},
    {"total_travel_time_h", "total travel time (veh h)", 1},
    {"mean_delay_s", "mean delay (s)", 1},
    {"mean_speed_kmh", "mean speed (km/h)", 1},
};

static FILE *open_file(const char *folder, const char *name, struct platoon_err *err)
{
    char *path = NULL;
    FILE *f = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        return NULL;
    }
    f = fopen(path, "wxe");
    if (!f)
        platoon_fail(err, PLATOON_EIO, "cannot make %s: %s", path, strerror(errno));
    free(path);
    return f;
}

enum platoon_status demo_results_open(struct demo_results *r, const char *folder,
                                      struct platoon_err *err)
{
    *r = (struct demo_results){0};
    if (!(r->csv = open_file(folder, "results.csv", err)) ||
        !(r->jsonl = open_file(folder, "results.jsonl", err)))
        return err ? err->status : PLATOON_EIO;
    fputs("arm", r->csv);
    for (size_t i = 0; i < N_COLUMNS; i++)
        fprintf(r->csv, ",%s", columns[i]);
    fputs(",error\r\n", r->csv); /* RFC 4180 */
    return PLATOON_OK;
}

void demo_results_release(struct demo_results *r)
{
    if (r->csv)
        fclose(r->csv); /* every line was flushed and checked when it was written */
    if (r->jsonl)
        fclose(r->jsonl);
    free(r->runs);
    free(r->first_failure);
    *r = (struct demo_results){0};
}

static void write_csv_value(FILE *out, const platoon_value *v)
{
    fputc(',', out);
    csv_value(out, v);
}

static enum platoon_status write_lines(struct demo_results *r, const platoon_value *result,
                                       const platoon_value *task, bool is_alinea, const char *error,
                                       struct platoon_err *err)
{
    char *json = platoon_json(result);

    if (!json)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    fprintf(r->jsonl, "%s\n", json);
    free(json);
    fputs(is_alinea ? "ALINEA" : "no control", r->csv);
    for (size_t i = 0; i < N_COLUMNS; i++)
        write_csv_value(r->csv, platoon_dict_get(task, columns[i]));
    fputc(',', r->csv);
    csv_text(r->csv, error);
    fputs("\r\n", r->csv);
    if (fflush(r->jsonl) != 0 || fflush(r->csv) != 0)
        return platoon_fail(err, PLATOON_EIO, "cannot write the results: %s", strerror(errno));
    return PLATOON_OK;
}

static enum platoon_status keep(struct demo_results *r, const struct demo_run *run,
                                struct platoon_err *err)
{
    if (r->n_runs == r->cap_runs) {
        size_t cap = r->cap_runs ? 2 * r->cap_runs : 32;
        struct demo_run *more = reallocarray(r->runs, cap, sizeof *more);

        if (!more)
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        r->runs = more;
        r->cap_runs = cap;
    }
    r->runs[r->n_runs++] = *run;
    return PLATOON_OK;
}

static void count_failure(struct demo_results *r, const char *message)
{
    r->n_failed++;
    if (!r->first_failure)
        r->first_failure = strdup(message);
}

enum platoon_status demo_results_add(struct demo_results *r, const platoon_value *result,
                                     struct platoon_err *err)
{
    const platoon_value *failure = platoon_dict_get(result, "platoon_error");
    const platoon_value *task = failure ? platoon_dict_get(result, "task") : result;
    const char *message = "", *outcome;
    struct demo_run run = {0};
    enum platoon_status st;
    bool is_alinea;

    if (failure && !(message = platoon_as_str(platoon_dict_get(failure, "message"), NULL)))
        message = "it failed and gave no reason";
    if (platoon_as_bool(platoon_dict_get(task, "control_bool"), &is_alinea) != PLATOON_OK)
        return platoon_fail(err, PLATOON_EPROTO, "a result that is none of the demo's came back");
    st = write_lines(r, result, task, is_alinea, message, err);
    if (st != PLATOON_OK)
        return st;
    if (failure) {
        count_failure(r, message);
        return PLATOON_OK;
    }
    run.arm = is_alinea ? DEMO_ALINEA : DEMO_NO_CONTROL;
    st = platoon_as_int(platoon_dict_get(result, "seed"), &run.seed);
    for (size_t i = 0; st == PLATOON_OK && i < DEMO_N_METRICS; i++)
        st = platoon_as_float(platoon_dict_get(result, metrics[i].key), &run.metric[i]);
    if (st != PLATOON_OK) {
        count_failure(r, "a run brought back no figures");
        return PLATOON_OK;
    }
    outcome = platoon_as_str(platoon_dict_get(result, "outcome"), NULL);
    r->n_not_ok += outcome && strcmp(outcome, "ok") != 0;
    return keep(r, &run, err);
}

static const struct demo_run *find(const struct demo_results *r, enum demo_arm arm, int64_t seed)
{
    for (size_t i = 0; i < r->n_runs; i++)
        if (r->runs[i].arm == arm && r->runs[i].seed == seed)
            return &r->runs[i];
    return NULL;
}

/* A demo has tens of runs: looking for each one's partner among all is fine. */
static void compare(const struct demo_results *r, enum demo_metric metric,
                    struct stats_sample arms[DEMO_N_ARMS], struct stats_sample *difference)
{
    memset(arms, 0, DEMO_N_ARMS * sizeof *arms);
    *difference = (struct stats_sample){0};
    for (size_t i = 0; i < r->n_runs; i++) {
        const struct demo_run *run = &r->runs[i], *partner;

        if (!isfinite(run->metric[metric]))
            continue; /* a run without a single trip has no mean delay */
        stats_add(&arms[run->arm], run->metric[metric]);
        if (run->arm != DEMO_ALINEA)
            continue;
        partner = find(r, DEMO_NO_CONTROL, run->seed);
        if (partner && isfinite(partner->metric[metric]))
            stats_add(difference, run->metric[metric] - partner->metric[metric]);
    }
}

static void mean_cell(struct table *t, size_t column, const struct stats_sample *s, int decimals,
                      bool has_sign)
{
    if (s->n == 0)
        table_cell(t, column, "-");
    else if (has_sign)
        table_cell(t, column, "%+.*f", decimals, s->mean);
    else
        table_cell(t, column, "%.*f", decimals, s->mean);
}

bool demo_results_print(const struct demo_results *r, FILE *out)
{
    static const struct table_column titles[] = {{"MEAN OF", false, false},
                                                 {"NO CONTROL", true, false},
                                                 {"ALINEA", true, false},
                                                 {"PAIRED DIFFERENCE", true, false}};
    struct table *t = table_new(titles, 4);
    struct stats_sample arms[DEMO_N_ARMS], difference;
    bool is_printed;

    if (!t)
        return false;
    for (size_t i = 0; i < DEMO_N_METRICS; i++) {
        compare(r, (enum demo_metric)i, arms, &difference);
        if (i == 0) {
            table_row(t);
            table_cell(t, 0, "n (runs, runs, pairs)");
            table_cell(t, 1, "%zu", arms[DEMO_NO_CONTROL].n);
            table_cell(t, 2, "%zu", arms[DEMO_ALINEA].n);
            table_cell(t, 3, "%zu", difference.n);
        }
        table_row(t);
        table_cell(t, 0, "%s", metrics[i].title);
        mean_cell(t, 1, &arms[DEMO_NO_CONTROL], metrics[i].decimals, false);
        mean_cell(t, 2, &arms[DEMO_ALINEA], metrics[i].decimals, false);
        mean_cell(t, 3, &difference, metrics[i].decimals, true);
    }
    is_printed = table_print(t, out);
    table_free(t);
    return is_printed;
}
