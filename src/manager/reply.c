/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c - see reply.h. */
#include "manager/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "manager/remote_error.h"
#include "pickle/opcodes.h"

/* --- walking over opcodes ------------------------------------------------------------------------
 */

static uint64_t little_endian(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n > 0)
        v = v << 8 | p[--n];
    return v;
}

/* Length of the line at `at` with its \n, or 0 if it does not end. */
static size_t line_bytes(const uint8_t *bytes, size_t at, size_t len)
{
    const uint8_t *end = at < len ? memchr(bytes + at, '\n', len - at) : NULL;

    return end ? (size_t)(end - (bytes + at)) + 1 : 0;
}

/* Where the opcode at `at` ends; 0 if it is none, or not whole. */
static size_t opcode_end(const uint8_t *bytes, size_t at, size_t len)
{
    const struct opcode_info *info = at < len ? opcode_info(bytes[at]) : NULL;
    enum opcode_arg arg;
    unsigned fixed;
    uint64_t data = 0;
    size_t line;

    if (!info)
        return 0;
    arg = (enum opcode_arg)info->arg;
    fixed = opcode_fixed_bytes(arg);
    at++;
    if (len - at < fixed)
        return 0;
    if (arg == OPARG_DATA1 || arg == OPARG_DATA4 || arg == OPARG_DATA4I || arg == OPARG_DATA8)
        data = little_endian(bytes + at, fixed);
    at += fixed;
    if (data > len - at)
        return 0;
    at += (size_t)data;
    for (int lines = arg == OPARG_TWO_LINES ? 2 : arg == OPARG_LINE ? 1 : 0; lines > 0; lines--) {
        line = line_bytes(bytes, at, len);
        if (line == 0)
            return 0;
        at += line;
    }
    return at;
}

static bool sets_memo(uint8_t code)
{
    return code == OP_MEMOIZE || code == OP_BINPUT || code == OP_LONG_BINPUT || code == OP_PUT;
}

static bool gets_memo(uint8_t code)
{
    return code == OP_BINGET || code == OP_LONG_BINGET || code == OP_GET;
}

static bool is_text(uint8_t code)
{
    return code == OP_SHORT_BINUNICODE || code == OP_BINUNICODE || code == OP_BINUNICODE8 ||
           code == OP_SHORT_BINSTRING || code == OP_BINSTRING;
}

/* --- opening
 * --------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum reply_kind kind;
} kinds[] = {
    {"#RETURN", REPLY_RETURN},       {"#ERROR", REPLY_ERROR},
    {"#TRACEBACK", REPLY_TRACEBACK}, {"#UNSERIALIZABLE", REPLY_UNSERIALIZABLE},
    {"#PROXY", REPLY_PROXY},
};

static bool find_kind(const uint8_t *text, size_t len, enum reply_kind *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].text) == len && memcmp(kinds[i].text, text, len) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static enum platoon_status not_a_reply(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EPROTO,
                        "the server's answer is not one of the manager protocol");
}

enum platoon_status reply_open(struct reply *r, const void *bytes, size_t len,
                               struct platoon_err *err)
{
    const uint8_t *p = bytes;
    size_t at = 0, end;
    unsigned fixed;

    memset(r, 0, sizeof *r);
    r->bytes = p;
    r->len = len;
    for (; at < len && (p[at] == OP_PROTO || p[at] == OP_FRAME || p[at] == OP_MARK); at = end) {
        end = opcode_end(p, at, len);
        if (end == 0)
            return not_a_reply(err);
        if (p[at] == OP_PROTO)
            r->protocol = p[at + 1];
        r->has_mark |= p[at] == OP_MARK;
    }
    end = opcode_end(p, at, len);
    if (end == 0 || !is_text(p[at]))
        return not_a_reply(err);
    fixed = opcode_fixed_bytes((enum opcode_arg)opcode_info(p[at])->arg);
    if (!find_kind(p + at + 1 + fixed, end - at - 1 - fixed, &r->kind))
        return not_a_reply(err);
    r->is_python2 = p[at] == OP_SHORT_BINSTRING || p[at] == OP_BINSTRING;
    r->kind_start = at;
    if (end < len && sets_memo(p[end])) {
        end = opcode_end(p, end, len);
        if (end == 0)
            return not_a_reply(err);
    }
    r->kind_end = end;
    return PLATOON_OK;
}

/* --- cutting the payload out
 * ------------------------------------------------------------------------ */

/* What one walk over the payload finds. */
struct cut {
    size_t end; /* of the payload: where the opcode stands that makes the pair */
    bool has_get;
};

/* The pair is made by the last opcode that is neither STOP nor a memo's. */
static bool find_end(const struct reply *r, struct cut *out)
{
    size_t last = 0, end;

    out->has_get = false;
    for (size_t at = r->kind_end; at < r->len; at = end) {
        end = opcode_end(r->bytes, at, r->len);
        if (end == 0)
            return false;
        out->has_get |= gets_memo(r->bytes[at]);
        if (r->bytes[at] == OP_STOP)
            break;
        if (!sets_memo(r->bytes[at]))
            last = at;
    }
    out->end = last;
    return last > r->kind_end &&
           r->bytes[last] == (r->has_mark ? (uint8_t)OP_TUPLE : (uint8_t)OP_TUPLE2);
}

