/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_question.c - what a campaign wants to know: which figures, how precisely. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli/campaign_read.h"

#define DEFAULT_MAX_FAILED 0.1
enum { DEFAULT_MIN_REPLICATIONS = 10 };

/* What the sumo runner reports that a question is asked about (docs/sumo.md). */
static const struct tally_metric sumo_metrics[] = {
    {"total_time_spent_h", "veh h", TALLY_LOWER},
    {"mean_delay_s", "s", TALLY_LOWER},
    {"mean_speed_kmh", "km/h", TALLY_HIGHER},
    {"vehicles_waiting", "", TALLY_LOWER},
    {"teleports", "", TALLY_LOWER},
};

/* --- metrics ---------------------------------------------------------------------------------- */

static enum platoon_status read_better(const struct yaml_doc *doc, const struct yaml_node *node,
                                       struct tally_metric *m, struct platoon_err *err)
{
    if (node->kind == YAML_SCALAR && strcmp(node->text, "lower") == 0)
        m->better = TALLY_LOWER;
    else if (node->kind == YAML_SCALAR && strcmp(node->text, "higher") == 0)
        m->better = TALLY_HIGHER;
    else
        return yaml_fail(doc, node, err, "what is better is lower or higher");
    return PLATOON_OK;
}

static enum platoon_status read_metric(const struct yaml_doc *doc, const struct yaml_node *key,
                                       const struct yaml_node *node, struct tally_metric *m,
                                       struct platoon_err *err)
{
    static const char *const known[] = {"unit", "better"};
    const struct yaml_node *unit = yaml_get(node, "unit", NULL);
    const struct yaml_node *better = yaml_get(node, "better", NULL);
    enum platoon_status st;

    *m = (struct tally_metric){.better = TALLY_NEITHER};
    if (!*key->text || strlen(key->text) >= sizeof m->name)
        return yaml_fail(doc, key, err, "a metric's name has 1 to %zu bytes", sizeof m->name - 1);
    strcpy(m->name, key->text); /* its length was looked at */
    for (size_t i = 0; i < sizeof sumo_metrics / sizeof *sumo_metrics; i++)
        if (strcmp(m->name, sumo_metrics[i].name) == 0)
            *m = sumo_metrics[i];
    if (node->kind == YAML_SCALAR && node->is_plain && !*node->text)
        return PLATOON_OK; /* the name alone */
    if (node->kind != YAML_MAP)
        return read_better(doc, node, m, err);
    st = yaml_only_keys(doc, node, known, 2, err);
    if (st == PLATOON_OK && unit &&
        (unit->kind != YAML_SCALAR || strlen(unit->text) >= sizeof m->unit))
        return yaml_fail(doc, unit, err, "a unit is a text of up to %zu bytes", sizeof m->unit - 1);
    if (st == PLATOON_OK && unit)
        strcpy(m->unit, unit->text); /* its length was looked at */
    return st == PLATOON_OK && better ? read_better(doc, better, m, err) : st;
}

static enum platoon_status read_metrics(const struct yaml_doc *doc, struct campaign_file *c,
                                        struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "metrics", NULL);
    enum platoon_status st = PLATOON_OK;

    if (!node && strcmp(c->runner, "sumo") == 0) {
        memcpy(c->metrics, sumo_metrics, sizeof sumo_metrics);
        c->n_metrics = sizeof sumo_metrics / sizeof *sumo_metrics;
    }
    if (!node)
        return PLATOON_OK;
    if (node->kind != YAML_MAP || node->n_items == 0)
        return yaml_fail(doc, node, err,
                         "metrics are a map of names, each with lower, higher, or "
                         "{unit: ..., better: lower|higher}");
    if (node->n_items > TALLY_MAX_METRICS)
        return yaml_fail(doc, node, err, "more than %d metrics", TALLY_MAX_METRICS);
    for (size_t i = 0; st == PLATOON_OK && i < node->n_items; i++)
        st = read_metric(doc, node->items[2 * i], node->items[2 * i + 1],
                         &c->metrics[c->n_metrics++], err);
    return st;
}

/* --- precision -------------------------------------------------------------------------------- */

/* "5 %", "5%", or an absolute number. */
static enum platoon_status read_half_width(const struct yaml_doc *doc, const struct yaml_node *node,
                                           struct campaign_precision *p, struct platoon_err *err)
{
    const char *text = node && node->kind == YAML_SCALAR ? node->text : "";
    size_t len = strlen(text);

    p->is_relative = len && text[len - 1] == '%';
    len -= p->is_relative;
    while (len && text[len - 1] == ' ')
        len--;
    if (!num_double_parse(text, len, &p->half_width) || !isfinite(p->half_width) ||
        p->half_width <= 0)
        return yaml_fail(doc, node, err,
                         "half_width is a number above 0, or a share of the mean as in 5 %%");
    if (p->is_relative)
        p->half_width /= 100;
    return PLATOON_OK;
}

