/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <platoon/pickle.h>

#include "pickle/encode.h"

static platoon_value *round_trip(const platoon_value *v, int protocol)
{
    void *data = NULL;
    size_t len = 0;
    platoon_value *back = NULL;
    struct platoon_err err;

    assert_int_equal(platoon_pickle_encode(v, protocol, &data, &len, &err), PLATOON_OK);
    if (platoon_pickle_decode(data, len, NULL, &back, &err) != PLATOON_OK)
        fail_msg("protocol %d: %s", protocol, err.message);
    free(data);
    return back;
}

static platoon_value *sample(void)
{
    platoon_value *task = platoon_dict(), *list = platoon_list(), *set = platoon_set();

    (void)platoon_dict_set(task, "filename", platoon_str("data/r\xc3\xa4mp.sumocfg"));
    (void)platoon_dict_set(task, "control_bool", platoon_bool(false));
    (void)platoon_dict_set(task, "seed", platoon_int(INT64_MIN));
    (void)platoon_dict_set(task, "x", platoon_float(0.1));
    (void)platoon_dict_put(task, platoon_int(5000), platoon_bytes("a\0\xff", 3));
    (void)platoon_append(list, platoon_tuple(2, platoon_none(), platoon_bytearray("zz", 2)));
    (void)platoon_append(list, platoon_tuple(0));
    (void)platoon_append(set, platoon_int(1));
    (void)platoon_append(set, platoon_str("one"));
    (void)platoon_append(list, set);
    (void)platoon_append(list, platoon_frozenset());
    (void)platoon_dict_set(task, "list", platoon_value_ref(list));
    (void)platoon_dict_set(task, "again", list);
    assert_int_equal(platoon_len(task), 7);
    return task;
}

TEST(what_is_encoded_is_decoded_to_an_equal_value_in_every_protocol)
{
    platoon_value *v = sample();

    for (int protocol = 2; protocol <= 4; protocol++) {
        platoon_value *back = round_trip(v, protocol);

        assert_true(platoon_equal(v, back));
        assert_ptr_equal(platoon_dict_get(back, "list"), platoon_dict_get(back, "again"));
        platoon_value_unref(back);
    }
    platoon_value_unref(v);
}

TEST(protocols_that_are_not_written_are_refused)
{
    void *data;
    size_t len;
    struct platoon_err err;

    assert_int_equal(platoon_pickle_encode(NULL, 1, &data, &len, &err), PLATOON_EINVAL);
    assert_int_equal(platoon_pickle_encode(NULL, 5, &data, &len, &err), PLATOON_EINVAL);
}

/* --- which bytes are written ------------------------------------------------------------------ */

