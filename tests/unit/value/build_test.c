/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include <platoon/value.h>

TEST(what_is_put_in_is_read_back)
{
    platoon_value *task = platoon_dict(), *key = NULL, *child = NULL;
    int64_t i = 0;
    double d = 0;
    bool b = false;
    size_t len = 0;

    assert_int_equal(platoon_dict_set(task, "filename", platoon_str("ramp.sumocfg")), PLATOON_OK);
    assert_int_equal(platoon_dict_set(task, "control", platoon_bool(true)), PLATOON_OK);
    assert_int_equal(platoon_dict_set(task, "seed", platoon_int(-123456789012)), PLATOON_OK);
    assert_int_equal(platoon_dict_set(task, "scale", platoon_float(1.25)), PLATOON_OK);
    assert_int_equal(platoon_dict_set(task, "name", platoon_strf("run %d", 7)), PLATOON_OK);
    assert_int_equal(platoon_len(task), 5);

    assert_string_equal(platoon_as_str(platoon_dict_get(task, "filename"), &len), "ramp.sumocfg");
    assert_int_equal(len, 12);
    assert_int_equal(platoon_as_bool(platoon_dict_get(task, "control"), &b), PLATOON_OK);
    assert_true(b);
    assert_int_equal(platoon_as_int(platoon_dict_get(task, "control"), &i), PLATOON_OK);
    assert_int_equal(i, 1); /* a bool is an int, as in Python */
    assert_int_equal(platoon_as_int(platoon_dict_get(task, "seed"), &i), PLATOON_OK);
    assert_true(i == -123456789012);
    assert_int_equal(platoon_as_float(platoon_dict_get(task, "seed"), &d), PLATOON_OK);
    assert_true(d == -123456789012.0);
    assert_int_equal(platoon_as_int(platoon_dict_get(task, "scale"), &i), PLATOON_ETYPE);
    assert_int_equal(platoon_as_bool(platoon_dict_get(task, "seed"), &b), PLATOON_ETYPE);
    assert_null(platoon_as_str(platoon_dict_get(task, "seed"), NULL));
    assert_null(platoon_dict_get(task, "absent"));
    assert_true(platoon_is_none(platoon_dict_get(task, "absent")));

    assert_true(platoon_dict_entry(task, 4, &key, &child));
    assert_string_equal(platoon_as_str(key, NULL), "name");
    assert_string_equal(platoon_as_str(child, NULL), "run 7");
    assert_false(platoon_dict_entry(task, 5, &key, &child));
    platoon_value_unref(task);
}

TEST(a_dict_keeps_its_order_and_replaces_in_place)
{
    platoon_value *d = platoon_dict(), *key, *child;
    int64_t i = 0;

    for (int n = 0; n < 1000; n++)
        assert_int_equal(platoon_dict_put(d, platoon_int(n * 7919), platoon_int(n)), PLATOON_OK);
    assert_int_equal(platoon_dict_put(d, platoon_float(7919.0), platoon_int(-1)), PLATOON_OK);
    assert_int_equal(platoon_len(d), 1000);
    for (int n = 0; n < 1000; n++) {
        assert_true(platoon_dict_entry(d, (size_t)n, &key, &child));
        assert_int_equal(platoon_as_int(key, &i), PLATOON_OK);
        assert_int_equal(i, n * 7919);
        assert_int_equal(platoon_as_int(child, &i), PLATOON_OK);
        assert_int_equal(i, n == 1 ? -1 : n);
    }
    platoon_value_unref(d);
}

TEST(keys_are_equal_as_in_python)
{
    platoon_value *s = platoon_set();

    assert_int_equal(platoon_append(s, platoon_int(1)), PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_float(1.0)), PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_bool(true)), PLATOON_OK);
    assert_int_equal(platoon_len(s), 1);
    assert_int_equal(platoon_append(s, platoon_float(-0.0)), PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_int(0)), PLATOON_OK);
    assert_int_equal(platoon_len(s), 2);
    assert_int_equal(platoon_append(s, platoon_str("a")), PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_bytes("a", 1)), PLATOON_OK); /* another kind */
    assert_int_equal(platoon_len(s), 4);
    /* 2 ** 70, as an int and as a float */
    assert_int_equal(platoon_append(s, platoon_int_from_bytes("\0\0\0\0\0\0\0\0\x40", 9)),
                     PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_float(ldexp(1, 70))), PLATOON_OK);
    assert_int_equal(platoon_len(s), 5);
    assert_int_equal(platoon_append(s, platoon_tuple(2, platoon_int(1), platoon_str("x"))),
                     PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_tuple(2, platoon_float(1), platoon_str("x"))),
                     PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_tuple(2, platoon_str("x"), platoon_int(1))),
                     PLATOON_OK);
    assert_int_equal(platoon_len(s), 7);
    assert_int_equal(platoon_append(s, platoon_float(NAN)), PLATOON_OK);
    assert_int_equal(platoon_append(s, platoon_float(NAN)), PLATOON_OK); /* two of them */
    assert_int_equal(platoon_len(s), 9);
    platoon_value_unref(s);
}

