/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - see output.h. */
#include "server/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/server.h"

enum {
    SMALL_BYTES = 1000,
    WRITE_BUDGET = 128 * 1024, /* bytes a turn, shared by those who write much */
    WRITE_LEAST = 32 * 1024,
    WRITE_MOST = 64 * 1024,
    CLOGGED_BYTES = 256 * 1024,
    IOVECS = 64
};

/* First the small bytes, then the rope. Written segments give their blocks back one by one. */
struct outbound {
    struct rope rope;
    size_t rope_at;   /* the first segment that is not written, */
    size_t rope_skip; /* and how much of it is */
    uint64_t unwritten;
    size_t small_len, small_sent;
    uint8_t small[SMALL_BYTES];
};

static void set_big_writer(struct session *s, bool is_big)
{
    if (s->is_big_writer == is_big)
        return;
    s->is_big_writer = is_big;
    s->srv->sessions.n_big_writers += is_big ? 1 : (size_t)-1;
}

void output_drop(struct session *s)
{
    struct outbound *o = s->out;

    if (!o)
        return;
    rope_release(&o->rope);
    pool_give(&s->srv->sessions.outbound, o);
    s->out = NULL;
    s->waits_to_write = false;
    set_big_writer(s, false);
}

static struct outbound *open_output(struct session *s)
{
    struct sessions *all = &s->srv->sessions;
    struct outbound *o = s->out;

    if (!o) {
        o = pool_take(&all->outbound, sizeof *o);
        if (!o)
            return NULL;
        rope_init(&o->rope);
        o->rope_at = o->rope_skip = o->small_len = o->small_sent = 0;
        o->unwritten = 0;
        s->out = o;
    }
    if (list_is_empty(&s->to_flush) && !s->waits_to_write)
        list_append(&all->to_flush, &s->to_flush);
    return o;
}

static bool append(struct outbound *o, const void *bytes, size_t len)
{
    if (o->rope.n_segments || sizeof o->small - o->small_len < len) {
        if (!rope_append_copy(&o->rope, bytes, len))
            return false;
    } else {
        memcpy(o->small + o->small_len, bytes, len);
        o->small_len += len;
    }
    o->unwritten += len;
    return true;
}

bool output_is_clogged(const struct session *s)
{
    return s->out && s->out->unwritten > CLOGGED_BYTES;
}

bool session_send(struct session *s, const void *frames, size_t len)
{
    struct outbound *o;

    if (s->state == SESSION_CLOSED)
        return false;
    o = open_output(s);
    if (!o || !append(o, frames, len)) {
        session_close(s, "no-memory");
        return false;
    }
    if (output_is_clogged(s))
        session_update_poll(s);
    return true;
}

bool session_send_rope(struct session *s, const struct rope *body)
{
    uint8_t header[FRAME_HEADER_MAX];
    struct outbound *o;

    if (!session_send(s, header, frame_put_header(header, body->len)))
        return false;
    o = s->out;
    if (!rope_append_range(&o->rope, body, 0, body->len)) {
        session_close(s, "no-memory");
        return false;
    }
    o->unwritten += body->len;
    if (output_is_clogged(s))
        session_update_poll(s);
    return true;
}

static size_t budget_of(struct session *s)
{
    struct sessions *all = &s->srv->sessions;
    size_t share;

    if (s->out->unwritten <= WRITE_LEAST)
        return WRITE_LEAST;
    set_big_writer(s, true);
    share = WRITE_BUDGET / all->n_big_writers;
    return share < WRITE_LEAST ? WRITE_LEAST : share > WRITE_MOST ? WRITE_MOST : share;
}

/* Fill `iov` with at most `budget` bytes. */
static size_t gather(const struct outbound *o, size_t budget, struct iovec *iov)
{
    size_t n = 0, skip = o->rope_skip;

    if (o->small_sent < o->small_len) {
        iov[n++] = (struct iovec){(void *)(o->small + o->small_sent), o->small_len - o->small_sent};
        budget -= o->small_len - o->small_sent;
    }
    for (size_t i = o->rope_at; i < o->rope.n_segments && n < IOVECS && budget > 0; i++, skip = 0) {
        const struct rope_segment *g = &o->rope.segments[i];
        size_t len = g->len - skip < budget ? g->len - skip : budget;

        iov[n++] = (struct iovec){g->block->data + g->offset + skip, len};
        budget -= len;
    }
    return n;
}

static void advance(struct outbound *o, size_t n)
{
    size_t small = o->small_len - o->small_sent;

    o->unwritten -= n;
    if (small > n)
        small = n;
    o->small_sent += small;
    n -= small;
    while (n > 0) {
        struct rope_segment *g = &o->rope.segments[o->rope_at];
        size_t left = g->len - o->rope_skip;

        if (n < left) {
            o->rope_skip += n;
            return;
        }
        n -= left;
        block_unref(g->block);
        g->block = NULL; /* rope_release() takes a NULL as it is */
        o->rope_at++;
        o->rope_skip = 0;
    }
}

static ssize_t send_some(struct session *s, const struct outbound *o)
{
    struct iovec iov[IOVECS];
    struct msghdr message = {.msg_iov = iov};

    if (o->rope.n_segments == 0) /* the common case, and cheaper */
        return send(s->fd, o->small + o->small_sent, o->small_len - o->small_sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    message.msg_iovlen = gather(o, budget_of(s), iov);
    return sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void write_some(struct session *s)
{
    struct outbound *o = s->out;
    ssize_t n = send_some(s, o);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM) {
            session_close(s, strerror(errno));
            return;
        }
        n = 0;
    }
    s->srv->bytes_out += (uint64_t)n;
    advance(o, (size_t)n);
    if (o->unwritten == 0) {
        output_drop(s);
        if (s->state == SESSION_LAST) {
            session_close(s, "answered");
            return;
        }
    } else {
        s->waits_to_write = true;
    }
    session_update_poll(s);
}

void output_is_writable(struct session *s)
{
    if (s->out && list_is_empty(&s->to_flush))
        list_append(&s->srv->sessions.to_flush, &s->to_flush);
}

void sessions_flush(struct server *srv)
{
    struct list *head = &srv->sessions.to_flush;

    while (!list_is_empty(head)) {
        struct session *s = LIST_ENTRY(head->next, struct session, to_flush);

        list_remove(&s->to_flush);
        if (s->out)
            write_some(s);
    }
}
