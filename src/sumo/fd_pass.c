/* SPDX-License-Identifier: Apache-2.0 */
/* fd_pass.c - see fd_pass.h; unix(7), SCM_RIGHTS. */
#include "sumo/fd_pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
};

bool fd_pass_send(int to, const int *fds, size_t n)
{
    union control control = {.room = {0}};
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(n * sizeof *fds)};
    ssize_t sent;

    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(n * sizeof *fds),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), fds, n * sizeof *fds);
    do {
        sent = sendmsg(to, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == 1;
}

bool fd_pass_receive(int from, int *fds, size_t n, int flags)
{
    union control control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(n * sizeof *fds)};
    const struct cmsghdr *head;
    ssize_t received;

    do {
        received = recvmsg(from, &msg, flags | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    head = received == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(n * sizeof *fds))
        return false;
    memcpy(fds, CMSG_DATA(head), n * sizeof *fds);
    return true;
}
