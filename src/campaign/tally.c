/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - see tally.h. */
#include "campaign/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How a run that is done ended. */
enum ending { ENDED_OK, ENDED_STOPPED_EARLY, ENDED_OTHERWISE };

struct tally {
    const struct campaign_plan *plan;
    size_t n_replications, n_tasks;
    double max_failed_share;
    bool is_open; /* metrics are found as they come */
    struct tally_metric metrics[TALLY_MAX_METRICS];
    double *figures[TALLY_MAX_METRICS]; /* n_tasks each */
    size_t n_metrics;
    uint8_t *states;  /* enum tally_state; n_tasks */
    uint8_t *endings; /* enum ending; n_tasks */
    size_t n_stopped_early;
};

/* --- columns ---------------------------------------------------------------------------------- */

static bool add_metric(struct tally *t, const struct tally_metric *metric)
{
    double *figures = malloc((t->n_tasks ? t->n_tasks : 1) * sizeof *figures);

    if (!figures)
        return false;
    for (size_t i = 0; i < t->n_tasks; i++)
        figures[i] = NAN;
    t->metrics[t->n_metrics] = *metric;
    t->figures[t->n_metrics++] = figures;
    return true;
}

struct tally *tally_new(const struct campaign_plan *plan, size_t n_replications,
                        const struct tally_metric *metrics, size_t n_metrics,
                        double max_failed_share)
{
    struct tally *t = calloc(1, sizeof *t);
    size_t n;

    if (!t)
        return NULL;
    t->plan = plan;
    t->n_replications = n_replications;
    t->n_tasks = n = n_replications * plan_points(plan) * plan_arms(plan);
    t->max_failed_share = max_failed_share;
    t->is_open = n_metrics == 0;
    t->states = calloc(n ? n : 1, 1);
    t->endings = calloc(n ? n : 1, 1);
    if (!t->states || !t->endings)
        goto fail;
    for (size_t i = 0; i < n_metrics && i < TALLY_MAX_METRICS; i++)
        if (!add_metric(t, &metrics[i]))
            goto fail;
    return t;
fail:
    tally_free(t);
    return NULL;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_metrics; i++)
        free(t->figures[i]);
    free(t->states);
    free(t->endings);
    free(t);
}

size_t tally_n_metrics(const struct tally *t)
{
    return t->n_metrics;
}

const struct tally_metric *tally_metric(const struct tally *t, size_t metric)
{
    return &t->metrics[metric];
}

size_t tally_find_metric(const struct tally *t, const char *name)
{
    for (size_t i = 0; i < t->n_metrics; i++)
        if (strcmp(t->metrics[i].name, name) == 0)
            return i;
    return TALLY_MAX_METRICS;
}

/* --- runs ------------------------------------------------------------------------------------- */

static bool is_number(const platoon_value *v)
{
    enum platoon_kind kind = platoon_value_kind(v);

    return kind == PLATOON_INT || kind == PLATOON_FLOAT;
}

static double number_of(const platoon_value *v)
{
    double x;

    return is_number(v) && platoon_as_float(v, &x) == PLATOON_OK && isfinite(x) ? x : NAN;
}

/* The column of a number that a result has under `name`; TALLY_MAX_METRICS for one that is none:
 * a parameter that came back, a name too long, one too many. */
static enum platoon_status find_or_add(struct tally *t, const char *name, const platoon_value *task,
                                       size_t *out)
{
    struct tally_metric metric = {.better = TALLY_NEITHER};

    *out = tally_find_metric(t, name);
    if (*out < TALLY_MAX_METRICS || t->n_metrics == TALLY_MAX_METRICS ||
        strlen(name) >= sizeof metric.name || plan_get_path(task, name))
        return PLATOON_OK;
    strcpy(metric.name, name); /* its length was looked at */
    *out = t->n_metrics;
    return add_metric(t, &metric) ? PLATOON_OK : PLATOON_ENOMEM;
}

