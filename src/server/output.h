/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - replies on their way out: queued during the turn, written at its end, big ones in
 * slices.
 *
 * A reply's small bytes are copied, its large ones are shared with whoever holds the payload. What
 * the socket does not take stays until it is writable; a turn writes at most a budget to each
 * session, so that a big reply does not hold up the small ones. A client that does not read its
 * replies is not read from either. */
#ifndef PLATOON_SERVER_OUTPUT_H
#define PLATOON_SERVER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rope.h"

struct server;
struct session;
struct sessions;

/* Queue whole frames, header included. false when out of memory: the session is then closed, since
 * a client cannot be left waiting for a reply that will not come. */
bool session_send(struct session *s, const void *frames, size_t len);
/* Queue one frame with this body; the header is made here, the segments are shared. */
bool session_send_rope(struct session *s, const struct rope *body);

/* Write what is queued (end of the turn). */
void sessions_flush(struct server *srv);
/* The socket takes bytes again. */
void output_is_writable(struct session *s);
/* So much is unwritten that nothing more should be read from this client. */
bool output_is_clogged(const struct session *s);
void output_drop(struct session *s);

#endif
