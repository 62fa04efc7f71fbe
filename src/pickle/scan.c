/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c - bytes to opcodes. What they do to the stack is machine.c, what a request is made of
 * outline.c.
 *
 * Between two pieces the scan stands in one of four phases: at an opcode, in its fixed bytes
 * (`head`), in counted data, or in a text line. Where an opcode and its argument lie in the
 * piece as a whole, nothing is copied. */
#include "pickle/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "pickle/lines.h"
#include "pickle/machine.h"
#include "pickle/opcodes.h"

enum {
    DEFAULT_MAX_DEPTH = 10000,
    DEFAULT_MAX_MEMO_RANGES = 100000,
    HIGHEST_PROTOCOL = 5,
    HEAD_MAX_BYTES = 9,
    GATHER_MAX_BYTES = 511,
    SHORT_TEXT = 64,      /* bytes up to which it pays to ask first whether text is ASCII */
    FIRST_GAPS = 64,      /* FRAMEs that any pickle may have, and */
    BYTES_A_FRAME = 4096, /* how many bytes each further one must stand for: picklers fill 64 KiB */
    KEEP_GAPS = 64
};
#define DEFAULT_MAX_BYTES ((uint64_t)1 << 30)

enum phase { AT_OPCODE, IN_HEAD, IN_DATA, IN_LINE };

struct scan {
    struct scan_limits limits;
    enum scan_mode mode;
    enum scan_state state;
    enum phase phase;
    uint64_t at;       /* offset of the next byte to read */
    uint64_t op_start; /* of the opcode being read */
    const struct opcode_info *op;
    uint8_t head[HEAD_MAX_BYTES]; /* the opcode and its fixed bytes, as far as they have come */
    size_t head_len;
    uint64_t data_len, data_left;
    bool is_utf8; /* the data must be */
    struct utf8_check utf8;
    char gathered[GATHER_MAX_BYTES];
    struct line line;
    struct machine machine;
    uint64_t value_start, value_end; /* behind PROTO, before STOP */
    int protocol;
    uint64_t frames_end; /* the highest offset that a FRAME promised */
    struct scan_gap *gaps;
    size_t n_gaps, cap_gaps;
    enum platoon_status bad_status;
    const char *bad_reason;
};

struct scan *scan_new(enum scan_mode mode, const struct scan_limits *limits)
{
    struct scan *s = mem_alloc(sizeof *s);

    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    if (limits)
        s->limits = *limits;
    if (!s->limits.max_bytes)
        s->limits.max_bytes = DEFAULT_MAX_BYTES;
    if (!s->limits.max_depth)
        s->limits.max_depth = DEFAULT_MAX_DEPTH;
    if (!s->limits.max_memo_ranges)
        s->limits.max_memo_ranges = DEFAULT_MAX_MEMO_RANGES;
    s->mode = mode;
    machine_init(&s->machine, mode == SCAN_REQUEST, s->limits.max_depth, s->limits.max_memo_ranges);
    scan_reset(s);
    return s;
}

void scan_reset(struct scan *s)
{
    s->state = SCAN_MORE;
    s->phase = AT_OPCODE;
    s->at = s->op_start = 0;
    s->op = NULL;
    s->value_start = s->value_end = 0;
    s->protocol = 0;
    s->frames_end = 0;
    s->n_gaps = 0;
    if (s->cap_gaps > KEEP_GAPS) {
        free(s->gaps);
        s->gaps = NULL;
        s->cap_gaps = 0;
    }
    machine_reset(&s->machine);
}

void scan_free(struct scan *s)
{
    if (!s)
        return;
    machine_release(&s->machine);
    free(s->gaps);
    free(s);
}

/* --- errors ---------------------------------------------------------------------------------- */

static bool bad(struct scan *s, enum platoon_status status, const char *reason)
{
    s->state = SCAN_BAD;
    s->bad_status = status;
    s->bad_reason = reason;
    return false;
}

static void report(const struct scan *s, struct platoon_err *err)
{
    if (s->bad_status == PLATOON_EPROTO)
        (void)platoon_fail(err, s->bad_status, "not a request: %s", s->bad_reason);
    else
        (void)platoon_fail(err, s->bad_status, "pickle refused at byte %llu, %s: %s",
                           (unsigned long long)s->op_start, s->op ? s->op->name : "no opcode",
                           s->bad_reason);
}

