/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/mem.h"
#include "pickle/payload.h"
#include "support/pickle_text.h"

/* --- helpers --------------------------------------------------------------------------------- */

/* A rope of `len` bytes in blocks of `piece`. */
static void fill_rope(struct rope *r, const uint8_t *data, size_t len, size_t piece)
{
    rope_init(r);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        struct block *b = block_new(n);

        assert_non_null(b);
        memcpy(b->data, data + at, n);
        assert_true(rope_append_block(r, b, 0, n));
        block_unref(b);
    }
}

static void assert_rope(const struct rope *r, const char *expected)
{
    size_t len;
    uint8_t *bytes = pickle_from_text(expected, &len), *got = malloc((size_t)r->len + 1);

    assert_non_null(got);
    rope_copy_out(r, 0, got, (size_t)r->len);
    if (r->len != len || memcmp(got, bytes, len) != 0) {
        for (size_t i = 0; i < r->len; i++)
            print_message("%02x", got[i]);
        fail_msg(" is not %s", expected);
    }
    free(bytes);
    free(got);
}

static struct scan *scan_bytes(enum scan_mode mode, const uint8_t *data, size_t len)
{
    struct scan *s = scan_new(mode, NULL);
    struct platoon_err err = {0};

    assert_non_null(s);
    if (scan_feed(s, data, len, &err) != SCAN_DONE)
        fail_msg("%s", err.message);
    return s;
}

/* The payload of argument `nth` (-1: the first keyword's) of a request written as text. */
static struct payload *cut_arg(const char *text, int nth, size_t piece)
{
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);
    struct scan *s = scan_bytes(SCAN_REQUEST, data, len);
    struct scan_request r;
    struct payload *p = NULL;
    struct rope frame;

    scan_request(s, &r);
    fill_rope(&frame, data, len, piece ? piece : len);
    assert_int_equal(payload_cut(s, nth < 0 ? &r.kwds[0].value : &r.args[nth], &frame, &p),
                     PLATOON_OK);
    rope_release(&frame);
    scan_free(s);
    free(data);
    return p;
}

static void assert_cut(const char *text, int nth, const char *expected)
{
    for (size_t piece = 0; piece < 12; piece++) {
        struct payload *p = cut_arg(text, nth, piece);

        assert_rope(&p->pickle, expected);
        assert_int_equal(payload_bytes(p), p->pickle.len);
        assert_int_equal(p->pickle.n_segments, 1); /* small: a block of its own */
        assert_int_equal(p->pickle.segments[0].block->size, p->pickle.len);
        payload_unref(p);
    }
}

#define HEAD4 "8004 28 8c02'id'94 8c03'put'94 "
#define TAIL4 " 7d94 74 94 2e"
#define HEAD2 "8002 28 5802000000'id'7100 5803000000'put'7101 "
#define TAIL2 " 7d7109 74 710a 2e"

/* --- cutting --------------------------------------------------------------------------------- */

TEST(payload_without_references_is_the_bytes_alone)
{
    assert_cut(HEAD4 "4b07 85" TAIL4, 0, "8004 4b07 2e");
    assert_cut(HEAD4 "5d94 28 4b01 4b02 65 85" TAIL4, 0, "8004 5d94 28 4b01 4b02 65 2e");
    assert_cut(HEAD2 "5d7102 28 4b01 4b02 65 85" TAIL2, 0, "8002 5d7102 28 4b01 4b02 65 2e");
    assert_cut(HEAD4 "4b07 88 86" TAIL4, 1, "8004 88 2e");
    assert_cut(HEAD4 "28 4b07 88 4b08 4b09 74" TAIL4, 2, "8004 4b08 2e");
    assert_cut(HEAD4 "29 7d94 8c04'item'94 5d94 73 74 2e", -1, "8004 5d94 2e");
}

