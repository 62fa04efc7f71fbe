/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "campaign/plan.h"

static platoon_value *pair(platoon_value *a, platoon_value *b)
{
    platoon_value *list = platoon_list();

    platoon_append(list, a);
    platoon_append(list, b);
    return list;
}

static platoon_value *ints(int n, ...)
{
    platoon_value *list = platoon_list();
    va_list args;

    va_start(args, n);
    for (int i = 0; i < n; i++)
        platoon_append(list, platoon_int(va_arg(args, int)));
    va_end(args);
    return list;
}

static platoon_value *one_entry(const char *key, platoon_value *child)
{
    platoon_value *dict = platoon_dict();

    platoon_dict_set(dict, key, child);
    return dict;
}

static platoon_value *condition(const char *name, const char *op, platoon_value *right)
{
    platoon_value *c = pair(platoon_str(name), platoon_str(op));

    platoon_append(c, right);
    return c;
}

/* Two factors, two arms, nested parameters. */
static platoon_value *example(void)
{
    platoon_value *d = platoon_dict(), *factors = platoon_list(), *arms = platoon_list();

    platoon_append(factors, pair(platoon_str("control.K_R"), ints(2, 40, 70)));
    platoon_append(factors, pair(platoon_str("scale"), ints(3, 1, 2, 3)));
    platoon_append(arms, pair(platoon_str("none"), one_entry("control_bool", platoon_bool(false))));
    platoon_append(arms,
                   pair(platoon_str("alinea"), one_entry("control_bool", platoon_bool(true))));
    platoon_dict_set(d, "name", platoon_str("example"));
    platoon_dict_set(d, "base", one_entry("control", one_entry("type", platoon_str("alinea"))));
    platoon_dict_set(d, "factors", factors);
    platoon_dict_set(d, "arms", arms);
    return d;
}

static struct campaign_plan *plan_ok(platoon_value *d)
{
    struct campaign_plan *p = NULL;
    struct platoon_err err;

    if (plan_new(d, &p, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    platoon_value_unref(d);
    return p;
}

static void assert_task(const struct campaign_plan *p, size_t index, const char *wanted)
{
    struct plan_place at = plan_place_of(p, index);
    platoon_value *task = plan_task(p, at.point, at.arm, 1 + (int64_t)at.replication);
    char *got = platoon_repr(task);

    assert_string_equal(got, wanted);
    free(got);
    platoon_value_unref(task);
}

static void assert_refused(platoon_value *d, const char *message)
{
    struct campaign_plan *p = NULL;
    struct platoon_err err;

    assert_int_not_equal(plan_new(d, &p, &err), PLATOON_OK);
    if (!strstr(err.message, message))
        fail_msg("said \"%s\", wanted \"%s\"", err.message, message);
    platoon_value_unref(d);
}

TEST(every_arm_and_point_grows_evenly)
{
    struct campaign_plan *p = plan_ok(example());

    assert_int_equal(plan_points(p), 6);
    assert_int_equal(plan_arms(p), 2);
    assert_task(p, 0,
                "{'control': {'type': 'alinea', 'K_R': 40}, 'scale': 1, 'control_bool': False, "
                "'seed': 1}");
    assert_task(p, 1,
                "{'control': {'type': 'alinea', 'K_R': 40}, 'scale': 1, 'control_bool': True, "
                "'seed': 1}");
    assert_task(p, 11,
                "{'control': {'type': 'alinea', 'K_R': 70}, 'scale': 3, 'control_bool': True, "
                "'seed': 1}");
    assert_task(p, 12,
                "{'control': {'type': 'alinea', 'K_R': 40}, 'scale': 1, 'control_bool': False, "
                "'seed': 2}");
    plan_free(p);
}

TEST(zip_takes_the_values_together)
{
    platoon_value *d = example(), *factors = platoon_list();
    struct campaign_plan *p;

    platoon_append(factors, pair(platoon_str("a"), ints(3, 1, 2, 3)));
    platoon_append(factors, pair(platoon_str("b"), ints(3, 4, 5, 6)));
    platoon_dict_set(d, "factors", factors);
    platoon_dict_set(d, "combine", platoon_str("zip"));
    p = plan_ok(d);
    assert_int_equal(plan_points(p), 3);
    assert_true(platoon_equal(platoon_dict_get(plan_point(p, 1), "b"),
                              platoon_item(platoon_item(platoon_item(factors, 1), 1), 1)));
    plan_free(p);
}

TEST(a_table_is_crossed_with_the_factors)
{
    platoon_value *d = example(), *table = platoon_list();
    struct campaign_plan *p;

    platoon_append(table, one_entry("demand", platoon_int(700)));
    platoon_append(table, one_entry("demand", platoon_int(850)));
    platoon_dict_set(d, "table", table);
    p = plan_ok(d);
    assert_int_equal(plan_points(p), 12);
    assert_task(p, 12,
                "{'control': {'type': 'alinea', 'K_R': 40}, 'demand': 850, 'scale': 1, "
                "'control_bool': False, 'seed': 1}");
    plan_free(p);
}

TEST(conditions_leave_points_out)
{
    platoon_value *d = example(), *where = platoon_list();
    struct campaign_plan *p;

    platoon_append(where, condition("control.K_R", "<", platoon_int(70)));
    platoon_append(where, condition("scale", "!=", platoon_int(2)));
    platoon_dict_set(d, "where", where);
    p = plan_ok(d);
    assert_int_equal(plan_points(p), 2);
    plan_free(p);
}

TEST(a_task_can_be_changed_without_changing_the_next)
{
    struct campaign_plan *p = plan_ok(example());
    platoon_value *task = plan_task(p, 0, 0, 1);

    assert_int_equal(plan_set_path(task, "control.type", platoon_str("changed")), PLATOON_OK);
    assert_string_equal(platoon_as_str(plan_get_path(task, "control.type"), NULL), "changed");
    platoon_value_unref(task);
    assert_task(p, 0,
                "{'control': {'type': 'alinea', 'K_R': 40}, 'scale': 1, 'control_bool': False, "
                "'seed': 1}");
    plan_free(p);
}

TEST(bad_definitions_say_which_key)
{
    platoon_value *d = example(), *list = platoon_list();

    platoon_dict_set(d, "combine", platoon_str("zip"));
    assert_refused(d, "factors: with zip all need as many values; \"scale\" has 3, not 2");
    d = example();
    platoon_dict_set(d, "combine", platoon_str("both"));
    assert_refused(d, "combine: \"both\"");
    d = example();
    platoon_append(list, condition("nobody", "<", platoon_int(1)));
    platoon_dict_set(d, "where", list);
    assert_refused(d, "no parameter is called \"nobody\"");
    d = example();
    list = platoon_list();
    platoon_append(list, condition("scale", ">", platoon_int(9)));
    platoon_dict_set(d, "where", list);
    assert_refused(d, "no design point is left");
    d = example();
    platoon_dict_set(d, "base", one_entry("control", platoon_int(1)));
    assert_refused(d, "reaches into something that is no map");
    assert_refused(platoon_dict(), "name: a campaign needs one");
}
