/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - messages over the socket pair. Reads may block: the agent sends each message in one
 * call, so the rest of one that began is on its way. Writes may not: an agent that waits for us to
 * read would never read. */
#include "spawn/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void message_release(struct message *m)
{
    free(m->body);
    m->body = NULL;
    for (size_t i = 0; i < m->n_fds; i++)
        close(m->fds[i]);
    m->n_fds = 0;
}

static void take_descriptors(struct msghdr *msg, struct message *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (m->n_fds < SPAWN_MAX_FDS)
                m->fds[m->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

static bool read_header(int fd, struct message *m)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * SPAWN_MAX_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {&m->header, sizeof m->header};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        take_descriptors(&msg, m);
    return n == (ssize_t)sizeof m->header && !(msg.msg_flags & MSG_CTRUNC);
}

static bool read_whole(int fd, char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, data, len, MSG_WAITALL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

bool channel_read(struct channel *c, struct message *out)
{
    struct message m = {.body = NULL};

    if (!read_header(c->fd, &m) || m.header.body_bytes > SPAWN_MAX_BODY)
        goto fail;
    m.body = malloc(m.header.body_bytes + 1u);
    if (!m.body || !read_whole(c->fd, m.body, m.header.body_bytes))
        goto fail;
    m.body[m.header.body_bytes] = '\0';
    *out = m;
    return true;

fail:
    message_release(&m);
    return false;
}

bool channel_flush(struct channel *c)
{
    size_t sent = 0;

    while (sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + sent, c->out_len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0)
            return false;
        sent += (size_t)n;
    }
    c->out_len -= sent;
    memmove(c->out, c->out + sent, c->out_len);
    return true;
}

bool channel_send(struct channel *c, enum spawn_message type, const void *body, size_t body_bytes)
{
    struct spawn_header header = {type, (uint32_t)body_bytes};
    size_t need = c->out_len + sizeof header + body_bytes;

    if (need > c->out_cap) {
        size_t cap = need * 2;
        char *grown = realloc(c->out, cap);

        if (!grown)
            return false;
        c->out = grown;
        c->out_cap = cap;
    }
    memcpy(c->out + c->out_len, &header, sizeof header);
    memcpy(c->out + c->out_len + sizeof header, body, body_bytes);
    c->out_len = need;
    return channel_flush(c);
}
