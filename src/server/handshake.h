/* SPDX-License-Identifier: Apache-2.0 */
/* handshake.h - a session before it is trusted: the challenges both ways, within a time and a
 * number. */
#ifndef PLATOON_SERVER_HANDSHAKE_H
#define PLATOON_SERVER_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct sessions;

/* Send the challenge. false: the session is closed. */
bool handshake_start(struct session *s);
/* A frame's body came (at most AUTH_MAX_BODY bytes). The session may be closed or authenticated
 * after. */
void handshake_receive(struct session *s, const uint8_t *body, size_t len);
void handshake_drop(struct session *s); /* fine when there is none */

#endif
