/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include <platoon/pickle.h>

#include "value/show.h"

static void assert_repr(platoon_value *taken, const char *wanted)
{
    char *text = platoon_repr(taken);

    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
    platoon_value_unref(taken);
}

static void assert_json(platoon_value *taken, const char *wanted)
{
    char *text = platoon_json(taken);

    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
    platoon_value_unref(taken);
}

TEST(text_is_quoted_as_python_quotes_it)
{
    assert_repr(platoon_str("plain"), "'plain'");
    assert_repr(platoon_str("it's"), "\"it's\"");
    assert_repr(platoon_str("it's \"so\""), "'it\\'s \"so\"'");
    assert_repr(platoon_str("a\\b\n\r\t\x01\x7f"), "'a\\\\b\\n\\r\\t\\x01\\x7f'");
    assert_repr(platoon_str("\xc3\xa9\xc2\xa0\xc2\xad"), "'\xc3\xa9\\xa0\\xad'");
    assert_repr(platoon_str("\xe2\x82\xac\xe2\x80\x8b"), "'\xe2\x82\xac\\u200b'");
    assert_repr(platoon_str("\xf0\x9f\x98\x80\xf3\xa0\x80\x81"), "'\xf0\x9f\x98\x80\\U000e0001'");
    assert_repr(platoon_str("\xed\xb0\x80"), "'\\udc00'");
    assert_repr(platoon_bytes("a'\"\\\n\xff", 6), "b'a\\'\"\\\\\\n\\xff'");
    assert_repr(platoon_bytes("'", 1), "b\"'\"");
    assert_repr(platoon_bytearray("'", 1), "bytearray(b\"\\'\")");
}

TEST(containers_look_like_pythons)
{
    platoon_value *set = platoon_set(), *d = platoon_dict();

    assert_repr(NULL, "None");
    assert_repr(platoon_tuple(0), "()");
    assert_repr(platoon_tuple(1, platoon_int(1)), "(1,)");
    assert_repr(platoon_tuple(2, platoon_bool(true), platoon_float(1)), "(True, 1.0)");
    assert_repr(platoon_list(), "[]");
    assert_repr(platoon_dict(), "{}");
    assert_repr(platoon_set(), "set()");
    assert_repr(platoon_frozenset(), "frozenset()");
    (void)platoon_append(set, platoon_int(1));
    (void)platoon_append(set, platoon_str("b"));
    (void)platoon_dict_set(d, "k", set);
    (void)platoon_dict_put(d, platoon_int(2), platoon_none());
    assert_repr(d, "{'k': {1, 'b'}, 2: None}");
}

TEST(cycles_are_shown_with_dots)
{
    platoon_value *l = platoon_list(), *d = platoon_dict();

    (void)platoon_append(l, platoon_value_ref(l));
    (void)platoon_dict_set(d, "l", platoon_value_ref(l));
    (void)platoon_dict_set(d, "again", platoon_value_ref(l)); /* shared is no cycle */
    assert_repr(d, "{'l': [[...]], 'again': [[...]]}");
    assert_json(l, "[\"[...]\"]");
}

TEST(json_has_a_form_for_everything)
{
    platoon_value *d = platoon_dict(), *l = platoon_list();

    (void)platoon_dict_set(d, "t\"\\\n\x01\xc3\xa9", platoon_str("\xed\xa0\x80\t"));
    (void)platoon_dict_put(d, platoon_int(1), platoon_float(0.1));
    (void)platoon_dict_put(d, platoon_tuple(2, platoon_int(1), platoon_str("x\"")),
                           platoon_float(NAN));
    (void)platoon_dict_put(d, platoon_none(), platoon_bytes("\xff\xfe\xfd\xfc", 4));
    (void)platoon_append(l, platoon_tuple(2, platoon_bool(true), platoon_none()));
    (void)platoon_append(l, platoon_set());
    (void)platoon_append(l, platoon_opaque("cm\nC\n.", 6));
    (void)platoon_append(l, platoon_float(1e300));
    (void)platoon_dict_set(d, "l", l);
    assert_json(d, "{\"t\\\"\\\\\\n\\u0001\xc3\xa9\": \"\\ud800\\t\", \"1\": 0.1, "
                   "\"(1, 'x\\\"')\": null, \"None\": {\"base64\": \"//79/A==\"}, "
                   "\"l\": [[true, null], [], {\"pickle\": \"Y20KQwou\"}, 1e+300]}");
}

static void assert_short(platoon_value *taken, size_t max, const char *wanted)
{
    struct buf out;
    char *text;

    buf_init(&out);
    show_short(&out, taken, max);
    text = buf_take_text(&out, NULL);
    assert_string_equal(text, wanted);
    free(text);
    platoon_value_unref(taken);
}

TEST(a_short_text_is_cut_between_characters)
{
    assert_short(platoon_str("abc"), 5, "'abc'");
    assert_short(platoon_str("abcd"), 5, "'a...");
    assert_short(platoon_str("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), 9, "'\xe2\x82\xac...");
    assert_short(platoon_int(1234567), 4, "1...");
}
