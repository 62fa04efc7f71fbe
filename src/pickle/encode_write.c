/* SPDX-License-Identifier: Apache-2.0 */
/* encode_write.c - the second pass of the encoder: values to opcodes, in the order in which CPython
 * writes them.
 *
 * Lists, dicts and (protocol 4) sets are put into the memo before their items, so that a cycle
 * finds them there. A tuple can only be made after its items: one that is met again below itself is
 * simply begun once more, comes to its end because the list or dict in between is in the memo by
 * then, and is put into the memo; when the outer one has written its items it finds itself there,
 * drops them (POP, POP_MARK) and GETs the finished one. */
#include "pickle/encoder.h"

#include <endian.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

enum {
    BATCH = 1000, /* as CPython: what a reader must hold on its stack at once */
    /* How often a tuple may stand below itself: each time costs all its items again, so there is an
     * end to it. Python's own data has as many as there are lists and dicts through which it
     * contains itself. */
    MAX_OPEN = 1000
};

static void put_le(uint8_t *p, uint64_t x, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

static bool emit(struct encoder *e, const void *data, size_t len)
{
    return buf_append(e->out, data, len) || encoder_no_memory(e);
}

static bool emit_op(struct encoder *e, enum opcode op)
{
    return buf_byte(e->out, (uint8_t)op) || encoder_no_memory(e);
}

/* An opcode with a number of `n` bytes. */
static bool emit_number(struct encoder *e, enum opcode op, uint64_t x, unsigned n)
{
    uint8_t bytes[9];

    bytes[0] = (uint8_t)op;
    put_le(bytes + 1, x, n);
    return emit(e, bytes, 1 + n);
}

static bool emit_data(struct encoder *e, enum opcode op, unsigned n_prefix, const void *data,
                      size_t len)
{
    return emit_number(e, op, len, n_prefix) && emit(e, data, len);
}

static bool emit_global(struct encoder *e, const char *name)
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

bool write_text(struct encoder *e, const char *text, size_t len)
{
    if (e->protocol >= 4 && len <= UINT8_MAX)
        return emit_data(e, OP_SHORT_BINUNICODE, 1, text, len);
    if (len <= UINT32_MAX)
        return emit_data(e, OP_BINUNICODE, 4, text, len);
    if (e->protocol >= 4)
        return emit_data(e, OP_BINUNICODE8, 8, text, len);
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
    if (!emit_number(e, OP_BINUNICODE, n, 4) || !buf_reserve(e->out, n))
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
            return emit_global(e, "bytes") && emit_op(e, OP_EMPTY_TUPLE) && emit_op(e, OP_REDUCE);
        return emit(e, encode, sizeof encode - 1) && write_latin1(e, data, len) &&
               write_text(e, "latin1", 6) && emit_op(e, OP_TUPLE2) && emit_op(e, OP_REDUCE);
    }
    if (len <= UINT8_MAX)
        return emit_data(e, OP_SHORT_BINBYTES, 1, data, len);
    if (len <= UINT32_MAX)
        return emit_data(e, OP_BINBYTES, 4, data, len);
    if (e->protocol >= 4)
        return emit_data(e, OP_BINBYTES8, 8, data, len);
    return too_long(e, "bytes", len);
}

static bool write_bytearray(struct encoder *e, const char *data, size_t len)
{
    if (!emit_global(e, "bytearray"))
        return false;
    if (len == 0)
        return emit_op(e, OP_EMPTY_TUPLE) && emit_op(e, OP_REDUCE);
    if (e->protocol < 3)
        return write_latin1(e, data, len) && write_text(e, "latin-1", 7) && emit_op(e, OP_TUPLE2) &&
               emit_op(e, OP_REDUCE);
    return write_bytes(e, data, len) && emit_op(e, OP_TUPLE1) && emit_op(e, OP_REDUCE);
}

static bool write_int(struct encoder *e, int64_t i)
{
    uint8_t bytes[8];

    if (i >= 0 && i <= UINT8_MAX)
        return emit_number(e, OP_BININT1, (uint64_t)i, 1);
    if (i >= 0 && i <= UINT16_MAX)
        return emit_number(e, OP_BININT2, (uint64_t)i, 2);
    if (i >= INT32_MIN && i <= INT32_MAX)
        return emit_number(e, OP_BININT, (uint64_t)i, 4);
    return emit_data(e, OP_LONG1, 1, bytes, num_int_from_i64(i, bytes));
}

