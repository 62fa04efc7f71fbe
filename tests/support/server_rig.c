/* SPDX-License-Identifier: Apache-2.0 */
/* server_rig.c - see server_rig.h. */
#include "support/server_rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "server/server.h"
#include "server/session.h"
#include "wire/frame.h"

/* libuv makes a pair of descriptors for the process with its first loop: before tests begin to
 * count theirs. */
__attribute__((constructor)) static void make_first_loop(void)
{
    uv_loop_t loop;

    if (uv_loop_init(&loop) == 0)
        uv_loop_close(&loop);
}

struct server *server_rig_open(const struct platoon_server_options *options)
{
    static const char *const queues[] = {"small:1"};
    static const struct platoon_server_options plain = {
        .authkey = "key", .authkey_len = 3, .queues = queues, .n_queues = 1};
    struct platoon_err err;
    struct server *srv;

    return server_open(options ? options : &plain, &srv, &err) == PLATOON_OK ? srv : NULL;
}

void server_rig_close(struct server *srv)
{
    server_close(srv);
}

static int connect_pair(struct server *srv, bool is_trusted)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return -1;
    if (session_start(srv, fds[0], "rig", is_trusted))
        return fds[1];
    close(fds[1]);
    return -1;
}

int server_rig_connect(struct server *srv)
{
    return connect_pair(srv, true);
}

int server_rig_connect_untrusted(struct server *srv)
{
    return connect_pair(srv, false);
}

void server_rig_settle(struct server *srv)
{
    uint64_t before;

    do {
        before = srv->bytes_in + srv->bytes_out + srv->sessions.n_handles;
        uv_run(&srv->loop, UV_RUN_NOWAIT);
    } while (srv->wants_turn || before != srv->bytes_in + srv->bytes_out + srv->sessions.n_handles);
}

bool server_rig_write(struct server *srv, int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0) {
            server_rig_settle(srv);
            n = send(fd, at, len, MSG_NOSIGNAL);
            if (n < 0)
                return false; /* closed, or held back because its replies are not read */
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool server_rig_send(struct server *srv, int fd, const void *body, size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];

    return server_rig_write(srv, fd, header, frame_put_header(header, len)) &&
           server_rig_write(srv, fd, body, len);
}

long server_rig_read(struct server *srv, int fd, void *data, size_t size)
{
    ssize_t n;

    server_rig_settle(srv);
    n = recv(fd, data, size, 0);
    if (n > 0)
        return (long)n;
    return n < 0 && errno == EAGAIN ? 0 : -1;
}
