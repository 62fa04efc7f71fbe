/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign_read.h"
#include "config/range.h"
#include "config/yaml.h"

enum { MAX_SEED = INT32_MAX };

enum platoon_status campaign_no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

enum platoon_status campaign_locate(const struct yaml_doc *doc, const struct yaml_node *at,
                                    enum platoon_status st, struct platoon_err *err)
{
    struct platoon_err plain = *err;

    if (st == PLATOON_ENOMEM)
        return st;
    (void)yaml_fail(doc, at, err, "%s", plain.message);
    return err->status = st;
}

static enum platoon_status set(platoon_value *dict, const char *key, platoon_value *child,
                               struct platoon_err *err)
{
    return platoon_dict_set(dict, key, child) == PLATOON_OK ? PLATOON_OK : campaign_no_memory(err);
}

/* --- values ----------------------------------------------------------------------------------- */

static enum platoon_status add_value(const struct yaml_doc *doc, const struct yaml_node *node,
                                     platoon_value *list, struct platoon_err *err)
{
    enum platoon_status st;

    if (node->kind != YAML_SCALAR || !node->is_plain)
        return platoon_append(list, yaml_value(node)) == PLATOON_OK ? PLATOON_OK
                                                                    : campaign_no_memory(err);
    st = range_append(node->text, list, err);
    return st == PLATOON_OK ? st : campaign_locate(doc, node, st, err);
}

/* A list whose items may be ranges, or one range or value. */
static enum platoon_status read_values(const struct yaml_doc *doc, const struct yaml_node *node,
                                       platoon_value *list, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    if (node->kind == YAML_MAP)
        return yaml_fail(doc, node, err, "expected a list of values or a range, not a map");
    if (node->kind == YAML_SCALAR)
        return add_value(doc, node, list, err);
    if (node->n_items == 0)
        return yaml_fail(doc, node, err, "expected at least one value");
    for (size_t i = 0; st == PLATOON_OK && i < node->n_items; i++)
        st = add_value(doc, node->items[i], list, err);
    return st;
}

