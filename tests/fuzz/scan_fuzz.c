/* SPDX-License-Identifier: Apache-2.0 */
/* scan_fuzz.c - any bytes as a request, and as a lone value: however they are cut into pieces,
 * the scanner finds the same; and what it accepts comes through as payload and reply. The first
 * byte chooses how to cut.
 *
 * For every argument of an accepted request: its payload is itself accepted, its replies are,
 * and where the decoder understands the request, it finds in the payload the value that stands
 * there. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pickle/encode.h"
#include "pickle/payload.h"
#include "pickle/scan.h"

static const struct scan_limits limits = {
    .max_bytes = 1 << 20, .max_depth = 200, .max_memo_ranges = 50};
static const struct platoon_pickle_limits decode_limits = {.max_depth = 1000, .max_nodes = 100000};

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Sizes of pieces: 1 to 16, from a sequence that `seed` begins. */
static size_t next_piece(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return 1 + (*seed >> 28);
}

static enum scan_state feed_in_pieces(struct scan *s, const uint8_t *data, size_t len,
                                      uint32_t seed, struct platoon_err *err)
{
    enum scan_state state = SCAN_MORE;

    for (size_t at = 0; at < len && state != SCAN_BAD;) {
        size_t n = next_piece(&seed);
        uint8_t *piece;

        if (n > len - at)
            n = len - at;
        piece = malloc(n); /* on its own, so that nobody reads beyond it unseen */
        CHECK(piece);
        memcpy(piece, data + at, n);
        state = scan_feed(s, piece, n, err);
        free(piece);
        at += n;
    }
    return state;
}

static void check_same_arg(const struct scan_arg *a, const struct scan_arg *b)
{
    CHECK(a->start == b->start && a->end == b->end && a->flags == b->flags);
    CHECK(a->open_marks == b->open_marks && a->memo_before == b->memo_before);
    CHECK(a->kind == b->kind && a->as_int == b->as_int && a->as_bool == b->as_bool);
    CHECK(memcmp(&a->as_float, &b->as_float, sizeof a->as_float) == 0);
    CHECK(a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0);
}

static void check_same(const struct scan *a, const struct scan *b, enum scan_mode mode)
{
    struct scan_request x, y;
    struct scan_arg root_x, root_y;
    size_t n_x, n_y;
    bool over_x, over_y;
    const void *p, *q;

    CHECK(scan_protocol(a) == scan_protocol(b));
    p = scan_gaps(a, &n_x);
    q = scan_gaps(b, &n_y);
    CHECK(n_x == n_y && (n_x == 0 || memcmp(p, q, n_x * sizeof(struct scan_gap)) == 0));
    p = scan_globals(a, &n_x, &over_x);
    q = scan_globals(b, &n_y, &over_y);
    CHECK(n_x == n_y && over_x == over_y && (n_x == 0 || memcmp(p, q, n_x) == 0));
    scan_root(a, &root_x);
    scan_root(b, &root_y);
    check_same_arg(&root_x, &root_y);
    if (mode == SCAN_VALUE)
        return;
    scan_request(a, &x);
    scan_request(b, &y);
    CHECK(x.ident_is_none == y.ident_is_none && strcmp(x.ident, y.ident) == 0);
    CHECK(strcmp(x.method, y.method) == 0 && x.n_args == y.n_args && x.n_kwds == y.n_kwds);
    for (size_t i = 0; i < x.n_args; i++)
        check_same_arg(&x.args[i], &y.args[i]);
    for (size_t i = 0; i < x.n_kwds; i++) {
        CHECK(strcmp(x.kwds[i].name, y.kwds[i].name) == 0);
        check_same_arg(&x.kwds[i].value, &y.kwds[i].value);
    }
}

static void fill_rope(struct rope *r, const uint8_t *data, size_t len, uint32_t seed)
{
    rope_init(r);
    for (size_t at = 0; at < len;) {
        size_t n = next_piece(&seed);
        struct block *b;

        if (n > len - at)
            n = len - at;
        b = block_new(n);
        CHECK(b);
        memcpy(b->data, data + at, n);
        CHECK(rope_append_block(r, b, 0, n));
        block_unref(b);
        at += n;
    }
}

static void check_is_pickle(const struct rope *r)
{
    struct scan *s = scan_new(SCAN_VALUE, NULL);
    struct platoon_err err;
    uint8_t *bytes = malloc((size_t)r->len);

    CHECK(s && bytes);
    rope_copy_out(r, 0, bytes, (size_t)r->len);
    if (scan_feed(s, bytes, (size_t)r->len, &err) != SCAN_DONE) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
    free(bytes);
    scan_free(s);
}

/* A value written down, with what it shares. Written, read and written again: how a value is
 * written can depend on what else, outside of it, its parts belonged to. */
static enum platoon_status write_down(const platoon_value *v, struct buf *out)
{
    platoon_value *again = NULL;
    enum platoon_status st = encode_message(out, v, 4, NULL);

    if (st != PLATOON_OK)
        return st;
    st = platoon_pickle_decode(out->data, out->len, &decode_limits, &again, NULL);
    buf_reset(out);
    if (st == PLATOON_OK)
        st = encode_message(out, again, 4, NULL);
    platoon_value_unref(again);
    return st;
}

