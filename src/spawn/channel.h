/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h - platoon-spawn's end of the socket to its agent: whole messages in, messages out that
 * never block. */
#ifndef PLATOON_SPAWN_CHANNEL_H
#define PLATOON_SPAWN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "spawn/spawn_protocol.h"

struct channel {
    int fd;
    char *out; /* what the socket did not take yet */
    size_t out_len, out_cap;
};

/* One message. `body` is yours to free; the descriptors are yours to close. */
struct message {
    struct spawn_header header;
    char *body;
    int fds[SPAWN_MAX_FDS];
    size_t n_fds;
};

/* Read one message; blocks until it is whole (the agent writes a message in one go). false: the
 * agent is gone, or sent what no agent sends; nothing is left open. */
bool channel_read(struct channel *c, struct message *out);
void message_release(struct message *m);

/* Send now, or keep it for channel_flush(). false: out of memory, or the agent is gone. */
bool channel_send(struct channel *c, enum spawn_message type, const void *body, size_t body_bytes);
/* Call when the socket is writable and out_len > 0. false: the agent is gone. */
bool channel_flush(struct channel *c);

#endif
