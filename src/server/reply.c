/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c - the replies of dispatch.h: built with message.h, queued on the session, then the
 * request ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/message.h"
#include "server/output.h"
#include "server/reply.h"
#include "server/request.h"
#include "server/server.h"

enum { SMALL_PAYLOAD_BYTES = 4096 };

/* The session to answer on, NULL if nobody waits. From here on the request is answered: if sending
 * fails and the session ends, there is nothing left to cancel. */
static struct session *begin(struct request *rq)
{
    struct session *s = rq->session;

    rq->on_cancel = NULL;
    if (s)
        s->current = NULL;
    rq->session = NULL;
    return s;
}

/* The reply is queued: what follows is the same for all kinds. */
static void finish(struct request *rq, struct session *s)
{
    bool is_one_shot = rq->is_one_shot;

    if (s && s->state != SESSION_CLOSED && !rq->is_tracked)
        track_replied_other(rq->srv, s);
    request_end(rq);
    if (s && is_one_shot)
        session_close_after_replies(s);
}

void reply_message(struct request *rq, struct message *m)
{
    struct session *s = begin(rq);

    if (!message_end(m)) {
        if (s)
            session_close(s, "no-memory");
    } else if (s) {
        (void)session_send(s, m->bytes, m->len);
    }
    message_release(m);
    finish(rq, s);
}

/* The most frequent reply of all: the whole frame, as message.c would write it. */
void reply_none(struct request *rq)
{
    static const uint8_t for_old[] = "\0\0\0\x11\x80\x02X\x07\0\0\0#RETURNN\x86.";
    static const uint8_t for_new[] = "\0\0\0\x11\x80\x03X\x07\0\0\0#RETURNN\x86.";
    struct session *s = begin(rq);

    if (s)
        (void)session_send(s, rq->protocol <= 2 ? for_old : for_new, sizeof for_old - 1);
    finish(rq, s);
}

void reply_bool(struct request *rq, bool b)
{
    struct message m;

    message_begin(&m, rq->protocol, "#RETURN");
    message_bool(&m, b);
    reply_message(rq, &m);
}

void reply_int(struct request *rq, int64_t i)
{
    struct message m;

    message_begin(&m, rq->protocol, "#RETURN");
    message_int(&m, i);
    reply_message(rq, &m);
}

void reply_text(struct request *rq, const char *text)
{
    struct message m;

    message_begin(&m, rq->protocol, "#RETURN");
    message_text(&m, text, strlen(text));
    reply_message(rq, &m);
}

void reply_value(struct request *rq, const platoon_value *v)
{
    struct payload *p = NULL;
    enum platoon_status st = payload_from_value(v, rq->protocol > 4 ? 4 : rq->protocol, &p);

    if (st != PLATOON_OK) {
        reply_error(rq, st == PLATOON_ENOMEM ? "MemoryError" : "ValueError",
                    "the server could not encode its answer: %s", platoon_status_text(st));
        return;
    }
    reply_payload(rq, p);
    payload_unref(p);
}

/* Without a rope: a small value whose own protocol its reader knows goes straight into the
 * message. */
static bool reply_small_payload(struct request *rq, const struct payload *p)
{
    const struct rope_segment *g = p->pickle.segments;
    struct message m;

    if (p->pickle.n_segments != 1 || g->len > SMALL_PAYLOAD_BYTES || rq->protocol < 3 ||
        p->protocol < 3 || p->protocol > rq->protocol)
        return false;
    message_begin(&m, rq->protocol, "#RETURN");
    m.bytes[MESSAGE_HEADER + 1] = p->protocol;
    message_raw(&m, g->block->data + g->offset + 2, g->len - 3); /* without PROTO and STOP */
    reply_message(rq, &m);
    return true;
}

void reply_payload(struct request *rq, struct payload *p)
{
    struct rope message;
    struct session *s;

    if (reply_small_payload(rq, p))
        return;
    rope_init(&message);
    s = begin(rq);
    if (s) {
        if (payload_append_reply(p, rq->protocol, &message))
            (void)session_send_rope(s, &message);
        else
            session_close(s, "no-memory");
    }
    rope_release(&message);
    finish(rq, s);
}

void reply_error(struct request *rq, const char *class_name, const char *format, ...)
{
    char text[1200];
    struct message m;
    va_list args;

    message_begin(&m, rq->protocol, "#ERROR");
    message_class(&m, class_name);
    message_open_tuple(&m);
    if (format) {
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        message_text(&m, text, strlen(text));
    }
    message_close_tuple(&m);
    message_call(&m);
    reply_message(rq, &m);
}

void reply_oserror(struct request *rq, int error, const char *format, ...)
{
    char text[1200];
    struct message m;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    message_begin(&m, rq->protocol, "#ERROR");
    message_class(&m, "OSError");
    message_open_tuple(&m);
    message_int(&m, error);
    message_text(&m, text, strlen(text));
    message_close_tuple(&m);
    message_call(&m);
    reply_message(rq, &m);
}

void reply_traceback(struct request *rq, const char *format, ...)
{
    char text[4000];
    struct message m;
    va_list args;
    int n = snprintf(text, sizeof text,
                     "Traceback (most recent call last):\n  Platoon server %s at %s\n",
                     platoon_version(), rq->srv->listener.address);

    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n - 1, format, args);
    va_end(args);
    strcat(text, "\n");
    message_begin(&m, rq->protocol, "#TRACEBACK");
    message_traceback(&m, text, strlen(text));
    reply_message(rq, &m);
}

void reply_store_error(struct request *rq, enum store_status st)
{
    switch (st) {
    case STORE_NOSPACE:
        reply_oserror(rq, ENOSPC, "No space left on the server's disk");
        return;
    case STORE_TOOBIG:
        reply_error(rq, "ValueError", "the value is larger than the server's store takes");
        return;
    case STORE_NOMEM:
        reply_error(rq, "MemoryError", "the server has no memory left for this");
        return;
    case STORE_CORRUPT:
        reply_oserror(rq, EIO, "the server's store is damaged; its log says more");
        return;
    default:
        reply_oserror(rq, EAGAIN, "the server's store is not available now; try again");
        return;
    }
}