static enum platoon_status add_found(struct tally *t, size_t index, const platoon_value *result)
{
    struct plan_place at = plan_place_of(t->plan, index);
    platoon_value *task = plan_task(t->plan, at.point, at.arm, 0), *key, *child;
    enum platoon_status st = task ? PLATOON_OK : PLATOON_ENOMEM;
    size_t column = TALLY_MAX_METRICS;

    if (st == PLATOON_OK && is_number(result)) {
        st = find_or_add(t, "value", NULL, &column);
        if (st == PLATOON_OK && column < TALLY_MAX_METRICS)
            t->figures[column][index] = number_of(result);
    }
    for (size_t i = 0; st == PLATOON_OK && platoon_dict_entry(result, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (!name || !is_number(child))
            continue;
        st = find_or_add(t, name, task, &column);
        if (st == PLATOON_OK && column < TALLY_MAX_METRICS)
            t->figures[column][index] = number_of(child);
    }
    platoon_value_unref(task);
    return st;
}

static enum ending ending_of(const char *outcome)
{
    if (!outcome || strcmp(outcome, "ok") == 0)
        return ENDED_OK;
    return strcmp(outcome, "stopped-early") == 0 ? ENDED_STOPPED_EARLY : ENDED_OTHERWISE;
}

enum platoon_status tally_add(struct tally *t, size_t index, const platoon_value *result)
{
    const char *outcome = platoon_as_str(platoon_dict_get(result, "outcome"), NULL);
    enum platoon_status st = PLATOON_OK;

