/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - see input.h. */
#include "server/input.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/handshake.h"
#include "server/request.h"
#include "server/server.h"
#include "wire/auth.h"

enum {
    IN_PLACE_BYTES =
        16 * 1024, /* larger payloads share the block they came in: give them one of their own */
    SCAN_EARLY_BYTES = 64 * 1024, /* larger frames are scanned as they come */
    FIRST_BLOCK_BYTES = 64 * 1024,
    LARGEST_BLOCK_BYTES = 1024 * 1024,
    READ_BUDGET = 128 * 1024, /* bytes a turn, shared by those who send much */
    READ_LEAST = 32 * 1024,
    READ_MOST = 64 * 1024
};

/* A frame of which a part has come. */
struct inbound {
    struct rope body;
    uint64_t need;      /* bytes that are still to come */
    struct block *tail; /* the body's last block, being filled; NULL: none */
    size_t tail_used;
    struct scan *scan; /* of a frame that is scanned as it comes */
    bool is_refused;   /* what comes is dropped; then `why` is the answer */
    char why[500];
};

static void set_big_reader(struct session *s, bool is_big)
{
    if (s->is_big_reader == is_big)
        return;
    s->is_big_reader = is_big;
    s->srv->sessions.n_big_readers += is_big ? 1 : (size_t)-1;
}

static void drop_body(struct session *s)
{
    struct inbound *in = s->in;

    rope_release(&in->body);
    block_unref(in->tail);
    in->tail = NULL;
    sessions_give_scan(s->srv, in->scan);
    in->scan = NULL;
}

void input_drop(struct session *s)
{
    struct inbound *in = s->in;

    if (!in)
        return;
    drop_body(s);
    pool_give(&s->srv->sessions.inbound, in);
    s->in = NULL;
    set_big_reader(s, false);
}

/* A sender with Nagle's algorithm on (every stock client) holds the rest of a message back until
 * what it wrote before is acknowledged, and the kernel delays that by 40 ms. Asking for quick
 * acknowledgements sends the pending one at once; the kernel forgets the wish soon, so it is asked
 * each time that more must come before we have anything to say. */