static bool write_bigint(struct encoder *e, const char *le, size_t len)
{
    if (len <= UINT8_MAX)
        return emit_data(e, OP_LONG1, 1, le, len);
    if (len <= INT32_MAX)
        return emit_data(e, OP_LONG4, 4, le, len);
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
    return emit(e, bytes, sizeof bytes);
}

/* The body of a pickle: everything but PROTO, FRAME and the final STOP. */
static bool write_opaque(struct encoder *e, const platoon_value *v)
{
    const uint8_t *p = (const uint8_t *)v->u.text->data;
    size_t len = v->u.text->len, size, from = 0;
    struct opaque_facts facts;

    opaque_read(v, &facts);
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
        if (!emit(e, p + from, at - from))
            return false;
        from = at + size;
    }
    e->n_memoized += facts.n_entries;
    return true;
}

static bool write_get(struct encoder *e, uint32_t number)
{
    return number <= UINT8_MAX ? emit_number(e, OP_BINGET, number, 1)
                               : emit_number(e, OP_LONG_BINGET, number, 4);
}

/* Put what is on top of the reader's stack into the memo as `v`. */
static bool write_put(struct encoder *e, const platoon_value *v)
{
    struct encode_note note = encoder_note(e, v);
    uint32_t number = e->next_memo;

    if (number == UINT32_MAX)
        return encoder_fail(e, PLATOON_ELIMIT, "more than 4 billion shared values");
    e->next_memo++;
    e->n_memoized++;
    note.memo = number + 1;
    if (!encoder_set_note(e, v, note))
        return false;
    return number <= UINT8_MAX ? emit_number(e, OP_BINPUT, number, 1)
                               : emit_number(e, OP_LONG_BINPUT, number, 4);
}

static bool write_leaf(struct encoder *e, const platoon_value *v)
{
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_NONE:
        return emit_op(e, OP_NONE);
    case PLATOON_BOOL:
        return emit_op(e, v->u.as_bool ? OP_NEWTRUE : OP_NEWFALSE);
    case PLATOON_INT:
        return write_int(e, v->u.as_int);
    case PLATOON_FLOAT:
        return write_float(e, v->u.as_float);
    case PLATOON_BIGINT:
        return write_bigint(e, v->u.text->data, v->u.text->len);
    case PLATOON_STR:
        return write_text(e, v->u.text->data, v->u.text->len);
    case PLATOON_BYTES:
        return write_bytes(e, v->u.text->data, v->u.text->len);
    case PLATOON_BYTEARRAY:
        return write_bytearray(e, v->u.text->data, v->u.text->len);
    default:
        return write_opaque(e, v);
    }
}

/* What comes before the items of a container. */
static bool open_container(struct encoder *e, const struct encode_frame *f)
{
    bool is_early = true; /* into the memo before the items */

    switch ((enum platoon_kind)f->kind) {
    case PLATOON_LIST:
        if (!emit_op(e, OP_EMPTY_LIST))
            return false;
        break;
    case PLATOON_DICT:
        if (!emit_op(e, OP_EMPTY_DICT))
            return false;
        break;
    case PLATOON_SET:
        if (e->protocol >= 4) {
            if (!emit_op(e, OP_EMPTY_SET))
                return false;
            break;
        }
        is_early = false;
        if (!emit_global(e, "set") || !emit_op(e, OP_EMPTY_LIST))
            return false;
        break;
    case PLATOON_FROZENSET:
        is_early = false;
        if (e->protocol >= 4 ? !emit_op(e, OP_MARK)
                             : !emit_global(e, "frozenset") || !emit_op(e, OP_EMPTY_LIST))
            return false;
        break;
    default: /* TUPLE */
        is_early = false;
        if (f->width == 0 ? !emit_op(e, OP_EMPTY_TUPLE) : f->width > 3 && !emit_op(e, OP_MARK))
            return false;
        break;
    }
    return !f->is_noted || !is_early || write_put(e, f->v);
}

/* How a batch of items is added to what stands below it: one item, and several after a MARK. 0: not
 * at all. */
static void batch_ops(const struct encoder *e, const struct encode_frame *f, uint8_t *out_one,
                      uint8_t *out_many)
{
    *out_one = 0;
    *out_many = 0;
    switch ((enum platoon_kind)f->kind) {
    case PLATOON_LIST:
        *out_one = OP_APPEND;
        *out_many = OP_APPENDS;
        break;
    case PLATOON_DICT:
        *out_one = OP_SETITEM;
        *out_many = OP_SETITEMS;
        break;
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        if (e->protocol < 4) {
            *out_one = OP_APPEND;
            *out_many = OP_APPENDS;
        } else if (f->kind == PLATOON_SET) {
            *out_one = OP_ADDITEMS; /* needs its MARK always */
            *out_many = OP_ADDITEMS;
        }
        break;
    default:
        break;
    }
}