/* Append opcodes [start, end) but not the FRAMEs among them: they count bytes that are no longer
 * there. */
static void append_without_frames(struct buf *b, const uint8_t *bytes, size_t start, size_t end)
{
    size_t next;

    for (size_t at = start; at < end; at = next) {
        next = opcode_end(bytes, at, end);
        if (bytes[at] != OP_FRAME) {
            /* runs of small opcodes are frequent; appending them one by one is what a buffer is
             * good at */
            buf_append(b, bytes + at, next - at);
        }
    }
}

/* The payload as a pickle of its own, see reply.h. */
static enum platoon_status cut_payload(const struct reply *r, platoon_value **out,
                                       struct platoon_err *err)
{
    struct cut cut;
    struct buf b;
    enum platoon_status st = PLATOON_OK;

    if (!find_end(r, &cut))
        return not_a_reply(err);
    buf_init(&b);
    buf_reserve(&b, r->len + 8);
    buf_byte(&b, OP_PROTO);
    buf_byte(&b, r->protocol < 2 ? 2 : r->protocol);
    if (cut.has_get) {
        buf_byte(&b, OP_MARK);
        append_without_frames(&b, r->bytes, r->kind_start, r->kind_end);
        buf_byte(&b, OP_POP_MARK);
    }
    append_without_frames(&b, r->bytes, r->kind_end, cut.end);
    buf_byte(&b, OP_STOP);
    if (b.has_failed) {
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory for an answer of %zu bytes", r->len);
    } else {
        platoon_value *v = platoon_opaque(b.data, b.len);

        if (v)
            *out = v;
        else
            st = platoon_fail(err, PLATOON_EPICKLE, "the server's answer is no well-formed pickle");
    }
    buf_release(&b);
    return st;
}

/* Item 1 of the pair, on its own. */
static enum platoon_status take_payload(platoon_value *pair, platoon_value **out,
                                        struct platoon_err *err)
{
    if (platoon_value_kind(pair) != PLATOON_TUPLE || platoon_len(pair) != 2) {
        platoon_value_unref(pair);
        return not_a_reply(err);
    }
    *out = platoon_value_ref(platoon_item(pair, 1));
    platoon_value_unref(pair);
    return PLATOON_OK;
}

enum platoon_status reply_decode(const struct reply *r, platoon_value **out,
                                 struct platoon_err *err)
{
    const struct platoon_pickle_limits limits = {.max_bytes = r->len ? r->len : 1};
    platoon_value *pair;
    enum platoon_status st = platoon_pickle_decode(r->bytes, r->len, &limits, &pair, err);

    if (st != PLATOON_OK)
        return st;
    if (platoon_value_kind(pair) == PLATOON_OPAQUE) {
        platoon_value_unref(pair);
        return cut_payload(r, out, err);
    }
    return take_payload(pair, out, err);
}

/* --- failures
 * --------------------------------------------------------------------------------------- */

static enum platoon_status inspect_payload(const struct reply *r, platoon_value **out,
                                           struct platoon_err *err)
{
    const struct platoon_pickle_limits limits = {.max_bytes = r->len ? r->len : 1};
    platoon_value *pair;
    enum platoon_status st = platoon_pickle_inspect(r->bytes, r->len, &limits, &pair, err);

    return st == PLATOON_OK ? take_payload(pair, out, err) : st;
}

enum platoon_status reply_failure(const struct reply *r, struct platoon_err *err)
{
    platoon_value *payload;
    enum platoon_status st;
    const char *text;

    if (r->kind == REPLY_PROXY)
        return platoon_fail(err, PLATOON_ETYPE,
                            "the method answers with a proxy, an object that stays at the server; "
                            "this library has proxies of typeids only");
    st = inspect_payload(r, &payload, err);
    if (st != PLATOON_OK)
        return st;
    text = platoon_as_str(payload, NULL);
    if (r->kind == REPLY_ERROR)
        st = remote_error_from_exception(payload, err);
    else if (!text)
        st = not_a_reply(err);
    else if (r->kind == REPLY_TRACEBACK)
        st = remote_error_from_traceback(text, err);
    else
        st = remote_error_unserializable(text, err);
    platoon_value_unref(payload);
    return st;
}

bool reply_proxy_ident(const struct reply *r, char *out, size_t cap)
{
    platoon_value *payload, *token;
    const char *ident;
    size_t len = 0;
    bool fits = false;

    if (r->kind != REPLY_PROXY || inspect_payload(r, &payload, NULL) != PLATOON_OK)
        return false;
    /* (exposed, Token), whose state is (typeid, address, ident) */
    token = platoon_item(payload, 1);
    if (platoon_value_kind(token) == PLATOON_OBJECT) {
        ident = platoon_as_str(platoon_item(platoon_item(token, 3), 2), &len);
        fits = ident && len < cap && strlen(ident) == len;
        if (fits)
            memcpy(out, ident, len + 1);
    }
    platoon_value_unref(payload);
    return fits;
}