/* --- one opcode, complete -------------------------------------------------------------------- */

static bool step(struct scan *s, const struct opcode_value *v)
{
    return machine_step(&s->machine, s->op->code, v, s->op_start, s->at) ||
           bad(s, s->machine.status, s->machine.complaint);
}

static bool add_gap(struct scan *s)
{
    if (s->n_gaps && s->gaps[s->n_gaps - 1].end == s->op_start) {
        s->gaps[s->n_gaps - 1].end = s->at;
        return true;
    }
    if (s->n_gaps >= FIRST_GAPS + s->at / BYTES_A_FRAME)
        return bad(s, PLATOON_ELIMIT, "there are too many frames for so few bytes");
    if (s->n_gaps == s->cap_gaps) {
        size_t cap = s->cap_gaps ? s->cap_gaps * 2 : 4;
        struct scan_gap *grown = mem_realloc(s->gaps, cap * sizeof *grown);

        if (!grown)
            return bad(s, PLATOON_ENOMEM, "out of memory");
        s->gaps = grown;
        s->cap_gaps = cap;
    }
    s->gaps[s->n_gaps++] = (struct scan_gap){s->op_start, s->at};
    return true;
}

static bool frame(struct scan *s, uint64_t len)
{
    if (len > s->limits.max_bytes - s->at)
        return bad(s, PLATOON_EPICKLE, "the frame is longer than a pickle may be");
    if (s->at + len > s->frames_end)
        s->frames_end = s->at + len;
    return add_gap(s);
}

static bool proto(struct scan *s, uint64_t protocol)
{
    if (s->op_start != 0)
        return bad(s, PLATOON_EPICKLE, "the protocol is named after the beginning");
    if (protocol > HIGHEST_PROTOCOL)
        return bad(s, PLATOON_EPICKLE, "the protocol is above 5");
    s->protocol = (int)protocol;
    s->value_start = s->at;
    s->machine.outline.at = s->at;
    outline_begin(&s->machine.outline);
    return true;
}

static bool stop(struct scan *s, const struct opcode_value *v)
{
    s->value_end = s->op_start;
    if (s->frames_end > s->at)
        return bad(s, PLATOON_EPICKLE, "a frame promised more bytes");
    if (!step(s, v))
        return false;
    s->state = SCAN_DONE;
    return true;
}

/* An opcode without data or line. */
static bool act(struct scan *s, uint64_t number)
{
    struct opcode_value v;

    v.number = number;
    switch (s->op->code) {
    case OP_PROTO:
        return proto(s, number);
    case OP_FRAME:
        return frame(s, number);
    case OP_STOP:
        return stop(s, &v);
    default:
        return step(s, &v);
    }
}

/* The number of `n` bytes, at most 8, at `p`. */
static uint64_t little_endian(const uint8_t *p, size_t n)
{
    uint64_t number = 0;

    while (n-- > 0)
        number = number << 8 | p[n];
    return number;
}

/* --- counted data ---------------------------------------------------------------------------- */

static bool is_text(uint8_t code)
{
    return code == OP_SHORT_BINUNICODE || code == OP_BINUNICODE || code == OP_BINUNICODE8;
}

static bool begin_data(struct scan *s, uint64_t len)
{
    if (len > (s->op->arg == OPARG_DATA4I ? INT32_MAX : INT64_MAX))
        return bad(s, PLATOON_EPICKLE, "its length is negative");
    if (len > s->limits.max_bytes - s->at)
        return bad(s, PLATOON_ELIMIT, "it is longer than a pickle may be");
    s->data_len = s->data_left = len;
    s->is_utf8 = is_text(s->op->code);
    s->utf8 = (struct utf8_check){0};
    return true;
}

