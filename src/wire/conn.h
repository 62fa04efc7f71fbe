/* SPDX-License-Identifier: Apache-2.0 */
/* conn.h - a client's TCP connection that sends and receives whole frames, and blocks.
 *
 *     conn_init -> conn_open -> conn_login -> (conn_send, conn_receive)* -> conn_close
 *
 * A small frame costs one system call each way, and no memory of its own: the receive buffer is
 * kept. It grows with the bytes that come, never with the length announced, and conn_trim() gives a
 * large one back.
 *
 * Threads: one at a time. Signals: SIGPIPE is never raised, and a handler that returns disturbs
 * nothing. Time: deadlines are clock_mono_ns(); 0 is none. */
#ifndef PLATOON_WIRE_CONN_H
#define PLATOON_WIRE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <platoon/status.h>

#include "wire/address.h"
#include "wire/auth.h"
#include "wire/frame.h"

/* Where a server is, and which of its addresses answered last, so that a name is resolved once. */
struct conn_peer {
    struct address address;
    char text[ADDRESS_TEXT_MAX]; /* for sentences: "127.0.0.1:5000" */
    struct sockaddr_storage known;
    socklen_t known_len; /* 0: none answered yet */
};

struct conn {
    int fd; /* -1: closed */
    const struct conn_peer *peer;
    uint64_t deadline_ns; /* of conn_receive() */
    struct frame frame;
    uint8_t *buffer;
    size_t cap, start, end; /* bytes [start, end) have come and were not handed out */
};

/* `host` without brackets, `port` not 0. */
void conn_peer_init(struct conn_peer *peer, const char *host, uint16_t port);

/* A closed connection that owns nothing. */
void conn_init(struct conn *c);
/* Connect to the address that answered last, else to every address of the name in turn, each with
 * its share of the time; to learn the addresses counts too (lookup.h). `peer` is kept until
 * conn_close(). EADDR (the name is unknown), ECONNECT. */
enum platoon_status conn_open(struct conn *c, struct conn_peer *peer, uint64_t deadline_ns,
                              struct platoon_err *err);
/* Close, and free the buffer. Any state; afterwards as after conn_init(). */
void conn_close(struct conn *c);
/* The handshake as the client, until `deadline_ns`. The last word, #WELCOME#, is left in `out_last`
 * to be sent in one write with the first request: a server of Python's would wait 40 ms between the
 * two.
 *
 * EAUTH (which side refused is in `err`), EPROTO (no manager server), ECONNECT (silence, or a
 * hang-up). */
enum platoon_status conn_login(struct conn *c, const void *key, size_t key_len, bool sha256_only,
                               uint64_t deadline_ns, struct auth_out *out_last,
                               struct platoon_err *err);
/* For a connection that lives long: notice within about two minutes that the peer's machine is
 * gone, be it silent or in the middle of our bytes. */
void conn_keep_alive(struct conn *c);

/* Hand all of `parts` to the kernel (the array is used up). ECLOSED: it took not all of them, so
 * the peer never has the whole of the last frame. */
enum platoon_status conn_send(struct conn *c, struct iovec *parts, size_t n,
                              struct platoon_err *err);
/* The body of the next frame, at most `max_body_bytes`: borrowed until the next call on `c`.
 *
 * ECLOSED (the peer ended it), ETIMEDOUT (the deadline, or keepalive), ELIMIT, EPROTO, ENOMEM, EIO.
 * After any of them only conn_close() makes sense. */
enum platoon_status conn_receive(struct conn *c, uint64_t max_body_bytes, const uint8_t **out_body,
                                 size_t *out_len, struct platoon_err *err);
/* Has the peer neither closed nor sent anything that nobody asked for? One system call. */
bool conn_is_quiet(const struct conn *c);
/* Give back a receive buffer that one large frame left behind. */
void conn_trim(struct conn *c);

#endif