static int compare_seeds(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The same seed twice would count one run as two independent ones. */
static enum platoon_status check_distinct(const struct yaml_doc *doc, const struct yaml_node *node,
                                          const struct campaign_file *c, struct platoon_err *err)
{
    int64_t *sorted = malloc(c->n_seeds * sizeof *sorted);
    enum platoon_status st = PLATOON_OK;

    if (!sorted)
        return campaign_no_memory(err);
    memcpy(sorted, c->seeds, c->n_seeds * sizeof *sorted);
    qsort(sorted, c->n_seeds, sizeof *sorted, compare_seeds);
    for (size_t i = 1; st == PLATOON_OK && i < c->n_seeds; i++)
        if (sorted[i] == sorted[i - 1])
            st = yaml_fail(doc, node, err, "seed %" PRId64 " stands there twice", sorted[i]);
    free(sorted);
    return st;
}

static enum platoon_status copy_seeds(const struct yaml_doc *doc, const struct yaml_node *node,
                                      const platoon_value *list, struct campaign_file *c,
                                      struct platoon_err *err)
{
    c->n_seeds = platoon_len(list);
    c->seeds = calloc(c->n_seeds, sizeof *c->seeds);
    if (!c->seeds)
        return campaign_no_memory(err);
    for (size_t i = 0; i < c->n_seeds; i++) {
        const platoon_value *seed = platoon_item(list, i);

        if (platoon_value_kind(seed) != PLATOON_INT ||
            platoon_as_int(seed, &c->seeds[i]) != PLATOON_OK || c->seeds[i] < 0 ||
            c->seeds[i] > MAX_SEED)
            return yaml_fail(doc, node, err, "seeds are whole numbers from 0 to %d", MAX_SEED);
    }
    return check_distinct(doc, node, c, err);
}

/* `replications: 20` or `{max: 20}` in place of seeds: 1 to 20. */
static enum platoon_status read_replications(const struct yaml_doc *doc, platoon_value *list,
                                             struct platoon_err *err)
{
    static const char *const known[] = {"min", "max"};
    const struct yaml_node *node = yaml_get(doc->root, "replications", NULL), *max;
    platoon_value *v;
    int64_t n = 0;
    enum platoon_status st;

    if (!node)
        return yaml_fail(doc, doc->root, err, "\"seeds\" is missing; for one run: seeds: 1");
    st = node->kind == YAML_MAP ? yaml_only_keys(doc, node, known, 2, err) : PLATOON_OK;
    if (st != PLATOON_OK)
        return st;
    max = node->kind == YAML_MAP ? yaml_get(node, "max", NULL) : node;
    v = max && max->kind == YAML_SCALAR ? yaml_scalar_value(max->text) : NULL;
    if (platoon_as_int(v, &n) != PLATOON_OK || n < 1 || n > CAMPAIGN_MAX_TASKS)
        st = yaml_fail(doc, max ? max : node, err,
                       "replications is how many there are at most, or {min: ..., max: ...}");
    platoon_value_unref(v);
    for (int64_t seed = 1; st == PLATOON_OK && seed <= n; seed++)
        if (platoon_append(list, platoon_int(seed)) != PLATOON_OK)
            st = campaign_no_memory(err);
    return st;
}

/* Beside `seeds` only the least number has something to say. */
static enum platoon_status refuse_second_count(const struct yaml_doc *doc, struct platoon_err *err)
{
    static const char *const known[] = {"min"};
    const struct yaml_node *node = yaml_get(doc->root, "replications", NULL);

    if (!node ||
        (node->kind == YAML_MAP && yaml_get(node, "min", NULL) && !yaml_get(node, "max", NULL)))
        return node ? yaml_only_keys(doc, node, known, 1, err) : PLATOON_OK;
    return yaml_fail(doc, node, err,
                     "the seeds say how many there are: leave one of the two out (beside seeds, "
                     "replications may be {min: ...})");
}

static enum platoon_status read_seeds(const struct yaml_doc *doc, struct campaign_file *c,
                                      struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "seeds", NULL);
    platoon_value *list;
    enum platoon_status st;

    list = platoon_list();
    if (!list)
        return campaign_no_memory(err);
    st = node ? read_values(doc, node, list, err) : read_replications(doc, list, err);
    if (st == PLATOON_OK && node)
        st = refuse_second_count(doc, err);
    if (!node)
        node = yaml_get(doc->root, "replications", NULL);
    if (st == PLATOON_OK)
        st = copy_seeds(doc, node, list, c, err);
    platoon_value_unref(list);
    return st;
}

/* A map of parameters must leave the seed to the seeds. */
static enum platoon_status refuse_seed(const struct yaml_doc *doc, const struct yaml_node *map,
                                       struct platoon_err *err)
{
    const struct yaml_node *key = NULL;

    if (map && yaml_get(map, "seed", &key))
        return yaml_fail(doc, key, err, "the seed of a task comes from \"seeds\"");
    return PLATOON_OK;
}

/* --- what the plan is made of ----------------------------------------------------------------- */

/* Count one factor of `n` values in; refuses what makes too many tasks before they are made. */
static enum platoon_status count_in(const struct yaml_doc *doc, const struct yaml_node *at,
                                    size_t n, struct campaign_file *c, struct platoon_err *err)
{
    if (n > CAMPAIGN_MAX_TASKS / c->n_tasks)
        return campaign_locate(
            doc, at,
            platoon_fail(err, PLATOON_ELIMIT, "this makes more than %d tasks", CAMPAIGN_MAX_TASKS),
            err);
    c->n_tasks *= n;
    return PLATOON_OK;
}

static enum platoon_status add_factor(platoon_value *factors, const char *name,
                                      platoon_value *values, struct platoon_err *err)
{
    platoon_value *factor = platoon_list();

    if (platoon_append(factor, platoon_str(name)) == PLATOON_OK &&
        platoon_append(factor, platoon_value_ref(values)) == PLATOON_OK)
        return platoon_append(factors, factor) == PLATOON_OK ? PLATOON_OK : campaign_no_memory(err);
    platoon_value_unref(factor);
    return campaign_no_memory(err);
}

