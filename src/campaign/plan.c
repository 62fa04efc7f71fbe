/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h. */
#include "campaign/plan.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_COPY_DEPTH = 64, MAX_PATH_BYTES = 256 };

struct campaign_plan {
    platoon_value *definition;
    const char *name;
    const platoon_value *base; /* NULL: none */
    platoon_value **points;    /* dicts of dotted names */
    size_t n_points;
    const char *arm_names[PLAN_MAX_ARMS];
    const platoon_value *arm_params[PLAN_MAX_ARMS]; /* NULL: none */
    size_t n_arms;
};

/* --- dotted paths ----------------------------------------------------------------------------- */

enum platoon_status plan_set_path(platoon_value *dict, const char *path, platoon_value *child)
{
    const char *dot;

    while ((dot = strchr(path, '.'))) {
        char step[MAX_PATH_BYTES];
        platoon_value *inner;
        size_t len = (size_t)(dot - path);

        if (len == 0 || len >= sizeof step || platoon_value_kind(dict) != PLATOON_DICT) {
            platoon_value_unref(child);
            return PLATOON_ETYPE;
        }
        memcpy(step, path, len);
        step[len] = '\0';
        inner = platoon_dict_get(dict, step);
        if (!inner) {
            enum platoon_status st = platoon_dict_set(dict, step, platoon_dict());

            if (st != PLATOON_OK) {
                platoon_value_unref(child);
                return st;
            }
            inner = platoon_dict_get(dict, step);
        }
        dict = inner;
        path = dot + 1;
    }
    if (platoon_value_kind(dict) != PLATOON_DICT) {
        platoon_value_unref(child);
        return PLATOON_ETYPE;
    }
    return platoon_dict_set(dict, path, child);
}

platoon_value *plan_get_path(const platoon_value *dict, const char *path)
{
    platoon_value *whole = platoon_dict_get(dict, path);
    const char *dot = strchr(path, '.');
    char step[MAX_PATH_BYTES];
    size_t len = dot ? (size_t)(dot - path) : 0;

    if (whole || !dot || len >= sizeof step)
        return whole;
    memcpy(step, path, len);
    step[len] = '\0';
    return plan_get_path(platoon_dict_get(dict, step), dot + 1); /* ends: the path gets shorter */
}

static platoon_value *copy_down(const platoon_value *v, int depth);

static platoon_value *copy_dict(const platoon_value *v, int depth)
{
    platoon_value *out = platoon_dict(), *key, *child;

    for (size_t i = 0; out && platoon_dict_entry(v, i, &key, &child); i++) {
        if (platoon_dict_put(out, platoon_value_ref(key), copy_down(child, depth + 1)) !=
            PLATOON_OK) {
            platoon_value_unref(out);
            return NULL;
        }
    }
    return out;
}

static platoon_value *copy_sequence(const platoon_value *v, int depth)
{
    platoon_value *out = platoon_value_kind(v) == PLATOON_LIST ? platoon_list() : platoon_tuple(0);

    for (size_t i = 0; out && i < platoon_len(v); i++) {
        if (platoon_append(out, copy_down(platoon_item(v, i), depth + 1)) != PLATOON_OK) {
            platoon_value_unref(out);
            return NULL;
        }
    }
    return out;
}

static platoon_value *copy_down(const platoon_value *v, int depth)
{
    if (depth > MAX_COPY_DEPTH)
        return NULL;
    switch (platoon_value_kind(v)) {
    case PLATOON_DICT:
        return copy_dict(v, depth);
    case PLATOON_LIST:
    case PLATOON_TUPLE:
        return copy_sequence(v, depth);
    default: /* nothing that could be changed */
        return platoon_value_ref((platoon_value *)(uintptr_t)v);
    }
}

platoon_value *plan_copy(const platoon_value *v)
{
    return copy_down(v, 0);
}