static void assert_bytes(platoon_value *taken, int protocol, const char *wanted, size_t len)
{
    void *data = NULL;
    size_t n = 0;
    struct platoon_err err;

    if (platoon_pickle_encode(taken, protocol, &data, &n, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    assert_int_equal(n, len);
    assert_memory_equal(data, wanted, len);
    free(data);
    platoon_value_unref(taken);
}
#define ASSERT_BYTES(taken, protocol, literal)                                                     \
    assert_bytes(taken, protocol, literal, sizeof(literal) - 1)

TEST(trees_are_written_without_memo_opcodes)
{
    platoon_value *set = platoon_set();

    ASSERT_BYTES(NULL, 2, "\x80\x02N.");
    ASSERT_BYTES(platoon_tuple(3, platoon_int(255), platoon_int(256), platoon_int(-1)), 2,
                 "\x80\x02K\xffM\x00\x01J\xff\xff\xff\xff\x87.");
    ASSERT_BYTES(platoon_int(INT64_MIN), 2, "\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.");
    ASSERT_BYTES(platoon_float(1.5), 3, "\x80\x03G\x3f\xf8\x00\x00\x00\x00\x00\x00.");
    ASSERT_BYTES(platoon_str("x"), 3, "\x80\x03X\x01\x00\x00\x00x.");
    ASSERT_BYTES(platoon_str("x"), 4, "\x80\x04\x8c\x01x.");
    ASSERT_BYTES(platoon_bytes("\xff", 1), 3,
                 "\x80\x03"
                 "C\x01\xff.");
    ASSERT_BYTES(platoon_bytes("\xff", 1), 2,
                 "\x80\x02"
                 "c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86R.");
    ASSERT_BYTES(platoon_bytearray("", 0), 2,
                 "\x80\x02"
                 "c__builtin__\nbytearray\n)R.");
    ASSERT_BYTES(platoon_tuple(4, NULL, platoon_none(), platoon_none(), platoon_none()), 2,
                 "\x80\x02N."); /* no memory for a child: no tuple */
    (void)platoon_append(set, platoon_int(1));
    ASSERT_BYTES(platoon_value_ref(set), 4, "\x80\x04\x8f(K\x01\x90.");
    ASSERT_BYTES(set, 3,
                 "\x80\x03"
                 "cbuiltins\nset\n]K\x01\x61\x85R.");
    ASSERT_BYTES(platoon_frozenset(), 4, "\x80\x04(\x91.");
}

TEST(what_is_shared_is_written_once)
{
    platoon_value *text = platoon_str("shared"), *list = platoon_list();

    for (int i = 0; i < 3; i++)
        (void)platoon_append(list, platoon_value_ref(text));
    platoon_value_unref(text);
    ASSERT_BYTES(list, 4, "\x80\x04](\x8c\x06sharedq\x00h\x00h\x00\x65.");
}

TEST(a_list_that_contains_itself_is_put_before_its_items)
{
    platoon_value *v = NULL;

    assert_int_equal(platoon_pickle_decode("]\x94h\x00\x61.", 6, NULL, &v, NULL), PLATOON_OK);
    ASSERT_BYTES(v, 4, "\x80\x04]q\x00h\x00\x61.");
}

TEST(a_list_in_a_tuple_that_contains_itself_is_filled_when_the_tuple_is_there)
{
    /* t = ([t],), as CPython writes it, and as we do: the root is fetched last, so that all of it is
     * among its bytes for whoever cuts it out of a message */
    static const char cpython[] = "\x80\x04]\x94h\x00\x85\x94\x61"
                                  "0h\x01.";
    platoon_value *v = NULL;

    assert_int_equal(platoon_pickle_decode(cpython, sizeof cpython - 1, NULL, &v, NULL),
                     PLATOON_OK);
    ASSERT_BYTES(v, 4,
                 "\x80\x04]q\x00\x85q\x01"
                 "0h\x00h\x01\x61"
                 "0h\x01.");
}

TEST(tuples_that_contain_themselves_many_times_cost_what_they_are)
{
    enum { N = 20000 };
    /* t = (text, L1, ..., Ln), each list with t in it */
    char *pickle = malloc(40 * N), *p = pickle;
    platoon_value *v = NULL, *back;
    void *data = NULL;
    size_t len = 0;

    assert_non_null(pickle);
    p += sprintf(p, "]p0\n](");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "]p%d\n", i + 1);
    p += sprintf(p, "e0("); /* the lists are in the memo; the list of lists goes */
    p += sprintf(p, "V0123456789012345678901234567890123456789\n");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "g%d\n", i + 1);
    p += sprintf(p, "tp%d\n", N + 1);
    for (int i = 0; i < N; i++)
        p += sprintf(p, "g%d\ng%d\na0", i + 1, N + 1);
    p += sprintf(p, "\x86."); /* with the first list, so that one tuple is inside another */
    if (platoon_pickle_decode(pickle, (size_t)(p - pickle), NULL, &v, NULL) != PLATOON_OK)
        fail_msg("the test's own pickle");
    assert_int_equal(platoon_pickle_encode(v, 2, &data, &len, NULL), PLATOON_OK);
    assert_true(len < 40 * N);
    free(data);
    back = round_trip(v, 4);
    assert_true(platoon_equal(v, back));
    platoon_value_unref(back);
    platoon_value_unref(v);
    free(pickle);
}

TEST(a_tuple_in_itself_without_a_list_between_is_refused)
{
    platoon_value *t = platoon_tuple(0);
    void *data;
    size_t len;
    struct platoon_err err;

    (void)platoon_append(t, platoon_value_ref(t));
    assert_int_equal(platoon_pickle_encode(t, 4, &data, &len, &err), PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "contains itself"));
    platoon_value_unref(t);
}

TEST(long_lists_are_written_in_batches)
{
    platoon_value *list = platoon_list(), *back;

    for (int i = 0; i < 2001; i++)
        (void)platoon_append(list, platoon_int(i));
    for (int protocol = 2; protocol <= 4; protocol++) {
        back = round_trip(list, protocol);
        assert_true(platoon_equal(list, back));
        platoon_value_unref(back);
    }
    platoon_value_unref(list);
}