TEST(what_cannot_be_hashed_is_no_key_and_no_member)
{
    platoon_value *d = platoon_dict(), *s = platoon_set(), *f;

    assert_int_equal(platoon_dict_put(d, platoon_list(), platoon_none()), PLATOON_ETYPE);
    assert_int_equal(platoon_append(s, platoon_bytearray("x", 1)), PLATOON_ETYPE);
    assert_int_equal(
        platoon_append(s, platoon_tuple(2, platoon_int(1), platoon_tuple(1, platoon_dict()))),
        PLATOON_ETYPE);
    assert_int_equal(platoon_append(s, platoon_set()), PLATOON_ETYPE);
    f = platoon_frozenset();
    assert_int_equal(platoon_append(f, platoon_tuple(0)), PLATOON_OK);
    assert_int_equal(platoon_append(s, f), PLATOON_OK);
    assert_int_equal(platoon_len(s), 1);
    assert_int_equal(platoon_len(d), 0);
    platoon_value_unref(d);
    platoon_value_unref(s);
}

TEST(a_child_is_taken_on_every_path)
{
    platoon_value *v = platoon_int(5000), *kept = platoon_value_ref(v);
    platoon_value *list = platoon_list();

    assert_int_equal(platoon_append(NULL, v), PLATOON_ENOMEM); /* no container */
    v = platoon_value_ref(kept);
    assert_int_equal(platoon_append(kept, v), PLATOON_ETYPE); /* not a container */
    v = platoon_value_ref(kept);
    assert_int_equal(platoon_dict_put(list, v, platoon_value_ref(kept)), PLATOON_ETYPE);
    assert_int_equal(platoon_append(list, NULL), PLATOON_ENOMEM); /* a constructor failed */
    assert_int_equal(platoon_dict_set(list, "a", platoon_value_ref(kept)), PLATOON_ETYPE);
    assert_int_equal(platoon_len(list), 0);
    platoon_value_unref(list);
    platoon_value_unref(kept); /* leaks and double frees: the sanitizer's build says */
}

TEST(text_must_be_utf8)
{
    platoon_value *v = platoon_str_n("a\0\xed\xa0\x80", 5); /* NUL and a lone surrogate are fine */
    size_t len = 0;

    assert_non_null(platoon_as_str(v, &len));
    assert_int_equal(len, 5);
    platoon_value_unref(v);
    assert_null(platoon_str("\xff"));
    assert_null(platoon_str_n("\xe2\x82", 2));
    assert_null(platoon_str(NULL));
}

TEST(integers_from_bytes_are_ints_where_they_fit)
{
    platoon_value *v = platoon_int_from_bytes("\xff\xff\xff", 3);
    int64_t i = 0;
    size_t len = 0;

    assert_int_equal(platoon_value_kind(v), PLATOON_INT);
    assert_int_equal(platoon_as_int(v, &i), PLATOON_OK);
    assert_int_equal(i, -1);
    platoon_value_unref(v);
    v = platoon_int_from_bytes("\0\0\0\0\0\0\0\x80\0\0\0", 11);
    assert_int_equal(platoon_value_kind(v), PLATOON_BIGINT);
    assert_int_equal(platoon_as_int(v, &i), PLATOON_ELIMIT);
    assert_non_null(platoon_as_bytes(v, &len));
    assert_int_equal(len, 9);
    platoon_value_unref(v);
}

TEST(a_child_outlives_the_parent_that_somebody_else_unreferenced)
{
    platoon_value *inner = platoon_list(), *outer = platoon_list();

    (void)platoon_append(inner, platoon_str("still here"));
    (void)platoon_append(outer, platoon_value_ref(inner));
    platoon_value_unref(outer);
    assert_string_equal(platoon_as_str(platoon_item(inner, 0), NULL), "still here");
    platoon_value_unref(inner);
}

TEST(a_nest_of_a_million_lists_is_freed_without_recursion)
{
    platoon_value *v = platoon_list();

    for (int i = 0; i < 1000000; i++) {
        platoon_value *outer = platoon_list();

        assert_int_equal(platoon_append(outer, v), PLATOON_OK);
        v = outer;
    }
    platoon_value_unref(v);
}

TEST(a_null_value_reads_as_none)
{
    int64_t i;

    assert_int_equal(platoon_value_kind(NULL), PLATOON_NONE);
    assert_true(platoon_is_none(NULL));
    assert_int_equal(platoon_as_int(NULL, &i), PLATOON_ETYPE);
    assert_null(platoon_as_bytes(NULL, NULL));
    assert_int_equal(platoon_len(NULL), 0);
    assert_null(platoon_item(NULL, 0));
    assert_true(platoon_equal(NULL, platoon_none()));
    platoon_value_unref(NULL);
    assert_null(platoon_value_ref(NULL));
}

TEST(kinds_have_pythons_names)
{
    assert_string_equal(platoon_kind_name(PLATOON_BIGINT), "int");
    assert_string_equal(platoon_kind_name(PLATOON_NONE), "NoneType");
    assert_string_equal(platoon_kind_name((enum platoon_kind)99), "unknown");
}
