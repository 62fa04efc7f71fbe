/* SPDX-License-Identifier: Apache-2.0 */
/* listen.h - the listening socket: binding with errors that help, and accepting.
 *
 * Accepting never stops for good: out of descriptors, a spare one is given up to accept and close
 * the newcomer; at the limit of unauthenticated connections the oldest that has been silent for a
 * second makes room, and as long as there is none the newcomers wait in the kernel's backlog. */
#ifndef PLATOON_SERVER_LISTEN_H
#define PLATOON_SERVER_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <platoon/status.h>

#include "server/deadline.h"
#include "server/log.h"

struct server;

struct listener {
    uv_poll_t poll;
    int fd;       /* -1: none */
    int spare_fd; /* given up when descriptors run out */
    uint16_t port;
    bool is_polled;
    char address[80]; /* "127.0.0.1:5000", for the log and for messages */
    struct deadline retry;
    struct log_limit fd_log, full_log;
};

void listener_init(struct listener *l);
/* Bind and listen. `host`: an address or a name; NULL 127.0.0.1; "" all IPv4 addresses. EADDR
 * (lists the addresses this machine has), EBUSY (names the program that listens there, where /proc
 * tells), EIO. */
enum platoon_status server_listen(struct server *srv, const char *host, uint16_t port,
                                  struct platoon_err *err);
void listener_close(struct server *srv);
/* A handshake has ended: room for another. */
void listener_resume(struct server *srv);

#endif