TEST(only_a_child_is_encoded_with_the_cycles_it_is_on)
{
    /* d = {'me': [d]}; the list alone */
    static const char pickle[] = "}q\x00\x8c\x02me]h\x00\x61s.";
    platoon_value *v = NULL, *back;

    assert_int_equal(platoon_pickle_decode(pickle, sizeof pickle - 1, NULL, &v, NULL), PLATOON_OK);
    back = round_trip(platoon_dict_get(v, "me"), 4);
    assert_ptr_equal(platoon_dict_get(platoon_item(back, 0), "me"), back);
    platoon_value_unref(back);
    platoon_value_unref(v);
}

TEST(an_opaque_value_is_copied_alone_and_refused_inside)
{
    static const char pickle[] = "cos\ngetpid\n.";
    platoon_value *list = platoon_list();
    void *data;
    size_t len;
    struct platoon_err err;

    assert_bytes(platoon_opaque(pickle, sizeof pickle - 1), 4, pickle, sizeof pickle - 1);
    (void)platoon_append(list, platoon_opaque(pickle, sizeof pickle - 1));
    assert_int_equal(platoon_pickle_encode(list, 4, &data, &len, &err), PLATOON_ETYPE);
    assert_non_null(strstr(err.message, "opaque"));
    platoon_value_unref(list);
}

/* --- bodies and requests ---------------------------------------------------------------------- */

TEST(bodies_in_one_message_share_a_counter)
{
    platoon_value *shared = platoon_list(), *pair;
    uint32_t next = 300;
    struct buf out;

    (void)platoon_append(shared, platoon_int(1));
    pair = platoon_tuple(2, platoon_value_ref(shared), shared);
    buf_init(&out);
    assert_int_equal(encode_body(&out, pair, 4, &next, NULL), PLATOON_OK);
    assert_int_equal(next, 301);
    assert_int_equal(encode_body(&out, pair, 4, &next, NULL), PLATOON_OK);
    assert_int_equal(next, 302);
    assert_int_equal(out.len, 2 * 15);
    assert_memory_equal(out.data + 15, "]r\x2d\x01\x00\x00K\x01\x61j\x2d\x01\x00\x00\x86", 15);
    buf_release(&out);
    platoon_value_unref(pair);
}