/* Set every entry of `params` (dotted names) in `dict`. */
static enum platoon_status overlay(platoon_value *dict, const platoon_value *params)
{
    platoon_value *key, *child;
    enum platoon_status st = PLATOON_OK;

    for (size_t i = 0; st == PLATOON_OK && params && platoon_dict_entry(params, i, &key, &child);
         i++)
        st = plan_set_path(dict, platoon_as_str(key, NULL), plan_copy(child));
    return st;
}

/* --- conditions ------------------------------------------------------------------------------- */

static bool is_ordered(double a, const char *op, double b, bool *out)
{
    if (strcmp(op, "<") == 0)
        *out = a < b;
    else if (strcmp(op, "<=") == 0)
        *out = a <= b;
    else if (strcmp(op, ">") == 0)
        *out = a > b;
    else if (strcmp(op, ">=") == 0)
        *out = a >= b;
    else
        return false;
    return true;
}

/* One condition of `where` on a point. */
static enum platoon_status check_condition(const struct campaign_plan *p,
                                           const platoon_value *point,
                                           const platoon_value *condition, bool *out_holds,
                                           struct platoon_err *err)
{
    const char *name = platoon_as_str(platoon_item(condition, 0), NULL);
    const char *op = platoon_as_str(platoon_item(condition, 1), NULL);
    const platoon_value *right = platoon_item(condition, 2), *left;
    const char *other = platoon_as_str(platoon_dict_get(right, "name"), NULL);
    double a, b;

    if (!name || !op || platoon_len(condition) != 3)
        return platoon_fail(err, PLATOON_EINVAL, "where: a condition is NAME OP VALUE");
    left = platoon_dict_get(point, name);
    if (!left)
        left = plan_get_path(p->base, name);
    if (!left)
        return platoon_fail(err, PLATOON_EINVAL, "where: no parameter is called \"%s\"", name);
    if (other) {
        right = platoon_dict_get(point, other);
        if (!right)
            right = plan_get_path(p->base, other);
        if (!right)
            return platoon_fail(err, PLATOON_EINVAL, "where: no parameter is called \"%s\"", other);
    }
    if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0) {
        *out_holds = platoon_equal(left, right) == (op[0] == '=');
        return PLATOON_OK;
    }
    if (platoon_as_float(left, &a) != PLATOON_OK || platoon_as_float(right, &b) != PLATOON_OK)
        return platoon_fail(err, PLATOON_EINVAL, "where: \"%s %s\" compares numbers only", name,
                            op);
    if (!is_ordered(a, op, b, out_holds))
        return platoon_fail(err, PLATOON_EINVAL, "where: \"%s\" is none of < <= > >= == !=", op);
    return PLATOON_OK;
}

