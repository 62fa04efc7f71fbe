/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - see session.h. */
#include "manager/session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "manager/request.h"

enum {
    KEPT_REQUEST = 1024 * 1024,
    /* A line that was idle for longer is looked at before it is used: that it was closed meanwhile
     * is then known to be before the call. In a busy loop the look would cost a third system call
     * for nothing. */
    LOOK_AFTER_NS = 1000 * 1000,
    OLDEST_PROTOCOL = 2,
    NEWEST_PROTOCOL = 4,
};

void session_init(struct session *s)
{
    memset(s, 0, sizeof *s);
    s->protocol = OLDEST_PROTOCOL;
    conn_init(&s->line);
    buf_init(&s->request);
}

void session_release(struct session *s)
{
    conn_close(&s->line);
    buf_release(&s->request);
    if (s->key)
        OPENSSL_cleanse(s->key, s->key_len);
    free(s->key);
    session_init(s);
}

static uint64_t connect_deadline(const struct session *s)
{
    return clock_mono_ns() + s->connect_timeout_ns;
}

static enum platoon_status send_request(struct session *s, struct conn *c, const void *before,
                                        size_t before_len, struct platoon_err *err)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)before, before_len}, {NULL, 0}};
    uint8_t *frame;

    request_frame(&s->request, &frame, &parts[1].iov_len);
    parts[1].iov_base = frame;
    return conn_send(c, parts, 2, err);
}

/* The answer to a request that was sent whole. */
static enum platoon_status receive_reply(struct session *s, struct conn *c, const char *what,
                                         struct reply *out, struct platoon_err *err)
{
    struct platoon_err why;
    const uint8_t *body;
    size_t len;
    enum platoon_status st = conn_receive(c, s->max_reply_bytes, &body, &len, &why);

    switch (st) {
    case PLATOON_OK:
        st = reply_open(out, body, len, &why);
        if (st == PLATOON_OK)
            return st;
        return platoon_fail(err, st, "%s, asked for `%s`: %s", s->peer.text, what, why.message);
    case PLATOON_ECLOSED:
    case PLATOON_ETIMEDOUT:
    case PLATOON_EIO:
        return platoon_fail(err, PLATOON_EUNKNOWN,
                            "%s after `%s` was sent: whether it happened is unknown", why.message,
                            what);
    default:
        return platoon_fail(err, st, "%s (the answer to `%s` is lost)", why.message, what);
    }
}

/* Open `c`, log in, send the request that stands encoded, and read its reply. The answer is waited
 * for until `answer_deadline_ns`, or for ever with 0. `c` must be closed afterwards, whatever came
 * of it. */
static enum platoon_status open_and_ask(struct session *s, struct conn *c, const char *what,
                                        uint64_t deadline_ns, uint64_t answer_deadline_ns,
                                        struct reply *out, struct platoon_err *err)
{
    struct auth_out welcome;
    enum platoon_status st = conn_open(c, &s->peer, deadline_ns, err);

    if (st != PLATOON_OK)
        return st;
    st = conn_login(c, s->key, s->key_len, s->sha256_only, deadline_ns, &welcome, err);
    if (st != PLATOON_OK)
        return st;
    st = send_request(s, c, welcome.bytes, welcome.len, err);
    if (st != PLATOON_OK) { /* not sent whole: as if there had been no connection */
        if (err)
            err->status = PLATOON_ECONNECT;
        return PLATOON_ECONNECT;
    }
    c->deadline_ns = answer_deadline_ns;
    st = receive_reply(s, c, what, out, err);
    c->deadline_ns = 0;
    return st;
}

/* --- one-shot calls
 * ------------------------------------------------------------------------------- */

/* Which pickles may we send? Python reads no protocol above its own. A server of Python 2 is known
 * by its 8-bit text; one that writes protocol 2 with modern text answers so because it was asked
 * so, and reads them all. */
static int protocol_for(const struct reply *r)
{
    if (r->is_python2)
        return 2;
    return r->protocol == 3 ? 3 : NEWEST_PROTOCOL;
}

enum platoon_status session_hello(struct session *s, struct platoon_err *err)
{
    const struct request_head head = {OLDEST_PROTOCOL, NULL, "dummy"};
    uint64_t deadline_ns = connect_deadline(s);
    struct conn c;
    struct reply r;
    enum platoon_status st = request_call(&s->request, &head, NULL, NULL, err);

