/* SPDX-License-Identifier: Apache-2.0 */
/* failure_test.c - the dict that masters get in place of a result. */
#include "support/test.h"

#include "worker/failure.h"

TEST(dict_has_the_documented_form)
{
    struct failure f = {.message = NULL};
    platoon_value *task = platoon_dict(), *v;
    char *repr;

    platoon_dict_set(task, "seed", platoon_int(7));
    failure_set(&f, FAILURE_EXIT, "the program ended with code %d", 3);
    f.has_exit = true;
    f.exit = 3;
    failure_set_tail(&f, "last words\n", 11);
    failure_set_outcome(&f, "failed");
    v = failure_value(&f, task, 37);
    repr = platoon_repr(v);
    assert_string_equal(repr,
                        "{'platoon_error': {'kind': 'exit', 'message': 'the program ended with "
                        "code 3', 'exit': 3, 'stderr_tail': 'last words\\n', 'outcome': "
                        "'failed'}, 'task': {'seed': "
                        "7}, 'task_id': 37}");
    free(repr);
    platoon_value_unref(v);
    failure_set(&f, FAILURE_NOT_FOUND, "gone");
    v = failure_value(&f, NULL, 0);
    repr = platoon_repr(v);
    assert_string_equal(repr, "{'platoon_error': {'kind': 'not-found', 'message': 'gone', 'exit': "
                              "None, 'stderr_tail': ''}, 'task': None, 'task_id': None}");
    free(repr);
    platoon_value_unref(v);
    platoon_value_unref(task);
    failure_release(&f);
}

TEST(kinds_have_names_both_ways)
{
    enum failure_kind kind;

    for (int i = FAILURE_EXIT; i <= FAILURE_CANCELLED; i++) {
        assert_true(failure_kind_parse(failure_kind_name((enum failure_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(failure_kind_parse("exi", &kind));
}

TEST(tail_is_cut_at_a_line_and_made_text)
{
    enum { LEN = 3 * FAILURE_TAIL_BYTES };
    struct failure f = {.message = NULL};
    char *text = malloc(LEN);

    for (int i = 0; i < LEN; i++)
        text[i] = i % 100 == 99 ? '\n' : 'x';
    failure_set_tail(&f, text, LEN);
    assert_true(strlen(f.stderr_tail) <= FAILURE_TAIL_BYTES);
    assert_true(strlen(f.stderr_tail) > FAILURE_TAIL_BYTES - 100);
    assert_int_equal(strcspn(f.stderr_tail, "\n"), 99);
    for (int i = 0; i < LEN; i += 2)
        memcpy(text + i, "\xc3\xa9", 2); /* no newline at all; the cut may fall into a character */
    failure_set_tail(&f, text + 1, LEN - 1);
    assert_null(strstr(f.stderr_tail, "\xef\xbf\xbd") == f.stderr_tail ? f.stderr_tail : NULL);
    failure_set_tail(&f, "a\xff\0b", 4);
    assert_string_equal(f.stderr_tail, "a\xef\xbf\xbd\xef\xbf\xbd"
                                       "b");
    failure_set_tail(&f, "", 0);
    assert_null(f.stderr_tail);
    free(text);
    failure_release(&f);
}