static enum platoon_status read_factors(const struct yaml_doc *doc, bool is_zip,
                                        platoon_value *factors, struct campaign_file *c,
                                        struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "factors", NULL);
    enum platoon_status st = PLATOON_OK;
    size_t n_first = 0, n_all = 0;

    if (node && node->kind != YAML_MAP)
        return yaml_fail(doc, node, err, "factors are a map of names and values");
    st = refuse_seed(doc, node, err);
    if (node && node->n_items > PLAN_MAX_FACTORS)
        return yaml_fail(doc, node, err, "more than %d factors", PLAN_MAX_FACTORS);
    for (size_t i = 0; node && st == PLATOON_OK && i < node->n_items; i++) {
        const struct yaml_node *key = node->items[2 * i];
        platoon_value *values = platoon_list();
        size_t n;

        st = values ? read_values(doc, node->items[2 * i + 1], values, err)
                    : campaign_no_memory(err);
        n = platoon_len(values);
        n_all += n;
        if (st == PLATOON_OK && n_all > CAMPAIGN_MAX_TASKS)
            st = yaml_fail(doc, key, err, "more than %d values in all factors", CAMPAIGN_MAX_TASKS);
        if (st == PLATOON_OK && is_zip && i > 0 && n != n_first)
            st = yaml_fail(doc, key, err, "with zip all factors need as many values: %zu, not %zu",
                           n_first, n);
        if (st == PLATOON_OK && !(is_zip && i > 0))
            st = count_in(doc, key, n, c, err);
        if (st == PLATOON_OK)
            st = add_factor(factors, key->text, values, err);
        platoon_value_unref(values);
        n_first = i == 0 ? n : n_first;
    }
    return st;
}

