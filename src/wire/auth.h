/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - the HMAC challenge of multiprocessing.connection, both roles, all dialects of Python 2.7
 * to 3.14. Pure: bodies of frames in, whole frames (with their length header) out; no I/O, no
 * clock.
 *
 *     server -> client   #CHALLENGE# M1
 *     client -> server   answer to M1
 *     server -> client   #WELCOME# | #FAILURE#
 *     client -> server   #CHALLENGE# M2
 *     server -> client   answer to M2
 *     client -> server   #WELCOME# | #FAILURE#
 *
 * We challenge with `{sha256}` + 40 random bytes, which legacy peers MAC with MD5; a body of
 * exactly 16 or 20 bytes is decided by its length before any prefix is looked at. MACs are compared
 * in constant time. The key is borrowed and must outlive the handshake. */
#ifndef PLATOON_WIRE_AUTH_H
#define PLATOON_WIRE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum { AUTH_MAX_BODY = 256 }; /* longest body either side accepts during the handshake */

enum auth_role { AUTH_SERVER, AUTH_CLIENT };
enum auth_step {
    AUTH_MORE, /* send what is in `out` (may be nothing), then wait for the peer's next frame */
    AUTH_OK,   /* send what is in `out` (a client: #WELCOME#, best in one write with its request) */
    AUTH_FAILED /* send what is in `out`, close; err says why */
};
struct auth_out {
    uint8_t bytes[2 * (4 + AUTH_MAX_BODY)]; /* whole frames */
    size_t len;
};
struct auth {
    enum auth_role role;
    const void *key;
    size_t key_len;
    bool sha256_only; /* neither accept nor give a bare MD5 MAC */
    int stage;
    uint8_t challenge[48];   /* ours */
    const char *peer_digest; /* what the peer proved itself with: "md5", ...; NULL before */
};

void auth_init(struct auth *a, enum auth_role role, const void *key, size_t key_len,
               bool sha256_only);
/* First move: a server's challenge; nothing for a client. */
enum auth_step auth_start(struct auth *a, struct auth_out *out);
/* The peer's next frame body (at most AUTH_MAX_BODY; the caller refuses longer ones). */
enum auth_step auth_receive(struct auth *a, const uint8_t *body, size_t len, struct auth_out *out,
                            struct platoon_err *err);

#endif