TEST(payload_with_references_inside_gets_a_padded_memo)
{
    assert_cut(HEAD4 "5d94 6802 61 85" TAIL4, 0, "8004 4e 9494 30 5d94 6802 61 2e");
    /* t = ([],); t[0].append(t) */
    assert_cut(HEAD4 "5d94 6802 85 94 61 30 6803 85" TAIL4, 0,
               "8004 4e 9494 30 5d94 6802 85 94 61 30 6803 2e");
}

TEST(payload_with_references_outside_replays_what_came_before)
{
    assert_cut(HEAD4 "6801 85" TAIL4, 0, "8004 28 8c02'id'94 8c03'put'94 31 6801 2e");
    /* numbered by the pickler: the prefix, even though the references stay inside */
    assert_cut(HEAD2 "5d7102 6802 61 85" TAIL2, 0,
               "8002 28 5802000000'id'7100 5803000000'put'7101 31 5d7102 6802 61 2e");
    /* two MARKs are open before the items of args */
    assert_cut(HEAD4 "28 4b01 6801 4b03 4b04 74" TAIL4, 1,
               "8004 28 8c02'id'94 8c03'put'94 28 4b01 3131 6801 2e");
    /* after other keywords: args and the dict are built and dropped */
    assert_cut(HEAD4 "29 7d94 28 8c04'item'94 6801 75 74 2e", -1,
               "8004 28 8c02'id'94 8c03'put'94 29 7d94 28 8c04'item'94 3131 6801 2e");
}

TEST(payload_holds_no_frames)
{
    assert_cut("8004 95 1000000000000000 28 8c02'id'94 8c03'put'94 95 0400000000000000 5d94 28 95 "
               "0000000000000000 4b01 95 0200000000000000 65 85 7d 94 74 94 2e",
               0, "8004 5d94 28 4b01 65 2e");
    /* nor does its prefix */
    assert_cut("8004 95 1000000000000000 28 8c02'id'94 95 0400000000000000 8c03'put'94 95 "
               "0000000000000000 6801 85 7d 94 74 94 2e",
               0, "8004 28 8c02'id'94 8c03'put'94 31 6801 2e");
}

TEST(payload_stays_on_its_side_of_the_border_between_protocols_2_and_3)
{
    assert_cut("28 4e 'Vput' 0a 4b01 85 7d 74 2e", 0, "8002 4b01 2e"); /* no PROTO at all */
    assert_cut("8000 28 4e 'Vput' 0a 4b01 85 7d 74 2e", 0, "8002 4b01 2e");
    assert_cut("8001 28 4e 'Vput' 0a 4b01 85 7d 74 2e", 0, "8002 4b01 2e");
    assert_cut("8003 28 4e 'Vput' 0a 4b01 85 7d 74 2e", 0, "8003 4b01 2e");
    /* 5 only where it is needed: more readers understand 4 */
    assert_cut("8005 28 4e 'Vput' 0a 4b01 85 7d 74 2e", 0, "8004 4b01 2e");
    assert_cut("8005 28 4e 'Vput' 0a 96 0100000000000000 'x' 85 7d 74 2e", 0,
               "8005 96 0100000000000000 'x' 2e");
}

TEST(payload_tells_what_its_bytes_hold)
{
    struct payload *p = cut_arg(HEAD4 "8c05'hello'94 85" TAIL4, 0, 0);

    assert_int_equal(p->kind, SCAN_TEXT);
    assert_int_equal(p->flags, 0);
    assert_int_equal(p->protocol, 4);
    payload_unref(p);
    p = cut_arg(HEAD4 "6801 85" TAIL4, 0, 0);
    assert_int_equal(p->kind, SCAN_TEXT);
    assert_int_equal(p->flags, SCAN_HAS_GET); /* a whole pickle refers to nothing outside */
    payload_unref(p);
    /* a class named before the value comes along with the prefix */
    p = cut_arg(HEAD4 "'cm' 0a 'n' 0a 94 6802 29 81 86" TAIL4, 1, 0);
    assert_int_equal(p->flags, SCAN_HAS_GET | SCAN_HAS_GLOBAL);
    payload_unref(p);
    /* a class named after it does not */
    p = cut_arg(HEAD4 "6801 'cm' 0a 'n' 0a 86" TAIL4, 0, 0);
    assert_int_equal(p->flags, SCAN_HAS_GET);
    payload_unref(p);
}

