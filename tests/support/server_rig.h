/* SPDX-License-Identifier: Apache-2.0 */
/* server_rig.h - a server without a port or a thread: connections are socket pairs, the loop turns
 * when told. */
#ifndef PLATOON_SERVER_RIG_H
#define PLATOON_SERVER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/server.h>

struct server;

/* A server with the memory store; `options` may be NULL (the default pair and `small:1`). NULL when
 * it cannot be made. */
struct server *server_rig_open(const struct platoon_server_options *options);
void server_rig_close(struct server *srv);

/* A connection that needs no handshake, or one that begins with it. The client's end, non-blocking;
 * -1 on failure. */
int server_rig_connect(struct server *srv);
int server_rig_connect_untrusted(struct server *srv);
/* Turn the loop until nothing moves any more. */
void server_rig_settle(struct server *srv);

/* Write all of it, turning the loop where the socket is full. false if the server has closed. */
bool server_rig_write(struct server *srv, int fd, const void *data, size_t len);
/* The same with a frame's header before it. */
bool server_rig_send(struct server *srv, int fd, const void *body, size_t len);
/* Settle, then read at most `size` bytes; 0: nothing is there; -1: the server has closed. */
long server_rig_read(struct server *srv, int fd, void *data, size_t size);

#endif
