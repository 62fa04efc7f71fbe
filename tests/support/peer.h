/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - the other end of a client's connections, played by the test: a listener on a free port
 * of 127.0.0.1, and a thread for each connection that runs the test's own script. For servers that
 * no honest program would be. */
#ifndef PLATOON_TEST_PEER_H
#define PLATOON_TEST_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_MAX_CONNECTIONS = 256 };

/* Plays connection number `nth` (0, 1, ..); the socket is closed when it returns. */
typedef void (*peer_script)(int fd, int nth, void *arg);

struct peer {
    int listener;
    uint16_t port;
    peer_script script;
    void *arg;
    pthread_t acceptor;
    pthread_t threads[PEER_MAX_CONNECTIONS];
    int sockets[PEER_MAX_CONNECTIONS];
    int n; /* connections so far; read it after peer_stop() */
};

void peer_start(struct peer *p, peer_script script, void *arg);
/* Stop listening; cut what still runs; join all threads. */
void peer_stop(struct peer *p);

/* For scripts; false when the other end is gone. */
bool peer_send(int fd, const void *bytes, size_t len);
bool peer_send_frame(int fd, const void *body, size_t len);
/* Reads one frame; returns its length, or -1. Longer than `cap`: fails the test. */
long peer_read_frame(int fd, uint8_t *out, size_t cap);
/* The handshake as a server. */
bool peer_login(int fd, const char *key);
/* Wait until the other end closes, taking whatever it still sends. */
void peer_drain(int fd);

#endif