/* At the border between two batches, or at either end: end one, begin the next. */
static bool batch_border(struct encoder *e, const struct encode_frame *f)
{
    size_t one = f->kind == PLATOON_DICT ? 2 : 1, batch = BATCH * one, left;
    uint8_t op_one, op_many;

    batch_ops(e, f, &op_one, &op_many);
    if (op_many == 0)
        return true;
    if (f->next > 0) {
        size_t in_last = f->next % batch ? f->next % batch : batch;

        if (!emit_op(e, in_last == one ? op_one : op_many))
            return false;
    }
    left = f->width - f->next;
    if (left > one || (left == one && op_one == op_many))
        return emit_op(e, OP_MARK);
    return true;
}

static bool close_tuple(struct encoder *e, const struct encode_frame *f)
{
    static const enum opcode small[] = {0, OP_TUPLE1, OP_TUPLE2, OP_TUPLE3};
    struct encode_note note = encoder_note(e, f->v);

    if (f->width == 0)
        return true;
    if (f->is_noted && note.memo) { /* finished below itself: drop the items, take that one */
        if (f->width > 3) {
            if (!emit_op(e, OP_POP_MARK))
                return false;
        } else {
            for (size_t i = 0; i < f->width; i++)
                if (!emit_op(e, OP_POP))
                    return false;
        }
        return write_get(e, note.memo - 1);
    }
    if (!emit_op(e, f->width > 3 ? OP_TUPLE : small[f->width]))
        return false;
    return !f->is_noted || write_put(e, f->v);
}

/* What comes after the items. */
static bool close_container(struct encoder *e, const struct encode_frame *f)
{
    switch ((enum platoon_kind)f->kind) {
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        if (e->protocol >= 4 && f->kind == PLATOON_SET)
            return true;
        if (e->protocol >= 4 ? !emit_op(e, OP_FROZENSET)
                             : !emit_op(e, OP_TUPLE1) || !emit_op(e, OP_REDUCE))
            return false;
        return !f->is_noted || write_put(e, f->v);
    case PLATOON_TUPLE:
        return close_tuple(e, f);
    default:
        return true;
    }
}

/* One more (or one less) of `v` being written. */
static bool count_open(struct encoder *e, const platoon_value *v, int step)
{
    struct encode_note note = encoder_note(e, v);

    if (step > 0 && note.n_open == MAX_OPEN)
        return encoder_fail(
            e, PLATOON_ELIMIT,
            "a tuple or set that contains itself, %d times or with no list or dict in "
            "between",
            MAX_OPEN);
    note.n_open = (uint16_t)(note.n_open + step);
    return encoder_set_note(e, v, note);
}

/* Write a leaf or a reference; a container goes on the stack with its opening written. */
static bool begin(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    struct encode_note note = {0, 0, 0};
    struct encode_frame *f;

    if ((v->flags & NODE_SHARED || e->memoizes_all) && kind == v->kind) {
        note = encoder_note(e, v);
        if (note.memo)
            return write_get(e, note.memo - 1);
    }
    if (!node_is_container(v)) {
        if (!write_leaf(e, v))
            return false;
        return note.n_visits < 2 || write_put(e, v);
    }
    f = encoder_push(e, v, kind);
    if (!f)
        return false;
    f->is_noted = note.n_visits >= 2 || (e->memoizes_all && kind == v->kind && f->width > 0);
    if (f->is_noted && !count_open(e, v, 1))
        return false;
    return open_container(e, f);
}

bool write_value(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    if (!begin(e, v, kind))
        return false;
    while (e->n_frames > 0) {
        struct encode_frame *f = &e->frames[e->n_frames - 1];
        size_t batch = f->kind == PLATOON_DICT ? BATCH * 2 : BATCH;
        const platoon_value *child;

        if (f->width > 0 && (f->next % batch == 0 || f->next == f->width) && !batch_border(e, f))
            return false;
        if (f->next == f->width) {
            if (f->is_noted && !count_open(e, f->v, -1))
                return false;
            e->n_frames--;
            if (!close_container(e, f))
                return false;
            continue;
        }
        child = f->v->u.items->at[f->next++];
        if (!begin(e, child, child->kind))
            return false;
    }
    return true;
}
