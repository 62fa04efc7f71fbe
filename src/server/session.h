/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one connection: bytes in, frames, the handshake, requests one at a time, bytes out.
 *
 *     accept -> HANDSHAKE --(authenticated)--> FIRST --accept_connection--> LIVE --EOF--> gone
 *                   |                            |
 *                   | wrong key, timeout         | any other public function: one reply
 *                   v                            v
 *                LAST (what is queued is written, then it closes)  -> gone
 *
 * A peer that vanishes is noticed as the loop sees EOF or an error; whatever it waited for is
 * cancelled at once.
 *
 * Invariants:
 *   1. At most one request of a session is unanswered. A further one cancels it without a reply: a
 *      stock client does that only when a signal took it out of its wait, and would take a late
 *      reply for the next call's.
 *   2. An idle session holds no buffers: bytes are read into one block of the server's, and only a
 *      frame that has come in part (`in`) or a reply that could not be written at once (`out`) has
 *      memory of its own.
 *   3. A turn reads and writes a bounded number of bytes of a session, fewer when many move much:
 *      the poll is level-triggered, what is left comes next turn.
 *   4. Replies are only queued by handlers; sessions_flush() at the end of the turn writes them.
 *   5. A session that is closed is freed when libuv has let go of its handle, never in the callback
 *      that closed it. */
#ifndef PLATOON_SERVER_SESSION_H
#define PLATOON_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "base/rope.h"
#include "pickle/scan.h"
#include "server/deadline.h"
#include "server/log.h"
#include "server/pool.h"
#include "server/track.h"
#include "wire/frame.h"

struct server;
struct request;
struct handshake;
struct inbound;
struct outbound;
struct lease_conn;

enum session_state { SESSION_HANDSHAKE, SESSION_FIRST, SESSION_LIVE, SESSION_LAST, SESSION_CLOSED };

struct session {
    struct server *srv;
    uv_poll_t poll;
    int fd;
    int events; /* that the poll waits for */
    uint8_t state;
    uint8_t protocol;                  /* of the client's latest request: 2 to 5 */
    bool waits_to_write;               /* the socket took no more */
    bool is_big_reader, is_big_writer; /* counted in struct sessions */
    struct list link;                  /* in sessions.handshaking or sessions.open */
    struct list to_flush;
    struct frame frame;
    struct inbound *in;
    struct outbound *out;
    struct handshake *handshake;
    struct request *current;
    struct handout handout;
    struct lease_conn *account; /* holders.c's; NULL: none */
    uint64_t id, since_ns;
    char *label; /* NULL before it is LIVE */
    char peer[64];
};

/* All of them, and what they share. */
struct sessions {
    struct list handshaking; /* in order of their start */
    struct list open;        /* FIRST, LIVE and LAST */
    struct list to_flush;
    size_t n_handshaking, n_open, n_live, n_handles;
    size_t n_big_readers, n_big_writers; /* share the turn's budget */
    struct deadline handshake_timer;
    struct block *read_block; /* all sessions read into it */
    struct pool inbound, outbound, requests, handshakes;
    struct request *running; /* its handler is; NULL once that has ended it */
    struct scan *scans[16];  /* idle ones */
    size_t n_scans;
    bool scan_was_kept; /* by the handler that runs: see request_keep() */
    uint64_t next_id;
    struct log_limit auth_log, proto_log, timeout_log;
};

bool sessions_init(struct sessions *all);
void sessions_release(struct sessions *all); /* all sessions are gone */

/* Serve a connected socket (taken, also on failure). `is_trusted`: skip the handshake (tests and
 * fuzzing). false: out of memory or descriptors; it is closed. */
bool session_start(struct server *srv, int fd, const char *peer, bool is_trusted);
/* Close now; what waits is cancelled, what is unwritten is dropped. */
void session_close(struct session *s, const char *why);
/* The peer ended its side: final, as no stock client half-closes. */
void session_end_of_input(struct session *s);
/* Close when everything queued is written. */
void session_close_after_replies(struct session *s);
/* "127.0.0.1:40312 MainProcess"; the peer alone while it has given no name. */
const char *session_label(const struct session *s);
const char *session_name(const struct session *s); /* "" while it has given none */

/* Is the peer still there, waiting and silent? For whoever is about to hand it something it asked
 * for long ago. */
bool session_peer_waits(const struct session *s);
/* The handshake has succeeded. */
void session_authenticated(struct session *s);
/* Ask the poll for what the session waits for now. */
void session_update_poll(struct session *s);
/* The connection became long-lived; `name` is the client's, copied. false when out of memory. */
bool session_set_live(struct session *s, const char *name);

/* Close all; without `even_busy` only those that wait for nothing of ours: no reply is to be
 * written, and the store has no question of theirs. */
void sessions_close_all(struct server *srv, bool even_busy, const char *why);

/* Scans are pooled. NULL when out of memory. */
struct scan *sessions_take_scan(struct server *srv);
void sessions_give_scan(struct server *srv, struct scan *scan);

#endif
