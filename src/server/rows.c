/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - see rows.h. */
#include "server/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pickle/encode.h"
#include "pickle/opcodes.h"

enum {
    ROWS_PROTOCOL = 4,
    SMALL_BYTES = 16 * 1024, /* what is kept in one block of exactly its size */
    MAX_NODES = 1000000      /* in a value that is written anew: what 1 MiB of it can hold */
};

void rows_init(struct rows *r)
{
    memset(r, 0, sizeof *r);
    rope_init(&r->bytes);
}

void rows_release(struct rows *r)
{
    rope_release(&r->bytes);
    rows_init(r);
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void put_bytes(struct rows *r, const void *data, size_t len)
{
    if (!r->has_failed && !rope_append_copy(&r->bytes, data, len))
        r->has_failed = true;
}

static void put_op(struct rows *r, enum opcode op)
{
    uint8_t byte = (uint8_t)op;

    put_bytes(r, &byte, 1);
}

/* An opcode with a little-endian number of `n` bytes. */
static void put_number(struct rows *r, enum opcode op, uint64_t x, unsigned n)
{
    uint8_t bytes[9] = {(uint8_t)op};

    for (unsigned i = 0; i < n; i++)
        bytes[1 + i] = (uint8_t)(x >> (8 * i));
    put_bytes(r, bytes, 1 + n);
}

void rows_int(struct rows *r, int64_t i)
{
    if (i >= INT32_MIN && i <= INT32_MAX) {
        put_number(r, OP_BININT, (uint64_t)i, 4);
    } else {
        uint8_t head[] = {OP_LONG1, 8};
        uint8_t bytes[8];

        for (unsigned k = 0; k < sizeof bytes; k++)
            bytes[k] = (uint8_t)((uint64_t)i >> (8 * k));
        put_bytes(r, head, sizeof head);
        put_bytes(r, bytes, sizeof bytes);
    }
}

void rows_text(struct rows *r, const char *text)
{
    size_t len = strlen(text);

    put_number(r, OP_BINUNICODE, len, 4);
    put_bytes(r, text, len);
}

static void put_bool(struct rows *r, bool b)
{
    put_op(r, b ? OP_NEWTRUE : OP_NEWFALSE);
}

void rows_open_list(struct rows *r)
{
    put_op(r, OP_EMPTY_LIST);
    put_op(r, OP_MARK);
}

void rows_close_list(struct rows *r)
{
    put_op(r, OP_APPENDS);
}

static void open_dict(struct rows *r)
{
    put_op(r, OP_EMPTY_DICT);
    put_op(r, OP_MARK);
}

static void close_dict(struct rows *r)
{
    put_op(r, OP_SETITEMS);
}

/* --- values ----------------------------------------------------------------------------------- */

/* Append a plain value of our own or one that is written anew. */
static enum platoon_status put_value(struct rows *r, const platoon_value *v)
{
    uint32_t first_memo = r->next_memo;
    struct buf body;
    enum platoon_status st;

    buf_init(&body);
    st = encode_body(&body, v, ROWS_PROTOCOL, &r->next_memo, NULL);
    if (st == PLATOON_OK)
        put_bytes(r, body.data, body.len);
    buf_release(&body);
    if (r->next_memo != first_memo)
        r->flags |= SCAN_HAS_GET | SCAN_HAS_EXPLICIT_PUT;
    return st;
}

/* Does it have to be written anew to mean here what it meant there? */
static bool needs_recoding(const struct payload *p)
{
    bool is_python_2 = p->protocol < 3;

    return p->flags & SCAN_HAS_GET ||
           (is_python_2 && p->flags & (SCAN_HAS_PLAIN_CALL | SCAN_HAS_STRING8));
}

static bool recode(struct rows *r, const char *key, const struct payload *p)
{
    const struct platoon_pickle_limits limits = {.max_nodes = MAX_NODES};
    uint64_t len = payload_bytes(p);
    platoon_value *v;
    bool ok;

    if (len > ROWS_MAX_RECODED || r->recoded + len > ROWS_MAX_RECODED_ALL)
        return false;
    r->recoded += len;
    if (payload_decode(p, &limits, &v, NULL) != PLATOON_OK)
        return false;
    ok = platoon_value_kind(v) != PLATOON_OPAQUE;
    if (ok) {
        rows_text(r, key);
        /* Encoding what was just decoded fails for want of memory only. */
        if (put_value(r, v) != PLATOON_OK)
            r->has_failed = true;
    }
    platoon_value_unref(v);
    return ok;
}

/* The key and the value, or 'pickle' and its bytes. */
static void put_item(struct rows *r, const char *key, const struct payload *p)
{
    if (!(p->flags & SCAN_HAS_GLOBAL)) {
        if (!needs_recoding(p)) {
            rows_text(r, key);
            if (!payload_append_body(p, &r->bytes))
                r->has_failed = true;
            r->flags |= p->flags & (SCAN_HAS_PROTO5 | SCAN_HAS_PLAIN_CALL | SCAN_HAS_EXPLICIT_PUT |
                                    SCAN_HAS_STRING8);
            return;
        }
        if (recode(r, key, p))
            return;
    }
    rows_text(r, "pickle");
    if (payload_bytes(p) <= UINT32_MAX)
        put_number(r, OP_BINBYTES, payload_bytes(p), 4);
    else
        put_number(r, OP_BINBYTES8, payload_bytes(p), 8);
    if (!rope_append_range(&r->bytes, &p->pickle, 0, payload_bytes(p)))
        r->has_failed = true;
}

/* --- rows ------------------------------------------------------------------------------------- */

void rows_claimed(struct rows *r, const struct store_claimed *c)
{
    char lease[ROWS_LEASE_TEXT];

    rows_lease_text(&(struct store_lease_ref){c->task, c->lease}, lease);
    open_dict(r);
    rows_text(r, "task");
    rows_int(r, (int64_t)c->task);
    rows_text(r, "lease");
    rows_text(r, lease);
    rows_text(r, "attempt");
    rows_int(r, c->attempt);
    if (c->is_last) {
        rows_text(r, "last");
        put_bool(r, true);
    }
    rows_text(r, "repeat");
    put_bool(r, c->may_be_repeat);
    put_item(r, "value", c->value);
    close_dict(r);
}

void rows_failure(struct rows *r, const platoon_value *error, const struct payload *value,
                  store_task_id task)
{
    open_dict(r);
    rows_text(r, "platoon_error");
    if (put_value(r, error) != PLATOON_OK)
        r->has_failed = true;
    put_item(r, "task", value);
    rows_text(r, "task_id");
    rows_int(r, (int64_t)task);
    close_dict(r);
}

struct payload *rows_take(struct rows *r)
{
    uint8_t protocol = r->flags & SCAN_HAS_PROTO5 ? 5 : ROWS_PROTOCOL;
    uint8_t head[] = {OP_PROTO, protocol};
    uint8_t stop = OP_STOP;
    struct payload *p = r->has_failed ? NULL : calloc(1, sizeof *p);

    if (!p)
        goto out;
    p->refs = 1;
    p->protocol = protocol;
    p->kind = SCAN_COMPOUND;
    p->flags = r->flags;
    rope_init(&p->pickle);
    if (!rope_append_copy(&p->pickle, head, sizeof head) ||
        !rope_append_range(&p->pickle, &r->bytes, 0, r->bytes.len) ||
        !rope_append_copy(&p->pickle, &stop, 1) ||
        (p->pickle.len <= SMALL_BYTES && !rope_compact(&p->pickle))) {
        payload_unref(p);
        p = NULL;
    }
out:
    rows_release(r);
    return p;
}

/* --- leases ----------------------------------------------------------------------------------- */

void rows_lease_text(const struct store_lease_ref *ref, char out[ROWS_LEASE_TEXT])
{
    snprintf(out, ROWS_LEASE_TEXT, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, ref->lease.epoch,
             ref->lease.counter, ref->task);
}

/* Hexadecimal digits, at least one, that fit 64 bits; *at moves behind them. */
static bool parse_hex(const char *text, size_t len, size_t *at, uint64_t *out)
{
    size_t start = *at;
    uint64_t x = 0;

    for (; *at < len && *at - start < 16; (*at)++) {
        char c = text[*at];

        if (c >= '0' && c <= '9')
            x = x << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            x = x << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    *out = x;
    return *at > start;
}

bool rows_parse_lease(const char *text, size_t len, struct store_lease_ref *out)
{
    uint64_t numbers[3];
    size_t at = 0;

    for (int i = 0; i < 3; i++)
        if ((i > 0 && (at == len || text[at++] != '-')) || !parse_hex(text, len, &at, &numbers[i]))
            return false;
    if (at != len)
        return false;
    *out = (struct store_lease_ref){numbers[2], {numbers[0], numbers[1]}};
    return true;
}
