/* SPDX-License-Identifier: Apache-2.0 */
/* encode.c - bodies, messages and requests; see encode.h. */
#include "pickle/encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "pickle/encoder.h"

void encoder_init(struct encoder *e, struct buf *out, int protocol, struct platoon_err *err)
{
    memset(e, 0, sizeof *e);
    e->out = out;
    e->protocol = protocol;
    e->err = err;
    map_init(&e->notes);
}

void encoder_release(struct encoder *e)
{
    free(e->frames);
    free(e->deferred);
    map_release(&e->notes);
}

bool encoder_fail(struct encoder *e, enum platoon_status status, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args); /* cut to fit */
    va_end(args);
    e->status = platoon_fail(e->err, status, "cannot pickle this value: %s", what);
    return false;
}

bool encoder_no_memory(struct encoder *e)
{
    if (e->out->is_full)
        return encoder_fail(e, PLATOON_ELIMIT, "longer than the limit of %zu bytes", e->out->max);
    return encoder_fail(e, PLATOON_ENOMEM, "out of memory after %zu bytes", e->out->len);
}

struct encode_frame *encoder_push(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    struct encode_frame *f;

    if (e->n_frames == e->cap_frames) {
        size_t cap = e->cap_frames ? e->cap_frames * 2 : 16;
        struct encode_frame *grown = mem_realloc(e->frames, cap * sizeof *grown);

        if (!grown) {
            (void)encoder_no_memory(e); /* recorded; the caller sees NULL */
            return NULL;
        }
        e->frames = grown;
        e->cap_frames = cap;
    }
    f = &e->frames[e->n_frames++];
    *f = (struct encode_frame){v, 0, node_width(v), kind, false, false};
    return f;
}

static bool check_protocol(struct encoder *e)
{
    if (e->protocol < 2 || e->protocol > 4)
        return encoder_fail(e, PLATOON_EINVAL, "protocol %d; those written are 2, 3 and 4",
                            e->protocol);
    return true;
}

/* Choose the protocols of a message from what its opaque values need: *out_proto is for PROTO,
 * e->protocol for opcodes. */
static bool choose_protocol(struct encoder *e, int *out_proto)
{
    *out_proto = e->protocol;
    if (e->n_opaque == 0)
        return true;
    if (e->lowest_proto < 3 && e->highest_proto >= 3)
        return encoder_fail(e, PLATOON_ETYPE,
                            "opaque values of protocol %d and of protocol %d cannot stand in one "
                            "message: readers take their module names differently",
                            e->lowest_proto, e->highest_proto);
    if (e->n_opaque_needing_memo > 1)
        return encoder_fail(e, PLATOON_ETYPE,
                            "%zu opaque values with inner references in one message; send them one "
                            "by one",
                            e->n_opaque_needing_memo);
    if (e->highest_proto < 3)
        e->protocol = 2;
    else if (e->protocol < 3)
        e->protocol = 3;
    *out_proto = e->has_proto5 ? 5 : e->protocol;
    /* Our own numbers lie above whatever the opaque values number by themselves or by MEMOIZE,
     * which counts the entries that there are, ours included. */
    if (e->n_shared + e->opaque_entries + e->opaque_highest >= UINT32_MAX / 2)
        return encoder_fail(e, PLATOON_ELIMIT, "an opaque value uses memo numbers above 2 billion");
    e->next_memo = (uint32_t)(e->n_shared + e->opaque_entries);
    if (e->next_memo < e->opaque_highest)
        e->next_memo = (uint32_t)e->opaque_highest;
    return true;
}

static bool write_proto(struct encoder *e, int proto)
{
    uint8_t bytes[2] = {OP_PROTO, (uint8_t)proto};

    return buf_append(e->out, bytes, 2) || encoder_no_memory(e);
}

static bool write_op(struct encoder *e, enum opcode op)
{
    return buf_byte(e->out, (uint8_t)op) || encoder_no_memory(e);
}

/* After a failure the buffer is as before the call, and usable. */
static enum platoon_status finish(struct encoder *e, size_t old_len)
{
    if (e->status != PLATOON_OK) {
        e->out->len = old_len;
        e->out->has_failed = false;
        e->out->is_full = false;
    }
    encoder_release(e);
    return e->status;
}

enum platoon_status encode_body(struct buf *out, const platoon_value *v, int protocol,
                                uint32_t *next_memo, struct platoon_err *err)
{
    struct encoder e;
    size_t old_len = out->len;

    if (!v)
        v = node_none();
    encoder_init(&e, out, protocol, err);
    e.next_memo = *next_memo;
    if (check_protocol(&e) && encode_survey(&e, v, v->kind) && encode_write(&e, v, v->kind))
        *next_memo = e.next_memo;
    return finish(&e, old_len);
}

