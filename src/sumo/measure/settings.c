/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - dicts into metrics and a window. */
#include "sumo/measure/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/result_keys.h"

#define MAX_TIME 1e9 /* as task.c */

void measure_settings_release(struct measure_settings *s)
{
    free(s->metrics);
    *s = (struct measure_settings){0};
}

static const char *kind_of(const platoon_value *v)
{
    return platoon_kind_name(platoon_value_kind(v));
}

/* --- metrics ---------------------------------------------------------------------------------- */

static struct metric *find(const struct measure_settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_metrics; i++)
        if (strcmp(s->metrics[i].name, name) == 0)
            return &s->metrics[i];
    return NULL;
}

static void take_away(struct measure_settings *s, struct metric *m)
{
    size_t after = s->n_metrics - (size_t)(m - s->metrics) - 1;

    memmove(m, m + 1, after * sizeof *m);
    s->n_metrics--;
}

static enum platoon_status add(struct measure_settings *s, const char *name, const char *origin,
                               struct metric **out, struct platoon_err *err)
{
    if (!s->metrics && !(s->metrics = calloc(MEASURE_MAX_METRICS, sizeof *s->metrics)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for metrics");
    if (s->n_metrics == MEASURE_MAX_METRICS)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: metrics.%s is one too many; a run has up to "
                            "%d of them",
                            origin, name, MEASURE_MAX_METRICS);
    *out = &s->metrics[s->n_metrics++];
    **out = (struct metric){.aggregate = METRIC_MEAN};
    strcpy((*out)->name, name); /* metric_is_name() has seen that it fits */
    return PLATOON_OK;
}

static enum platoon_status take_metric(struct measure_settings *s, const char *name,
                                       const platoon_value *value, const char *origin,
                                       struct platoon_err *err)
{
    size_t len;
    const char *text = platoon_as_str(value, &len);
    struct metric *m = find(s, name);
    enum platoon_status st;
    char where[400];

    if (platoon_is_none(value)) {
        if (m)
            take_away(s, m);
        return PLATOON_OK;
    }
    (void)snprintf(where, sizeof where, "%.300s: metrics.%s", origin, name);
    if (!text || strlen(text) != len)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s must be a text such as \"tripinfo/timeLoss mean\", not %s%s", where,
                            text ? "one with a NUL" : "a ", text ? "" : kind_of(value));
    if (!m && (st = add(s, name, origin, &m, err)) != PLATOON_OK)
        return st;
    return metric_parse(text, where, m, err);
}

static enum platoon_status take_metrics(struct measure_settings *s, const platoon_value *metrics,
                                        const char *origin, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    platoon_value *key, *value;

    if (platoon_value_kind(metrics) != PLATOON_DICT)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: metrics must be a dict of names and texts such as "
                            "\"tripinfo/timeLoss mean\", not a %s",
                            origin, kind_of(metrics));
    for (size_t i = 0; st == PLATOON_OK && platoon_dict_entry(metrics, i, &key, &value); i++) {
        size_t len = 0;
        const char *name = platoon_as_str(key, &len);

        if (!name || strlen(name) != len || !metric_is_name(name))
            return platoon_fail(err, PLATOON_EINVAL,
                                "%s: metrics holds the name %s%.80s%s; a name is a letter, then "
                                "letters, digits and _, up to %d",
                                origin, name ? "\"" : "", name ? name : kind_of(key),
                                name ? "\"" : "", METRIC_NAME_BYTES);
        st = take_metric(s, name, value, origin, err);
    }
    return st;
}

/* --- the window ------------------------------------------------------------------------------- */

static enum platoon_status take_bound(const platoon_value *value, const char *origin,
                                      const char *key, double *out, struct platoon_err *err)
{
    enum platoon_kind kind = platoon_value_kind(value);
    double number;

    if (platoon_is_none(value))
        return PLATOON_OK;
    if ((kind != PLATOON_INT && kind != PLATOON_FLOAT) ||
        platoon_as_float(value, &number) != PLATOON_OK || !(number >= 0.0 && number <= MAX_TIME))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: measure.%s must be a simulated time in seconds, 0 to %g", origin,
                            key, MAX_TIME);
    *out = number;
    return PLATOON_OK;
}

static enum platoon_status take_window(struct measure_settings *s, const platoon_value *measure,
                                       const char *origin, struct platoon_err *err)
{
    double from_s = 0.0, to_s = INFINITY;
    enum platoon_status st = PLATOON_OK;
    platoon_value *key, *value;

    if (platoon_value_kind(measure) != PLATOON_DICT)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: measure must be a dict such as {'from': 900, 'to': 4500}, not "
                            "a %s",
                            origin, kind_of(measure));
    for (size_t i = 0; st == PLATOON_OK && platoon_dict_entry(measure, i, &key, &value); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (name && strcmp(name, "from") == 0)
            st = take_bound(value, origin, name, &from_s, err);
        else if (name && strcmp(name, "to") == 0)
            st = take_bound(value, origin, name, &to_s, err);
        else
            st =
                platoon_fail(err, PLATOON_EINVAL, "%s: measure has the keys from and to, not %.64s",
                             origin, name ? name : kind_of(key));
    }
    if (st != PLATOON_OK)
        return st;
    if (to_s <= from_s)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: measure.to (%g s) is not after measure.from (%g s)", origin, to_s,
                            from_s);
    s->has_window = from_s > 0.0 || isfinite(to_s);
    s->from_s = from_s;
    s->to_s = to_s;
    return PLATOON_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum platoon_status measure_settings_take(struct measure_settings *s, const platoon_value *metrics,
                                          const platoon_value *measure, const char *origin,
                                          struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    if (metrics && !platoon_is_none(metrics))
        st = take_metrics(s, metrics, origin, err);
    if (st == PLATOON_OK && measure && !platoon_is_none(measure))
        st = take_window(s, measure, origin, err);
    return st;
}

enum platoon_status measure_settings_finish(const struct measure_settings *s,
                                            const platoon_value *task, double end_s,
                                            struct platoon_err *err)
{
    for (size_t i = 0; i < s->n_metrics; i++) {
        const char *name = s->metrics[i].name;

        if (result_key_is_ours(name) || platoon_dict_get(task, name))
            return platoon_fail(err, PLATOON_EINVAL,
                                "metrics.%s: a result has that key already, as %s; choose another "
                                "name",
                                name,
                                result_key_is_ours(name) ? "one of its own" : "one of the task's");
    }
    if (s->has_window && end_s >= 0.0 && s->from_s >= end_s)
        return platoon_fail(err, PLATOON_EINVAL,
                            "measure.from (%g s) is not before the simulation's end (%g s)",
                            s->from_s, end_s);
    return PLATOON_OK;
}

bool measure_needs_tripinfo(const struct measure_settings *s)
{
    for (size_t i = 0; i < s->n_metrics; i++)
        if (s->metrics[i].source == METRIC_TRIPINFO)
            return true;
    return s->has_window;
}

bool measure_has_time(const struct measure_settings *s, double time_s)
{
    return !s->has_window || (time_s >= s->from_s && time_s < s->to_s);
}

bool measure_has_interval(const struct measure_settings *s, double begin_s, double end_s)
{
    return !s->has_window || (begin_s >= s->from_s && end_s <= s->to_s);
}
