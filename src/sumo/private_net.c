/* SPDX-License-Identifier: Apache-2.0 */
/* private_net.c - unshare(), and a socket that travels from the child to the parent. */
#include "sumo/private_net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sumo/fd_pass.h"

enum { SOURCE_PORT = 20000 };

enum platoon_status private_net_open(struct private_net *n, uint16_t port, struct platoon_err *err)
{
    *n = (struct private_net){.pair = {-1, -1},
                              .source_port = port == SOURCE_PORT ? SOURCE_PORT + 1 : SOURCE_PORT};
    if (geteuid() != 0) {
        snprintf(n->uid_map, sizeof n->uid_map, "%u %u 1", geteuid(), geteuid());
        snprintf(n->gid_map, sizeof n->gid_map, "%u %u 1", getegid(), getegid());
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, n->pair) < 0)
        return platoon_fail(err, PLATOON_EIO, "socketpair: %s", strerror(errno));
    return PLATOON_OK;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* a word between two of ours */
    *fd = -1;
}

void private_net_close(struct private_net *n)
{
    close_end(&n->pair[0]);
    close_end(&n->pair[1]);
}

/* --- the child -------------------------------------------------------------------------------- */

/* Without them its ids are unknown in the namespace, which changes no right to any file. */
static void write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        errno = 0; /* as above */
    (void)close(fd);
}

static bool raise_loopback(int fd)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/* -1: the network is not of use. */
static int make_socket(const struct private_net *n)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons(n->source_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (raise_loopback(fd) && bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

void private_net_enter(void *arg)
{
    const struct private_net *n = arg;
    bool is_root = !*n->uid_map;
    int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

    if (back < 0 || unshare(CLONE_NEWNET | (is_root ? 0 : CLONE_NEWUSER)) < 0) {
        if (back >= 0)
            (void)close(back);
        return;
    }
    if (!is_root) {
        write_map("/proc/self/setgroups", "deny");
        write_map("/proc/self/uid_map", n->uid_map);
        write_map("/proc/self/gid_map", n->gid_map);
    }
    fd = make_socket(n);
    /* Or SUMO would be waited for where it does not listen. */
    if (fd >= 0 ? !fd_pass_send(n->pair[1], &fd, 1) : setns(back, CLONE_NEWNET) < 0)
        _exit(127);
    if (fd >= 0)
        (void)close(fd); /* the parent has it */
    (void)close(back);
}

/* --- the parent ------------------------------------------------------------------------------- */

int private_net_take(struct private_net *n)
{
    int fd;

    return fd_pass_receive(n->pair[0], &fd, 1, MSG_DONTWAIT) ? fd : -1;
}
