/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - a connection's life: start, handshake, becoming long-lived, end. Bytes in are
 * input.c, bytes out output.c. */
#include "server/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/handshake.h"
#include "server/input.h"
#include "server/output.h"
#include "server/request.h"
#include "server/server.h"

bool sessions_init(struct sessions *all)
{
    memset(all, 0, sizeof *all);
    list_init(&all->handshaking);
    list_init(&all->open);
    list_init(&all->to_flush);
    all->read_block = block_new(INPUT_BLOCK_BYTES);
    return all->read_block != NULL;
}

void sessions_release(struct sessions *all)
{
    block_unref(all->read_block);
    pool_release(&all->inbound);
    pool_release(&all->outbound);
    pool_release(&all->requests);
    pool_release(&all->handshakes);
    while (all->n_scans)
        scan_free(all->scans[--all->n_scans]);
}

struct scan *sessions_take_scan(struct server *srv)
{
    struct sessions *all = &srv->sessions;
    struct scan_limits limits = {.max_bytes = srv->max_frame_bytes};

    if (all->n_scans) {
        struct scan *s = all->scans[--all->n_scans];

        scan_reset(s);
        return s;
    }
    return scan_new(SCAN_REQUEST, &limits);
}

void sessions_give_scan(struct server *srv, struct scan *scan)
{
    struct sessions *all = &srv->sessions;

    if (!scan)
        return;
    if (all->n_scans < sizeof all->scans / sizeof *all->scans)
        all->scans[all->n_scans++] = scan;
    else
        scan_free(scan);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;

    if (s->state == SESSION_CLOSED)
        return;
    server_awake(s->srv);
    if (status < 0) { /* libuv says EBADF for any error of the socket */
        int error = 0;
        socklen_t len = sizeof error;

        (void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        session_close(s, error ? strerror(error) : uv_strerror(status));
        return;
    }
    if (events & UV_WRITABLE)
        output_is_writable(s);
    if (s->srv->phase != SERVER_SERVING)
        session_update_poll(s); /* nothing more is read */
    else if (events & UV_READABLE)
        input_is_readable(s);
}

void session_update_poll(struct session *s)
{
    int wanted = 0;

    if (s->state == SESSION_CLOSED)
        return;
    if (!output_is_clogged(s) && s->srv->phase == SERVER_SERVING)
        wanted |= UV_READABLE;
    if (s->waits_to_write)
        wanted |= UV_WRITABLE;
    if (wanted == s->events)
        return;
    s->events = wanted;
    uv_poll_start(&s->poll, wanted, on_poll);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;

    s->srv->sessions.n_handles--;
    free(s->label);
    free(s);
}

bool session_start(struct server *srv, int fd, const char *peer, bool is_trusted)
{
    struct session *s = mem_zero(sizeof *s);

    if (!s || uv_poll_init(&srv->loop, &s->poll, fd) != 0) {
        free(s);
        close(fd);
        return false;
    }
    s->srv = srv;
    s->poll.data = s;
    s->fd = fd;
    s->protocol = 2;
    s->id = ++srv->sessions.next_id;
    s->since_ns = srv->now_ns;
    list_init(&s->to_flush);
    list_init(&s->handout.link);
    strncpy(s->peer, peer, sizeof s->peer - 1);
    srv->sessions.n_handles++;
    if (is_trusted) {
        s->state = SESSION_FIRST;
        frame_init(&s->frame, INPUT_ANY_LENGTH);
        list_append(&srv->sessions.open, &s->link);
        srv->sessions.n_open++;
    } else if (!handshake_start(s)) {
        return false;
    }
    session_update_poll(s);
    return s->state != SESSION_CLOSED;
}

void session_authenticated(struct session *s)
{
    struct sessions *all = &s->srv->sessions;

    s->state = SESSION_FIRST;
    frame_init(&s->frame, INPUT_ANY_LENGTH);
    list_remove(&s->link);
    all->n_handshaking--;
    list_append(&all->open, &s->link);
    all->n_open++;
    listener_resume(s->srv);
}

bool session_set_live(struct session *s, const char *name)
{
    size_t peer_len = strlen(s->peer), name_len = strlen(name);
    char *label = mem_alloc(peer_len + 1 + name_len + 1);
    char quoted[300];

    if (!label)
        return false;
    memcpy(label, s->peer, peer_len);
    label[peer_len] = ' ';
    memcpy(label + peer_len + 1, name, name_len + 1);
    free(s->label);
    s->label = label;
    if (s->state == SESSION_FIRST)
        s->srv->sessions.n_live++;
    s->state = SESSION_LIVE;
    log_line(&s->srv->log, LOG_INFO, "client-connected peer=%s name=%s", s->peer,
             log_quote(quoted, sizeof quoted, name));
    track_accept(s->srv, s);
    return true;
}

const char *session_label(const struct session *s)
{
    return s->label ? s->label : s->peer;
}

const char *session_name(const struct session *s)
{
    return s->label ? s->label + strlen(s->peer) + 1 : "";
}

static void log_end(struct session *s, const char *why)
{
    char name[300], reason[200];

    if (s->state == SESSION_LIVE)
        log_line(&s->srv->log, LOG_INFO, "client-gone peer=%s name=%s why=%s waited=%s", s->peer,
                 log_quote(name, sizeof name, session_name(s)),
                 log_quote(reason, sizeof reason, why), s->current ? "yes" : "no");
    else if (log_is_on(&s->srv->log, LOG_DEBUG))
        log_line(&s->srv->log, LOG_DEBUG, "connection-closed peer=%s why=%s", s->peer,
                 log_quote(reason, sizeof reason, why));
}

static void end(struct session *s, const char *why, bool is_orderly)
{
    struct sessions *all = &s->srv->sessions;
    uint8_t state = s->state;

    if (state == SESSION_CLOSED)
        return;
    log_end(s, why);
    s->state = SESSION_CLOSED;
    server_want_turn(s->srv); /* what it held may go to somebody else */
    track_end(s->srv, s, is_orderly && !s->out);
    if (s->current)
        request_cancel(s->current);
    input_drop(s);
    output_drop(s);
    handshake_drop(s);
    list_remove(&s->to_flush);
    list_remove(&s->link);
    if (state == SESSION_HANDSHAKE) {
        all->n_handshaking--;
        listener_resume(s->srv);
    } else {
        all->n_open--;
        all->n_live -= state == SESSION_LIVE;
    }
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    close(s->fd);
    s->fd = -1;
}

void session_close(struct session *s, const char *why)
{
    end(s, why, false);
}

void session_end_of_input(struct session *s)
{
    end(s, "left", true);
}

void session_close_after_replies(struct session *s)
{
    if (s->state == SESSION_CLOSED)
        return;
    s->srv->sessions.n_live -= s->state == SESSION_LIVE;
    s->state = SESSION_LAST;
    if (!s->out)
        session_close(s, "answered");
}

bool session_peer_waits(const struct session *s)
{
    char byte;

    if (s->state == SESSION_CLOSED || s->in || !frame_is_idle(&s->frame))
        return false;
    return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

static bool is_busy(const struct session *s)
{
    return s->out || (s->current && !s->current->is_parked);
}

void sessions_close_all(struct server *srv, bool even_busy, const char *why)
{
    struct list *lists[] = {&srv->sessions.handshaking, &srv->sessions.open};

    for (size_t i = 0; i < 2; i++) {
        for (struct list *at = lists[i]->next, *next; at != lists[i]; at = next) {
            struct session *s = LIST_ENTRY(at, struct session, link);

            next = at->next;
            if (even_busy || !is_busy(s))
                session_close(s, why);
        }
    }
}
