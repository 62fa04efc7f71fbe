/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - see request.h. */
#include "server/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/admin.h"
#include "server/call.h"
#include "server/globals_policy.h"
#include "server/server.h"

#define DEFAULT_DECODE_BYTES ((size_t)16 * 1024 * 1024)

static struct request *take_request(struct session *s)
{
    struct request *rq = pool_take(&s->srv->sessions.requests, sizeof *rq);

    if (!rq)
        return NULL;
    memset(rq, 0, sizeof *rq);
    rq->srv = s->srv;
    rq->session = s;
    rq->protocol = s->protocol;
    rq->is_one_shot = s->state == SESSION_FIRST;
    s->current = rq;
    return rq;
}

void request_end(struct request *rq)
{
    struct sessions *all = &rq->srv->sessions;

    if (all->running == rq)
        all->running = NULL;
    request_unkeep(rq);
    if (rq->session)
        rq->session->current = NULL;
    pool_give(&all->requests, rq);
}

void request_cancel(struct request *rq)
{
    rq->session->current = NULL;
    rq->session = NULL;
    if (rq->on_cancel)
        rq->on_cancel(rq);
}

bool request_keep(struct request *rq)
{
    if (!rope_append_range(&rq->kept, rq->frame, 0, rq->frame->len)) {
        rope_release(&rq->kept);
        reply_error(rq, "MemoryError", "the server has no memory left for this call");
        return false;
    }
    rq->frame = &rq->kept;
    rq->is_kept = true;
    rq->srv->sessions.scan_was_kept = true;
    return true;
}

void request_unkeep(struct request *rq)
{
    if (!rq->is_kept)
        return;
    rq->is_kept = false;
    rq->frame = NULL;
    sessions_give_scan(rq->srv, rq->scan);
    rq->scan = NULL;
    rope_release(&rq->kept);
}

static enum scan_state scan_all(struct scan *scan, const struct rope *body, struct platoon_err *err)
{
    enum scan_state state = SCAN_MORE;

    for (size_t i = 0; i < body->n_segments && state == SCAN_MORE; i++) {
        const struct rope_segment *g = &body->segments[i];

        state = scan_feed(scan, g->block->data + g->offset, g->len, err);
    }
    return state;
}

static int protocol_of(const struct scan *scan)
{
    int written = scan_protocol(scan);

    return written < 2 ? 2 : written > 5 ? 5 : written;
}

void request_receive(struct session *s, const struct rope *body, struct scan *scan)
{
    struct server *srv = s->srv;
    struct platoon_err err;
    struct request *rq;
    struct scan_request call;
    bool was_scanned = scan != NULL;
    enum scan_state state;

    srv->n_requests++;
    if (!scan && !(scan = sessions_take_scan(srv))) {
        request_refuse(s, "MemoryError: the server has no memory left for this call");
        return;
    }
    /* A scan that was fed as the bytes came tells its state when it is fed nothing. */
    state = was_scanned ? scan_feed(scan, "", 0, &err) : scan_all(scan, body, &err);
    if (state != SCAN_DONE) {
        if (state == SCAN_MORE)
            platoon_fail(&err, PLATOON_EPICKLE, "the pickle ends before its STOP");
        sessions_give_scan(srv, scan);
        request_refuse(s, err.message);
        return;
    }
    if (s->current)
        request_cancel(s->current); /* invariant 1 of session.h */
    s->protocol = (uint8_t)protocol_of(scan);
    rq = take_request(s);
    if (!rq) {
        sessions_give_scan(srv, scan);
        session_close(s, "no-memory");
        return;
    }
    rq->frame = body;
    rq->scan = scan;
    scan_request(scan, &call);
    srv->sessions.scan_was_kept = false;
    srv->sessions.running = rq;
    if (rq->is_one_shot)
        admin_run(rq, &call);
    else
        call_run(rq, &call);
    if (srv->sessions.scan_was_kept)
        return;
    if (srv->sessions.running == rq) { /* it has not ended */
        rq->frame = NULL;
        rq->scan = NULL;
    }
    sessions_give_scan(srv, scan);
}

