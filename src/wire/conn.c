/* SPDX-License-Identifier: Apache-2.0 */
/* conn.c - see conn.h.
 *
 * Delayed acknowledgements. A server of Python's writes a body of more than 16 KiB apart from its
 * header and with Nagle's algorithm on, so the body leaves only when our kernel has acknowledged
 * the header, which it would put off by 40 ms. Setting TCP_QUICKACK sends the acknowledgement that
 * is due at once; the kernel forgets the option as soon as we send, so it is set again for each
 * frame that comes in pieces, and small frames never pay for it. */
#include "wire/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/lookup.h"

enum {
    FIRST_BUFFER = 8 * 1024,
    LARGE_BUFFER = 64 * 1024, /* the least that a body which is still coming gets */
    KEPT_BUFFER = 1024 * 1024,
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 6,
    USER_TIMEOUT_MS = 1000 * (KEEPALIVE_IDLE_S + KEEPALIVE_INTERVAL_S * KEEPALIVE_PROBES),
};

/* --- connecting ----------------------------------------------------------------------------------
 */

void conn_peer_init(struct conn_peer *peer, const char *host, uint16_t port)
{
    memset(peer, 0, sizeof *peer);
    strncpy(peer->address.host, host, ADDRESS_HOST_MAX);
    peer->address.port = port;
    address_format(host, port, peer->text);
}

void conn_init(struct conn *c)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

/* poll() until `deadline_ns`, whatever signals come. 1, 0 (time is up) or -1 with errno. */
static int wait_for(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = events};

    for (;;) {
        uint64_t now = clock_mono_ns();
        uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
        int timeout_ms = deadline_ns == 0 ? -1 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
        int n = poll(&p, 1, timeout_ms);

        if (n >= 0 || errno != EINTR)
            return n;
    }
}

/* A connect to a free local port can meet itself: the kernel picks that very port for our end. */
static bool is_connected_to_itself(int fd, const struct sockaddr *to, socklen_t len)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;

    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 && own_len == len &&
           memcmp(&own, to, len) == 0;
}

/* A connected, blocking socket, or -1 with errno. */
static int connect_to(const struct sockaddr *to, socklen_t len, uint64_t deadline_ns)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, failed = 0, flags;
    socklen_t failed_len = sizeof failed;

    if (fd < 0)
        return -1;
    if (connect(fd, to, len) != 0) {
        /* EINTR leaves the attempt running, as EINPROGRESS does. */
        if (errno != EINPROGRESS && errno != EINTR)
            goto fail;
        switch (wait_for(fd, POLLOUT, deadline_ns)) {
        case 1:
            break;
        case 0:
            errno = ETIMEDOUT;
            goto fail;
        default:
            goto fail;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &failed_len) != 0)
            goto fail;
        errno = failed;
        if (failed)
            goto fail;
    }
    errno = ECONNREFUSED;
    if (is_connected_to_itself(fd, to, len))
        goto fail;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
        goto fail;
    /* Costs time, not correctness, where it does not work. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;

fail:
    flags = errno;
    close(fd);
    errno = flags;
    return -1;
}

static enum platoon_status no_connection(const struct conn_peer *peer, int reason, bool is_timeout,
                                         struct platoon_err *err)
{
    if (reason == ECONNREFUSED)
        return platoon_fail(err, PLATOON_ECONNECT,
                            "%s refused the connection: is `platoon serve` running there?",
                            peer->text);
    if (reason == ETIMEDOUT)
        return platoon_fail(err, PLATOON_ECONNECT,
                            "%s did not answer%s: is the address right, and does no firewall stand "
                            "between?",
                            peer->text, is_timeout ? " within the time limit" : "");
    return platoon_fail(err, PLATOON_ECONNECT, "cannot connect to %s: %s", peer->text,
                        strerror(reason));
}

static enum platoon_status resolve(const struct conn_peer *peer, uint64_t deadline_ns,
                                   struct addrinfo **out, struct platoon_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
    const struct addrinfo numeric = {.ai_family = AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    char port[8];
    int rc;

    (void)snprintf(port, sizeof port, "%u", (unsigned)peer->address.port);
    /* Addresses first: AI_ADDRCONFIG hides ::1 on a machine whose only IPv6 address it is. */
    rc = getaddrinfo(peer->address.host, port, &numeric, out);
    if (rc == EAI_NONAME)
        rc = lookup_host_until(peer->address.host, port, &hints, deadline_ns, out);
    if (rc == 0)
        return PLATOON_OK;
    if (rc == LOOKUP_TIMEOUT)
        return platoon_fail(err, PLATOON_ECONNECT,
                            "no name server told the address of `%s` within the time limit: give "
                            "its address, or name it in /etc/hosts",
                            peer->address.host);
    if (rc == EAI_MEMORY)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory while looking up `%s`",
                            peer->address.host);
    return platoon_fail(err, PLATOON_EADDR, "cannot find the address of `%s`: %s",
                        peer->address.host, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
}

