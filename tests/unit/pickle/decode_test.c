/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <platoon/pickle.h>

#include "pickle/decode.h"

/* Decode a literal, which may hold NULs. */
#define DECODE(literal, limits, out, err)                                                          \
    platoon_pickle_decode(literal, sizeof(literal) - 1, limits, out, err)

static void assert_decodes(const char *pickle, size_t len, const char *shown)
{
    platoon_value *v = NULL;
    struct platoon_err err;
    char *text;

    if (platoon_pickle_decode(pickle, len, NULL, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    text = platoon_repr(v);
    assert_string_equal(text, shown);
    free(text);
    platoon_value_unref(v);
}
#define ASSERT_DECODES(literal, shown) assert_decodes(literal, sizeof(literal) - 1, shown)

/* Refused, whole and byte by byte, with the same words, in which `why` is found. */
static void assert_refused(const char *pickle, size_t len, enum platoon_status status,
                           const char *why)
{
    platoon_value *v = NULL;
    struct platoon_err whole = {0}, cut = {0};
    struct decoder *d = decoder_new(NULL, 0);

    assert_int_equal(platoon_pickle_decode(pickle, len, NULL, &v, &whole), status);
    assert_null(v);
    if (!strstr(whole.message, why))
        fail_msg("\"%s\" is not in: %s", why, whole.message);
    assert_non_null(d);
    for (size_t i = 0; i < len && decoder_status(d) == PLATOON_OK; i++)
        (void)decoder_feed(d, pickle + i, 1, &cut); /* its status is looked at */
    if (decoder_status(d) != PLATOON_OK)
        assert_string_equal(cut.message, whole.message);
    decoder_free(d);
}
#define ASSERT_REFUSED(literal, why)                                                               \
    assert_refused(literal, sizeof(literal) - 1, PLATOON_EPICKLE, why)

TEST(malformed_pickles_are_refused_with_the_opcode_and_the_reason)
{
    ASSERT_REFUSED("", "no end (STOP)");
    ASSERT_REFUSED("N", "no end (STOP)");
    ASSERT_REFUSED(".", "0 values and 0 marks are left");
    ASSERT_REFUSED("NN.", "2 values and 0 marks are left");
    ASSERT_REFUSED("(N.", "1 values and 1 marks are left");
    ASSERT_REFUSED("N.N", "bytes after the end");
    ASSERT_REFUSED("\xff", "byte 0 (no opcode): 0xff is no opcode");
    ASSERT_REFUSED("\x80\x06N.", "protocol 6");
    ASSERT_REFUSED("0", "byte 0 (POP): the stack is empty");
    ASSERT_REFUSED("1", "(POP_MARK): no MARK");
    ASSERT_REFUSED("2", "(DUP): the stack is empty");
    ASSERT_REFUSED("Na", "(APPEND): the stack is empty");
    ASSERT_REFUSED("N(2", "(DUP): the stack is empty"); /* the MARK hides it */
    ASSERT_REFUSED("(e", "(APPENDS): the stack is empty");
    ASSERT_REFUSED("(]K\x01(e.", "the value below is of type int, not list");
    ASSERT_REFUSED(")K\x01\x61.", "(APPEND): the value below is of type tuple, not list");
    ASSERT_REFUSED("]NNs.", "(SETITEM): the value below is of type list, not dict");
    ASSERT_REFUSED("](N\x90.", "(ADDITEMS): the value below is of type list, not set");
    ASSERT_REFUSED("}(Nu.", "a key without a value");
    ASSERT_REFUSED("(Nd.", "a key without a value");
    ASSERT_REFUSED("}]Ns.", "holds a value of type list, which cannot be one");
    ASSERT_REFUSED("}]\x85Ns.", "holds a value of type list, which cannot be one");
    ASSERT_REFUSED("\x8f(}\x90.", "holds a value of type dict, which cannot be one");
    ASSERT_REFUSED("(\x8f\x91.", "holds a value of type set, which cannot be one");
    ASSERT_REFUSED("h\x00.", "memo entry 0 was never set");
    ASSERT_REFUSED("Nq\x01h\x00.", "memo entry 0 was never set");
    ASSERT_REFUSED("Np-1\n.", "no decimal number");
    ASSERT_REFUSED("q\x01.", "(BINPUT): the stack is empty");
    ASSERT_REFUSED("\x94.", "(MEMOIZE): the stack is empty");
    ASSERT_REFUSED("I1x\n.", "not a decimal integer");
    ASSERT_REFUSED("I\n.", "not a decimal integer");
    ASSERT_REFUSED("I012\n.", "leading zeros");
    ASSERT_REFUSED("L-L\n.", "not a decimal integer");
    ASSERT_REFUSED("F1.5e\n.", "not a decimal float");
    ASSERT_REFUSED("F0x10\n.", "not a decimal float");
    ASSERT_REFUSED("S'abc\n.", "without its quotes");
    ASSERT_REFUSED("S'a\\'\n.", "ends in an escape");
    ASSERT_REFUSED("S'\\x1g'\n.", "\\x escape");
    ASSERT_REFUSED("V\\u12\n.", "\\u escape");
    ASSERT_REFUSED("V\\U00110000\n.", "\\u escape");
    ASSERT_REFUSED("\x8c\x01\x80.", "not UTF-8");
    ASSERT_REFUSED("\x8c\x02\xc0\x80.", "not UTF-8");
    ASSERT_REFUSED("\x8b\xff\xff\xff\xff.", "negative length");
    ASSERT_REFUSED("T\xff\xff\xff\xff.", "negative length");
    ASSERT_REFUSED("NNR.", "type NoneType is called");
    ASSERT_REFUSED("cos\nsystem\nNR.", "arguments of a call are of type NoneType");
    ASSERT_REFUSED("N}b.", "state for a value of type NoneType");
    ASSERT_REFUSED("(o.", "nothing to call");
    ASSERT_REFUSED("NN\x93.", "no text");
    ASSERT_REFUSED("\x82\x01.", "extension codes");
    ASSERT_REFUSED("Pid\n.", "persistent ids");
    ASSERT_REFUSED("NQ.", "persistent ids");
    ASSERT_REFUSED("\x97.", "out-of-band");
    ASSERT_REFUSED("c_codecs\nencode\n\x8c\x03\xe2\x82\xac\x8c\x06latin1\x86R.", "above U+00FF");
}

TEST(forms_that_only_old_picklers_write_are_read)
{
    ASSERT_DECODES("I01\n.", "True");
    ASSERT_DECODES("I00\n.", "False");
    ASSERT_DECODES("I-5\n.", "-5");
    ASSERT_DECODES("L123456789012345678901234567890L\n.", "123456789012345678901234567890");
    ASSERT_DECODES("L-123456789012345678901234567890\n.", "-123456789012345678901234567890");
    ASSERT_DECODES("F-1.5e300\n.", "-1.5e+300");
    ASSERT_DECODES("F-inf\n.", "-inf");
    ASSERT_DECODES("S'a\\x41\\101\\n\\'\\q'\n.", "\"aAA\\n'\\\\q\"");
    ASSERT_DECODES("S'\\xff'\n.", "b'\\xff'"); /* decode.h: not ASCII, so bytes */
    ASSERT_DECODES("Va\\u20ac\\U0001f600\\\\u0041\xe9\n.",
                   "'a\xe2\x82\xac\xf0\x9f\x98\x80\\\\\\\\u0041\xc3\xa9'");
    ASSERT_DECODES("(lI1\naI2\na.", "[1, 2]");
    ASSERT_DECODES("(dI1\nI2\ns.", "{1: 2}");
    ASSERT_DECODES("(I1\nI2\nt.", "(1, 2)");
    ASSERT_DECODES("((N2(N0110N.", "None"); /* POPs of values and of marks */
    ASSERT_DECODES("c__builtin__\nset\n((lI1\natR.", "{1}");
    ASSERT_DECODES("c__builtin__\nbytearray\n(V\xff\nS'latin-1'\ntR.", "bytearray(b'\\xff')");
    ASSERT_DECODES("cbuiltins\nlist\n]\x85R.", "[]");
    ASSERT_DECODES("cbuiltins\ndict\n](K\x01K\x02\x86\x65\x85R.", "{1: 2}");
    ASSERT_DECODES("cbuiltins\nbytes\n](K\x01K\xff\x65\x85R.", "b'\\x01\\xff'");
    ASSERT_DECODES("cbuiltins\nbytes\n)R.", "b''");
}

TEST(a_constructor_that_is_not_called_as_python_does_is_opaque)
{
    static const char *const pickles[] = {
        "cbuiltins\nset\n.",             /* the class itself */
        "cbuiltins\nset\n\x85.",         /* in a tuple */
        "cbuiltins\nbytes\nK\x05\x85R.", /* five zero bytes, or five billion */
        "cbuiltins\nset\n)\x81.",        /* by NEWOBJ */
        "cbuiltins\nset\ncbuiltins\nlist\n\x85R.",
        "cbuiltins\ncomplex\nK\x01K\x02\x86R.",
        "c_codecs\nencode\n\x8c\x01x\x8c\x05rot13\x86R.",
        "cmine\nset\n)R.",
    };

    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        platoon_value *v = NULL;
        size_t len = 0;

        assert_int_equal(platoon_pickle_decode(pickles[i], strlen(pickles[i]), NULL, &v, NULL),
                         PLATOON_OK);
        assert_int_equal(platoon_value_kind(v), PLATOON_OPAQUE);
        assert_ptr_not_equal(platoon_as_bytes(v, &len), pickles[i]);
        assert_int_equal(len, strlen(pickles[i]));
        assert_memory_equal(platoon_as_bytes(v, NULL), pickles[i], len);
        platoon_value_unref(v);
    }
}

TEST(memo_entries_may_have_any_number)
{
    ASSERT_DECODES("(]r\xff\xff\xff\xff]r\x00\x00\x00\x80j\xff\xff\xff\xffj\x00\x00\x00\x80t.",
                   "([], [], [], [])");
    ASSERT_DECODES("K\x01p999999999999999999\n0g999999999999999999\n.", "1");
    /* set far out first, then reached by counting: the later one counts */
    ASSERT_DECODES("(K\x01p2000\n0K\x02p2000\n0g2000\nt.", "(2,)");
}

TEST(memoize_counts_entries_not_numbers)
{
    ASSERT_DECODES("(K\x07q\x05K\x08\x94h\x01h\x05t.", "(7, 8, 8, 7)");
}

TEST(a_list_can_contain_itself)
{
    platoon_value *v = NULL;

    assert_int_equal(DECODE("]\x94h\x00\x61.", NULL, &v, NULL), PLATOON_OK);
    assert_ptr_equal(platoon_item(v, 0), v);
    platoon_value_unref(v); /* nothing leaks: the sanitizer's build says */
}

TEST(limits_hold)
{
    struct platoon_pickle_limits limits = {.max_depth = 3};
    platoon_value *v = NULL;
    struct platoon_err err;

    assert_int_equal(DECODE("]]]\x61\x61.", &limits, &v, &err), PLATOON_OK);
    platoon_value_unref(v);
    assert_int_equal(DECODE("]]]]\x61\x61\x61.", &limits, &v, &err), PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "nested more than 3 deep"));
    assert_int_equal(DECODE(")\x85\x85\x85.", &limits, &v, &err), PLATOON_ELIMIT);
    assert_int_equal(DECODE("((((", &limits, &v, &err), PLATOON_ELIMIT);

    limits = (struct platoon_pickle_limits){.max_nodes = 3};
    assert_int_equal(DECODE("NN\x86.", &limits, &v, &err), PLATOON_OK);
    platoon_value_unref(v);
    assert_int_equal(DECODE("(NNNt.", &limits, &v, &err), PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "more than 3 values"));

    limits = (struct platoon_pickle_limits){.max_bytes = 5};
    assert_int_equal(DECODE("NNN00.", &limits, &v, &err), PLATOON_ELIMIT);
    assert_int_equal(DECODE("\x8c\x04"
                            "abcd.",
                            &limits, &v, &err),
                     PLATOON_ELIMIT);
    assert_int_equal(DECODE("\x8c\x02"
                            "ab.",
                            &limits, &v, &err),
                     PLATOON_OK);
    platoon_value_unref(v);
}

