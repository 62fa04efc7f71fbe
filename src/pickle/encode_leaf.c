/* SPDX-License-Identifier: Apache-2.0 */
/* encode_leaf.c - numbers, text, bytes and opaque values as opcodes. */
#include "pickle/encoder.h"

#include <endian.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

static void put_le(uint8_t *p, uint64_t x, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

bool encode_emit(struct encoder *e, const void *data, size_t len)
{
    return buf_append(e->out, data, len) || encoder_no_memory(e);
}

bool encode_op(struct encoder *e, enum opcode op)
{
    return buf_byte(e->out, (uint8_t)op) || encoder_no_memory(e);
}

/* An opcode with a number of `n` bytes. */
bool encode_number(struct encoder *e, enum opcode op, uint64_t x, unsigned n)
{
    uint8_t bytes[9];

    bytes[0] = (uint8_t)op;
    put_le(bytes + 1, x, n);
    return encode_emit(e, bytes, 1 + n);
}

static bool put_data(struct encoder *e, enum opcode op, unsigned n_prefix, const void *data,
                     size_t len)
{
    return encode_number(e, op, len, n_prefix) && encode_emit(e, data, len);
}

bool encode_global(struct encoder *e, const char *name)
{
    const char *module = e->protocol < 3 ? "__builtin__" : "builtins";

    (void)buf_byte(e->out, OP_GLOBAL); /* failure sticks */
    (void)buf_text(e->out, module);
    (void)buf_byte(e->out, '\n');
    (void)buf_text(e->out, name);
    return buf_byte(e->out, '\n') || encoder_no_memory(e);
}

static bool too_long(struct encoder *e, const char *what, size_t len)
{
    return encoder_fail(e, PLATOON_ELIMIT, "%s of %zu bytes needs protocol 4; this is protocol %d",
                        what, len, e->protocol);
}

bool encode_text(struct encoder *e, const char *text, size_t len)
{
    if (e->protocol >= 4 && len <= UINT8_MAX)
        return put_data(e, OP_SHORT_BINUNICODE, 1, text, len);
    if (len <= UINT32_MAX)
        return put_data(e, OP_BINUNICODE, 4, text, len);
    if (e->protocol >= 4)
        return put_data(e, OP_BINUNICODE8, 8, text, len);
    return too_long(e, "text", len);
}

/* Bytes as the text that has their values as code points, which older readers encode again. */
static bool write_latin1(struct encoder *e, const char *data, size_t len)
{
    size_t n = len;
    uint8_t utf8[4];

    for (size_t i = 0; i < len; i++)
        n += (uint8_t)data[i] >= 0x80;
    if (n > UINT32_MAX)
        return too_long(e, "bytes as text", n);
    if (!encode_number(e, OP_BINUNICODE, n, 4) || !buf_reserve(e->out, n))
        return encoder_no_memory(e);
    for (size_t i = 0; i < len; i++)
        (void)buf_append(e->out, utf8, utf8_put((uint8_t)data[i], utf8)); /* reserved */
    return true;
}

static bool write_bytes(struct encoder *e, const char *data, size_t len)
{
    static const char encode[] = "c_codecs\nencode\n";

    if (e->protocol < 3) {
        if (len == 0)
            return encode_global(e, "bytes") && encode_op(e, OP_EMPTY_TUPLE) &&
                   encode_op(e, OP_REDUCE);
        return encode_emit(e, encode, sizeof encode - 1) && write_latin1(e, data, len) &&
               encode_text(e, "latin1", 6) && encode_op(e, OP_TUPLE2) && encode_op(e, OP_REDUCE);
    }
    if (len <= UINT8_MAX)
        return put_data(e, OP_SHORT_BINBYTES, 1, data, len);
    if (len <= UINT32_MAX)
        return put_data(e, OP_BINBYTES, 4, data, len);
    if (e->protocol >= 4)
        return put_data(e, OP_BINBYTES8, 8, data, len);
    return too_long(e, "bytes", len);
}

static bool write_bytearray(struct encoder *e, const char *data, size_t len)
{
    if (!encode_global(e, "bytearray"))
        return false;
    if (len == 0)
        return encode_op(e, OP_EMPTY_TUPLE) && encode_op(e, OP_REDUCE);
    if (e->protocol < 3)
        return write_latin1(e, data, len) && encode_text(e, "latin-1", 7) &&
               encode_op(e, OP_TUPLE2) && encode_op(e, OP_REDUCE);
    return write_bytes(e, data, len) && encode_op(e, OP_TUPLE1) && encode_op(e, OP_REDUCE);
}

static bool write_int(struct encoder *e, int64_t i)
{
    uint8_t bytes[8];

    if (i >= 0 && i <= UINT8_MAX)
        return encode_number(e, OP_BININT1, (uint64_t)i, 1);
    if (i >= 0 && i <= UINT16_MAX)
        return encode_number(e, OP_BININT2, (uint64_t)i, 2);
    if (i >= INT32_MIN && i <= INT32_MAX)
        return encode_number(e, OP_BININT, (uint64_t)i, 4);
    return put_data(e, OP_LONG1, 1, bytes, num_int_from_i64(i, bytes));
}

static bool write_bigint(struct encoder *e, const char *le, size_t len)
{
    if (len <= UINT8_MAX)
        return put_data(e, OP_LONG1, 1, le, len);
    if (len <= INT32_MAX)
        return put_data(e, OP_LONG4, 4, le, len);
    return encoder_fail(e, PLATOON_ELIMIT, "an int of %zu bytes; pickle holds at most 2 GiB", len);
}

static bool write_float(struct encoder *e, double d)
{
    uint8_t bytes[9];
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    bits = htobe64(bits);
    bytes[0] = OP_BINFLOAT;
    memcpy(bytes + 1, &bits, sizeof bits);
    return encode_emit(e, bytes, sizeof bytes);
}

/* The body of a pickle: everything but PROTO, FRAME and the final STOP. */
static bool write_opaque(struct encoder *e, const platoon_value *v)
{
    const uint8_t *p = (const uint8_t *)v->u.text->data;
    size_t len = v->u.text->len, size, from = 0;
    struct opaque_facts facts;

    encode_read_opaque(v, &facts);
    if (facts.has_get && e->n_memoized > 0)
        return encoder_fail(
            e, PLATOON_ETYPE,
            "an opaque value with inner references can only stand in a message before "
            "anything else that is shared or opaque");
    for (size_t at = 0; at < len; at += size) {
        size = opcode_length(p + at, len - at);
        if (size == 0)
            return encoder_fail(e, PLATOON_EPICKLE, "the bytes of an opaque value are no pickle");
        if (p[at] != OP_PROTO && p[at] != OP_FRAME && p[at] != OP_STOP)
            continue;
        if (!encode_emit(e, p + from, at - from))
            return false;
        from = at + size;
    }
    e->n_memoized += facts.n_entries;
    return true;
}

bool encode_leaf(struct encoder *e, const platoon_value *v)
{
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_NONE:
        return encode_op(e, OP_NONE);
    case PLATOON_BOOL:
        return encode_op(e, v->u.as_bool ? OP_NEWTRUE : OP_NEWFALSE);
    case PLATOON_INT:
        return write_int(e, v->u.as_int);
    case PLATOON_FLOAT:
        return write_float(e, v->u.as_float);
    case PLATOON_BIGINT:
        return write_bigint(e, v->u.text->data, v->u.text->len);
    case PLATOON_STR:
        return encode_text(e, v->u.text->data, v->u.text->len);
    case PLATOON_BYTES:
        return write_bytes(e, v->u.text->data, v->u.text->len);
    case PLATOON_BYTEARRAY:
        return write_bytearray(e, v->u.text->data, v->u.text->len);
    default:
        return write_opaque(e, v);
    }
}