/* All of the data has come; `data` holds it, or is NULL when it was too long to gather. */
static bool end_data(struct scan *s, const uint8_t *data)
{
    struct opcode_value v = {.text = (const char *)data, .text_len = s->data_len};

    if (s->is_utf8) {
        if (!utf8_check_is_whole(&s->utf8))
            return bad(s, PLATOON_EPICKLE, "its text is no UTF-8");
    } else if (s->op->code == OP_LONG1 || s->op->code == OP_LONG4) {
        v.kind = SCAN_LONG_TEXT;
        if (data && s->data_len <= 8) {
            size_t n = (size_t)s->data_len;

            v.kind = SCAN_INT;
            v.number = little_endian(data, n);
            if (n > 0 && n < 8 && data[n - 1] & 0x80)
                v.number |= UINT64_MAX << (8 * n);
        }
    } else if (data && (s->op->code == OP_BINSTRING || s->op->code == OP_SHORT_BINSTRING)) {
        if (s->data_len > GATHER_MAX_BYTES || !utf8_is_valid(data, (size_t)s->data_len))
            v.text = NULL; /* Python 2's bytes */
    }
    return step(s, &v);
}

static bool check_data(struct scan *s, const uint8_t *data, size_t len)
{
    return !s->is_utf8 || (len <= SHORT_TEXT && !s->utf8.left && utf8_is_ascii(data, len)) ||
           utf8_check_feed(&s->utf8, data, len) || bad(s, PLATOON_EPICKLE, "its text is no UTF-8");
}

/* The next bytes of data that does not lie in one piece. */
static const uint8_t *read_data(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    size_t n = (size_t)(end - p) < s->data_left ? (size_t)(end - p) : (size_t)s->data_left;
    bool is_gathered = s->data_len <= GATHER_MAX_BYTES;

    if (!check_data(s, p, n))
        return p;
    if (is_gathered)
        memcpy(s->gathered + (s->data_len - s->data_left), p, n);
    s->data_left -= n;
    s->at += n;
    if (s->data_left == 0) {
        s->phase = AT_OPCODE;
        (void)end_data(s, is_gathered ? (const uint8_t *)s->gathered : NULL);
    }
    return p + n;
}

/* --- lines ----------------------------------------------------------------------------------- */

static const uint8_t *read_line(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
    size_t n = (size_t)((newline ? newline : end) - p);
    const char *wrong = line_feed(&s->line, (const char *)p, n);
    struct opcode_value v = {0};
    bool is_done;

    s->at += n;
    if (!wrong && newline) {
        s->at++;
        n++;
        wrong = line_end(&s->line, &is_done, &v);
        if (!wrong && is_done) {
            s->phase = AT_OPCODE;
            (void)step(s, &v);
        }
    }
    if (wrong)
        (void)bad(s, PLATOON_EPICKLE, wrong);
    return p + n;
}

/* --- pieces ---------------------------------------------------------------------------------- */

/* The opcode and its number are read; `rest` is what of the piece follows them. Returns behind
 * what of it was read as well. */
static const uint8_t *act_on_head(struct scan *s, uint64_t number, const uint8_t *rest,
                                  const uint8_t *end)
{
    switch ((enum opcode_arg)s->op->arg) {
    case OPARG_LINE:
    case OPARG_TWO_LINES:
        line_begin(&s->line, s->op->code);
        s->phase = IN_LINE;
        return rest;
    case OPARG_DATA1:
    case OPARG_DATA4:
    case OPARG_DATA4I:
    case OPARG_DATA8:
        if (!begin_data(s, number))
            return rest;
        if (number > (size_t)(end - rest)) {
            s->phase = IN_DATA;
            return rest;
        }
        s->at += number;
        if (check_data(s, rest, (size_t)number))
            (void)end_data(s, rest);
        return rest + number;
    default:
        (void)act(s, number);
        return rest;
    }
}

/* The number in the `n` bytes behind the opcode at `p`. A load of 8 bytes, where there are as
 * many, beats a loop. */
static uint64_t number_behind(const uint8_t *p, size_t n, const uint8_t *end)
{
    uint64_t wide;

    if (n == 0)
        return 0;
    if (end - p <= (ptrdiff_t)sizeof wide)
        return little_endian(p + 1, n);
    memcpy(&wide, p + 1, sizeof wide);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    wide = __builtin_bswap64(wide);
#endif
    return wide & UINT64_MAX >> (64 - 8 * n);
}