TEST(announced_lengths_cost_nothing)
{
    platoon_value *v = NULL;
    struct platoon_err err;

    assert_int_equal(DECODE("\x8e\xff\xff\xff\xff\xff\xff\xff\xff", NULL, &v, &err),
                     PLATOON_ELIMIT);
    assert_int_equal(DECODE("B\xff\xff\xff\x0f"
                            "abc",
                            NULL, &v, &err),
                     PLATOON_EPICKLE);
    assert_int_equal(DECODE("X\xff\xff\xff\xff"
                            "abc",
                            NULL, &v, &err),
                     PLATOON_ELIMIT);
}

TEST(copies_of_one_list_count_against_the_limit)
{
    /* list(x), again and again for four bytes each, of a list of 1000 */
    struct platoon_pickle_limits limits = {.max_nodes = 100000};
    char *pickle = malloc(200000), *p = pickle;
    platoon_value *v = NULL;

    assert_non_null(pickle);
    p += sprintf(p, "(cbuiltins\nlist\nq%c](", 1);
    for (int i = 0; i < 1000; i++)
        *p++ = 'N';
    p += sprintf(p, "e\x85q%c", 2);
    for (int i = 0; i < 10000; i++)
        p += sprintf(p, "h%ch%cR0", 1, 2);
    p += sprintf(p, "l.");
    assert_int_equal(platoon_pickle_decode(pickle, (size_t)(p - pickle), &limits, &v, NULL),
                     PLATOON_ELIMIT);
    free(pickle);
}

