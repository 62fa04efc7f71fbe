/* SPDX-License-Identifier: Apache-2.0 */
#include "value/task_progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static platoon_value *with(const char *key, platoon_value *value)
{
    platoon_value *dict = platoon_dict();

    assert_int_equal(platoon_dict_set(dict, key, value), PLATOON_OK);
    return dict;
}

/* Takes `dict`. */
static void assert_refused(platoon_value *dict, const char *word)
{
    struct task_progress p;
    const char *fault = NULL;

    assert_false(task_progress_read(dict, &p, &fault));
    assert_non_null(fault);
    if (!strstr(fault, word))
        fail_msg("\"%s\" does not name %s", fault, word);
    platoon_value_unref(dict);
}

TEST(progress_keeps_its_fraction_its_text_and_its_numbers)
{
    platoon_value *dict = with("done", platoon_float(0.25)), *back;
    struct task_progress p;
    double number;

    (void)platoon_dict_set(dict, "text", platoon_str("zweite Hälfte"));
    (void)platoon_dict_set(dict, "waiting", platoon_int(12));
    (void)platoon_dict_set(dict, "left_s", platoon_none());
    assert_true(task_progress_read(dict, &p, NULL));
    assert_float_equal(p.done, 0.25, 0);
    assert_string_equal(p.text, "zweite Hälfte");
    assert_int_equal(p.n_numbers, 1);
    assert_float_equal(task_progress_number(&p, "waiting", -1), 12, 0);
    assert_float_equal(task_progress_number(&p, "left_s", -1), -1, 0);
    back = task_progress_value(&p);
    assert_int_equal(platoon_len(back), 3);
    assert_int_equal(platoon_as_float(platoon_dict_get(back, "waiting"), &number), PLATOON_OK);
    assert_float_equal(number, 12, 0);
    platoon_value_unref(back);
    platoon_value_unref(dict);
}

TEST(progress_that_tells_nothing_is_fine_and_has_no_fraction)
{
    platoon_value *dict = platoon_dict(), *back;
    struct task_progress p;

    assert_true(task_progress_read(dict, &p, NULL));
    assert_true(p.done < 0);
    back = task_progress_value(&p);
    assert_true(platoon_is_none(platoon_dict_get(back, "done")));
    platoon_value_unref(back);
    platoon_value_unref(dict);
}

TEST(progress_beyond_its_form_is_refused_with_what_is_wrong)
{
    char text[TASK_PROGRESS_TEXT_BYTES + 2], name[TASK_PROGRESS_NAME_BYTES + 2];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_refused(platoon_list(), "dict");
    assert_refused(with("done", platoon_float(1.01)), "'done'");
    assert_refused(with("done", platoon_float(-0.01)), "'done'");
    assert_refused(with("done", platoon_float(NAN)), "'done'");
    assert_refused(with("done", platoon_bool(true)), "'done'");
    assert_refused(with("done", platoon_str("0.5")), "'done'");
    assert_refused(with("text", platoon_str(text)), "120");
    assert_refused(with("text", platoon_str("\x1b[2J")), "control");
    assert_refused(with("text", platoon_int(1)), "'text'");
    assert_refused(with("waiting", platoon_float(INFINITY)), "finite");
    assert_refused(with("waiting", platoon_list()), "finite");
    assert_refused(with(name, platoon_int(1)), "names");
    assert_refused(with("", platoon_int(1)), "names");
    assert_refused(with("a b", platoon_int(1)), "names");
}

TEST(progress_takes_sixteen_numbers_and_drops_more)
{
    platoon_value *dict = with("done", platoon_float(1));
    struct task_progress p;
    const char *fault;
    char name[8];

    for (int i = 0; i < TASK_PROGRESS_NUMBERS; i++) {
        snprintf(name, sizeof name, "n%d", i);
        (void)platoon_dict_set(dict, name, platoon_int(i));
    }
    assert_true(task_progress_read(dict, &p, &fault));
    (void)platoon_dict_set(dict, "one_more", platoon_int(16));
    assert_false(task_progress_read(dict, &p, &fault));
    assert_non_null(strstr(fault, "16"));
    assert_int_equal(p.n_numbers, TASK_PROGRESS_NUMBERS);
    assert_float_equal(p.done, 1, 0);
    task_progress_set(&p, "another", 1);
    assert_int_equal(p.n_numbers, TASK_PROGRESS_NUMBERS);
    task_progress_set(&p, "n3", 77);
    assert_float_equal(task_progress_number(&p, "n3", -1), 77, 0);
    platoon_value_unref(dict);
}