/* Opcodes, as many as lie in the piece. Returns behind what was read. */
static const uint8_t *read_opcodes(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    do {
        const struct opcode_info *op = &opcode_table[*p];
        size_t need = 1 + op->fixed_bytes;

        s->op_start = s->at;
        s->op = op;
        if ((size_t)(end - p) < need) {
            s->head_len = (size_t)(end - p);
            memcpy(s->head, p, s->head_len);
            s->at += s->head_len;
            s->phase = IN_HEAD;
            return end;
        }
        s->at += need;
        switch (op->code) {
        case OP_BINFLOAT: /* what long lists are made of */
        case OP_BININT:
        case OP_BININT1:
        case OP_BININT2:
        case OP_NONE:
        case OP_NEWTRUE:
        case OP_NEWFALSE:
            if (machine_needs_no_entry(&s->machine)) {
                machine_push_untold(&s->machine, SHAPE_SCALAR);
                p += need;
                continue;
            }
            break;
        case 0:
            (void)bad(s, PLATOON_EPICKLE, "its first byte is the code of none");
            return p;
        default:
            break;
        }
        p = act_on_head(s, number_behind(p, op->fixed_bytes, end), p + need, end);
    } while (p < end && s->phase == AT_OPCODE && s->state == SCAN_MORE);
    return p;
}

/* The rest of an opcode and its fixed bytes that were cut apart. */
static const uint8_t *read_head(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    size_t need = 1 + s->op->fixed_bytes;

    while (s->head_len < need && p < end) {
        s->head[s->head_len++] = *p++;
        s->at++;
    }
    if (s->head_len < need)
        return p;
    s->phase = AT_OPCODE;
    return act_on_head(s, little_endian(s->head + 1, need - 1), p, end);
}

enum scan_state scan_feed(struct scan *s, const void *data, size_t len, struct platoon_err *err)
{
    const uint8_t *p = data, *end = p + len;

    if (len > s->limits.max_bytes - s->at && s->state == SCAN_MORE)
        (void)bad(s, PLATOON_ELIMIT, "it is longer than a pickle may be");
    while (p < end && s->state == SCAN_MORE) {
        switch (s->phase) {
        case AT_OPCODE:
            p = read_opcodes(s, p, end);
            break;
        case IN_HEAD:
            p = read_head(s, p, end);
            break;
        case IN_DATA:
            p = read_data(s, p, end);
            break;
        case IN_LINE:
            p = read_line(s, p, end);
            break;
        }
    }
    if (p < end && s->state == SCAN_DONE)
        (void)bad(s, PLATOON_EPICKLE, "bytes follow it");
    if (s->state == SCAN_BAD)
        report(s, err);
    return s->state;
}

/* --- what was found -------------------------------------------------------------------------- */

void scan_request(const struct scan *s, struct scan_request *out)
{
    const struct outline *o = &s->machine.outline;

    out->ident_is_none = o->ident_is_none;
    memcpy(out->ident, o->ident, o->ident_is_none ? 1 : o->ident_len + 1);
    memcpy(out->method, o->method, strlen(o->method) + 1);
    out->n_args = o->n_args;
    out->n_kwds = o->n_kwds;
    out->args = o->args;
    out->kwds = o->kwds;
}

int scan_protocol(const struct scan *s)
{
    return s->protocol;
}

const struct scan_gap *scan_gaps(const struct scan *s, size_t *out_n)
{
    *out_n = s->n_gaps;
    return s->gaps;
}

void scan_root(const struct scan *s, struct scan_arg *out_root)
{
    if (s->mode == SCAN_VALUE) {
        *out_root = s->machine.outline.levels[0].entries[0].arg;
    } else {
        memset(out_root, 0, sizeof *out_root);
        out_root->kind = SCAN_COMPOUND;
    }
    out_root->start = s->value_start;
    out_root->end = s->value_end;
    out_root->flags = s->machine.outline.all_flags;
    out_root->open_marks = 0;
    out_root->memo_before = 0;
}

const char *scan_globals(const struct scan *s, size_t *out_len, bool *out_overflow)
{
    *out_len = s->machine.globals.len;
    *out_overflow = s->machine.globals.has_overflowed;
    return s->machine.globals.names;
}
