/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c - see listen.h. */
#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/listen_error.h"
#include "server/server.h"
#include "wire/lookup.h"

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 64,
    SILENT_HANDSHAKE_S =
        1, /* after so long an unauthenticated connection may be closed for a newcomer */
    KEEPALIVE_PROBES = 3
};

void listener_init(struct listener *l)
{
    memset(l, 0, sizeof *l);
    l->fd = l->spare_fd = -1;
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* Accepted sockets inherit these from the listening one, which saves five system calls a
 * connection. A peer that is gone without a word is found after keepalive_s of silence and some
 * probes, or when data to it stays unacknowledged as long. */
static void set_inherited_options(int fd, int keepalive_s)
{
    int interval_s = keepalive_s < 3 ? 1 : keepalive_s / 3;
    int gone_after_ms = (keepalive_s + interval_s * KEEPALIVE_PROBES) * 1000;

    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    (void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, gone_after_ms);
}

/* The first address that `host` means; IPv4 before IPv6, as stock clients know no other. */
static enum platoon_status resolve(const char *host, uint16_t port, struct sockaddr_storage *out,
                                   socklen_t *out_len, struct platoon_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL, *best;
    char service[8];
    int code;

    if (!host)
        host = "127.0.0.1";
    else if (!*host)
        host = "0.0.0.0";
    snprintf(service, sizeof service, "%u", port);
    code = lookup_host(host, service, &hints, &found);
    if (code)
        return platoon_fail(err, PLATOON_EADDR, "cannot listen on '%s': %s", host,
                            code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
    best = found;
    for (struct addrinfo *a = found; a; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            best = a;
            break;
        }
    }
    memcpy(out, best->ai_addr, best->ai_addrlen);
    *out_len = best->ai_addrlen;
    freeaddrinfo(found);
    return PLATOON_OK;
}

static void format_address(const struct sockaddr_storage *a, char *out, size_t size,
                           uint16_t *out_port)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        *out_port = ntohs(in->sin_port);
        snprintf(out, size, "%s:%u", host, *out_port);
    } else if (a->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        *out_port = ntohs(in6->sin6_port);
        snprintf(out, size, "[%s]:%u", host, *out_port);
    } else {
        *out_port = 0;
        snprintf(out, size, "local");
    }
}

static void give_up_newcomer(struct server *srv)
{
    struct listener *l = &srv->listener;
    uint32_t hidden;
    int fd;

    if (l->spare_fd < 0)
        return;
    close(l->spare_fd);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log_limit_allows(&l->fd_log, srv->now_ns, &hidden))
        log_line(&srv->log, LOG_ERROR,
                 "out-of-descriptors open=%zu hidden=%u hint=\"a connection was refused; raise the "
                 "limit with "
                 "ulimit -n\"",
                 srv->sessions.n_open + srv->sessions.n_handshaking, hidden);
}

static void poll_listener(struct server *srv, bool on);

static void retry_accept(struct deadline *d)
{
    struct listener *l = DEADLINE_ENTRY(d, struct listener, retry);

    poll_listener(l->poll.data, true);
}

/* At the limit of handshakes: make room, or wait for it. */
static bool has_room(struct server *srv)
{
    struct listener *l = &srv->listener;
    struct session *oldest;
    uint64_t may_go_at;
    uint32_t hidden;

    if (srv->sessions.n_handshaking < srv->max_handshakes)
        return true;
    if (log_limit_allows(&l->full_log, srv->now_ns, &hidden))
        log_line(&srv->log, LOG_WARNING,
                 "too-many-handshakes unauthenticated=%zu limit=%u hidden=%u",
                 srv->sessions.n_handshaking, srv->max_handshakes, hidden);
    oldest = LIST_ENTRY(srv->sessions.handshaking.next, struct session, link);
    may_go_at = oldest->since_ns + SILENT_HANDSHAKE_S * 1000000000ull;
    if (srv->now_ns >= may_go_at) {
        session_close(oldest, "handshake-made-room");
        return true;
    }
    poll_listener(srv, false);
    (void)deadline_set(&srv->deadlines, &l->retry, may_go_at, retry_accept);
    return false;
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    struct server *srv = poll->data;
    struct listener *l = &srv->listener;

    (void)status;
    (void)events;
    server_awake(srv);
    for (int n = 0; n < ACCEPTS_A_TURN && has_room(srv); n++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd =
            accept4(l->fd, (struct sockaddr *)(void *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        char peer[64];
        uint16_t port;

        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                give_up_newcomer(srv);
            return;
        }
        format_address(&from, peer, sizeof peer, &port);
        (void)session_start(srv, fd, peer, false);
    }
}

static void poll_listener(struct server *srv, bool on)
{
    struct listener *l = &srv->listener;

    if (l->fd < 0 || l->is_polled == on)
        return;
    if (on)
        uv_poll_start(&l->poll, UV_READABLE, on_connections);
    else
        uv_poll_stop(&l->poll);
    l->is_polled = on;
}

void listener_resume(struct server *srv)
{
    if (srv->listener.fd >= 0 && !srv->listener.is_polled) {
        deadline_clear(&srv->deadlines, &srv->listener.retry);
        poll_listener(srv, true);
    }
}

static enum platoon_status explain(int error, const struct sockaddr_storage *a,
                                   struct platoon_err *err)
{
    char address[80];
    uint16_t port;

    format_address(a, address, sizeof address, &port);
    if (error == EADDRINUSE)
        return listen_error_busy(port, address, err);
    if (error == EADDRNOTAVAIL)
        return listen_error_not_ours(address, err);
    if (error == EACCES)
        return platoon_fail(
            err, PLATOON_EADDR,
            "cannot listen on %s: permission denied; ports below 1024 are root's, choose "
            "another",
            address);
    return platoon_fail(err, PLATOON_EIO, "cannot listen on %s: %s", address, strerror(error));
}

enum platoon_status server_listen(struct server *srv, const char *host, uint16_t port,
                                  struct platoon_err *err)
{
    struct listener *l = &srv->listener;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    struct rlimit files;
    enum platoon_status st = resolve(host, port, &a, &len, err);

    if (st != PLATOON_OK)
        return st;
    l->fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return platoon_fail(err, PLATOON_EIO, "cannot make a socket: %s", strerror(errno));
    (void)set_option(l->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_inherited_options(l->fd, srv->keepalive_s);
    if (bind(l->fd, (struct sockaddr *)(void *)&a, len) != 0 || listen(l->fd, BACKLOG) != 0) {
        st = explain(errno, &a, err);
        close(l->fd);
        l->fd = -1;
        return st;
    }
    len = sizeof a;
    (void)getsockname(l->fd, (struct sockaddr *)(void *)&a, &len);
    format_address(&a, l->address, sizeof l->address, &l->port);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* A descriptor a client: take all that may be had without asking. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    uv_poll_init(&srv->loop, &l->poll, l->fd);
    l->poll.data = srv;
    poll_listener(srv, true);
    return PLATOON_OK;
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

void listener_close(struct server *srv)
{
    struct listener *l = &srv->listener;

    if (l->fd < 0)
        return;
    deadline_clear(&srv->deadlines, &l->retry);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
    if (l->spare_fd >= 0)
        close(l->spare_fd);
    l->fd = l->spare_fd = -1;
    l->is_polled = false;
}