    if (st != PLATOON_OK)
        return st;
    conn_init(&c);
    st = open_and_ask(s, &c, "dummy", deadline_ns, deadline_ns, &r, err);
    if (st == PLATOON_OK && r.kind != REPLY_RETURN)
        st = reply_failure(&r, err);
    if (st == PLATOON_OK)
        s->protocol = protocol_for(&r);
    conn_close(&c);
    if (st != PLATOON_EUNKNOWN)
        return st;
    if (err) /* a greeting that got no answer has changed nothing */
        err->status = PLATOON_ECONNECT;
    return PLATOON_ECONNECT;
}

enum platoon_status session_ask_once(struct session *s, const char *method, platoon_value *args,
                                     bool is_bounded, platoon_value **out_value,
                                     struct platoon_err *err)
{
    const struct request_head head = {s->protocol, NULL, method};
    uint64_t deadline_ns = connect_deadline(s);
    struct conn c;
    struct reply r;
    enum platoon_status st;

    conn_init(&c);
    st = args ? request_call(&s->request, &head, args, NULL, err)
              : platoon_fail(err, PLATOON_ENOMEM, "out of memory for a call of `%s`", method);
    if (st == PLATOON_OK)
        st = open_and_ask(s, &c, method, deadline_ns, is_bounded ? deadline_ns : 0, &r, err);
    if (st == PLATOON_OK && r.kind != REPLY_RETURN)
        st = reply_failure(&r, err);
    else if (st == PLATOON_OK && out_value)
        st = reply_decode(&r, out_value, err);
    conn_close(&c);
    platoon_value_unref(args);
    return st;
}

/* --- the line
 * --------------------------------------------------------------------------------------- */

/* `request` is kept: the request for the line stands in a buffer of its own meanwhile. */
static enum platoon_status open_line(struct session *s, struct platoon_err *err)
{
    const struct request_head head = {s->protocol, NULL, "accept_connection"};
    platoon_value *args = platoon_tuple(1, platoon_str(s->name));
    struct buf kept = s->request;
    uint64_t deadline_ns = connect_deadline(s);
    struct reply r;
    enum platoon_status st;

    buf_init(&s->request);
    st = args ? request_call(&s->request, &head, args, NULL, err)
              : platoon_fail(err, PLATOON_ENOMEM, "out of memory for a connection");
    if (st == PLATOON_OK)
        st = open_and_ask(s, &s->line, "accept_connection", deadline_ns, deadline_ns, &r, err);
    if (st == PLATOON_OK && r.kind != REPLY_RETURN)
        st = reply_failure(&r, err);
    buf_release(&s->request);
    s->request = kept;
    platoon_value_unref(args);
    if (st != PLATOON_OK) {
        conn_close(&s->line);
        if (st != PLATOON_EUNKNOWN)
            return st;
        if (err) /* it is our own call that is meant, and that was not sent */
            err->status = PLATOON_ECONNECT;
        return PLATOON_ECONNECT;
    }
    conn_keep_alive(&s->line);
    s->is_lost = false;
    s->answered_ns = clock_mono_ns();
    return PLATOON_OK;
}

static void lose_line(struct session *s)
{
    conn_close(&s->line);
    s->is_lost = true;
}

static bool has_good_line(struct session *s)
{
    if (s->line.fd < 0)
        return false;
    if (clock_mono_ns() - s->answered_ns < LOOK_AFTER_NS || conn_is_quiet(&s->line))
        return true;
    lose_line(s);
    return false;
}

static enum platoon_status need_line(struct session *s, const char *what, struct platoon_err *err)
{
    if (has_good_line(s))
        return PLATOON_OK;
    if (s->is_lost && !s->may_reconnect)
        return platoon_fail(
            err, PLATOON_ECLOSED,
            "the connection to %s was lost; `%s` was not sent. Connect anew, or set "
            "`reconnect`",
            s->peer.text, what);
    return open_line(s, err);
}

enum platoon_status session_ask(struct session *s, const char *what, struct reply *out,
                                struct platoon_err *err)
{
    enum platoon_status st = need_line(s, what, err);

    if (st != PLATOON_OK)
        return st;
    st = send_request(s, &s->line, NULL, 0, err);
    if (st != PLATOON_OK) {
        lose_line(s);
        if (!s->may_reconnect)
            return st;
        st = open_line(s, err);
        if (st == PLATOON_OK && (st = send_request(s, &s->line, NULL, 0, err)) != PLATOON_OK)
            lose_line(s);
        if (st != PLATOON_OK)
            return st;
    }
    st = receive_reply(s, &s->line, what, out, err);
    if (st != PLATOON_OK)
        lose_line(s);
    else
        s->answered_ns = clock_mono_ns();
    return st;
}

void session_settle(struct session *s)
{
    conn_trim(&s->line);
    if (s->request.cap > KEPT_REQUEST)
        buf_release(&s->request);
}

void session_hang_up(struct session *s)
{
    conn_close(&s->line);
}