static void assert_request(const char *ident, platoon_value *args, platoon_value *kwds,
                           int protocol, const char *wanted, size_t len)
{
    struct buf out;
    struct platoon_err err;

    buf_init(&out);
    if (encode_request(&out, ident, "put", args, kwds, protocol, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, wanted, len);
    buf_release(&out);
    platoon_value_unref(args);
    platoon_value_unref(kwds);
}
#define ASSERT_REQUEST(ident, args, kwds, protocol, literal)                                       \
    assert_request(ident, args, kwds, protocol, literal, sizeof(literal) - 1)

TEST(requests_are_tuples_of_four)
{
    platoon_value *kwds = platoon_dict(), *args = platoon_list();

    ASSERT_REQUEST(NULL, NULL, NULL, 2, "\x80\x02(NX\x03\x00\x00\x00put)}t.");
    (void)platoon_dict_set(kwds, "timeout", platoon_int(1));
    (void)platoon_append(args, platoon_int(5));
    ASSERT_REQUEST("7f", args, kwds, 4,
                   "\x80\x04(\x8c\x02"
                   "7f\x8c\x03putK\x05\x85}\x8c\x07timeoutK\x01st.");
}

TEST(an_argument_that_refers_to_the_list_of_arguments_sees_a_list)
{
    platoon_value *args = NULL, *back = NULL;
    struct buf out;

    assert_int_equal(platoon_pickle_decode("]\x94h\x00\x61.", 6, NULL, &args, NULL), PLATOON_OK);
    buf_init(&out);
    assert_int_equal(encode_request(&out, NULL, "put", args, NULL, 4, NULL), PLATOON_OK);
    assert_int_equal(platoon_pickle_decode(out.data, out.len, NULL, &back, NULL), PLATOON_OK);
    assert_int_equal(platoon_value_kind(platoon_item(back, 2)), PLATOON_TUPLE);
    assert_int_equal(platoon_value_kind(platoon_item(platoon_item(back, 2), 0)), PLATOON_LIST);
    buf_release(&out);
    platoon_value_unref(args);
    platoon_value_unref(back);
}

/* m.C() with the class memoized, which wants an empty memo; by Python's default protocol. */
static const char needs_memo[] = "\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00"
                                 "\x8c\x01m\x94h\x00\x93\x94)R\x94.";
static const char needs_nothing[] = "\x80\x04\x8c\x01m\x8c\x01"
                                    "C\x93\x94)R\x94.";
static const char of_python_2[] = "\x80\x02"
                                  "cm\nC\nq\x01)Rq\x02.";
static const char of_protocol_5[] = "\x80\x05"
                                    "cm\nC\n\x96\x01\x00\x00\x00\x00\x00\x00\x00x\x85R.";
#define OPAQUE(pickle) platoon_opaque(pickle, sizeof(pickle) - 1)

TEST(an_opaque_argument_goes_in_without_frame_and_stop)
{
    ASSERT_REQUEST("id", platoon_tuple(1, OPAQUE(needs_memo)), NULL, 4,
                   "\x80\x04(\x8c\x02id\x8c\x03put\x8c\x01m\x94h\x00\x93\x94)R\x94\x85}t.");
}

TEST(a_message_is_of_the_class_of_its_opaque_values)
{
    ASSERT_REQUEST(NULL, platoon_tuple(1, OPAQUE(of_python_2)), NULL, 4,
                   "\x80\x02(NX\x03\x00\x00\x00put"
                   "cm\nC\nq\x01)Rq\x02\x85}t.");
    ASSERT_REQUEST(NULL, platoon_tuple(1, OPAQUE(needs_memo)), NULL, 2,
                   "\x80\x03(NX\x03\x00\x00\x00put\x8c\x01m\x94h\x00\x93\x94)R\x94\x85}t.");
    ASSERT_REQUEST(NULL, platoon_tuple(1, OPAQUE(of_protocol_5)), NULL, 4,
                   "\x80\x05(N\x8c\x03put"
                   "cm\nC\n\x96\x01\x00\x00\x00\x00\x00\x00\x00x\x85R"
                   "\x85}t.");
}

TEST(memo_numbers_keep_clear_of_those_of_opaque_values)
{
    platoon_value *text = platoon_str("tt"), *args = platoon_tuple(1, OPAQUE(needs_memo)),
                  *back = NULL;
    struct buf out;
    char *shown;

    (void)platoon_append(args, platoon_value_ref(text));
    (void)platoon_append(args, text);
    buf_init(&out);
    assert_int_equal(encode_request(&out, NULL, "put", args, NULL, 4, NULL), PLATOON_OK);
    assert_int_equal(platoon_pickle_inspect(out.data, out.len, NULL, &back, NULL), PLATOON_OK);
    shown = platoon_repr(back);
    assert_string_equal(shown, "(None, 'put', (m.m(), 'tt', 'tt'), {})");
    free(shown);
    buf_release(&out);
    platoon_value_unref(args);
    platoon_value_unref(back);
}

static void assert_refused(platoon_value *args, const char *why)
{
    struct buf out;
    struct platoon_err err;

    buf_init(&out);
    (void)buf_text(&out, "before");
    assert_int_equal(encode_request(&out, NULL, "put", args, NULL, 4, &err), PLATOON_ETYPE);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" is not in: %s", why, err.message);
    assert_int_equal(out.len, 6);
    assert_true(buf_text(&out, "usable"));
    buf_release(&out);
    platoon_value_unref(args);
}

TEST(messages_that_no_reader_could_put_together_are_refused)
{
    platoon_value *text = platoon_str("tt");

    assert_refused(platoon_tuple(2, OPAQUE(needs_memo), OPAQUE(needs_memo)), "one by one");
    assert_refused(platoon_tuple(2, OPAQUE(needs_nothing), OPAQUE(needs_memo)), "before anything");
    assert_refused(
        platoon_tuple(3, platoon_value_ref(text), platoon_value_ref(text), OPAQUE(needs_memo)),
        "before anything");
    assert_refused(platoon_tuple(2, OPAQUE(needs_nothing), OPAQUE(of_python_2)), "protocol 2");
    assert_refused(platoon_int(5000), "type int");
    platoon_value_unref(text);
    ASSERT_REQUEST(NULL, platoon_tuple(2, OPAQUE(needs_nothing), OPAQUE(needs_nothing)), NULL, 4,
                   "\x80\x04(N\x8c\x03put\x8c\x01m\x8c\x01"
                   "C\x93\x94)R\x94\x8c\x01m\x8c\x01"
                   "C\x93\x94)R\x94\x86}t.");
}

TEST(a_limit_of_the_buffer_is_a_limit_of_the_message)
{
    platoon_value *v = platoon_bytes("0123456789", 10);
    struct platoon_err err;
    struct buf out;

    buf_init(&out);
    out.max = 10;
    assert_int_equal(encode_message(&out, v, 4, &err), PLATOON_ELIMIT);
    assert_int_equal(out.len, 0);
    out.max = 15;
    assert_int_equal(encode_message(&out, v, 4, &err), PLATOON_OK);
    buf_release(&out);
    platoon_value_unref(v);
}
