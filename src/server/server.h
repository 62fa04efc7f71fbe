/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the server's state: one struct, owned by the loop's thread. Included by src/server
 * only, and there by what really needs the whole; types see dispatch.h.
 *
 * Lifecycle (server.c): server_open() makes the loop and the store and ensures the queues,
 * server_listen() binds, server_run() turns the loop until server_begin_stop() has come to its end,
 * server_close() frees. platoon_server_start() does the first two in the caller's thread, so that
 * errors are told there, and the third in a thread of its own. */
#ifndef PLATOON_SERVER_SERVER_H
#define PLATOON_SERVER_SERVER_H

#include <stdatomic.h>
#include <uv.h>

#include <platoon/server.h>

#include "base/clock.h"
#include "base/list.h"
#include "server/deadline.h"
#include "server/desk.h"
#include "server/dispatch.h"
#include "server/holders.h"
#include "server/ident.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/queue_table.h"
#include "server/session.h"
#include "server/track.h"

enum server_phase {
    SERVER_SERVING,
    SERVER_STOPPING, /* no new connections, no new requests; what is answered is written out */
    SERVER_STOPPED
};

struct server {
    /* As started. */
    uint8_t *authkey;
    size_t authkey_len;
    bool auth_sha256_only;
    enum platoon_globals globals;
    uint64_t handshake_ns;
    uint32_t max_handshakes;
    uint64_t max_frame_bytes;
    uint32_t worker_lease_ms;
    int keepalive_s;
    struct log log;

    /* The loop. */
    uv_loop_t loop;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t no_sleep; /* active while a turn left something to do */
    uv_async_t wake;
    uv_poll_t timer;      /* a timerfd, for the earliest deadline */
    int timer_fd;         /* -1: none */
    uint64_t timer_at_ns; /* when it fires; UINT64_MAX: not armed */
    bool has_loop;
    atomic_bool stop_is_wanted;
    enum server_phase phase;
    uint64_t now_ns; /* when this poll or turn began */
    bool is_awake;   /* now_ns has been read since the loop slept */
    uint64_t started_ns;
    bool wants_turn; /* somebody has more to do: another turn without sleeping */
    struct deadlines deadlines;
    struct deadline stop_timer;

    /* What it serves. */
    struct store *store;
    struct platoon_server_found found; /* at the start */
    bool is_durable;                   /* it keeps what it has over our end */
    uint64_t epoch, lease_counter, key_counter;
    struct dispatch_typeid *typeids;
    size_t n_typeids;
    struct queue_table queues;
    struct ident_table idents;
    struct track track;
    struct holders holders;
    struct desk desk;

    /* Who it serves. */
    struct listener listener;
    struct sessions sessions;

    uint64_t n_requests, n_auth_failures, bytes_in, bytes_out;
};

/* Make everything but the listening socket: EINVAL (queue specification), ENOMEM, EIO. On failure
 * nothing is left. */
enum platoon_status server_open(const struct platoon_server_options *options, struct server **out,
                                struct platoon_err *err);
/* Turn the loop until it has stopped. */
void server_run(struct server *srv);
/* Begin to stop: close the listening socket, let what is answered be written, cut the rest. Loop
 * thread. */
void server_begin_stop(struct server *srv, const char *why);
/* Free; the loop must not be running. NULL is fine. */
void server_close(struct server *srv);

/* Make the timer of the loop. EIO. */
enum platoon_status server_open_timer(struct server *srv, struct platoon_err *err);
/* One turn, in order (turn.c). */
void server_turn(struct server *srv);
/* The loop may have slept: every callback of a poll begins with this. */
void server_awake(struct server *srv);
/* Have another turn soon, whatever the poll has to say. Loop thread. */
void server_want_turn(struct server *srv);
/* The end of a turn of a server that is stopping. */
void server_check_stop(struct server *srv);

#endif