static void fill_text(char *text, size_t n)
{
    memset(text, 'x', n);
}

TEST(payload_shares_the_blocks_of_a_large_value)
{
    enum { LARGE = 100000 };
    static uint8_t data[LARGE + 64];
    size_t n, len, heap;
    uint8_t *head = pickle_from_text("8004 28 8c02'id'94 8c03'put'94 58 a0860100", &n);
    uint8_t *tail = pickle_from_text("94 85 7d94 74 94 2e", &len);
    struct scan *s;
    struct scan_request r;
    struct rope frame, reply;
    struct payload *p;

    memcpy(data, head, n);
    fill_text((char *)data + n, LARGE);
    memcpy(data + n + LARGE, tail, len);
    len += n + LARGE;
    s = scan_bytes(SCAN_REQUEST, data, len);
    scan_request(s, &r);
    fill_rope(&frame, data, len, 4096);
    heap = heap_in_use();
    assert_int_equal(payload_cut(s, &r.args[0], &frame, &p), PLATOON_OK);
    assert_true(heap_in_use() - heap < 4096);
    assert_int_equal(p->pickle.len, 2 + 5 + LARGE + 1 + 1);
    rope_init(&reply);
    assert_true(payload_append_reply(p, 4, &reply));
    assert_true(heap_in_use() - heap < 8192);
    rope_release(&frame); /* the payload holds its blocks itself */
    assert_int_equal(reply.len, 2 + 12 + 5 + LARGE + 1 + 2);
    rope_copy_out(&reply, 14, data, 5 + LARGE);
    assert_memory_equal(data, "X\xa0\x86\x01\x00xxxxx", 10);
    payload_unref(p);
    rope_release(&reply);
    scan_free(s);
    free(head);
    free(tail);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void assert_reply(const char *request, int reader_protocol, const char *expected)
{
    struct payload *p = cut_arg(request, 0, 0);
    struct rope r;

    rope_init(&r);
    assert_true(rope_append_copy(&r, "before", 6));
    assert_true(payload_append_reply(p, reader_protocol, &r));
    payload_unref(p);
    {
        struct rope rest;

        rope_init(&rest);
        assert_true(rope_append_range(&rest, &r, 6, r.len));
        assert_rope(&rest, expected);
        rope_release(&rest);
    }
    rope_release(&r);
}

#define RETURN "58 07000000 '#RETURN' "

TEST(payload_reply_is_return_and_the_body)
{
    assert_reply(HEAD4 "4b07 85" TAIL4, 4, "8004 " RETURN "4b07 86 2e");
    assert_reply(HEAD4 "4b07 85" TAIL4, 3, "8004 " RETURN "4b07 86 2e"); /* 3.6 reads 4 */
    assert_reply(HEAD2 "4b07 85" TAIL2, 4, "8002 " RETURN "4b07 86 2e");
    assert_reply(HEAD2 "4b07 85" TAIL2, 2, "8002 " RETURN "4b07 86 2e");
    assert_reply(HEAD4 "6801 85" TAIL4, 4,
                 "8004 " RETURN "28 8c02'id'94 8c03'put'94 31 6801 86 2e");
}

TEST(payload_is_written_anew_for_readers_that_could_not_load_it)
{
    /* Python 2 */
    assert_reply(HEAD4 "8c01'a'94 85" TAIL4, 2, "8002 " RETURN "58 01000000 'a' 86 2e");
    assert_reply(HEAD4 "6801 85" TAIL4, 2, "8002 " RETURN "58 03000000 'put' 86 2e");
    /* Python 3.6 and 3.7 do not know BYTEARRAY8 */
    assert_reply("8005 28 4e 'Vput' 0a 96 0100000000000000 'x' 85 7d 74 2e", 4,
                 "8005 " RETURN "96 0100000000000000 'x' 86 2e");
    assert_reply("8005 28 4e 'Vput' 0a 96 0100000000000000 'x' 85 7d 74 2e", 3,
                 "8004 " RETURN "'cbuiltins' 0a 'bytearray' 0a 43 01 'x' 85 52 86 2e");
    /* what names globals cannot be: as it is */
    assert_reply(HEAD4 "'cm' 0a 'n' 0a 85" TAIL4, 2, "8004 " RETURN "'cm' 0a 'n' 0a 86 2e");
}

/* --- values and pickles
 * ------------------------------------------------------------------------ */

static void assert_decodes(const char *request, const char *expected)
{
    for (size_t piece = 0; piece < 3; piece++) {
        struct payload *p = cut_arg(request, 0, piece);
        struct platoon_err err = {0};
        platoon_value *v = NULL;
        char *repr;

        if (payload_decode(p, NULL, &v, &err) != PLATOON_OK)
            fail_msg("%s", err.message);
        repr = platoon_repr(v);
        assert_string_equal(repr, expected);
        free(repr);
        platoon_value_unref(v);
        payload_unref(p);
    }
}

TEST(payload_decodes_to_the_value)
{
    assert_decodes(HEAD4 "4b07 85" TAIL4, "7");
    assert_decodes(HEAD4 "6801 85" TAIL4, "'put'");
    assert_decodes(HEAD4 "28 6800 6801 5d94 8c01'a'94 61 6802 74 94 85" TAIL4,
                   "('id', 'put', ['a'], ['a'])");
    assert_decodes(HEAD4 "5d94 6802 85 94 61 30 6803 85" TAIL4, "([(...)],)");
    assert_decodes(HEAD2 "5d7102 6802 61 85" TAIL2, "[[...]]");
}

TEST(payload_that_names_globals_decodes_to_its_pickle)
{
    struct payload *p = cut_arg(HEAD4 "'cm' 0a 'n' 0a 29 52 85" TAIL4, 0, 0);
    platoon_value *v = NULL;
    size_t len;
    const void *bytes;

    assert_int_equal(payload_decode(p, NULL, &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_value_kind(v), PLATOON_OPAQUE);
    bytes = platoon_as_bytes(v, &len);
    assert_int_equal(len, p->pickle.len);
    assert_memory_equal(bytes, rope_flat(&p->pickle), len);
    platoon_value_unref(v);
    payload_unref(p);
}

TEST(payload_of_many_blocks_decodes_without_being_copied_together)
{
    enum { N = 20000 };
    static uint8_t data[9 * N + 64];
    size_t n, len;
    uint8_t *head = pickle_from_text(HEAD4 "5d94 28", &n);
    uint8_t *tail = pickle_from_text("65 85" TAIL4, &len);
    struct scan *s;
    struct scan_request r;
    struct rope frame;
    struct payload *p;
    platoon_value *v = NULL;

    memcpy(data, head, n);
    for (size_t i = 0; i < N; i++)
        memcpy(data + n + 9 * i, "G\x3f\xf8\0\0\0\0\0\0", 9);
    memcpy(data + n + (size_t)9 * N, tail, len);
    len += n + (size_t)9 * N;
    s = scan_bytes(SCAN_REQUEST, data, len);
    scan_request(s, &r);
    fill_rope(&frame, data, len, 1000);
    assert_int_equal(payload_cut(s, &r.args[0], &frame, &p), PLATOON_OK);
    assert_true(p->pickle.n_segments > 100);
    assert_int_equal(payload_decode(p, NULL, &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_len(v), N);
    platoon_value_unref(v);
    payload_unref(p);
    rope_release(&frame);
    scan_free(s);
    free(head);
    free(tail);
}

TEST(payload_from_a_value_is_its_pickle)
{
    platoon_value *v = platoon_list(), *shared = platoon_list();
    struct payload *p;

    assert_int_equal(platoon_append(v, platoon_int(7)), PLATOON_OK);
    assert_int_equal(payload_from_value(v, 4, &p), PLATOON_OK);
    assert_int_equal(p->flags & SCAN_HAS_GET, 0);
    assert_int_equal(p->kind, SCAN_COMPOUND);
    assert_int_equal(p->protocol, 4);
    payload_unref(p);
    assert_int_equal(platoon_append(v, platoon_value_ref(shared)), PLATOON_OK);
    assert_int_equal(platoon_append(v, shared), PLATOON_OK);
    assert_int_equal(payload_from_value(v, 2, &p), PLATOON_OK);
    assert_int_equal(p->flags, SCAN_HAS_GET | SCAN_HAS_EXPLICIT_PUT);
    assert_int_equal(p->protocol, 2);
    payload_unref(p);
    platoon_value_unref(v);
    v = platoon_str("text");
    assert_int_equal(payload_from_value(v, 2, &p), PLATOON_OK);
    assert_rope(&p->pickle, "8002 58 04000000 'text' 2e");
    assert_int_equal(p->kind, SCAN_TEXT);
    payload_unref(p);
    platoon_value_unref(v);
}

static struct payload *from_pickle(const char *text)
{
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);
    struct scan *s = scan_bytes(SCAN_VALUE, data, len);
    struct rope bytes;
    struct payload *p = NULL;

    fill_rope(&bytes, data, len, 3);
    assert_int_equal(payload_from_pickle(s, &bytes, &p), PLATOON_OK);
    rope_release(&bytes);
    scan_free(s);
    free(data);
    return p;
}

TEST(payload_from_a_pickle_is_that_pickle_without_frames)
{
    struct payload *p = from_pickle("8004 95 0500000000000000 5d94 6800 61 2e");

    assert_rope(&p->pickle, "8004 5d94 6800 61 2e");
    assert_int_equal(p->flags, SCAN_HAS_GET);
    assert_int_equal(p->kind, SCAN_COMPOUND);
    payload_unref(p);
    p = from_pickle("4b01 2e");
    assert_rope(&p->pickle, "8002 4b01 2e");
    assert_int_equal(p->kind, SCAN_INT);
    payload_unref(p);
    /* what payload_cut() makes is such a pickle */
    p = from_pickle("8004 28 8c02'id'94 8c03'put'94 31 6801 2e");
    assert_rope(&p->pickle, "8004 28 8c02'id'94 8c03'put'94 31 6801 2e");
    payload_unref(p);
}

TEST(payload_equality_is_that_of_the_bytes)
{
    struct payload *a = cut_arg(HEAD4 "5d94 28 4b01 4b02 65 85" TAIL4, 0, 1);
    struct payload *b =
        cut_arg("8004 28 8c05'other'94 8c0a'put_nowait'94 5d94 28 4b01 4b02 65 85" TAIL4, 0, 0);
    struct payload *c = cut_arg(HEAD4 "5d94 28 4b01 4b03 65 85" TAIL4, 0, 0);
    struct payload *d = cut_arg(HEAD2 "5d94 28 4b01 4b02 65 85" TAIL2, 0, 0);

    assert_true(payload_equal(a, b));
    assert_false(payload_equal(a, c));
    assert_false(payload_equal(a, d)); /* another protocol */
    payload_unref(a);
    payload_unref(b);
    payload_unref(c);
    payload_unref(d);
}

TEST(payload_lives_until_its_last_reference_goes)
{
    struct payload *p = cut_arg(HEAD4 "4b07 85" TAIL4, 0, 0);

    assert_ptr_equal(payload_ref(p), p);
    payload_unref(p);
    assert_int_equal(payload_bytes(p), 5); /* a sanitizer would know */
    payload_unref(p);
    payload_unref(NULL);
}

/* --- without memory --------------------------------------------------------------------------- */

/* A request that makes the scanner use everything it has: deep names, globals, frames, many
 * MARKs, scattered memo numbers, eight arguments and five keywords. */
static uint8_t *busy_request(size_t *out_len)
{
    static char text[65536];
    size_t n = (size_t)snprintf(text, sizeof text, "8004 28 8c02'id'94 8c03'put'94 28 ");

    for (int i = 0; i < 7; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "8c04'arg%d'94 ", i);
    n += (size_t)snprintf(text + n, sizeof text - n,
                          "5d94 28 28 28 28 28 28 28 28 28 29 74 74 74 74 74 74 74 74 ");
    for (int i = 0; i < 10; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "7d94 8c05'deep%d'94 4b01 73 'cm%d' 0a 'n' 0a 95 0000000000000000 71 %02x ", i, i,
            100 + 2 * i);
    n += (size_t)snprintf(text + n, sizeof text - n, "65 74 7d 94 28 ");
    for (int i = 0; i < 5; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "8c02'k%d'94 4b01 ", i);
    (void)snprintf(text + n, sizeof text - n, "75 74 2e");
    return pickle_from_text(text, out_len);
}

static bool try_request(const uint8_t *data, size_t len, const struct rope *frame)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    struct scan_request r;
    struct payload *p = NULL;
    struct rope reply;
    bool is_done = false;

    if (!s)
        return false;
    if (scan_feed(s, data, len, &err) != SCAN_DONE) {
        assert_int_equal(err.status, PLATOON_ENOMEM);
        scan_free(s);
        return false;
    }
    scan_request(s, &r);
    assert_int_equal(r.n_args, 8);
    assert_int_equal(r.n_kwds, 5);
    rope_init(&reply);
    for (size_t i = 0; i < r.n_args; i++) {
        payload_unref(p);
        p = NULL;
        if (payload_cut(s, &r.args[i], frame, &p) != PLATOON_OK)
            goto out;
    }
    is_done = payload_append_reply(p, 4, &reply);
    if (!is_done)
        assert_int_equal(reply.len, 0);
out:
    payload_unref(p);
    rope_release(&reply);
    scan_free(s);
    return is_done;
}

TEST(payload_and_scan_survive_any_allocation_that_fails)
{
    size_t len, nth = 0;
    uint8_t *data = busy_request(&len);
    struct rope frame;
    bool is_done, has_failed;

    fill_rope(&frame, data, len, 100);
    do {
        mem_fail_from(++nth);
        is_done = try_request(data, len, &frame);
        has_failed = mem_has_failed();
        mem_fail_from(0);
        assert_int_equal(is_done, !has_failed);
    } while (has_failed);
    assert_true(nth > 25);
    rope_release(&frame);
    free(data);
}

/* A value that must be decoded and encoded again, in many blocks. */
TEST(payload_that_is_written_anew_survives_any_allocation_that_fails)
{
    size_t len, nth = 0;
    uint8_t *data =
        pickle_from_text(HEAD4 "5d94 28 7d94 8c01'a'94 6802 73 8c03'abc'94 8f94 65 85" TAIL4, &len);
    struct scan *s = scan_bytes(SCAN_REQUEST, data, len);
    struct scan_request r;
    struct rope frame, reply;
    struct payload *p;
    bool is_done, has_failed;

    scan_request(s, &r);
    fill_rope(&frame, data, len, 3);
    assert_int_equal(payload_cut(s, &r.args[0], &frame, &p), PLATOON_OK);
    do {
        rope_init(&reply);
        mem_fail_from(++nth);
        is_done = payload_append_reply(p, 2, &reply);
        has_failed = mem_has_failed();
        mem_fail_from(0);
        assert_int_equal(is_done, !has_failed);
        if (!is_done)
            assert_int_equal(reply.len, 0);
        rope_release(&reply);
    } while (has_failed);
    assert_true(nth > 10);
    payload_unref(p);
    rope_release(&frame);
    scan_free(s);
    free(data);
}