static void remember(struct conn_peer *peer, const struct sockaddr *to, socklen_t len)
{
    memcpy(&peer->known, to, len);
    peer->known_len = len;
}

/* The moment at which an attempt gives way to the `n_left - 1` after it. */
static uint64_t share_of_time(uint64_t deadline_ns, size_t n_left)
{
    uint64_t now = clock_mono_ns();

    if (deadline_ns == 0 || deadline_ns <= now)
        return deadline_ns;
    return now + (deadline_ns - now) / n_left;
}

static enum platoon_status connect_to_any(struct conn_peer *peer, uint64_t deadline_ns, int *out_fd,
                                          struct platoon_err *err)
{
    struct addrinfo *all;
    size_t n_left = 0;
    int fd = -1, reason = 0;
    enum platoon_status st = resolve(peer, deadline_ns, &all, err);

    if (st != PLATOON_OK)
        return st;
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        n_left++;
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next, n_left--) {
        fd = connect_to(a->ai_addr, a->ai_addrlen, share_of_time(deadline_ns, n_left));
        if (fd >= 0)
            remember(peer, a->ai_addr, a->ai_addrlen);
        else if (reason == 0 || errno == ECONNREFUSED) /* the most telling of several */
            reason = errno;
    }
    freeaddrinfo(all);
    if (fd < 0)
        return no_connection(peer, reason, deadline_ns != 0, err);
    *out_fd = fd;
    return PLATOON_OK;
}

enum platoon_status conn_open(struct conn *c, struct conn_peer *peer, uint64_t deadline_ns,
                              struct platoon_err *err)
{
    enum platoon_status st;
    int fd = -1;

    if (peer->known_len) {
        fd = connect_to((const struct sockaddr *)&peer->known, peer->known_len,
                        share_of_time(deadline_ns, 2));
        if (fd < 0)
            peer->known_len = 0; /* the name may mean another machine by now */
    }
    if (fd < 0) {
        st = connect_to_any(peer, deadline_ns, &fd, err);
        if (st != PLATOON_OK)
            return st;
    }
    c->fd = fd;
    c->peer = peer;
    c->deadline_ns = 0;
    c->start = c->end = 0;
    frame_init(&c->frame, 0);
    return PLATOON_OK;
}

void conn_close(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->buffer);
    conn_init(c);
}