static enum platoon_status read_arms(const struct yaml_doc *doc, platoon_value *arms,
                                     struct campaign_file *c, struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "arms", NULL);

    if (!node)
        return PLATOON_OK;
    if (node->kind != YAML_MAP || node->n_items == 0)
        return yaml_fail(doc, node, err, "arms are a map of names and their parameters");
    if (node->n_items > PLAN_MAX_ARMS)
        return yaml_fail(doc, node, err, "more than %d arms", PLAN_MAX_ARMS);
    for (size_t i = 0; i < node->n_items; i++) {
        const struct yaml_node *params = node->items[2 * i + 1];
        platoon_value *values;
        enum platoon_status st;

        if (params->kind != YAML_MAP)
            return yaml_fail(doc, params, err, "an arm is a map of parameters");
        st = refuse_seed(doc, params, err);
        if (st != PLATOON_OK)
            return st;
        values = yaml_value(params);
        st = values ? add_factor(arms, node->items[2 * i]->text, values, err)
                    : campaign_no_memory(err);
        platoon_value_unref(values);
        if (st != PLATOON_OK)
            return st;
    }
    return count_in(doc, node, node->n_items, c, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status read_head(const struct yaml_doc *doc, platoon_value *definition,
                                     bool *out_is_zip, struct platoon_err *err)
{
    static const char *const known[] = {
        "name",   "runner",      "root",    "prepare",      "inputs",    "limits",     "env",
        "worker", "controllers", "base",    "factors",      "table",     "where",      "combine",
        "arms",   "seeds",       "metrics", "replications", "precision", "max_failed", "attempts"};
    const struct yaml_node *name = yaml_get(doc->root, "name", NULL);
    const struct yaml_node *base = yaml_get(doc->root, "base", NULL);
    const struct yaml_node *combine = yaml_get(doc->root, "combine", NULL);
    enum platoon_status st;

    if (doc->root->kind != YAML_MAP)
        return yaml_fail(doc, doc->root, err, "a campaign is a map that begins with its name");
    st = yaml_only_keys(doc, doc->root, known, sizeof known / sizeof *known, err);
    if (st != PLATOON_OK)
        return st;
    if (!name || name->kind != YAML_SCALAR || !*name->text)
        return yaml_fail(doc, name ? name : doc->root, err, "a campaign needs a name");
    if (base && base->kind != YAML_MAP)
        return yaml_fail(doc, base, err, "base is a map of parameters");
    st = refuse_seed(doc, base, err);
    if (st != PLATOON_OK)
        return st;
    *out_is_zip = combine && combine->text && strcmp(combine->text, "zip") == 0;
    if (combine && !*out_is_zip && (!combine->text || strcmp(combine->text, "cross") != 0))
        return yaml_fail(doc, combine, err, "combine is cross or zip");
    st = set(definition, "name", platoon_str(name->text), err);
    if (st == PLATOON_OK && base)
        st = set(definition, "base", yaml_value(base), err);
    if (st == PLATOON_OK)
        st = set(definition, "combine", platoon_str(*out_is_zip ? "zip" : "cross"), err);
    return st;
}

/* The table's rows count like one more factor. */
static enum platoon_status read_points(const struct yaml_doc *doc, platoon_value *definition,
                                       struct campaign_file *c, struct platoon_err *err)
{
    platoon_value *table = NULL, *where = NULL;
    enum platoon_status st = campaign_read_table(doc, c, &table, err);

    if (st == PLATOON_OK && table)
        st = count_in(doc, yaml_get(doc->root, "table", NULL), platoon_len(table), c, err);
    if (st == PLATOON_OK)
        st = campaign_read_where(doc, &where, err);
    if (st == PLATOON_OK && table)
        st = set(definition, "table", platoon_value_ref(table), err);
    if (st == PLATOON_OK && where)
        st = set(definition, "where", platoon_value_ref(where), err);
    platoon_value_unref(table);
    platoon_value_unref(where);
    return st;
}

/* What plan_new() may find wrong is in `where`, or in how names reach into maps. */
static enum platoon_status make_plan(const struct yaml_doc *doc, platoon_value *definition,
                                     struct campaign_file *c, struct platoon_err *err)
{
    const struct yaml_node *where = yaml_get(doc->root, "where", NULL);
    enum platoon_status st = plan_new(definition, &c->plan, err);

    if (st != PLATOON_OK)
        return campaign_locate(
            doc, where && strncmp(err->message, "where:", 6) == 0 ? where : doc->root, st, err);
    c->n_tasks = c->n_seeds * plan_points(c->plan) * plan_arms(c->plan);
    if (c->n_tasks == 0)
        return yaml_fail(doc, where ? where : doc->root, err, "no design point is left");
    return PLATOON_OK;
}

static enum platoon_status read_doc(const struct yaml_doc *doc, platoon_value *definition,
                                    struct campaign_file *c, struct platoon_err *err)
{
    platoon_value *factors = platoon_list(), *arms = platoon_list();
    bool is_zip = false;
    enum platoon_status st = read_head(doc, definition, &is_zip, err);

    if (st == PLATOON_OK)
        st = campaign_read_runner(doc, c, err);
    if (st == PLATOON_OK)
        st = read_seeds(doc, c, err);
    c->n_tasks = c->n_seeds;
    if (st == PLATOON_OK)
        st = read_factors(doc, is_zip, factors, c, err);
    if (st == PLATOON_OK)
        st = read_arms(doc, arms, c, err);
    if (st == PLATOON_OK)
        st = set(definition, "factors", platoon_value_ref(factors), err);
    if (st == PLATOON_OK)
        st = set(definition, "arms", platoon_value_ref(arms), err);
    platoon_value_unref(factors);
    platoon_value_unref(arms);
    if (st == PLATOON_OK)
        st = read_points(doc, definition, c, err);
    if (st == PLATOON_OK)
        st = campaign_read_question(doc, c, err);
    return st == PLATOON_OK ? make_plan(doc, definition, c, err) : st;
}

/* The folder that `path` is in, absolute. */
static char *folder_of(const char *path)
{
    char *whole = realpath(path, NULL), *slash = whole ? strrchr(whole, '/') : NULL;

    if (slash)
        slash[slash == whole] = '\0'; /* "/" keeps its slash */
    return whole;
}

enum platoon_status campaign_file_read(const char *path, struct campaign_file *c,
                                       struct platoon_err *err)
{
    struct yaml_doc *doc = NULL;
    platoon_value *definition;
    enum platoon_status st;

    *c = (struct campaign_file){0};
    st = yaml_read_file(path, &doc, err);
    if (st != PLATOON_OK)
        return st;
    definition = platoon_dict();
    c->folder = folder_of(path);
    st = definition && c->folder ? read_doc(doc, definition, c, err) : campaign_no_memory(err);
    platoon_value_unref(definition);
    yaml_free(doc);
    return st;
}

void campaign_file_release(struct campaign_file *c)
{
    plan_free(c->plan);
    platoon_value_unref(c->worker_words);
    platoon_value_unref(c->prepare);
    platoon_value_unref(c->inputs);
    platoon_value_unref(c->controllers);
    free(c->folder);
    free(c->root);
    free(c->seeds);
    *c = (struct campaign_file){0};
}
