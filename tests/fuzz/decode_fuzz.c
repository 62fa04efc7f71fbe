/* SPDX-License-Identifier: Apache-2.0 */
/* decode_fuzz.c - reaches the decoder, the encoder, comparison, repr and JSON, with the first byte
 * of an input saying how the rest is cut. What must hold:
 *
 * - fed in pieces it comes to the same end, with the same words, as fed whole
 * - what decodes encodes in every protocol, and decodes again to an equal value that looks the same
 * - what is opaque is a value that goes into a request, alone, and looks the same there
 * - nothing takes memory or time out of proportion (the fuzzer's own limits) */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/pickle.h>

#include "pickle/decode.h"
#include "pickle/encode.h"
#include "value/show.h"

static const struct platoon_pickle_limits limits = {
    .max_depth = 2000,
    .max_nodes = 200000,
    .max_bytes = 1 << 20,
};

enum { LONGEST_TEXT = 1 << 18 };

/* The text of a value, or as much of it as there is room for. */
static struct buf text_of(const platoon_value *v, void (*show)(struct buf *, const platoon_value *))
{
    struct buf text;

    buf_init(&text);
    text.max = LONGEST_TEXT;
    show(&text, v);
    assert(!text.has_failed || text.is_full);
    return text;
}

static void check_same_text(const platoon_value *a, const platoon_value *b)
{
    struct buf x = text_of(a, show_repr), y = text_of(b, show_repr);

    assert(x.is_full == y.is_full);
    assert(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
    buf_release(&x);
    buf_release(&y);
    x = text_of(a, show_json);
    buf_release(&x);
}

static void check_pieces(const uint8_t *data, size_t len, size_t piece, enum platoon_status wanted,
                         const struct platoon_err *wanted_err)
{
    struct decoder *d = decoder_new(&limits, 0);
    enum decoder_state state = DECODER_MORE;
    struct platoon_err err;
    platoon_value *v;

    assert(d);
    for (size_t at = 0; at < len && state != DECODER_FAILED; at += piece)
        state = decoder_feed(d, data + at, len - at < piece ? len - at : piece, &err);
    if (state == DECODER_DONE) {
        assert(wanted == PLATOON_OK);
        v = decoder_take(d);
        platoon_value_unref(v);
    } else if (state == DECODER_FAILED) {
        assert(wanted == decoder_status(d) && strcmp(err.message, wanted_err->message) == 0);
    } else {
        assert(wanted == PLATOON_EPICKLE);
    }
    decoder_free(d);
}

/* Whether a nan is in it, which is equal to nothing. */
static bool shows_nan(const platoon_value *v)
{
    struct buf text = text_of(v, show_repr);
    bool found = text.is_full || memmem(text.data, text.len, "nan", 3);

    buf_release(&text);
    return found;
}

static void check_plain(const platoon_value *v)
{
    for (int protocol = 2; protocol <= 4; protocol++) {
        platoon_value *back = NULL;
        void *data = NULL;
        size_t len = 0;
        enum platoon_status st = platoon_pickle_encode(v, protocol, &data, &len, NULL);

        assert(st == PLATOON_OK);
        st = platoon_pickle_decode(data, len, NULL, &back, NULL);
        assert(st == PLATOON_OK);
        check_same_text(v, back);
        assert(platoon_equal(v, back) || shows_nan(v));
        platoon_value_unref(back);
        free(data);
    }
}

static void check_opaque(platoon_value *opaque, const platoon_value *seen)
{
    platoon_value *args = platoon_tuple(1, platoon_value_ref(opaque)), *back = NULL;
    struct platoon_err err;
    struct buf out;
    enum platoon_status st;

    buf_init(&out);
    st = encode_request(&out, "ident", "put", args, NULL, 4, &err);
    if (st == PLATOON_OK) {
        st = platoon_pickle_inspect(out.data, out.len, NULL, &back, &err);
        assert(st == PLATOON_OK);
        check_same_text(platoon_item(platoon_item(back, 2), 0), seen);
        platoon_value_unref(back);
    } else {
        assert(st == PLATOON_ELIMIT); /* memo numbers of its own above 2 billion */
    }
    buf_release(&out);
    platoon_value_unref(args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    platoon_value *v = NULL, *seen = NULL;
    struct platoon_err err = {0};
    enum platoon_status st;
    size_t piece;

    if (size < 1)
        return 0;
    piece = data[0] ? data[0] : 1;
    data++;
    size--;
    st = platoon_pickle_decode(data, size, &limits, &v, &err);
    check_pieces(data, size, piece, st, &err);
    if (st != PLATOON_OK)
        return 0;
    if (platoon_value_kind(v) == PLATOON_OPAQUE) {
        st = platoon_pickle_inspect(data, size, &limits, &seen, NULL);
        assert(st == PLATOON_OK);
        check_opaque(v, seen);
        platoon_value_unref(seen);
    } else {
        check_plain(v);
    }
    platoon_value_unref(v);
    return 0;
}
