/* SPDX-License-Identifier: Apache-2.0 */
/* payload_codec.c - payloads from values of ours, and back to values. */
#include "pickle/payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pickle/decode.h"
#include "pickle/encode.h"

static enum platoon_status from_bytes(const void *data, size_t len, struct payload **out)
{
    struct scan *s = scan_new(SCAN_VALUE, NULL);
    struct block *b = block_new(len);
    struct rope bytes;
    struct platoon_err err;
    enum platoon_status st = PLATOON_ENOMEM;

    rope_init(&bytes);
    if (!s || !b)
        goto out;
    memcpy(b->data, data, len);
    if (!rope_append_block(&bytes, b, 0, len))
        goto out;
    st = scan_feed(s, data, len, &err) == SCAN_DONE ? payload_from_pickle(s, &bytes, out)
                                                    : err.status;
out:
    rope_release(&bytes);
    block_unref(b);
    scan_free(s);
    return st;
}

enum platoon_status payload_from_value(const platoon_value *v, int protocol, struct payload **out)
{
    struct buf bytes;
    enum platoon_status st;

    buf_init(&bytes);
    st = encode_message(&bytes, v, protocol, NULL);
    if (st == PLATOON_OK)
        st = from_bytes(bytes.data, bytes.len, out);
    buf_release(&bytes);
    return st;
}

/* The bytes in one place, for an opaque value, which keeps a copy of them. */
static enum platoon_status decode_flat(const struct payload *p,
                                       const struct platoon_pickle_limits *limits,
                                       platoon_value **out, struct platoon_err *err)
{
    const void *flat = rope_flat(&p->pickle);
    void *copy = NULL;
    size_t len = (size_t)p->pickle.len;
    enum platoon_status st;

    if (!flat) {
        if (!(copy = mem_alloc(len)))
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a value of %zu bytes", len);
        rope_copy_out(&p->pickle, 0, copy, len);
        flat = copy;
    }
    st = platoon_pickle_decode(flat, len, limits, out, err);
    free(copy);
    return st;
}

enum platoon_status payload_decode(const struct payload *p,
                                   const struct platoon_pickle_limits *limits, platoon_value **out,
                                   struct platoon_err *err)
{
    enum decoder_state state = DECODER_MORE;
    enum platoon_status st = PLATOON_OK;
    bool is_opaque = p->flags & SCAN_HAS_GLOBAL;
    platoon_value *v = NULL;
    struct decoder *d;

    if (p->pickle.n_segments == 1 || is_opaque)
        return decode_flat(p, limits, out, err);
    if (!(d = decoder_new(limits, (size_t)p->pickle.len)))
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a decoder");
    for (size_t i = 0; i < p->pickle.n_segments && state == DECODER_MORE; i++) {
        const struct rope_segment *s = &p->pickle.segments[i];

        state = decoder_feed(d, s->block->data + s->offset, s->len, err);
    }
    if (state == DECODER_FAILED)
        st = decoder_status(d);
    else if (state == DECODER_MORE)
        st = platoon_fail(err, PLATOON_EPICKLE, "the value has no end (STOP)");
    else if (!(is_opaque = decoder_names_global(d)) && !(v = decoder_take(d)))
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory for a value");
    decoder_free(d);
    if (st == PLATOON_OK && is_opaque)
        return decode_flat(p, limits, out, err);
    if (st == PLATOON_OK)
        *out = v;
    return st;
}
