/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - see peer.h. */
#include "support/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"
#include "wire/auth.h"
#include "wire/frame.h"

struct play {
    struct peer *peer;
    int fd, nth;
};

static void *play(void *arg)
{
    struct play *p = arg;

    p->peer->script(p->fd, p->nth, p->peer->arg);
    shutdown(p->fd, SHUT_RDWR); /* closed by peer_stop(), so that its number is not used twice */
    free(p);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct peer *peer = arg;

    for (;;) {
        struct play *p;
        int fd = accept(peer->listener, NULL, NULL);

        if (fd < 0 || peer->n == PEER_MAX_CONNECTIONS) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        p = malloc(sizeof *p);
        *p = (struct play){peer, fd, peer->n};
        peer->sockets[peer->n] = fd;
        if (pthread_create(&peer->threads[peer->n], NULL, play, p) != 0)
            abort();
        peer->n++;
    }
}

void peer_start(struct peer *p, peer_script script, void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    memset(p, 0, sizeof *p);
    p->script = script;
    p->arg = arg;
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->listener, 128), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->acceptor, NULL, accept_all, p), 0);
}

void peer_stop(struct peer *p)
{
    shutdown(p->listener, SHUT_RDWR); /* wakes accept() */
    pthread_join(p->acceptor, NULL);
    close(p->listener);
    for (int i = 0; i < p->n; i++)
        shutdown(p->sockets[i], SHUT_RDWR);
    for (int i = 0; i < p->n; i++) {
        pthread_join(p->threads[i], NULL);
        close(p->sockets[i]);
    }
}

bool peer_send(int fd, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    while (len > 0) {
        ssize_t n = send(fd, from, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        from += n;
        len -= (size_t)n;
    }
    return true;
}

bool peer_send_frame(int fd, const void *body, size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];

    return peer_send(fd, header, frame_put_header(header, len)) && peer_send(fd, body, len);
}

static bool read_all(int fd, void *out, size_t len)
{
    uint8_t *to = out;

    while (len > 0) {
        ssize_t n = recv(fd, to, len, 0);

        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

long peer_read_frame(int fd, uint8_t *out, size_t cap)
{
    uint8_t header[4];
    struct frame f;
    size_t used;

    frame_init(&f, cap);
    if (!read_all(fd, header, sizeof header))
        return -1;
    if (frame_feed(&f, header, sizeof header, &used, NULL) != FRAME_READY)
        abort();
    return read_all(fd, out, (size_t)f.body_bytes) ? (long)f.body_bytes : -1;
}

bool peer_login(int fd, const char *key)
{
    struct auth a;
    struct auth_out out;
    uint8_t body[AUTH_MAX_BODY];
    enum auth_step step;

    auth_init(&a, AUTH_SERVER, key, strlen(key), false);
    step = auth_start(&a, &out);
    while (step == AUTH_MORE) {
        long len;

        if (!peer_send(fd, out.bytes, out.len))
            return false;
        len = peer_read_frame(fd, body, sizeof body);
        if (len < 0)
            return false;
        step = auth_receive(&a, body, (size_t)len, &out, NULL);
    }
    return peer_send(fd, out.bytes, out.len) && step == AUTH_OK;
}

void peer_drain(int fd)
{
    uint8_t bytes[4096];

    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}