void conn_keep_alive(struct conn *c)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
        /* Keepalive rests while bytes of ours are unacknowledged; this is for then. */
        {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        /* Without it a vanished server is noticed late, not wrongly. */
        (void)setsockopt(c->fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
}

/* --- sending -------------------------------------------------------------------------------------
 */

static enum platoon_status lost(const struct conn *c, int reason, struct platoon_err *err)
{
    if (reason == ETIMEDOUT)
        return platoon_fail(err, PLATOON_ETIMEDOUT,
                            "%s no longer answers: its machine or the network is gone",
                            c->peer->text);
    if (reason == EPIPE || reason == ECONNRESET)
        return platoon_fail(err, PLATOON_ECLOSED, "%s closed the connection", c->peer->text);
    return platoon_fail(err, PLATOON_EIO, "the connection to %s failed: %s", c->peer->text,
                        strerror(reason));
}

/* Drop `sent` bytes from the front of the parts. */
static void skip_sent(struct msghdr *m, size_t sent)
{
    while (m->msg_iovlen > 0 && sent >= m->msg_iov->iov_len) {
        sent -= m->msg_iov->iov_len;
        m->msg_iov++;
        m->msg_iovlen--;
    }
    if (sent > 0) {
        m->msg_iov->iov_base = (uint8_t *)m->msg_iov->iov_base + sent;
        m->msg_iov->iov_len -= sent;
    }
}

enum platoon_status conn_send(struct conn *c, struct iovec *parts, size_t n,
                              struct platoon_err *err)
{
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = n};

    skip_sent(&m, 0); /* empty parts in front */
    while (m.msg_iovlen > 0) {
        ssize_t sent = sendmsg(c->fd, &m, MSG_NOSIGNAL);

        if (sent >= 0) {
            skip_sent(&m, (size_t)sent);
        } else if (errno != EINTR) {
            lost(c, errno, err);
            if (err)
                err->status =
                    PLATOON_ECLOSED; /* whatever the reason, the frame is not whole there */
            return PLATOON_ECLOSED;
        }
    }
    return PLATOON_OK;
}

/* --- receiving -----------------------------------------------------------------------------------
 */

static enum platoon_status no_memory(const struct conn *c, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a message of %s", c->peer->text);
}

/* Room for at least one more byte, at most `wanted` after start. */
static bool make_room(struct conn *c, size_t wanted)
{
    size_t cap = c->cap < LARGE_BUFFER ? LARGE_BUFFER : c->cap * 2;
    uint8_t *grown;

    if (c->start > 0 && c->start == c->end)
        c->start = c->end = 0;
    if (c->cap - c->start >= wanted || c->end < c->cap)
        return true;
    if (c->start > 0) { /* at most a small frame's worth: a body is asked for from its start on */
        memmove(c->buffer, c->buffer + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
        if (c->end < c->cap)
            return true;
    }
    if (c->cap == 0)
        cap = FIRST_BUFFER;
    else if (cap > wanted)
        cap = wanted; /* > c->cap, or we would not be here */
    grown = realloc(c->buffer, cap);
    if (!grown)
        return false;
    c->buffer = grown;
    c->cap = cap;
    return true;
}

/* Take what has come, at least one byte. */
static enum platoon_status receive_more(struct conn *c, struct platoon_err *err)
{
    for (;;) {
        ssize_t n;

        if (c->deadline_ns) {
            int ready = wait_for(c->fd, POLLIN, c->deadline_ns);

            if (ready == 0)
                return platoon_fail(err, PLATOON_ETIMEDOUT,
                                    "%s did not answer within the time limit", c->peer->text);
            if (ready < 0)
                return lost(c, errno, err);
        }
        n = recv(c->fd, c->buffer + c->end, c->cap - c->end, 0);
        if (n > 0) {
            c->end += (size_t)n;
            return PLATOON_OK;
        }
        if (n == 0)
            return platoon_fail(err, PLATOON_ECLOSED, "%s closed the connection%s", c->peer->text,
                                frame_is_idle(&c->frame) ? "" : " in the middle of a message");
        if (errno != EINTR)
            return lost(c, errno, err);
    }
}

static enum platoon_status receive_header(struct conn *c, struct platoon_err *err)
{
    for (;;) {
        struct platoon_err why;
        enum platoon_status st;
        size_t used;

        switch (frame_feed(&c->frame, c->buffer + c->start, c->end - c->start, &used, &why)) {
        case FRAME_READY:
            c->start += used;
            return PLATOON_OK;
        case FRAME_BAD:
            return platoon_fail(err, why.status, "%s: %s", c->peer->text, why.message);
        case FRAME_NEED_MORE:
            c->start += used;
            break;
        }
        if (!make_room(c, FIRST_BUFFER))
            return no_memory(c, err);
        st = receive_more(c, err);
        if (st != PLATOON_OK)
            return st;
    }
}

enum platoon_status conn_receive(struct conn *c, uint64_t max_body_bytes, const uint8_t **out_body,
                                 size_t *out_len, struct platoon_err *err)
{
    enum platoon_status st;
    int one = 1;
    size_t len;

    frame_reset(&c->frame);
    c->frame.max_body_bytes = max_body_bytes < SIZE_MAX / 4 ? max_body_bytes : SIZE_MAX / 4;
    if (c->cap == 0 && !make_room(c, FIRST_BUFFER))
        return no_memory(c, err);
    st = receive_header(c, err);
    if (st != PLATOON_OK)
        return st;
    len = (size_t)c->frame.body_bytes;
    if (c->end - c->start < len)
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); /* only costs time */
    while (c->end - c->start < len) {
        if (!make_room(c, len))
            return no_memory(c, err);
        st = receive_more(c, err);
        if (st != PLATOON_OK)
            return st;
    }
    *out_body = c->buffer + c->start;
    *out_len = len;
    c->start += len;
    return PLATOON_OK;
}

