/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - cuts a stream of bytes into opcodes with their arguments; what an opcode does is in
 * decode_ops.c. */
#include "pickle/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pickle/decoder.h"

enum {
    DEFAULT_DEPTH = 10000,
    DEFAULT_NODES = 64 << 20,
    DEFAULT_BYTES = 1 << 30,
    FIRST_STACK = 32,
    LARGEST_GUESS = 64 << 10
};

struct decoder *decoder_new(const struct platoon_pickle_limits *limits, size_t expected)
{
    struct decoder *d = mem_alloc(sizeof *d);

    if (!d)
        return NULL;
    memset(d, 0, sizeof *d);
    if (limits)
        d->limits = *limits;
    if (!d->limits.max_depth)
        d->limits.max_depth = DEFAULT_DEPTH;
    if (!d->limits.max_nodes)
        d->limits.max_nodes = DEFAULT_NODES;
    if (!d->limits.max_bytes)
        d->limits.max_bytes = DEFAULT_BYTES;
    buf_init(&d->pending);
    buf_init(&d->scratch);
    decode_memo_init(&d->memo);
    /* Nodes take some four times the room of their opcodes. */
    d->owner = owner_new((expected < LARGEST_GUESS ? expected : LARGEST_GUESS) * 4);
    d->cap_stack = FIRST_STACK;
    d->stack = mem_alloc(d->cap_stack * sizeof(platoon_value *));
    if (!d->owner || !d->stack) {
        decoder_free(d);
        return NULL;
    }
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    owner_unref(d->owner);
    free(d->stack);
    free(d->marks);
    decode_memo_release(&d->memo);
    buf_release(&d->pending);
    buf_release(&d->scratch);
    free(d);
}

bool decoder_fail(struct decoder *d, enum platoon_status status, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args); /* cut to fit */
    va_end(args);
    d->status =
        platoon_fail(&d->err, status, "pickle, byte %llu (%s): %s", (unsigned long long)d->offset,
                     d->op ? d->op->name : "no opcode", what);
    return false;
}

bool decoder_no_memory(struct decoder *d)
{
    return decoder_fail(d, PLATOON_ENOMEM, "out of memory after %llu values",
                        (unsigned long long)d->n_nodes);
}

