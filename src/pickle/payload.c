/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c - cutting a value out of a request, and putting it into a reply. The rule is in
 * payload.h, the reasons are these:
 *
 * A pickler numbers what it memoizes, and a GET names such a number. Bytes that hold a GET are
 * right only where the reader's memo is as the writer's was, so whatever ran before them in the
 * request runs before them in the reply, and its results are dropped (POP_MARK for every MARK
 * that was open). Bytes without a GET may memoize what they like: nobody asks for it. FRAMEs are
 * hints about lengths that no longer hold; they go.
 *
 * PROTO is more than a number: below 3, a Python 3 reader translates Python 2's names of
 * modules. So a value keeps the side of that border on which it was written. */
#include "pickle/payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pickle/opcodes.h"

enum {
    SMALL_BYTES = 16 * 1024, /* a payload up to this size gets a block of its own */
    COPY_BYTES = 1024, /* a body up to this size is copied into the reply, larger ones are shared */
    PROTOCOL_OF_PYTHON_2 = 2, /* the highest it reads */
    PROTOCOL_EVERY_3_READS = 4
};

static const uint8_t return_head[] = {OP_BINUNICODE, 7, 0, 0, 0, '#', 'R', 'E', 'T', 'U', 'R', 'N'};

/* --- pieces of a body ------------------------------------------------------------------------ */

/* Where bytes go: into memory, or shared into a rope; or they are only counted. */
struct sink {
    uint64_t len;
    uint8_t *to;
    struct rope *rope;
    bool has_failed;
};

/* Bytes [start, end) of `from` without the gaps. */
static void take_range(struct sink *sink, const struct rope *from, uint64_t start, uint64_t end,
                       const struct scan_gap *gaps, size_t n_gaps)
{
    struct rope_cursor c;

    rope_cursor_init(&c, from);
    for (size_t i = 0; start < end; i++) {
        uint64_t stop;

        while (i < n_gaps && gaps[i].end <= start)
            i++;
        stop = i < n_gaps && gaps[i].start < end ? gaps[i].start : end;
        if (stop > start) {
            if (sink->to)
                rope_cursor_copy(&c, start, stop, sink->to + sink->len);
            else if (sink->rope && !rope_cursor_append(&c, start, stop, sink->rope))
                sink->has_failed = true;
            sink->len += stop - start;
        }
        start = i < n_gaps && stop < end ? gaps[i].end : end;
    }
}

static void take_byte(struct sink *sink, uint8_t byte, uint64_t n)
{
    if (sink->to) {
        memset(sink->to + sink->len, byte, (size_t)n);
    } else if (sink->rope) {
        uint8_t some[256];

        memset(some, byte, sizeof some);
        for (uint64_t left = n; left > 0;) {
            size_t part = left < sizeof some ? (size_t)left : sizeof some;

            if (!rope_append_copy(sink->rope, some, part))
                sink->has_failed = true;
            left -= part;
        }
    }
    sink->len += n;
}

/* A value's bytes in a pickle, and what must stand before them. */
struct cut {
    const struct rope *from;
    const struct scan_gap *gaps;
    size_t n_gaps;
    uint64_t start, end;
    uint64_t prefix_start; /* == start: no prefix */
    uint64_t n_padding;    /* memo entries to fill with None instead of a prefix */
    uint32_t open_marks;
};

static void write_body(struct sink *sink, const struct cut *cut)
{
    if (cut->n_padding) {
        take_byte(sink, OP_NONE, 1);
        take_byte(sink, OP_MEMOIZE, cut->n_padding);
        take_byte(sink, OP_POP, 1);
    }
    if (cut->prefix_start < cut->start) {
        take_range(sink, cut->from, cut->prefix_start, cut->start, cut->gaps, cut->n_gaps);
        take_byte(sink, OP_POP_MARK, cut->open_marks);
    }
    take_range(sink, cut->from, cut->start, cut->end, cut->gaps, cut->n_gaps);
}

static void write_pickle(struct sink *sink, const struct cut *cut, int protocol)
{
    take_byte(sink, OP_PROTO, 1);
    take_byte(sink, (uint8_t)protocol, 1);
    write_body(sink, cut);
    take_byte(sink, OP_STOP, 1);
}

static bool fill(struct rope *pickle, const struct cut *cut, int protocol)
{
    struct sink count = {0}, sink = {0};
    struct block *b;
    bool ok;

    write_pickle(&count, cut, protocol);
    if (count.len > SMALL_BYTES) {
        sink.rope = pickle;
        write_pickle(&sink, cut, protocol);
        return !sink.has_failed;
    }
    b = block_new((size_t)count.len);
    if (!b)
        return false;
    sink.to = b->data;
    write_pickle(&sink, cut, protocol);
    ok = rope_append_block(pickle, b, 0, (size_t)count.len);
    block_unref(b);
    return ok;
}

/* --- making ---------------------------------------------------------------------------------- */

/* The protocol to announce: on the side of the border where the bytes were written, and no
 * higher than they need, so that as many readers as possible take them. */
static uint8_t protocol_for(int written, uint32_t flags)
{
    if (written <= PROTOCOL_OF_PYTHON_2)
        return PROTOCOL_OF_PYTHON_2;
    if (written > PROTOCOL_EVERY_3_READS && !(flags & SCAN_HAS_PROTO5))
        return PROTOCOL_EVERY_3_READS;
    return (uint8_t)written;
}

