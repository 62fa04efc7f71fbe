/* SPDX-License-Identifier: Apache-2.0 */
/* redo_record.c - see redo_record.h. One table says which fields a kind has; encoding and decoding
 * both walk it. */
#include "store/redo_record.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum field {
    F_END, /* of the list */
    F_TASK,
    F_QUEUE,
    F_PLACE,
    F_OTHER,
    F_EPOCH,
    F_COUNTER,
    F_LEASE_MS,
    F_ATTEMPT,
    F_STATE,
    F_MAY_BE_REPEAT,
    F_TEXT,
    F_DETAIL,
    F_NUMBER,
    F_MAXSIZE,
    F_RESULT_QUEUE,
    F_MAX_ATTEMPTS,
    F_UNFINISHED,
    F_DONE,
    F_FAILED,
    F_CANCELLED,
    F_VALUE
};

enum { MAX_FIELDS = 10, LEB_BYTES = 10 };

/* The order is the format: version 1 of the log (redo_log.c). */
static const uint8_t fields_of[][MAX_FIELDS] = {
    [RECORD_EPOCH] = {F_EPOCH},
    [RECORD_QUEUE] = {F_QUEUE, F_MAXSIZE, F_RESULT_QUEUE, F_MAX_ATTEMPTS, F_TEXT},
    [RECORD_COUNTS] = {F_QUEUE, F_UNFINISHED, F_DONE, F_FAILED, F_CANCELLED},
    [RECORD_PUT] = {F_TASK, F_QUEUE, F_PLACE, F_OTHER, F_ATTEMPT, F_VALUE},
    [RECORD_CLAIM] = {F_TASK, F_EPOCH, F_COUNTER, F_LEASE_MS, F_ATTEMPT, F_TEXT, F_DETAIL},
    [RECORD_STATE] = {F_TASK, F_EPOCH, F_COUNTER, F_STATE, F_PLACE, F_ATTEMPT, F_MAY_BE_REPEAT,
                      F_TEXT},
    [RECORD_END] = {F_TASK, F_EPOCH, F_COUNTER, F_STATE, F_OTHER, F_TEXT},
    [RECORD_METRIC] = {F_TASK, F_TEXT, F_NUMBER},
};

bool redo_record_is_plain(enum record_kind kind)
{
    return (size_t)kind < sizeof fields_of / sizeof fields_of[0] && fields_of[kind][0] != F_END;
}

/* Where the numbers are. */
#define PLACE(member)                                                                              \
    {                                                                                              \
        offsetof(struct record, member), sizeof(((struct record *)NULL)->member)                   \
    }
static const struct {
    size_t offset, size;
} places[] = {
    [F_TASK] = PLACE(task),
    [F_QUEUE] = PLACE(queue),
    [F_PLACE] = PLACE(place),
    [F_OTHER] = PLACE(other),
    [F_EPOCH] = PLACE(lease.epoch),
    [F_COUNTER] = PLACE(lease.counter),
    [F_LEASE_MS] = PLACE(lease_ms),
    [F_ATTEMPT] = PLACE(attempt),
    [F_STATE] = PLACE(state),
    [F_MAY_BE_REPEAT] = PLACE(may_be_repeat),
    [F_NUMBER] = PLACE(number), /* its bits */
    [F_MAXSIZE] = PLACE(options.maxsize),
    [F_RESULT_QUEUE] = PLACE(options.result_queue),
    [F_MAX_ATTEMPTS] = PLACE(options.max_attempts),
    [F_UNFINISHED] = PLACE(counts.unfinished),
    [F_DONE] = PLACE(counts.done),
    [F_FAILED] = PLACE(counts.failed),
    [F_CANCELLED] = PLACE(counts.cancelled),
};

static uint64_t number_of(const struct record *r, size_t field)
{
    const char *from = (const char *)r + places[field].offset;
    uint64_t n;
    uint32_t narrow;

    switch (places[field].size) {
    case sizeof n:
        memcpy(&n, from, sizeof n);
        return n;
    case sizeof narrow:
        memcpy(&narrow, from, sizeof narrow);
        return narrow;
    default:
        return *(const bool *)from;
    }
}

static void set_number(struct record *r, size_t field, uint64_t n)
{
    char *to = (char *)r + places[field].offset;
    uint32_t narrow = (uint32_t)n;

    switch (places[field].size) {
    case sizeof n:
        memcpy(to, &n, sizeof n);
        return;
    case sizeof narrow:
        memcpy(to, &narrow, sizeof narrow);
        return;
    default:
        *(bool *)to = n != 0;
    }
}

