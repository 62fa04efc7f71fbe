/* SPDX-License-Identifier: Apache-2.0 */
/* splicetool.c - what the server does with a value, as a filter: requests in, replies out.
 *
 *     splicetool READER_PROTOCOL PIECE REQUESTS REPLIES
 *
 * Replies for a reader of that protocol (0: the standalone pickle), requests fed in pieces of
 * PIECE bytes. In the files:
 *
 *     request  u8 which argument (255: the keyword `item`)  u32 length (little endian)  pickle
 *     answer   u8 status (0: ok, else -platoon_status)  u32 length  reply, or the error's text */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rope.h"
#include "pickle/payload.h"
#include "pickle/scan.h"

enum { ITEM_KEYWORD = 255 };

static const struct scan_arg *find(const struct scan *s, int which)
{
    struct scan_request r;

    scan_request(s, &r);
    if (which != ITEM_KEYWORD)
        return (size_t)which < r.n_args ? &r.args[which] : NULL;
    for (size_t i = 0; i < r.n_kwds; i++)
        if (strcmp(r.kwds[i].name, "item") == 0)
            return &r.kwds[i].value;
    return NULL;
}

/* Read `len` bytes as a request that arrives in pieces, each in a block of its own. */
static enum scan_state read_request(FILE *from, struct scan *s, struct rope *frame, size_t len,
                                    size_t piece, struct platoon_err *err)
{
    enum scan_state state = SCAN_MORE;

    scan_reset(s);
    while (len > 0) {
        size_t n = len < piece ? len : piece;
        struct block *b = block_new(n);

        if (!b || fread(b->data, 1, n, from) != n || !rope_append_block(frame, b, 0, n))
            abort();
        if (state != SCAN_BAD)
            state = scan_feed(s, b->data, n, err);
        block_unref(b);
        len -= n;
    }
    if (state == SCAN_MORE)
        (void)platoon_fail(err, PLATOON_EPICKLE, "the request has no end");
    return state;
}

static void answer(FILE *to, enum platoon_status status, const struct rope *r, const char *message)
{
    uint64_t len = status == PLATOON_OK ? r->len : strlen(message);
    uint8_t head[5] = {(uint8_t)-status, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};

    (void)fwrite(head, 1, sizeof head, to);
    if (status != PLATOON_OK)
        (void)fwrite(message, 1, (size_t)len, to);
    else
        for (size_t i = 0; i < r->n_segments; i++)
            (void)fwrite(r->segments[i].block->data + r->segments[i].offset, 1, r->segments[i].len,
                         to);
}

static void splice(FILE *from, FILE *to, struct scan *s, int which, size_t len, int reader_protocol,
                   size_t piece)
{
    struct platoon_err err = {0};
    struct rope frame, reply;
    struct payload *p = NULL;
    const struct scan_arg *arg;
    enum platoon_status st;

    rope_init(&frame);
    rope_init(&reply);
    if (read_request(from, s, &frame, len, piece, &err) != SCAN_DONE) {
        answer(to, err.status, NULL, err.message);
    } else if (!(arg = find(s, which))) {
        answer(to, PLATOON_ENOTFOUND, NULL, "there is no such argument");
    } else if ((st = payload_cut(s, arg, &frame, &p)) != PLATOON_OK) {
        answer(to, st, NULL, platoon_status_text(st));
    } else {
        rope_release(&frame); /* the payload holds what it needs */
        if (reader_protocol == 0)
            answer(to, PLATOON_OK, &p->pickle, NULL);
        else if (!payload_append_reply(p, reader_protocol, &reply))
            abort();
        else
            answer(to, PLATOON_OK, &reply, NULL);
    }
    payload_unref(p);
    rope_release(&frame);
    rope_release(&reply);
}

int main(int argc, char **argv)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    FILE *from = argc == 5 ? fopen(argv[3], "rb") : NULL;
    FILE *to = argc == 5 ? fopen(argv[4], "wb") : NULL;
    uint8_t head[5];

    if (!s || !from || !to)
        return 2;
    while (fread(head, 1, sizeof head, from) == sizeof head)
        splice(from, to, s, head[0],
               (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 |
                   (size_t)head[4] << 24,
               atoi(argv[1]), strtoul(argv[2], NULL, 10));
    scan_free(s);
    (void)fclose(from);
    return fclose(to) == 0 ? 0 : 1;
}
