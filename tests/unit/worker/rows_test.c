/* SPDX-License-Identifier: Apache-2.0 */
/* rows_test.c - rows of the typeid `platoon`, both ways. */
#include "support/test.h"

#include "worker/rows.h"

static platoon_value *row(int64_t task, const char *lease)
{
    platoon_value *r = platoon_dict();

    platoon_dict_set(r, "task", platoon_int(task));
    platoon_dict_set(r, "lease", platoon_str(lease));
    platoon_dict_set(r, "attempt", platoon_int(2));
    platoon_dict_set(r, "repeat", platoon_bool(true));
    return r;
}

static struct task *first(struct list *tasks)
{
    struct task *t;

    assert_false(list_is_empty(tasks));
    t = LIST_ENTRY(tasks->next, struct task, link);
    list_remove(&t->link);
    return t;
}

static void check_repr(platoon_value *v, const char *wanted)
{
    char *repr = platoon_repr(v);

    assert_string_equal(repr, wanted);
    free(repr);
    platoon_value_unref(v);
}

TEST(version_other_than_ours_names_both)
{
    platoon_value *v = platoon_dict();
    struct platoon_err err;

    assert_int_equal(rows_check_version(v, "h:1", &err), PLATOON_EVERSION);
    platoon_dict_set(v, "protocol", platoon_int(1));
    assert_int_equal(rows_check_version(v, "h:1", &err), PLATOON_OK);
    platoon_dict_set(v, "protocol", platoon_int(2));
    platoon_dict_set(v, "server", platoon_str("9.9"));
    assert_int_equal(rows_check_version(v, "h:1", &err), PLATOON_EVERSION);
    assert_non_null(strstr(err.message, "platoon 9.9"));
    assert_non_null(strstr(err.message, platoon_version()));
    platoon_value_unref(v);
}

TEST(settings_that_are_not_said_keep_their_value)
{
    struct rows_settings s = {.lease_s = 60, .max_frame_bytes = 100};
    platoon_value *v = platoon_dict();

    rows_read_settings(v, &s);
    assert_true(s.lease_s == 60 && s.max_frame_bytes == 100);
    platoon_dict_set(v, "worker_lease_s", platoon_float(1.5));
    platoon_dict_set(v, "max_frame_bytes", platoon_int(7));
    rows_read_settings(v, &s);
    assert_true(s.lease_s == 1.5 && s.max_frame_bytes == 7);
    platoon_dict_set(v, "worker_lease_s", platoon_int(0));
    rows_read_settings(v, &s);
    assert_true(s.lease_s == 1.5);
    platoon_value_unref(v);
}

TEST(tasks_are_read_from_values_and_from_pickles)
{
    static const char plain[] = "\x80\x02K\x05.", opaque[] = "cdecimal\nDecimal\n(V1\ntR.";
    platoon_value *rows = platoon_list(), *r;
    struct list tasks;
    struct task *t;

    list_init(&tasks);
    r = row(37, "3.14");
    platoon_dict_set(r, "value", platoon_int(1));
    platoon_append(rows, r);
    r = row(38, "3.15");
    platoon_dict_set(r, "pickle", platoon_bytes(plain, sizeof plain - 1));
    platoon_append(rows, r);
    r = row(39, "3.16");
    platoon_dict_set(r, "pickle", platoon_bytes(opaque, sizeof opaque - 1));
    platoon_append(rows, r);
    assert_int_equal(rows_read_tasks(rows, &tasks, NULL), PLATOON_OK);
    platoon_value_unref(rows);

    t = first(&tasks);
    assert_int_equal(t->id, 37);
    assert_string_equal(t->lease, "3.14");
    assert_int_equal(t->attempt, 2);
    assert_true(t->may_be_repeat);
    check_repr(platoon_value_ref(t->value), "1");
    check_repr(rows_lease(t->id, t->lease), "(37, '3.14')");
    task_free(t);
    t = first(&tasks);
    check_repr(platoon_value_ref(t->value), "5");
    task_free(t);
    t = first(&tasks);
    assert_int_equal(platoon_value_kind(t->value), PLATOON_OPAQUE);
    task_free(t);
    assert_true(list_is_empty(&tasks));
}

TEST(task_that_cannot_be_read_is_a_failure_from_the_start)
{
    enum { DEPTH = 20000 }; /* deeper than the decoder goes */
    char *deep = malloc(2 * DEPTH + 2);
    platoon_value *rows = platoon_list(), *r = row(1, "1.1");
    struct list tasks;
    struct task *t;

    list_init(&tasks);
    memset(deep, ']', DEPTH);
    memset(deep + DEPTH, 'a', DEPTH - 1);
    deep[2 * DEPTH - 1] = '.';
    platoon_dict_set(r, "pickle", platoon_bytes(deep, 2 * DEPTH));
    platoon_append(rows, r);
    assert_int_equal(rows_read_tasks(rows, &tasks, NULL), PLATOON_OK);
    t = first(&tasks);
    assert_int_equal(t->outcome.kind, OUTCOME_FAILURE);
    assert_int_equal(t->outcome.failure.kind, FAILURE_BAD_TASK);
    assert_string_equal(t->lease, "1.1");
    task_free(t);
    platoon_value_unref(rows);
    free(deep);
}

TEST(rows_that_are_none_are_refused_after_the_good_ones)
{
    platoon_value *rows = platoon_list(), *r = row(1, "1.1");
    struct platoon_err err;
    struct list tasks;

    list_init(&tasks);
    platoon_dict_set(r, "value", platoon_none());
    platoon_append(rows, r);
    platoon_append(rows, platoon_int(3));
    assert_int_equal(rows_read_tasks(rows, &tasks, &err), PLATOON_EPROTO);
    task_free(first(&tasks));
    assert_true(list_is_empty(&tasks));
    platoon_value_unref(rows);
}

TEST(outcomes_become_rows)
{
    struct task *t = task_new();
    char *pickle = malloc(5);

    t->id = 4;
    t->lease = strdup("1.2");
    outcome_take_value(&t->outcome, platoon_str("ok"), 10);
    check_repr(rows_complete(t), "{'value': 'ok', 'task': 4, 'lease': '1.2'}");
    memcpy(pickle, "\x80\x02K\x05.", 5);
    outcome_take_pickle(&t->outcome, pickle, 5);
    check_repr(rows_complete(t), "{'pickle': b'\\x80\\x02K\\x05.', 'task': 4, 'lease': '1.2'}");
    outcome_fail(&t->outcome, FAILURE_SIGNAL, "gone");
    check_repr(rows_fail(t), "{'kind': 'signal', 'message': 'gone', 'exit': None, 'stderr_tail': "
                             "'', 'task': 4, 'lease': '1.2'}");
    task_free(t);
    check_repr(rows_worker("w", "h", 2), "{'name': 'w', 'host': 'h', 'slots': 2}");
}

TEST(a_renewal_tells_progress_only_where_there_is_some)
{
    const struct task_progress p = {
        .done = 0.5, .text = "half", .n_numbers = 1, .numbers = {{"left_s", 3.0}}};

    check_repr(rows_renewal(4, "1.2", NULL), "{'task': 4, 'lease': '1.2'}");
    check_repr(rows_renewal(4, "1.2", &p),
               "{'task': 4, 'lease': '1.2', 'progress': {'done': 0.5, 'text': 'half', 'left_s': "
               "3.0}}");
}