static void acknowledge_now(struct session *s)
{
    int on = 1;

    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static bool open_inbound(struct session *s)
{
    struct inbound *in = pool_take(&s->srv->sessions.inbound, sizeof *in);

    if (!in) {
        session_close(s, "no-memory");
        return false;
    }
    memset(in, 0, offsetof(struct inbound, why));
    rope_init(&in->body);
    in->need = s->frame.body_bytes;
    s->in = in;
    return true;
}

/* Nothing of this frame will be served. Its bytes are read and dropped, so that the connection can
 * go on. */
static void refuse_frame(struct session *s, const char *why)
{
    drop_body(s);
    s->in->is_refused = true;
    snprintf(s->in->why, sizeof s->in->why, "%s", why);
}

/* The body is whole: `body` (borrowed, as is its scan). */
static void serve_body(struct session *s, const struct rope *body, struct scan *scan)
{
    if (s->state == SESSION_HANDSHAKE) {
        uint8_t bytes[AUTH_MAX_BODY];

        rope_copy_out(body, 0, bytes, (size_t)body->len);
        handshake_receive(s, bytes, (size_t)body->len);
    } else {
        request_receive(s, body, scan);
    }
}

static void serve_inbound(struct session *s)
{
    struct inbound *in = s->in;
    struct rope body = in->body;
    struct scan *scan = in->scan;

    frame_reset(&s->frame);
    if (in->is_refused) {
        request_refuse(s, in->why);
        input_drop(s);
        return;
    }
    rope_init(&in->body);
    in->scan = NULL;
    input_drop(s); /* before it is served: the session may be gone after */
    serve_body(s, &body, scan);
    rope_release(&body);
}

/* `n` more bytes are in the tail: count and scan them. */
static void took(struct session *s, const uint8_t *data, size_t n)
{
    struct inbound *in = s->in;
    struct platoon_err err;

    in->need -= n;
    if (in->scan && scan_feed(in->scan, data, n, &err) == SCAN_BAD)
        refuse_frame(s, err.message);
}

/* Room in the tail for more of the body; a new block is as large as what has come already, within
 * bounds. */
static bool make_tail(struct session *s)
{
    struct inbound *in = s->in;
    uint64_t size = in->body.len;

    if (in->tail && in->tail_used < in->tail->size)
        return true;
    block_unref(in->tail);
    if (size < FIRST_BLOCK_BYTES)
        size = FIRST_BLOCK_BYTES;
    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    if (size > in->need)
        size = in->need;
    in->tail = block_new((size_t)size);
    in->tail_used = 0;
    if (!in->tail)
        refuse_frame(s, "MemoryError: the server has no memory left for a message of this size");
    return in->tail != NULL;
}

static bool add_to_body(struct session *s, size_t n)
{
    struct inbound *in = s->in;

    if (!rope_append_block(&in->body, in->tail, in->tail_used, n)) {
        in->need -= n;
        refuse_frame(s, "MemoryError: the server has no memory left for a message of this size");
        return false;
    }
    in->tail_used += n;
    took(s, in->tail->data + in->tail_used - n, n);
    return true;
}

/* Copy the first bytes of a body out of the shared block. Returns how many were its own. */
static size_t begin_body(struct session *s, const uint8_t *data, size_t len)
{
    struct inbound *in;
    size_t n, taken = 0;

    if (!open_inbound(s))
        return len;
    in = s->in;
    if (len > in->need)
        len = (size_t)in->need;
    if (s->state != SESSION_HANDSHAKE && in->need > s->srv->max_frame_bytes) {
        char why[300];

        snprintf(why, sizeof why,
                 "ValueError: a message of %llu bytes is over the server's limit of %llu; send "
                 "less, or start "
                 "the server with a larger limit",
                 (unsigned long long)in->need, (unsigned long long)s->srv->max_frame_bytes);
        refuse_frame(s, why);
    } else if (in->need > SCAN_EARLY_BYTES) {
        track_request_begins(s->srv, s);
        set_big_reader(s, true);
        in->scan = sessions_take_scan(s->srv);
        if (!in->scan)
            refuse_frame(s,
                         "MemoryError: the server has no memory left for a message of this size");
    }
    while (taken < len) {
        if (in->is_refused || !make_tail(s)) {
            in->need -= len - taken;
            return len;
        }
        n = in->tail->size - in->tail_used;
        if (n > len - taken)
            n = len - taken;
        memcpy(in->tail->data + in->tail_used, data + taken, n);
        taken += n;
        (void)add_to_body(s, n);
    }
    return len;
}

/* Bytes that were read into the shared block. */
static void take_bytes(struct session *s, const uint8_t *data, size_t len)
{
    struct block *block = s->srv->sessions.read_block;
    struct platoon_err err;

    while (len > 0 && s->state != SESSION_CLOSED && s->state != SESSION_LAST) {
        size_t used = 0;

        if (s->in) { /* only a refused frame comes here */
            used = len < s->in->need ? len : (size_t)s->in->need;
            s->in->need -= used;
        } else {
            switch (frame_feed(&s->frame, data, len, &used, &err)) {
            case FRAME_NEED_MORE:
                return;
            case FRAME_BAD:
                request_protocol_error(s, err.message);
                return;
            case FRAME_READY:
                break;
            }
            data += used;
            len -= used;
            used = 0;
            if (s->frame.body_bytes <= len && s->frame.body_bytes <= IN_PLACE_BYTES) {
                struct rope_segment segment = {block, (size_t)(data - block->data),
                                               (size_t)s->frame.body_bytes};
                struct rope body = {&segment, 1, 1, segment.len};

                used = segment.len;
                frame_reset(&s->frame);
                if (used == 0)
                    body.n_segments = 0;
                serve_body(s, &body, NULL);
                data += used;
                len -= used;
                continue;
            }
            used = begin_body(s, data, len);
        }
        data += used;
        len -= used;
        if (s->in && s->in->need == 0)
            serve_inbound(s);
    }
}

/* The shared block, or a new one where somebody kept a part of the old. */
static struct block *shared_block(struct sessions *all)
{
    if (all->read_block->refs > 1) {
        struct block *fresh = block_new(INPUT_BLOCK_BYTES);

        if (!fresh)
            return NULL;
        block_unref(all->read_block);
        all->read_block = fresh;
    }
    return all->read_block;
}

static void read_shared(struct session *s)
{
    struct block *block = shared_block(&s->srv->sessions);
    ssize_t n;

    if (!block) {
        session_close(s, "no-memory");
        return;
    }
    n = recv(s->fd, block->data, block->size, 0);
    if (n > 0) {
        s->srv->bytes_in += (uint64_t)n;
        take_bytes(s, block->data, (size_t)n);
        /* A part of a frame, or #WELCOME# and no request yet: the client writes those apart. */
        if (s->state != SESSION_CLOSED &&
            (s->in || !frame_is_idle(&s->frame) || (s->state == SESSION_FIRST && !s->current)))
            acknowledge_now(s);
    } else if (n == 0) {
        session_end_of_input(s);
    } else if (errno != EAGAIN && errno != EINTR) {
        session_close(s, strerror(errno));
    }
}

static void read_body(struct session *s)
{
    struct sessions *all = &s->srv->sessions;
    struct inbound *in = s->in;
    size_t budget = all->n_big_readers ? READ_BUDGET / all->n_big_readers : READ_MOST, room;
    ssize_t n;

    budget = budget < READ_LEAST ? READ_LEAST : budget > READ_MOST ? READ_MOST : budget;
    room = in->tail->size - in->tail_used;
    if (room > budget)
        room = budget;
    if (room > in->need)
        room = (size_t)in->need;
    n = recv(s->fd, in->tail->data + in->tail_used, room, 0);
    if (n > 0) {
        s->srv->bytes_in += (uint64_t)n;
        (void)add_to_body(s, (size_t)n);
        if (in->need == 0)
            serve_inbound(s);
        else if ((size_t)n < room)
            acknowledge_now(s);
    } else if (n == 0) {
        session_end_of_input(s);
    } else if (errno != EAGAIN && errno != EINTR) {
        session_close(s, strerror(errno));
    }
}

void input_is_readable(struct session *s)
{
    /* Without memory for it a body is refused, and what comes of it goes into the shared block. */
    if (s->in && !s->in->is_refused && make_tail(s))
        read_body(s);
    else
        read_shared(s);
}