    if (t->is_open) {
        st = add_found(t, index, result);
    } else {
        for (size_t i = 0; i < t->n_metrics; i++) {
            const char *name = t->metrics[i].name;
            const platoon_value *v = is_number(result) && strcmp(name, "value") == 0
                                         ? result
                                         : plan_get_path(result, name);

            t->figures[i][index] = number_of(v);
        }
    }
    t->states[index] = TALLY_DONE;
    t->n_stopped_early -= t->endings[index] == ENDED_STOPPED_EARLY;
    t->endings[index] = ending_of(outcome);
    t->n_stopped_early += t->endings[index] == ENDED_STOPPED_EARLY;
    return st;
}

void tally_fail(struct tally *t, size_t index)
{
    if (t->states[index] == TALLY_MISSING)
        t->states[index] = TALLY_FAILED;
}

void tally_forget_failure(struct tally *t, size_t index)
{
    if (t->states[index] == TALLY_FAILED)
        t->states[index] = TALLY_MISSING;
}

enum tally_state tally_state_of(const struct tally *t, size_t index)
{
    return (enum tally_state)t->states[index];
}

size_t tally_n_stopped_early(const struct tally *t)
{
    return t->n_stopped_early;
}

double tally_figure(const struct tally *t, size_t index, size_t metric)
{
    return t->figures[metric][index];
}

/* --- summaries -------------------------------------------------------------------------------- */

static size_t index_of(const struct tally *t, size_t replication, size_t point, size_t arm)
{
    return (replication * plan_points(t->plan) + point) * plan_arms(t->plan) + arm;
}

static bool has_too_many_failures(const struct tally *t, size_t n_done, size_t n_failed)
{
    return (double)n_failed > t->max_failed_share * (double)(n_done + n_failed);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

enum platoon_status tally_cell(const struct tally *t, size_t point, size_t arm, size_t metric,
                               size_t n_replications, struct tally_cell *out)
{
    size_t n = n_replications < t->n_replications ? n_replications : t->n_replications;
    double *values = malloc((n ? n : 1) * sizeof *values);

    *out = (struct tally_cell){.q25 = NAN, .median = NAN, .q75 = NAN};
    if (!values)
        return PLATOON_ENOMEM;
    for (size_t r = 0; r < n; r++) {
        size_t i = index_of(t, r, point, arm);

        out->n_done += t->states[i] == TALLY_DONE;
        out->n_failed += t->states[i] == TALLY_FAILED;
        out->n_not_ok += t->endings[i] != ENDED_OK;
        out->n_stopped_early += t->endings[i] == ENDED_STOPPED_EARLY;
        if (isfinite(t->figures[metric][i])) {
            values[out->sample.n] = t->figures[metric][i];
            stats_add(&out->sample, t->figures[metric][i]);
        }
    }
    out->is_refused = has_too_many_failures(t, out->n_done, out->n_failed);
    out->sd = stats_sd(&out->sample);
    out->half_width = out->is_refused ? NAN : stats_half_width(&out->sample, TALLY_CONFIDENCE);
    if (out->sample.n) {
        qsort(values, out->sample.n, sizeof *values, compare_numbers);
        out->q25 = stats_quantile(values, out->sample.n, 0.25);
        out->median = stats_quantile(values, out->sample.n, 0.5);
        out->q75 = stats_quantile(values, out->sample.n, 0.75);
    }
    free(values);
    return PLATOON_OK;
}

enum platoon_status tally_compare(const struct tally *t, size_t point, size_t arm, size_t metric,
                                  size_t n_replications, struct tally_comparison *out)
{
    size_t end = n_replications < t->n_replications ? n_replications : t->n_replications;
    size_t room = end ? end : 1, n = 0;
    size_t n_done[2] = {0, 0}, n_failed[2] = {0, 0};
    double *base = calloc(2 * room, sizeof *base), *other, sum = 0;

    *out = (struct tally_comparison){.point = point, .arm = arm, .adjusted_p = NAN};
    if (!base)
        return PLATOON_ENOMEM;
    other = base + room;
    for (size_t r = 0; r < end; r++) {
        size_t at[2] = {index_of(t, r, point, 0), index_of(t, r, point, arm)};

        for (int side = 0; side < 2; side++) {
            n_done[side] += t->states[at[side]] == TALLY_DONE;
            n_failed[side] += t->states[at[side]] == TALLY_FAILED;
        }
        base[n] = t->figures[metric][at[0]];
        other[n] = t->figures[metric][at[1]];
        if (isfinite(base[n]) && isfinite(other[n]))
            sum += base[n++];
    }
    stats_compare_paired(base, other, n, TALLY_CONFIDENCE, &out->paired);
    out->base_mean = n ? sum / (double)n : NAN;
    out->is_refused = has_too_many_failures(t, n_done[0], n_failed[0]) ||
                      has_too_many_failures(t, n_done[1], n_failed[1]);
    if (out->is_refused)
        out->paired.half_width = out->paired.p_value = NAN;
    free(base);
    return PLATOON_OK;
}

/* Holm's correction of those that have a p-value. */
static enum platoon_status adjust(struct tally_comparison *all, size_t n)
{
    double *p = malloc(2 * n * sizeof *p), *adjusted;
    size_t m = 0;

    if (!p)
        return PLATOON_ENOMEM;
    adjusted = p + n;
    for (size_t i = 0; i < n; i++)
        if (!isnan(all[i].paired.p_value))
            p[m++] = all[i].paired.p_value;
    stats_holm(p, m, adjusted);
    m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(all[i].paired.p_value))
            all[i].adjusted_p = adjusted[m++];
    free(p);
    return PLATOON_OK;
}

enum platoon_status tally_compare_all(const struct tally *t, size_t metric,
                                      struct tally_comparison **out, size_t *out_n)
{
    size_t n_arms = plan_arms(t->plan), n = plan_points(t->plan) * (n_arms - 1), i = 0;
    struct tally_comparison *all = n ? calloc(n, sizeof *all) : NULL;
    enum platoon_status st = n && !all ? PLATOON_ENOMEM : PLATOON_OK;

    for (size_t point = 0; st == PLATOON_OK && point < plan_points(t->plan); point++)
        for (size_t arm = 1; st == PLATOON_OK && arm < n_arms; arm++)
            st = tally_compare(t, point, arm, metric, TALLY_ALL, &all[i++]);
    if (st == PLATOON_OK && n && n <= TALLY_MAX_ADJUSTED)
        st = adjust(all, n);
    if (st != PLATOON_OK) {
        free(all);
        return st;
    }
    *out = all;
    *out_n = n;
    return PLATOON_OK;
}