bool conn_is_quiet(const struct conn *c)
{
    uint8_t byte;
    ssize_t n;

    if (c->start != c->end)
        return false;
    do
        n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void conn_trim(struct conn *c)
{
    if (c->cap <= KEPT_BUFFER || c->start != c->end)
        return;
    free(c->buffer);
    c->buffer = NULL;
    c->cap = c->start = c->end = 0;
}

/* --- the handshake -------------------------------------------------------------------------------
 */

static enum platoon_status login_failed(const struct conn *c, const struct platoon_err *why,
                                        struct platoon_err *err)
{
    if (why->status == PLATOON_ETIMEDOUT)
        return platoon_fail(err, PLATOON_ECONNECT,
                            "%s took the connection but did not authenticate within the time "
                            "limit: is a manager server there, and not stuck?",
                            c->peer->text);
    if (why->status == PLATOON_ECLOSED)
        return platoon_fail(err, PLATOON_ECONNECT,
                            "%s closed the connection during authentication: is a manager server "
                            "there, and has it room for more clients?",
                            c->peer->text);
    if (why->status == PLATOON_ELIMIT)
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s sent no authentication challenge but something else: it does not "
                            "speak the manager protocol",
                            c->peer->text);
    return platoon_fail(err, why->status, "%s", why->message);
}

enum platoon_status conn_login(struct conn *c, const void *key, size_t key_len, bool sha256_only,
                               uint64_t deadline_ns, struct auth_out *out_last,
                               struct platoon_err *err)
{
    struct auth a;
    struct platoon_err why;
    enum auth_step step;

    c->deadline_ns = deadline_ns;
    auth_init(&a, AUTH_CLIENT, key, key_len, sha256_only);
    step = auth_start(&a, out_last);
    while (step == AUTH_MORE) {
        struct iovec part = {out_last->bytes, out_last->len};
        const uint8_t *body;
        size_t len;
        enum platoon_status st = conn_send(c, &part, 1, &why);

        if (st == PLATOON_OK)
            st = conn_receive(c, AUTH_MAX_BODY, &body, &len, &why);
        if (st != PLATOON_OK)
            return login_failed(c, &why, err);
        step = auth_receive(&a, body, len, out_last, &why);
    }
    c->deadline_ns = 0;
    if (step == AUTH_OK)
        return PLATOON_OK;
    if (out_last->len) { /* #FAILURE#; whether it arrives changes nothing */
        struct iovec part = {out_last->bytes, out_last->len};

        (void)conn_send(c, &part, 1, NULL);
    }
    return platoon_fail(err, why.status, "%s: %s", c->peer->text, why.message);
}