TEST(nests_of_a_hundred_thousand_levels_pass_where_the_limit_allows)
{
    enum { DEPTH = 100000 };
    struct platoon_pickle_limits limits = {.max_depth = DEPTH + 1};
    char *pickle = malloc(4 * DEPTH + 10), *p;
    const char *const inner[] = {"]", ")", "}N"}, *const outer[] = {"a", "\x85", "s"};

    assert_non_null(pickle);
    for (int kind = 0; kind < 3; kind++) {
        platoon_value *v = NULL, *back = NULL;
        struct platoon_err err;
        void *data = NULL;
        size_t len = 0;
        char *text;

        p = pickle;
        for (int i = 0; i < DEPTH && kind != 1; i++)
            p += sprintf(p, "%s", inner[kind]);
        p += sprintf(p, "%s", kind == 1 ? ")" : "N");
        for (int i = 0; i < DEPTH; i++)
            p += sprintf(p, "%s", outer[kind]);
        *p++ = '.';
        if (platoon_pickle_decode(pickle, (size_t)(p - pickle), &limits, &v, &err) != PLATOON_OK)
            fail_msg("%s", err.message);
        assert_int_equal(platoon_pickle_decode(pickle, (size_t)(p - pickle), NULL, &back, &err),
                         PLATOON_ELIMIT);
        assert_int_equal(platoon_pickle_encode(v, 4, &data, &len, &err), PLATOON_OK);
        assert_int_equal(platoon_pickle_decode(data, len, &limits, &back, &err), PLATOON_OK);
        assert_true(platoon_equal(v, back));
        text = platoon_repr(v);
        assert_non_null(text);
        free(text);
        text = platoon_json(v);
        assert_non_null(text);
        free(text);
        free(data);
        platoon_value_unref(back);
        platoon_value_unref(v);
    }
    free(pickle);
}

