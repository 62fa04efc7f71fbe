/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - see request.h.
 *
 * The pickle is written behind room for the longest header. The header, once the length is known,
 * is put right before it, so that both are one run of bytes. */
#include "manager/request.h"

#include <inttypes.h>
#include <string.h>

#include <platoon/manager.h>

#include "pickle/encode.h"
#include "pickle/opcodes.h"
#include "wire/frame.h"

enum {
    NEWEST_32BIT_PROTOCOL =
        3, /* Python 3.7 and older write 3 at most, and read no frame over 2 GiB */
};

static void begin(struct buf *b)
{
    static const uint8_t room[FRAME_HEADER_MAX] = {0};

    buf_reset(b);
    buf_append(b, room, sizeof room);
}

static enum platoon_status finish(struct buf *b, const struct request_head *head,
                                  struct platoon_err *err)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_len, body;

    if (b->has_failed)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a call of `%s`", head->method);
    body = b->len - FRAME_HEADER_MAX;
    if (body > INT32_MAX && head->protocol <= NEWEST_32BIT_PROTOCOL)
        return platoon_fail(err, PLATOON_ELIMIT,
                            "a call of `%s` with %zu bytes: a server of Python 3.7 or older takes "
                            "%" PRId32 " at most",
                            head->method, body, INT32_MAX);
    header_len = frame_put_header(header, body);
    memcpy(b->data + FRAME_HEADER_MAX - header_len, header, header_len);
    return PLATOON_OK;
}

void request_frame(const struct buf *b, uint8_t **out_frame, size_t *out_len)
{
    /* The first word of the long form is ff ff ff ff; the short form leaves the room before it
     * zero. */
    size_t skip = b->data[0] ? 0 : FRAME_HEADER_MAX - 4;

    *out_frame = b->data + skip;
    *out_len = b->len - skip;
}

enum platoon_status request_call(struct buf *b, const struct request_head *head,
                                 const platoon_value *args, const platoon_value *kwds,
                                 struct platoon_err *err)
{
    enum platoon_status st;

    begin(b);
    st = encode_request(b, head->ident, head->method, args, kwds, head->protocol, err);
    return st == PLATOON_OK ? finish(b, head, err) : st;
}

/* --- the calls of a queue
 * ---------------------------------------------------------------------------- */

static void put_text(struct buf *b, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    uint8_t head[5] = {OP_BINUNICODE, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};

    buf_append(b, head, sizeof head);
    buf_append(b, text, len);
}

static void put_float(struct buf *b, double v)
{
    uint8_t bytes[9] = {OP_BINFLOAT};
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    buf_append(b, bytes, sizeof bytes);
}

/* The arguments behind the item: (), (False,) or (True, timeout). Returns how many. */
static int put_wait(struct buf *b, double timeout_s)
{
    if (timeout_s == PLATOON_FOREVER)
        return 0;
    if (timeout_s == 0) {
        buf_byte(b, OP_NEWFALSE);
        return 1;
    }
    buf_byte(b, OP_NEWTRUE);
    put_float(b, timeout_s);
    return 2;
}

/* An opaque item is a pickle of its own, which only the encoder can make part of another one. */
static enum platoon_status put_opaque(struct buf *b, const struct request_head *head,
                                      const platoon_value *item, double timeout_s,
                                      struct platoon_err *err)
{
    platoon_value *args = platoon_tuple(1, platoon_value_ref((platoon_value *)(uintptr_t)item));
    enum platoon_status st = args ? PLATOON_OK : PLATOON_ENOMEM;

    if (st == PLATOON_OK && timeout_s == 0)
        st = platoon_append(args, platoon_bool(false));
    if (st == PLATOON_OK && timeout_s > 0)
        st = platoon_append(args, platoon_bool(true));
    if (st == PLATOON_OK && timeout_s > 0)
        st = platoon_append(args, platoon_float(timeout_s));
    if (st == PLATOON_OK)
        st = request_call(b, head, args, NULL, err);
    else
        platoon_fail(err, st, "out of memory for a call of `%s`", head->method);
    platoon_value_unref(args);
    return st;
}

enum platoon_status request_queue_op(struct buf *b, const struct request_head *head,
                                     const platoon_value *item, double timeout_s,
                                     struct platoon_err *err)
{
    static const uint8_t tuples[] = {OP_EMPTY_TUPLE, OP_TUPLE1, OP_TUPLE2, OP_TUPLE3};
    /* {} and the end of the outer tuple */
    static const uint8_t tail[] = {OP_EMPTY_DICT, OP_TUPLE, OP_STOP};
    uint8_t start[] = {OP_PROTO, (uint8_t)head->protocol, OP_MARK};
    uint32_t next_memo = 0;
    enum platoon_status st;

    if (item && platoon_value_kind(item) == PLATOON_OPAQUE)
        return put_opaque(b, head, item, timeout_s, err);
    begin(b);
    buf_append(b, start, sizeof start);
    put_text(b, head->ident);
    put_text(b, head->method);
    if (item) {
        st = encode_body(b, item, head->protocol, &next_memo, err);
        if (st != PLATOON_OK)
            return st;
    }
    buf_byte(b, tuples[(item ? 1 : 0) + put_wait(b, timeout_s)]);
    buf_append(b, tail, sizeof tail);
    return finish(b, head, err);
}