static uint64_t little_endian(const uint8_t *p, unsigned n)
{
    uint64_t x = 0;

    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

/* How long is the opcode at `p`, of which `have` bytes (at least 1) are here? *out_size is its
 * whole length, or where that is not known yet at least have + 1. `skip` bytes are known to hold no
 * end of line. False: it failed. */
static bool measure(struct decoder *d, const uint8_t *p, size_t have, size_t skip, size_t *out_size)
{
    unsigned fixed = opcode_fixed_bytes((enum opcode_arg)d->op->arg);
    uint64_t len = 0;
    const uint8_t *end;

    switch ((enum opcode_arg)d->op->arg) {
    case OPARG_LINE:
    case OPARG_TWO_LINES:
        if (skip < 1)
            skip = 1;
        end = have > skip ? memchr(p + skip, '\n', have - skip) : NULL;
        if (end && d->op->arg == OPARG_TWO_LINES &&
            memchr(p + 1, '\n', (size_t)(end - p) - 1) == NULL)
            end = memchr(end + 1, '\n', have - (size_t)(end + 1 - p));
        *out_size = end ? (size_t)(end - p) + 1 : have + 1;
        return true;
    case OPARG_DATA1:
    case OPARG_DATA4:
    case OPARG_DATA4I:
    case OPARG_DATA8:
        if (have < 1 + fixed)
            break;
        len = little_endian(p + 1, fixed);
        if (d->op->arg == OPARG_DATA4I && len > INT32_MAX)
            return decoder_fail(d, PLATOON_EPICKLE, "negative length");
        break;
    default:
        break;
    }
    if (d->offset + 1 + fixed > d->limits.max_bytes ||
        len > d->limits.max_bytes - d->offset - 1 - fixed)
        return decoder_fail(d, PLATOON_ELIMIT,
                            "announces %llu bytes; the limit for a pickle is %zu",
                            (unsigned long long)len, d->limits.max_bytes);
    *out_size = 1 + fixed + (size_t)len;
    return true;
}

static bool recognise(struct decoder *d, uint8_t code)
{
    d->op = opcode_info(code);
    return d->op || decoder_fail(d, PLATOON_EPICKLE, "0x%02x is no opcode", code);
}

/* Complete the opcode in `pending` from `data`, and run it. *out_used bytes were taken. */
static bool feed_pending(struct decoder *d, const uint8_t *data, size_t len, size_t *out_used)
{
    size_t used = 0, size = 0;

    while (used < len) {
        size_t known = d->pending.len, take;
        bool is_line = d->op->arg == OPARG_LINE || d->op->arg == OPARG_TWO_LINES;

        if (!measure(d, d->pending.data, known, known, &size))
            return false;
        if (is_line) {
            const uint8_t *end = memchr(data + used, '\n', len - used);

            take = end ? (size_t)(end - (data + used)) + 1 : len - used;
        } else {
            take = size - known < len - used ? size - known : len - used;
        }
        if (!buf_append(&d->pending, data + used, take))
            return decoder_no_memory(d);
        used += take;
        if (!measure(d, d->pending.data, d->pending.len, known, &size))
            return false;
        if (d->pending.len < size)
            continue;
        if (!decoder_run(d, d->pending.data + 1, size - 1))
            return false;
        d->offset += size;
        buf_reset(&d->pending);
        break;
    }
    *out_used = used;
    return true;
}

static bool feed(struct decoder *d, const uint8_t *p, size_t len)
{
    size_t size = 0;

    if (d->pending.len > 0) {
        size_t used = 0;

        if (!feed_pending(d, p, len, &used))
            return false;
        p += used;
        len -= used;
    }
    while (len > 0) {
        if (d->is_done) {
            d->op = NULL;
            return decoder_fail(d, PLATOON_EPICKLE, "bytes after the end (STOP)");
        }
        if (!recognise(d, p[0]) || !measure(d, p, len, 0, &size))
            return false;
        if (len < size)
            return buf_append(&d->pending, p, len) || decoder_no_memory(d);
        if (!decoder_run(d, p + 1, size - 1))
            return false;
        d->offset += size;
        p += size;
        len -= size;
    }
    return true;
}

enum decoder_state decoder_feed(struct decoder *d, const void *data, size_t len,
                                struct platoon_err *err)
{
    uint64_t seen = d->offset + d->pending.len;

    if (d->status == PLATOON_OK && len > d->limits.max_bytes - seen) {
        /* What fits is read first, so that the answer does not depend on how the bytes were cut. */
        if (feed(d, data, (size_t)(d->limits.max_bytes - seen)) && !d->is_done)
            (void)decoder_fail(d, PLATOON_ELIMIT, "longer than the limit of %zu bytes",
                               d->limits.max_bytes); /* recorded in d->status */
        else if (d->is_done)
            (void)decoder_fail(d, PLATOON_EPICKLE, "bytes after the end (STOP)");
    } else if (d->status == PLATOON_OK) {
        (void)feed(d, data, len); /* recorded in d->status */
    }
    if (d->status != PLATOON_OK) {
        if (err)
            *err = d->err;
        return DECODER_FAILED;
    }
    return d->is_done ? DECODER_DONE : DECODER_MORE;
}

enum platoon_status decoder_status(const struct decoder *d)
{
    return d->status;
}

platoon_value *decoder_take(struct decoder *d)
{
    platoon_value *root = d->root;

    if (!root->owner)
        owner_unref(d->owner);
    d->owner = NULL; /* its reference goes with the root */
    d->root = NULL;
    return root;
}

bool decoder_names_global(const struct decoder *d)
{
    return d->names_global;
}