static enum platoon_status passes(const struct campaign_plan *p, const platoon_value *point,
                                  const platoon_value *where, bool *out_passes,
                                  struct platoon_err *err)
{
    *out_passes = true;
    for (size_t i = 0; i < platoon_len(where) && *out_passes; i++) {
        enum platoon_status st = check_condition(p, point, platoon_item(where, i), out_passes, err);

        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

/* --- design points ---------------------------------------------------------------------------- */

struct axes {
    const platoon_value *factors, *table, *where;
    bool is_zip;
    size_t n_rows;     /* of the table, at least 1 */
    size_t n_combined; /* combinations of the factors */
};

static enum platoon_status read_axes(const platoon_value *d, struct axes *a,
                                     struct platoon_err *err)
{
    const char *combine = platoon_as_str(platoon_dict_get(d, "combine"), NULL);
    size_t n_factors;

    a->factors = platoon_dict_get(d, "factors");
    a->table = platoon_dict_get(d, "table");
    a->where = platoon_dict_get(d, "where");
    a->n_rows = platoon_len(a->table) ? platoon_len(a->table) : 1;
    a->is_zip = combine && strcmp(combine, "zip") == 0;
    if (combine && !a->is_zip && strcmp(combine, "cross") != 0)
        return platoon_fail(err, PLATOON_EINVAL, "combine: \"%s\" is neither cross nor zip",
                            combine);
    n_factors = platoon_len(a->factors);
    if (n_factors > PLAN_MAX_FACTORS)
        return platoon_fail(err, PLATOON_ELIMIT, "factors: more than %d", PLAN_MAX_FACTORS);
    a->n_combined = 1;
    for (size_t i = 0; i < n_factors; i++) {
        const platoon_value *factor = platoon_item(a->factors, i);
        const char *name = platoon_as_str(platoon_item(factor, 0), NULL);
        size_t n = platoon_len(platoon_item(factor, 1));

        if (!name || n == 0)
            return platoon_fail(err, PLATOON_EINVAL, "factors: \"%s\" has no values",
                                name ? name : "?");
        if (a->is_zip && i > 0 && n != a->n_combined)
            return platoon_fail(
                err, PLATOON_EINVAL,
                "factors: with zip all need as many values; \"%s\" has %zu, not %zu", name, n,
                a->n_combined);
        a->n_combined = a->is_zip ? n : a->n_combined * n;
        if (a->n_combined * a->n_rows > PLAN_MAX_POINTS)
            return platoon_fail(err, PLATOON_ELIMIT, "more than %d design points", PLAN_MAX_POINTS);
    }
    return PLATOON_OK;
}

/* Combination c: with `cross` the last factor runs fastest, as the digits of a number do. */
static enum platoon_status make_point(const struct axes *a, size_t row, size_t c,
                                      platoon_value **out)
{
    platoon_value *point =
        platoon_len(a->table) ? plan_copy(platoon_item(a->table, row)) : platoon_dict();
    enum platoon_status st = point ? PLATOON_OK : PLATOON_ENOMEM;
    size_t block = a->n_combined;

    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(a->factors); i++) {
        const platoon_value *factor = platoon_item(a->factors, i),
                            *values = platoon_item(factor, 1);
        size_t n = platoon_len(values), which = c;

        if (!a->is_zip) {
            block /= n;
            which = c / block % n;
        }
        st = platoon_dict_set(point, platoon_as_str(platoon_item(factor, 0), NULL),
                              platoon_value_ref(platoon_item(values, which)));
    }
    if (st != PLATOON_OK) {
        platoon_value_unref(point);
        return st;
    }
    *out = point;
    return PLATOON_OK;
}

static enum platoon_status make_points(struct campaign_plan *p, struct platoon_err *err)
{
    struct axes a = {0};
    enum platoon_status st = read_axes(p->definition, &a, err);

    if (st != PLATOON_OK)
        return st;
    p->points = calloc(a.n_rows * a.n_combined, sizeof(platoon_value *));
    if (!p->points)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    for (size_t row = 0; row < a.n_rows; row++) {
        for (size_t c = 0; c < a.n_combined; c++) {
            platoon_value *point = NULL;
            bool is_kept = false;

            if (make_point(&a, row, c, &point) != PLATOON_OK)
                return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
            st = passes(p, point, a.where, &is_kept, err);
            if (st == PLATOON_OK && is_kept)
                p->points[p->n_points++] = point;
            else
                platoon_value_unref(point);
            if (st != PLATOON_OK)
                return st;
        }
    }
    if (p->n_points == 0)
        return platoon_fail(err, PLATOON_EINVAL, "where: no design point is left");
    return PLATOON_OK;
}

static enum platoon_status read_arms(struct campaign_plan *p, struct platoon_err *err)
{
    const platoon_value *arms = platoon_dict_get(p->definition, "arms");