static enum platoon_status read_precision_metric(const struct yaml_doc *doc,
                                                 const struct yaml_node *node,
                                                 struct campaign_file *c, struct platoon_err *err)
{
    if (c->n_metrics == 0)
        return yaml_fail(doc, node, err,
                         "precision is of one of the metrics: declare them under \"metrics\"");
    if (!yaml_get(node, "metric", NULL))
        return PLATOON_OK; /* the first */
    node = yaml_get(node, "metric", NULL);
    for (size_t i = 0; node->kind == YAML_SCALAR && i < c->n_metrics; i++) {
        c->precision.metric = i;
        if (strcmp(node->text, c->metrics[i].name) == 0)
            return PLATOON_OK;
    }
    return yaml_fail(doc, node, err, "no metric is called so; they are declared under \"metrics\"");
}

static enum platoon_status read_precision(const struct yaml_doc *doc, struct campaign_file *c,
                                          size_t n_arms, struct platoon_err *err)
{
    static const char *const known[] = {"metric", "half_width", "of"};
    const struct yaml_node *node = yaml_get(doc->root, "precision", NULL), *of;
    struct campaign_precision *p = &c->precision;
    enum platoon_status st;

    if (!node)
        return PLATOON_OK;
    if (node->kind != YAML_MAP || !yaml_get(node, "half_width", NULL))
        return yaml_fail(doc, node, err,
                         "precision is a map: half_width, and perhaps metric and of");
    st = yaml_only_keys(doc, node, known, 3, err);
    if (st == PLATOON_OK)
        st = read_precision_metric(doc, node, c, err);
    if (st == PLATOON_OK)
        st = read_half_width(doc, yaml_get(node, "half_width", NULL), p, err);
    if (st != PLATOON_OK)
        return st;
    of = yaml_get(node, "of", NULL);
    p->of_difference =
        of ? of->kind == YAML_SCALAR && strcmp(of->text, "difference") == 0 : n_arms > 1;
    if (of && !p->of_difference && (of->kind != YAML_SCALAR || strcmp(of->text, "mean") != 0))
        return yaml_fail(doc, of, err, "precision is of the mean or of the difference");
    if (p->of_difference && n_arms < 2)
        return yaml_fail(doc, of, err, "a difference needs two arms or more");
    p->is_wanted = true;
    return PLATOON_OK;
}

/* With `replications: {min: ...}`; `max` was read with the seeds. */
static enum platoon_status read_min(const struct yaml_doc *doc, struct campaign_file *c,
                                    struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "replications", NULL);
    const struct yaml_node *min = yaml_get(node, "min", NULL);
    platoon_value *v = min && min->kind == YAML_SCALAR ? yaml_scalar_value(min->text) : NULL;
    int64_t n = DEFAULT_MIN_REPLICATIONS;
    bool is_number = !min || platoon_as_int(v, &n) == PLATOON_OK;

    platoon_value_unref(v);
    if (min && !c->precision.is_wanted)
        return yaml_fail(doc, min, err, "a least number of replications goes with \"precision\"");
    if (!is_number || n < 2)
        return yaml_fail(doc, min, err, "min is a whole number from 2 on");
    if (min && (size_t)n > c->n_seeds)
        return yaml_fail(doc, min, err, "min is above the %zu replications there are", c->n_seeds);
    c->precision.min_n = (size_t)n < c->n_seeds ? (size_t)n : c->n_seeds;
    return PLATOON_OK;
}

static enum platoon_status read_max_failed(const struct yaml_doc *doc, struct campaign_file *c,
                                           struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "max_failed", NULL);
    const char *text = node && node->kind == YAML_SCALAR ? node->text : "";

    c->max_failed_share = DEFAULT_MAX_FAILED;
    if (node && (!num_double_parse(text, strlen(text), &c->max_failed_share) ||
                 !(c->max_failed_share >= 0 && c->max_failed_share <= 1)))
        return yaml_fail(doc, node, err, "max_failed is a share from 0 to 1");
    return PLATOON_OK;
}

enum platoon_status campaign_read_question(const struct yaml_doc *doc, struct campaign_file *c,
                                           struct platoon_err *err)
{
    const struct yaml_node *arms = yaml_get(doc->root, "arms", NULL);
    enum platoon_status st = read_metrics(doc, c, err);

    if (st == PLATOON_OK)
        st = read_max_failed(doc, c, err);
    if (st == PLATOON_OK)
        st = read_precision(doc, c, arms ? arms->n_items : 1, err);
    return st == PLATOON_OK ? read_min(doc, c, err) : st;
}