enum platoon_status encode_message(struct buf *out, const platoon_value *v, int protocol,
                                   struct platoon_err *err)
{
    struct encoder e;
    size_t old_len = out->len;
    int proto = protocol;

    if (!v)
        v = node_none();
    encoder_init(&e, out, protocol, err);
    e.embeds_opaque = true;
    /* e.status tells; the chain stops at the first failure */
    (void)(check_protocol(&e) && encode_survey(&e, v, v->kind) && choose_protocol(&e, &proto) &&
           write_proto(&e, proto) && encode_write(&e, v, v->kind) && write_op(&e, OP_STOP));
    return finish(&e, old_len);
}

static bool check_request(struct encoder *e, const char *ident, const char *method,
                          const platoon_value *args, const platoon_value *kwds)
{
    if (!method || !utf8_is_valid(method, strlen(method)) ||
        (ident && !utf8_is_valid(ident, strlen(ident))))
        return encoder_fail(e, PLATOON_EINVAL, "the method or ident of a call is no UTF-8 text");
    if (args && args->kind != PLATOON_LIST && args->kind != PLATOON_TUPLE)
        return encoder_fail(e, PLATOON_ETYPE,
                            "the arguments of a call are of type %s, not list or tuple",
                            platoon_kind_name((enum platoon_kind)args->kind));
    if (kwds && kwds->kind != PLATOON_DICT)
        return encoder_fail(e, PLATOON_ETYPE,
                            "the keyword arguments of a call are of type %s, not dict",
                            platoon_kind_name((enum platoon_kind)kwds->kind));
    return true;
}

/* Argument by argument, so that each is whole where it ends: what a recursive tuple leaves for
 * later (encode_write.c) would else come after the tuple of arguments, outside of the bytes that a
 * server cuts out. */
static bool write_args(struct encoder *e, const platoon_value *args)
{
    static const enum opcode closing[] = {OP_EMPTY_TUPLE, OP_TUPLE1, OP_TUPLE2, OP_TUPLE3};
    size_t n = args ? args->u.items->n : 0;

    if (args && encoder_note(e, args).n_visits >= 2) /* a list of arguments that holds itself */
        return encode_write(e, args, PLATOON_TUPLE);
    if (n > 3 && !write_op(e, OP_MARK))
        return false;
    for (size_t i = 0; i < n; i++) {
        const platoon_value *arg = args->u.items->at[i];

        if (!encode_write(e, arg, arg->kind))
            return false;
    }
    return write_op(e, n > 3 ? OP_TUPLE : closing[n]);
}

enum platoon_status encode_request(struct buf *out, const char *ident, const char *method,
                                   const platoon_value *args, const platoon_value *kwds,
                                   int protocol, struct platoon_err *err)
{
    struct encoder e;
    size_t old_len = out->len;
    int proto = protocol;

    encoder_init(&e, out, protocol, err);
    e.embeds_opaque = true;
    if (!check_protocol(&e) || !check_request(&e, ident, method, args, kwds) ||
        (args && !encode_survey(&e, args, PLATOON_TUPLE)) ||
        (kwds && !encode_survey(&e, kwds, PLATOON_DICT)) || !choose_protocol(&e, &proto))
        goto out;
    if (!write_proto(&e, proto) || !write_op(&e, OP_MARK) ||
        !(ident ? encode_text(&e, ident, strlen(ident)) : write_op(&e, OP_NONE)) ||
        !encode_text(&e, method, strlen(method)))
        goto out;
    if (!write_args(&e, args) ||
        !(kwds ? encode_write(&e, kwds, PLATOON_DICT) : write_op(&e, OP_EMPTY_DICT)) ||
        !write_op(&e, OP_TUPLE))
        goto out;
    (void)write_op(&e, OP_STOP); /* e.status tells */
out:
    return finish(&e, old_len);
}

enum platoon_status platoon_pickle_encode(const platoon_value *v, int protocol, void **out_data,
                                          size_t *out_len, struct platoon_err *err)
{
    struct buf out;
    struct encoder e;

    if (!v)
        v = node_none();
    buf_init(&out);
    encoder_init(&e, &out, protocol, err);
    if (v->kind == PLATOON_OPAQUE) {
        if (check_protocol(&e) && !buf_append(&out, v->u.text->data, v->u.text->len))
            (void)encoder_no_memory(&e); /* e.status tells */
    } else {
        (void)(check_protocol(&e) && encode_survey(&e, v, v->kind) && write_proto(&e, protocol) &&
               encode_write(&e, v, v->kind) && write_op(&e, OP_STOP)); /* e.status tells */
    }
    if (finish(&e, 0) != PLATOON_OK) {
        buf_release(&out);
        return e.status;
    }
    *out_data = out.data;
    *out_len = out.len;
    return PLATOON_OK;
}