static void show(const char *what, const struct buf *b)
{
    (void)fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < b->len; i++)
        (void)fprintf(stderr, "%02x", b->data[i]);
    (void)fprintf(stderr, "\n");
}

static void check_alike(const platoon_value *a, const platoon_value *b)
{
    struct buf x, y;

    buf_init(&x);
    buf_init(&y);
    x.max = y.max = 1 << 22;
    CHECK(write_down(a, &x) == write_down(b, &y));
    if (x.len != y.len || (x.len > 0 && memcmp(x.data, y.data, x.len) != 0)) {
        show("got     ", &x);
        show("expected", &y);
        abort();
    }
    buf_release(&x);
    buf_release(&y);
}

/* `expected` NULL: the decoder did not understand the request, or it names globals. */
static void check_arg(const struct scan *s, const struct scan_arg *arg, const struct rope *frame,
                      const platoon_value *expected)
{
    struct payload *p = NULL;
    struct rope reply;
    platoon_value *v = NULL;
    struct platoon_err err;

    CHECK(payload_cut(s, arg, frame, &p) == PLATOON_OK);
    check_is_pickle(&p->pickle);
    for (int protocol = 2; protocol <= 5; protocol++) {
        rope_init(&reply);
        CHECK(payload_append_reply(p, protocol, &reply));
        check_is_pickle(&reply);
        rope_release(&reply);
    }
    if (expected) {
        enum platoon_status st = payload_decode(p, &decode_limits, &v, &err);

        if (st != PLATOON_OK && st != PLATOON_ELIMIT) {
            (void)fprintf(stderr, "%s\n", err.message);
            abort();
        }
        if (st == PLATOON_OK)
            check_alike(v, expected);
        platoon_value_unref(v);
    }
    payload_unref(p);
}

/* Does a part of the request that begins at `from` or behind it refer to what is before it? Then
 * it may change that, which no pickler does, and whose payload does not show it. */
static bool has_references_back(const struct scan_request *r, uint64_t from)
{
    for (size_t i = 0; i < r->n_args; i++)
        if (r->args[i].start >= from && r->args[i].flags & SCAN_GET_OUTSIDE)
            return true;
    for (size_t i = 0; i < r->n_kwds; i++)
        if (r->kwds[i].value.start >= from && r->kwds[i].value.flags & SCAN_GET_OUTSIDE)
            return true;
    return false;
}

static void check_payloads(const struct scan *s, const uint8_t *data, size_t len, uint32_t seed)
{
    struct scan_request r;
    struct rope frame;
    platoon_value *v = NULL;
    const platoon_value *args, *kwds;

    scan_request(s, &r);
    fill_rope(&frame, data, len, seed);
    if (platoon_pickle_decode(data, len, &decode_limits, &v, NULL) != PLATOON_OK ||
        platoon_value_kind(v) == PLATOON_OPAQUE) {
        platoon_value_unref(v);
        v = NULL;
    }
    args = v ? platoon_item(v, 2) : NULL;
    kwds = v ? platoon_item(v, 3) : NULL;
    CHECK(!v || (platoon_len(args) == r.n_args && platoon_len(kwds) == r.n_kwds));
    for (size_t i = 0; i < r.n_args; i++) {
        bool is_compared = args && !has_references_back(&r, r.args[i].end);

        check_arg(s, &r.args[i], &frame, is_compared ? platoon_item(args, i) : NULL);
    }
    for (size_t i = 0; i < r.n_kwds; i++) {
        const struct scan_kwd *k = &r.kwds[i];
        bool is_compared = kwds && !has_references_back(&r, k->value.end);

        check_arg(s, &k->value, &frame, is_compared ? platoon_dict_get(kwds, k->name) : NULL);
    }
    platoon_value_unref(v);
    rope_release(&frame);
}

static void run(enum scan_mode mode, const uint8_t *data, size_t len, uint32_t seed)
{
    struct scan *whole = scan_new(mode, &limits), *pieces = scan_new(mode, &limits);
    struct platoon_err err_whole = {0}, err_pieces = {0};
    enum scan_state state;

    CHECK(whole && pieces);
    state = scan_feed(whole, data, len, &err_whole);
    CHECK(feed_in_pieces(pieces, data, len, seed, &err_pieces) == state);
    if (state == SCAN_BAD)
        CHECK(err_whole.status == err_pieces.status);
    if (state == SCAN_DONE) {
        check_same(whole, pieces, mode);
        if (mode == SCAN_REQUEST)
            check_payloads(whole, data, len, seed);
    }
    /* A scan that is used again remembers nothing. */
    scan_reset(pieces);
    CHECK(scan_feed(pieces, data, len, &err_pieces) == state);
    if (state == SCAN_DONE)
        check_same(whole, pieces, mode);
    scan_free(whole);
    scan_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    run(SCAN_REQUEST, data + 1, len - 1, data[0]);
    run(SCAN_VALUE, data + 1, len - 1, data[0]);
    return 0;
}