static enum platoon_status make(const struct cut *cut, int protocol, enum scan_kind kind,
                                uint32_t flags, struct payload **out)
{
    struct payload *p = mem_alloc(sizeof *p);

    if (!p)
        return PLATOON_ENOMEM;
    memset(p, 0, sizeof *p);
    p->refs = 1;
    p->protocol = protocol_for(protocol, flags);
    p->kind = (uint8_t)kind;
    p->flags = flags & ~(uint32_t)SCAN_GET_OUTSIDE; /* a whole pickle refers to nothing outside */
    rope_init(&p->pickle);
    if (!fill(&p->pickle, cut, p->protocol)) {
        payload_unref(p);
        return PLATOON_ENOMEM;
    }
    *out = p;
    return PLATOON_OK;
}

/* What the bytes before `start` hold. */
static uint32_t flags_before(const struct scan *s, uint64_t start)
{
    struct scan_request request;
    struct scan_arg root;
    uint32_t flags;

    scan_request(s, &request);
    scan_root(s, &root);
    /* Texts of ident, method and keywords can have these two; nobody minds if they come from
     * behind `start`. */
    flags = root.flags & (SCAN_HAS_STRING8 | SCAN_HAS_EXPLICIT_PUT);
    for (size_t i = 0; i < request.n_args; i++)
        if (request.args[i].start < start)
            flags |= request.args[i].flags;
    for (size_t i = 0; i < request.n_kwds; i++)
        if (request.kwds[i].value.start < start)
            flags |= request.kwds[i].value.flags;
    return flags;
}

enum platoon_status payload_cut(const struct scan *s, const struct scan_arg *arg,
                                const struct rope *frame, struct payload **out)
{
    uint32_t flags = arg->flags;
    struct scan_arg root;
    struct cut cut = {.from = frame,
                      .start = arg->start,
                      .end = arg->end,
                      .prefix_start = arg->start,
                      .open_marks = arg->open_marks};

    cut.gaps = scan_gaps(s, &cut.n_gaps);
    if (flags & SCAN_HAS_GET) {
        if (flags & (SCAN_GET_OUTSIDE | SCAN_HAS_EXPLICIT_PUT)) {
            scan_root(s, &root);
            cut.prefix_start = root.start;
            flags |= flags_before(s, arg->start);
        } else {
            cut.n_padding = arg->memo_before;
        }
    }
    return make(&cut, scan_protocol(s), arg->kind, flags, out);
}

enum platoon_status payload_from_pickle(const struct scan *s, const struct rope *bytes,
                                        struct payload **out)
{
    struct scan_arg root;
    struct cut cut = {.from = bytes};

    scan_root(s, &root);
    cut.gaps = scan_gaps(s, &cut.n_gaps);
    cut.start = cut.prefix_start = root.start;
    cut.end = root.end;
    return make(&cut, scan_protocol(s), root.kind, root.flags, out);
}

struct payload *payload_ref(struct payload *p)
{
    p->refs++;
    return p;
}

void payload_unref(struct payload *p)
{
    if (!p || --p->refs > 0)
        return;
    rope_release(&p->pickle);
    free(p);
}

/* --- using ----------------------------------------------------------------------------------- */

uint64_t payload_bytes(const struct payload *p)
{
    return p->cold_bytes ? p->cold_bytes : p->pickle.len;
}

bool payload_equal(const struct payload *a, const struct payload *b)
{
    return rope_equal(&a->pickle, &b->pickle);
}

bool payload_append_body(const struct payload *p, struct rope *r)
{
    uint64_t len = p->pickle.len - 3; /* without PROTO and STOP */
    uint64_t before = r->len;
    uint8_t copy[COPY_BYTES];

    if (len <= sizeof copy) {
        rope_copy_out(&p->pickle, 2, copy, (size_t)len);
        return rope_append_copy(r, copy, (size_t)len);
    }
    if (rope_append_range(r, &p->pickle, 2, 2 + len))
        return true;
    rope_truncate(r, before);
    return false;
}

/* Must the value be written anew for this reader? With which protocol, or 0. */
static int recode_for(const struct payload *p, int reader_protocol)
{
    if (reader_protocol <= PROTOCOL_OF_PYTHON_2)
        return p->protocol > PROTOCOL_OF_PYTHON_2 ? PROTOCOL_OF_PYTHON_2 : 0;
    /* Pythons that write 3 read 4, but not 5; those that write 4 read 5. */
    if (reader_protocol < PROTOCOL_EVERY_3_READS && p->protocol > PROTOCOL_EVERY_3_READS)
        return PROTOCOL_EVERY_3_READS;
    return 0;
}

static bool append_reply(const struct payload *p, struct rope *r)
{
    uint8_t proto[] = {OP_PROTO, p->protocol};
    static const uint8_t end[] = {OP_TUPLE2, OP_STOP};
    uint64_t before = r->len;

    if (rope_append_copy(r, proto, sizeof proto) &&
        rope_append_copy(r, return_head, sizeof return_head) && payload_append_body(p, r) &&
        rope_append_copy(r, end, sizeof end))
        return true;
    rope_truncate(r, before);
    return false;
}

bool payload_append_reply(const struct payload *p, int reader_protocol, struct rope *r)
{
    int protocol = recode_for(p, reader_protocol);
    struct payload *anew;
    platoon_value *value;
    enum platoon_status st;
    bool ok;

    if (!protocol)
        return append_reply(p, r);
    st = payload_decode(p, NULL, &value, NULL);
    if (st != PLATOON_OK)
        return st != PLATOON_ENOMEM && append_reply(p, r);
    st = platoon_value_kind(value) == PLATOON_OPAQUE ? PLATOON_EOPAQUE
                                                     : payload_from_value(value, protocol, &anew);
    platoon_value_unref(value);
    if (st != PLATOON_OK) /* as it is: the reader will say what it cannot load */
        return st != PLATOON_ENOMEM && append_reply(p, r);
    ok = append_reply(anew, r);
    payload_unref(anew);
    return ok;
}
