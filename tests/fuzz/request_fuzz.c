/* SPDX-License-Identifier: Apache-2.0 */
/* request_fuzz - whole connections after (or instead of) the handshake: frames, requests, calls,
 * queues, the memory store.
 *
 * An input is a list of acts, each an opcode byte and what it needs: which of four connections, and
 * a piece of the input with its length in two bytes. So the fuzzer need not invent frame headers,
 * but can.
 *
 *     0 send the piece as a frame            1 send it raw
 *     2 send it as a frame, byte by byte     3 read replies
 *     4 read replies and close               5 half-close
 *     6 close with unread replies (reset)    7 open without handshake
 *     8 open with it
 *
 * The server must neither crash nor leak nor hang, and must close with every session gone. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fuzzers link the product only, so what this one shares with the unit tests comes along as
 * source. */
#include "support/server_rig.c"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNECTIONS = 4 };

static void drain(struct server *srv, int fd)
{
    static uint8_t sink[65536];

    while (server_rig_read(srv, fd, sink, sizeof sink) > 0)
        continue;
}

static void act(struct server *srv, int *fd, uint8_t opcode, const uint8_t *piece, size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];

    if (*fd < 0 || opcode == 7 || opcode == 8) {
        if (*fd >= 0)
            close(*fd);
        *fd = opcode == 8 ? server_rig_connect_untrusted(srv) : server_rig_connect(srv);
        if (*fd < 0)
            return;
    }
    switch (opcode) {
    case 0:
        (void)server_rig_send(srv, *fd, piece, len);
        break;
    case 1:
        (void)server_rig_write(srv, *fd, piece, len);
        break;
    case 2:
        (void)server_rig_write(srv, *fd, header, frame_put_header(header, len));
        for (size_t i = 0; i < len && server_rig_write(srv, *fd, piece + i, 1); i++)
            server_rig_settle(srv);
        break;
    case 3:
        drain(srv, *fd);
        break;
    case 4:
        drain(srv, *fd);
        close(*fd);
        *fd = -1;
        break;
    case 5:
        shutdown(*fd, SHUT_WR);
        break;
    case 6:
        close(*fd);
        *fd = -1;
        break;
    default:
        break;
    }
    server_rig_settle(srv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[CONNECTIONS] = {-1, -1, -1, -1};
    struct server *srv = server_rig_open(NULL);

    if (!srv)
        return 0;
    while (size >= 3) {
        uint8_t opcode = data[0] & 15, which = (data[0] >> 4) % CONNECTIONS;
        size_t len = (size_t)(data[1] << 8 | data[2]);

        data += 3;
        size -= 3;
        if (opcode > 2)
            len = 0;
        if (len > size)
            len = size;
        act(srv, &fds[which], opcode, data, len);
        data += len;
        size -= len;
    }
    for (int i = 0; i < CONNECTIONS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    server_rig_settle(srv);
    server_rig_close(srv);
    return 0;
}