    p->n_arms = platoon_len(arms);
    if (p->n_arms > PLAN_MAX_ARMS)
        return platoon_fail(err, PLATOON_ELIMIT, "arms: more than %d", PLAN_MAX_ARMS);
    for (size_t i = 0; i < p->n_arms; i++) {
        const platoon_value *arm = platoon_item(arms, i);

        p->arm_names[i] = platoon_as_str(platoon_item(arm, 0), NULL);
        p->arm_params[i] = platoon_item(arm, 1);
        if (!p->arm_names[i] || platoon_value_kind(p->arm_params[i]) != PLATOON_DICT)
            return platoon_fail(err, PLATOON_EINVAL, "arms: each is a name and its parameters");
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->arm_names[k], p->arm_names[i]) == 0)
                return platoon_fail(err, PLATOON_EINVAL, "arms: \"%s\" stands there twice",
                                    p->arm_names[i]);
    }
    if (p->n_arms == 0) {
        p->arm_names[0] = "";
        p->n_arms = 1;
    }
    return PLATOON_OK;
}

/* A parameter under another one that is no dict shows when the first task is made: so make it here.
 * */
static enum platoon_status try_task(const struct campaign_plan *p, struct platoon_err *err)
{
    for (size_t arm = 0; arm < p->n_arms; arm++) {
        platoon_value *task = plan_task(p, 0, arm, 1);

        if (!task)
            return platoon_fail(err, PLATOON_EINVAL,
                                "a dotted parameter name reaches into something that is no map, "
                                "or the base is nested deeper than %d",
                                MAX_COPY_DEPTH);
        platoon_value_unref(task);
    }
    return PLATOON_OK;
}

enum platoon_status plan_new(platoon_value *definition, struct campaign_plan **out,
                             struct platoon_err *err)
{
    struct campaign_plan *p = calloc(1, sizeof *p);
    enum platoon_status st;

    if (!p)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    p->definition = platoon_value_ref(definition);
    p->name = platoon_as_str(platoon_dict_get(definition, "name"), NULL);
    p->base = platoon_dict_get(definition, "base");
    if (!p->name || !*p->name) {
        st = platoon_fail(err, PLATOON_EINVAL, "name: a campaign needs one");
    } else if (p->base && platoon_value_kind(p->base) != PLATOON_DICT) {
        st = platoon_fail(err, PLATOON_EINVAL, "base: must be a map of parameters");
    } else {
        st = read_arms(p, err);
        if (st == PLATOON_OK)
            st = make_points(p, err);
        if (st == PLATOON_OK)
            st = try_task(p, err);
    }
    if (st != PLATOON_OK) {
        plan_free(p);
        return st;
    }
    *out = p;
    return PLATOON_OK;
}

void plan_free(struct campaign_plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_points; i++)
        platoon_value_unref(p->points[i]);
    free(p->points);
    platoon_value_unref(p->definition);
    free(p);
}

/* --- looking ---------------------------------------------------------------------------------- */

const char *plan_name(const struct campaign_plan *p)
{
    return p->name;
}

size_t plan_points(const struct campaign_plan *p)
{
    return p->n_points;
}

size_t plan_arms(const struct campaign_plan *p)
{
    return p->n_arms;
}

const char *plan_arm_name(const struct campaign_plan *p, size_t arm)
{
    return p->arm_names[arm];
}

const platoon_value *plan_point(const struct campaign_plan *p, size_t point)
{
    return p->points[point];
}

platoon_value *plan_task(const struct campaign_plan *p, size_t point, size_t arm, int64_t seed)
{
    platoon_value *task = p->base ? plan_copy(p->base) : platoon_dict();

    if (!task)
        return NULL;
    if (overlay(task, p->points[point]) == PLATOON_OK &&
        overlay(task, p->arm_params[arm]) == PLATOON_OK &&
        platoon_dict_set(task, "seed", platoon_int(seed)) == PLATOON_OK)
        return task;
    platoon_value_unref(task);
    return NULL;
}

struct plan_place plan_place_of(const struct campaign_plan *p, size_t index)
{
    return (struct plan_place){
        .arm = index % p->n_arms,
        .point = index / p->n_arms % p->n_points,
        .replication = index / p->n_arms / p->n_points,
    };
}