TEST(objects_can_be_looked_at)
{
    static const char pickle[] = "\x80\x04\x8c\x08"
                                 "builtins\x8c\x0a"
                                 "ValueError\x93\x8c\x03"
                                 "bad\x85R}\x8c\x04"
                                 "noteK\x07sb.";
    platoon_value *v = NULL;
    char *text;

    assert_int_equal(platoon_pickle_inspect(pickle, sizeof pickle - 1, NULL, &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_value_kind(v), PLATOON_OBJECT);
    assert_string_equal(platoon_as_str(platoon_item(v, 0), NULL), "builtins");
    assert_string_equal(platoon_as_str(platoon_item(v, 1), NULL), "ValueError");
    assert_int_equal(platoon_len(platoon_item(v, 2)), 1);
    assert_non_null(platoon_dict_get(platoon_item(v, 3), "note"));
    text = platoon_repr(v);
    assert_string_equal(text, "<builtins.ValueError('bad') state={'note': 7}>");
    free(text);
    text = platoon_json(v);
    assert_string_equal(text, "{\"object\": \"builtins.ValueError\", \"args\": [\"bad\"], "
                              "\"state\": {\"note\": 7}}");
    free(text);
    assert_int_equal(platoon_pickle_encode(v, 4, &(void *){NULL}, &(size_t){0}, NULL),
                     PLATOON_ETYPE);
    platoon_value_unref(v);
}

TEST(objects_may_contain_themselves_and_be_called_in_turn)
{
    static const char pickle[] = "\x80\x02"
                                 "cm\nC\n)\x81q\x00}U\x02meh\x00sb0"
                                 "(lh\x00\x61" /* a list with the object */
                                 "cbuiltins\ngetattr\nh\x00U\x01"
                                 "f\x86R)R"                  /* getattr(obj, 'f')() */
                                 "cm\nD\n)}U\x01kK\x01s\x92" /* NEWOBJ_EX */
                                 "(im\nE\n"                  /* INST */
                                 "\x87\x86.";
    platoon_value *v = NULL;
    struct platoon_err err;
    char *text;

    if (platoon_pickle_inspect(pickle, sizeof pickle - 1, NULL, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    text = platoon_repr(v);
    assert_string_equal(text, "([<m.C() state={'me': <...>}>], (builtins.getattr(<m.C() "
                              "state={'me': <...>}>, 'f')(), m.D(**{'k': 1}), m.E()))");
    free(text);
    text = platoon_json(v);
    assert_non_null(strstr(text, "\"kwargs\": {\"k\": 1}"));
    free(text);
    platoon_value_unref(v);
}

TEST(an_opaque_value_is_checked_when_it_is_made)
{
    platoon_value *v = platoon_opaque("cos\nsystem\n.", 12);

    assert_non_null(v);
    assert_int_equal(platoon_value_kind(v), PLATOON_OPAQUE);
    platoon_value_unref(v);
    assert_null(platoon_opaque("cos\nsystem\n", 11));
    assert_null(platoon_opaque("", 0));
}
