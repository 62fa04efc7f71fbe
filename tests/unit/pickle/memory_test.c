/* SPDX-License-Identifier: Apache-2.0 */
/* memory_test.c - every allocation fails in its turn, and all that happens is PLATOON_ENOMEM. Leaks
 * and reads of freed memory are for the sanitizer's build to see. */
#include "support/test.h"

#include <platoon/pickle.h>

#include "base/mem.h"
#include "pickle/encode.h"

/* Run `step` with the first allocation failing, then the second, ... until it needs no more. `step`
 * answers whether it did all it wanted; it must not where an allocation failed. */
static int fail_each(bool (*step)(void))
{
    for (size_t nth = 1;; nth++) {
        bool has_done, has_failed;

        mem_fail_from(nth);
        has_done = step();
        has_failed = mem_has_failed();
        mem_fail_from(0);
        assert_int_equal(has_done, !has_failed);
        if (!has_failed)
            return (int)nth - 1;
        assert_true(nth < 100000);
    }
}

static platoon_value *build(void)
{
    platoon_value *task = platoon_dict(), *list = platoon_list(), *set = platoon_set();
    enum platoon_status st = PLATOON_OK;

#define DO(call) st = st == PLATOON_OK ? (call) : ((void)(call), st)
    for (int i = 0; i < 40; i++) {
        DO(platoon_dict_put(task, platoon_int(1000 * i + 2000), platoon_str("some text")));
        DO(platoon_append(set, platoon_tuple(2, platoon_float(i), platoon_bytes("b", 1))));
    }
    DO(platoon_append(list, platoon_int_from_bytes("0123456789abcdef", 16)));
    DO(platoon_append(list, platoon_bytearray("ab", 2)));
    DO(platoon_append(list, platoon_frozenset()));
    DO(platoon_append(list, set));
    DO(platoon_dict_set(task, "list", platoon_value_ref(list)));
    DO(platoon_dict_set(task, "again", list));
#undef DO
    if (st != PLATOON_OK) {
        assert_int_equal(st, PLATOON_ENOMEM);
        platoon_value_unref(task);
        return NULL;
    }
    return task;
}

static bool build_and_drop(void)
{
    platoon_value *v = build();

    platoon_value_unref(v);
    return v != NULL;
}

TEST(building_fails_cleanly)
{
    assert_true(fail_each(build_and_drop) > 100);
}

static platoon_value *made;
static void *pickled;
static size_t pickled_len;

static bool encode_all(void)
{
    for (int protocol = 2; protocol <= 4; protocol++) {
        void *data = NULL;
        size_t len;
        enum platoon_status st = platoon_pickle_encode(made, protocol, &data, &len, NULL);

        if (st != PLATOON_OK) {
            assert_int_equal(st, PLATOON_ENOMEM);
            assert_null(data);
            return false;
        }
        free(data);
    }
    return true;
}

static bool decode_one(void)
{
    platoon_value *v = NULL;
    enum platoon_status st = platoon_pickle_decode(pickled, pickled_len, NULL, &v, NULL);

    assert_true(st == PLATOON_OK || (st == PLATOON_ENOMEM && !v));
    platoon_value_unref(v);
    return st == PLATOON_OK;
}

static bool show_both(void)
{
    char *repr = platoon_repr(made), *json = repr ? platoon_json(made) : NULL;
    bool has_both = json != NULL;

    free(repr);
    free(json);
    return has_both;
}

static void with_value(platoon_value *taken, int protocol)
{
    made = taken;
    assert_int_equal(platoon_pickle_encode(made, protocol, &pickled, &pickled_len, NULL),
                     PLATOON_OK);
}

static void without_value(void)
{
    free(pickled);
    platoon_value_unref(made);
}

TEST(encoding_decoding_and_showing_fail_cleanly)
{
    for (int protocol = 2; protocol <= 4; protocol++) {
        with_value(build(), protocol);
        assert_true(fail_each(encode_all) > 3);
        assert_true(fail_each(decode_one) > 3);
        assert_true(fail_each(show_both) > 3);
        without_value();
    }
}

static bool compare_and_find(void)
{
    platoon_value *back = NULL, *set = platoon_set();
    enum platoon_status st = platoon_pickle_decode(pickled, pickled_len, NULL, &back, NULL);
    bool is_equal = st == PLATOON_OK && platoon_equal(made, back);

    if (st == PLATOON_OK)
        st = platoon_append(set, platoon_tuple(1, platoon_tuple(1, platoon_int(77777))));
    if (st == PLATOON_OK)
        st = platoon_append(set, platoon_tuple(1, platoon_tuple(1, platoon_int(77777))));
    assert_true(st == PLATOON_OK || st == PLATOON_ENOMEM);
    if (st == PLATOON_OK)
        assert_int_equal(platoon_len(set), 1);
    platoon_value_unref(back);
    platoon_value_unref(set);
    return is_equal && st == PLATOON_OK;
}

TEST(comparing_fails_cleanly)
{
    with_value(build(), 4);
    assert_true(fail_each(compare_and_find) > 3);
    without_value();
}

static bool look_into(void)
{
    /* C() with state, entries, items; D(**{}); E(), in a tuple */
    static const char pickle[] = "cm\nC\n)R}K\x01K\x02sbK\x03Ns(K\x04K\x05uK\x06\x61q\x00"
                                 "0(h\x00"
                                 "cm\nD\n)}\x92(im\nE\nt.";
    platoon_value *v = NULL;
    char *text = NULL;
    enum platoon_status st = platoon_pickle_inspect(pickle, sizeof pickle - 1, NULL, &v, NULL);

    assert_true(st == PLATOON_OK || st == PLATOON_ENOMEM);
    if (st == PLATOON_OK) {
        text = platoon_json(v);
        platoon_value_unref(v);
    }
    free(text);
    return text != NULL;
}

TEST(looking_into_objects_fails_cleanly)
{
    assert_true(fail_each(look_into) > 3);
}

static bool encode_a_request(void)
{
    static const char pickle[] = "\x80\x04\x8c\x01m\x94\x8c\x01"
                                 "C\x94\x93\x94)R\x94h\x02\x86.";
    platoon_value *args = platoon_list();
    struct buf out;
    enum platoon_status st;

    buf_init(&out);
    st = platoon_append(args, platoon_opaque(pickle, sizeof pickle - 1));
    if (st == PLATOON_OK)
        st = platoon_append(args, platoon_value_ref(made));
    if (st == PLATOON_OK)
        st = encode_request(&out, "ident", "put", args, NULL, 4, NULL);
    assert_true(st == PLATOON_OK || (st == PLATOON_ENOMEM && out.len == 0));
    buf_release(&out);
    platoon_value_unref(args);
    return st == PLATOON_OK;
}

TEST(encoding_a_request_fails_cleanly)
{
    with_value(build(), 4);
    assert_true(fail_each(encode_a_request) > 3);
    without_value();
}