/* --- encoding --------------------------------------------------------------------------------- */

static void put_number(struct buf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        (void)buf_byte(out, (uint8_t)(n | 0x80)); /* a failure sticks to the buffer */
    (void)buf_byte(out, (uint8_t)n);
}

static void put_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    put_number(out, len);
    (void)buf_append(out, text, len);
}

static void put_value(struct buf *out, const struct payload *p)
{
    (void)buf_byte(out, p->protocol);
    (void)buf_byte(out, p->kind);
    put_number(out, p->flags);
    put_number(out, p->pickle.len);
    for (size_t i = 0; i < p->pickle.n_segments; i++) {
        const struct rope_segment *s = &p->pickle.segments[i];

        (void)buf_append(out, s->block->data + s->offset, s->len);
    }
}

bool redo_record_encode(const struct batch *b, const struct record *r, struct buf *out)
{
    (void)buf_byte(out, (uint8_t)r->kind);
    for (const uint8_t *f = fields_of[r->kind]; *f != F_END; f++) {
        if (*f == F_TEXT)
            put_text(out, batch_text_at(b, r->text));
        else if (*f == F_DETAIL)
            put_text(out, batch_text_at(b, r->detail));
        else if (*f == F_VALUE)
            put_value(out, r->value);
        else
            put_number(out, number_of(r, (enum field) * f));
    }
    return !out->has_failed;
}

/* --- decoding --------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at, *end;
    bool has_failed; /* sticky: whoever reads on gets zeros */
};

static uint64_t take_number(struct reader *in)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < LEB_BYTES && in->at < in->end; i++) {
        uint8_t byte = *in->at++;

        n |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return n;
    }
    in->has_failed = true;
    return 0;
}

/* A length, and that many bytes: where they are, or NULL. */
static const uint8_t *take_bytes(struct reader *in, size_t *out_len)
{
    uint64_t len = take_number(in);
    const uint8_t *bytes = in->at;

    if (in->has_failed || len > (uint64_t)(in->end - in->at)) {
        in->has_failed = true;
        return NULL;
    }
    in->at += len;
    *out_len = (size_t)len;
    return bytes;
}

static size_t take_text(struct reader *in, struct batch *b)
{
    char text[BATCH_MAX_TEXT + 1];
    size_t len = 0;
    const uint8_t *bytes = take_bytes(in, &len);

    if (!bytes || len > BATCH_MAX_TEXT || !batch_reserve(b, 1, len + 2)) {
        in->has_failed = true;
        return 0;
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
    return batch_text(b, text);
}

static struct payload *take_value(struct reader *in)
{
    struct payload *p = calloc(1, sizeof *p);
    const uint8_t *bytes;
    size_t len = 0;

    if (!p || in->end - in->at < 2) {
        free(p);
        in->has_failed = true;
        return NULL;
    }
    p->refs = 1;
    rope_init(&p->pickle);
    p->protocol = *in->at++;
    p->kind = *in->at++;
    p->flags = (uint32_t)take_number(in);
    bytes = take_bytes(in, &len);
    if (bytes && rope_append_copy(&p->pickle, bytes, len))
        return p;
    payload_unref(p);
    in->has_failed = true;
    return NULL;
}

bool redo_record_decode(const uint8_t *bytes, size_t len, size_t *at, struct batch *b)
{
    struct reader in = {.at = bytes + *at, .end = bytes + len};
    enum record_kind kind;
    struct record *r;
    size_t index;

    if (in.at == in.end || !redo_record_is_plain((enum record_kind) * in.at) ||
        !batch_reserve(b, 1, 0))
        return false;
    kind = (enum record_kind) * in.at++;
    index = b->n;
    (void)batch_add(b, kind);
    for (const uint8_t *f = fields_of[kind]; *f != F_END; f++) {
        size_t text = *f == F_TEXT || *f == F_DETAIL ? take_text(&in, b) : 0;

        r = &b->records[index]; /* text may have moved it */
        if (*f == F_TEXT)
            r->text = text;
        else if (*f == F_DETAIL)
            r->detail = text;
        else if (*f == F_VALUE)
            r->value = take_value(&in);
        else
            set_number(r, (enum field) * f, take_number(&in));
    }
    r = &b->records[index];
    if (in.has_failed || r->state > STORE_CANCELLED)
        return false;
    *at = (size_t)(in.at - bytes);
    return true;
}