void request_refuse(struct session *s, const char *why)
{
    struct request *rq;

    if (s->current)
        request_cancel(s->current);
    rq = take_request(s);
    if (!rq) {
        session_close(s, "no-memory");
        return;
    }
    if (strncmp(why, "MemoryError: ", 13) == 0 || strncmp(why, "ValueError: ", 12) == 0)
        reply_traceback(rq, "%s", why);
    else
        reply_traceback(rq, "ValueError: the server cannot read this request: %s", why);
}

void request_protocol_error(struct session *s, const char *why)
{
    struct server *srv = s->srv;
    char quoted[500];
    uint32_t hidden;

    if (log_limit_allows(&srv->sessions.proto_log, srv->now_ns, &hidden))
        log_line(&srv->log, LOG_WARNING, "protocol-error peer=%s why=%s hidden=%u", s->peer,
                 log_quote(quoted, sizeof quoted, why), hidden);
    session_close(s, "protocol-error");
}

struct server *request_server(const struct request *rq)
{
    return rq->srv;
}

bool request_is_cancelled(const struct request *rq)
{
    return rq->session == NULL;
}

const char *request_client(const struct request *rq)
{
    return rq->session ? session_label(rq->session) : "a client that has gone";
}

int request_protocol(const struct request *rq)
{
    return rq->protocol;
}

void *request_scratch(struct request *rq)
{
    return rq->scratch;
}

void request_on_cancel(struct request *rq, void (*on_cancel)(struct request *rq))
{
    rq->on_cancel = on_cancel;
}

void request_drop(struct request *rq)
{
    request_end(rq);
}

enum platoon_status request_cut(struct request *rq, const struct scan_arg *arg,
                                struct payload **out)
{
    enum platoon_status st;
    char refused[300];

    if (arg->flags & SCAN_HAS_GLOBAL &&
        !globals_may_pass(rq->srv->globals, rq->scan, refused, sizeof refused)) {
        reply_error(rq, "ValueError",
                    "this server passes no value that names %s (it was started with --globals=%s): "
                    "send plain "
                    "data, or ask its operator",
                    refused, globals_policy_name(rq->srv->globals));
        return PLATOON_EOPAQUE;
    }
    st = payload_cut(rq->scan, arg, rq->frame, out);
    if (st != PLATOON_OK)
        reply_error(rq, "MemoryError", "the server has no memory left for this value");
    return st;
}

enum platoon_status request_decode(struct request *rq, size_t max_bytes, platoon_value **out_args,
                                   platoon_value **out_kwds)
{
    struct platoon_err err;
    platoon_value *all = NULL;
    size_t len = (size_t)rq->frame->len;
    uint8_t *bytes;
    enum platoon_status st;

    if (len > (max_bytes ? max_bytes : DEFAULT_DECODE_BYTES)) {
        reply_error(rq, "ValueError",
                    "a call of %zu bytes is too large for this method: send less at a time", len);
        return PLATOON_ELIMIT;
    }
    bytes = mem_alloc(len);
    if (!bytes) {
        reply_error(rq, "MemoryError", "the server has no memory left for this call");
        return PLATOON_ENOMEM;
    }
    rope_copy_out(rq->frame, 0, bytes, len);
    st = platoon_pickle_decode(bytes, len, NULL, &all, &err);
    free(bytes);
    if (st == PLATOON_OK && platoon_value_kind(all) == PLATOON_OPAQUE)
        st = platoon_fail(
            &err, PLATOON_EOPAQUE,
            "this method takes plain data only, and an argument names a class or function");
    if (st == PLATOON_OK) {
        *out_args = platoon_value_ref(platoon_item(all, 2));
        *out_kwds = platoon_value_ref(platoon_item(all, 3));
    } else {
        reply_error(rq, st == PLATOON_ENOMEM ? "MemoryError" : "TypeError", "%s", err.message);
    }
    platoon_value_unref(all);
    return st;
}
