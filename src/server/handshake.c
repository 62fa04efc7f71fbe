/* SPDX-License-Identifier: Apache-2.0 */
/* handshake.c - see handshake.h. The protocol itself is wire/auth.c. */
#include "server/handshake.h"

#include <stdlib.h>

#include "server/output.h"
#include "server/server.h"
#include "wire/auth.h"

struct handshake {
    struct auth auth;
};

void handshake_drop(struct session *s)
{
    struct handshake *h = s->handshake;

    if (!h)
        return;
    pool_give(&s->srv->sessions.handshakes, h);
    s->handshake = NULL;
}

/* The list is in order of age and all have the same time, so one timer for the oldest does. */
static void close_overdue(struct deadline *d)
{
    struct sessions *all = DEADLINE_ENTRY(d, struct sessions, handshake_timer);
    struct server *srv;
    uint32_t hidden;

    while (!list_is_empty(&all->handshaking)) {
        struct session *s = LIST_ENTRY(all->handshaking.next, struct session, link);

        srv = s->srv;
        if (s->since_ns + srv->handshake_ns > srv->now_ns) {
            (void)deadline_set(&srv->deadlines, d, s->since_ns + srv->handshake_ns, close_overdue);
            return;
        }
        if (log_limit_allows(&all->timeout_log, srv->now_ns, &hidden))
            log_line(&srv->log, LOG_WARNING, "handshake-timeout peer=%s limit_ms=%llu hidden=%u",
                     s->peer, (unsigned long long)(srv->handshake_ns / 1000000u), hidden);
        session_close(s, "handshake-timeout");
    }
}

static void refuse(struct session *s, const struct platoon_err *err)
{
    struct server *srv = s->srv;
    char why[400];
    uint32_t hidden;

    srv->n_auth_failures++;
    if (log_limit_allows(&srv->sessions.auth_log, srv->now_ns, &hidden))
        log_line(&srv->log, LOG_WARNING, "auth-failed peer=%s why=%s hidden=%u", s->peer,
                 log_quote(why, sizeof why, err->message), hidden);
}

/* Send, and act on what the step means. */
static void follow(struct session *s, enum auth_step step, const struct auth_out *out,
                   const struct platoon_err *err)
{
    if (out->len && !session_send(s, out->bytes, out->len))
        return;
    if (step == AUTH_OK) {
        handshake_drop(s);
        session_authenticated(s);
    } else if (step == AUTH_FAILED) {
        /* Close after #FAILURE#: no text about our insides for somebody without the key. */
        refuse(s, err);
        session_close_after_replies(s);
    }
}

bool handshake_start(struct session *s)
{
    struct server *srv = s->srv;
    struct sessions *all = &srv->sessions;
    struct handshake *h = pool_take(&all->handshakes, sizeof *h);
    struct auth_out out;
    enum auth_step step;

    s->state = SESSION_HANDSHAKE;
    frame_init(&s->frame, AUTH_MAX_BODY);
    list_append(&all->handshaking, &s->link);
    all->n_handshaking++;
    s->handshake = h;
    if (!h || (!all->handshake_timer.place &&
               !deadline_set(&srv->deadlines, &all->handshake_timer,
                             srv->now_ns + srv->handshake_ns, close_overdue))) {
        session_close(s, "no-memory");
        return false;
    }
    auth_init(&h->auth, AUTH_SERVER, srv->authkey, srv->authkey_len, srv->auth_sha256_only);
    out.len = 0;
    step = auth_start(&h->auth, &out);
    follow(s, step, &out, &(struct platoon_err){.message = "no random bytes for a challenge"});
    return s->state != SESSION_CLOSED;
}

void handshake_receive(struct session *s, const uint8_t *body, size_t len)
{
    struct auth_out out;
    struct platoon_err err;
    enum auth_step step;

    out.len = 0;
    step = auth_receive(&s->handshake->auth, body, len, &out, &err);
    follow(s, step, &out, &err);
}
