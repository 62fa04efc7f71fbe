/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include <platoon/pickle.h>

#include "value/show.h"

static platoon_value *decode(const char *pickle, size_t len)
{
    platoon_value *v = NULL;
    struct platoon_err err;

    if (platoon_pickle_decode(pickle, len, NULL, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    return v;
}

static void assert_compares(bool equal, const char *a, size_t len_a, const char *b, size_t len_b)
{
    platoon_value *x = decode(a, len_a), *y = decode(b, len_b);

    assert_true(platoon_equal(x, y) == equal);
    assert_true(platoon_equal(y, x) == equal);
    assert_true(platoon_equal(x, x));
    platoon_value_unref(x);
    platoon_value_unref(y);
}
#define SAME(a, b)  assert_compares(true, a, sizeof(a) - 1, b, sizeof(b) - 1)
#define OTHER(a, b) assert_compares(false, a, sizeof(a) - 1, b, sizeof(b) - 1)

TEST(equality_is_pythons)
{
    SAME("N.", "N.");
    SAME("\x88.", "K\x01.");
    SAME("\x88.", "F1.0\n.");
    OTHER("\x89.", "N.");
    SAME("L1180591620717411303424L\n.", "F1180591620717411303424.0\n.");
    OTHER("L1180591620717411303425L\n.", "F1180591620717411303424.0\n.");
    OTHER("I9007199254740993\n.", "F9007199254740992.0\n.");
    OTHER("Va\n.", "Vb\n.");
    OTHER("Va\n.", "C\x01"
                   "a.");
    SAME("C\x01"
         "a.",
         "cbuiltins\nbytearray\nC\x01"
         "a\x85R.");
    SAME("](K\x01K\x02\x65.", "](K\x01K\x02\x65.");
    OTHER("](K\x01K\x02\x65.", "](K\x02K\x01\x65.");
    OTHER("].", ").");
    SAME("}(K\x01VA\nK\x02VB\nu.", "}(K\x02VB\nK\x01VA\nu.");
    OTHER("}(K\x01VA\nK\x02VB\nu.", "}(K\x01VA\nK\x02VC\nu.");
    OTHER("}(K\x01VA\nu.", "}(K\x02VA\nu.");
    SAME("\x8f(K\x01K\x02\x90.", "(K\x02K\x01\x91."); /* set == frozenset */
    OTHER("\x8f(K\x01K\x02\x90.", "(K\x02K\x03\x91.");
    SAME("(((K\x01\x91(K\x02\x91\x91((K\x03\x91\x91\x91.",
         "(((K\x03\x91\x91((K\x02\x91(K\x01\x91\x91\x91.");
    OTHER("(((K\x01\x91(K\x02\x91\x91((K\x03\x91\x91\x91.",
          "(((K\x03\x91\x91((K\x02\x91(K\x04\x91\x91\x91.");
    SAME("}K\x01K\x02\x86Ns.", "}F1.0\nK\x02\x86Ns.");
}

TEST(a_nan_is_equal_to_nothing_but_to_itself_inside_a_container)
{
    platoon_value *nan = platoon_float(NAN), *a = platoon_list(), *b = platoon_list();

    assert_false(platoon_equal(nan, nan));
    (void)platoon_append(a, platoon_value_ref(nan));
    (void)platoon_append(b, platoon_value_ref(nan));
    assert_true(platoon_equal(a, b)); /* as Python: [x] == [x] looks at identity first */
    (void)platoon_append(a, platoon_float(NAN));
    (void)platoon_append(b, platoon_float(NAN));
    assert_false(platoon_equal(a, b));
    platoon_value_unref(nan);
    platoon_value_unref(a);
    platoon_value_unref(b);
}

TEST(cycles_are_compared_to_an_end)
{
    SAME("]q\x00(K\x01h\x00\x65.", "]q\x00(K\x01h\x00\x65.");
    OTHER("]q\x00(K\x01h\x00\x65.", "]q\x00(h\x00K\x01\x65.");
    /* a = [a] and b = [[b]] cannot be told apart */
    SAME("]q\x00h\x00\x61.", "]q\x00]h\x00\x61\x61.");
    SAME("}q\x00K\x01h\x00s.", "}K\x01}q\x00K\x01h\x00ss.");
}

/* 60 levels of [x, x]: a tree of 2 ** 60 nodes in 300 bytes. */
static platoon_value *doubling(const char *innermost)
{
    char pickle[1024], *p = pickle;

    p += sprintf(p, "%s", innermost);
    for (int i = 0; i < 60; i++)
        p += sprintf(p, "p%d\ng%d\n\x86", i, i);
    *p++ = '.';
    return decode(pickle, (size_t)(p - pickle));
}

TEST(sharing_keeps_comparison_cheap)
{
    platoon_value *a = doubling("I1000000\n"), *b = doubling("I1000000\n"), *c = doubling("I7\n");
    struct buf text;

    assert_true(platoon_equal(a, b));
    assert_false(platoon_equal(a, c));
    buf_init(&text);
    text.max = 1000000;
    show_repr(&text, a); /* ends where the text must */
    assert_true(text.is_full);
    buf_release(&text);
    platoon_value_unref(a);
    platoon_value_unref(b);
    platoon_value_unref(c);
}

TEST(sharing_keeps_hashing_cheap)
{
    platoon_value *a = doubling("I1000000\n"), *b = doubling("F1000000.0\n");
    platoon_value *set = platoon_set();

    assert_int_equal(platoon_append(set, a), PLATOON_OK);
    assert_int_equal(platoon_append(set, b), PLATOON_OK);
    assert_int_equal(platoon_len(set), 1);
    platoon_value_unref(set);
}
