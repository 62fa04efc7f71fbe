/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - a bare TCP ping-pong over loopback: what no server that answers two requests a cycle can
 * beat. Two processes, blocking sockets, TCP_NODELAY, a send and a receive each a message, nothing
 * else.
 *
 *     floor PUT PUT_REPLY GET GET_REPLY        bytes of each message, headers included
 *
 * `cycle N` on stdin: N cycles; answers with one JSON line, microseconds a cycle. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

enum { LARGEST = 65536 };

static size_t bytes[4];
static char buffer[LARGEST];

static void must(bool is_fine, const char *what)
{
    if (is_fine)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* False at the end of the stream. */
static bool take(int fd, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, buffer, len - got, 0);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static void give(int fd, size_t len)
{
    must(send(fd, buffer, len, MSG_NOSIGNAL) == (ssize_t)len, "cannot send");
}

static void serve(int listener)
{
    int one = 1, fd = accept(listener, NULL, NULL);

    must(fd >= 0, "cannot accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (unsigned i = 0; take(fd, bytes[i]); i = (i + 2) % 4)
        give(fd, bytes[i + 1]);
    _exit(0);
}

static int connect_to_child(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    pid_t child;

    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
             listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0,
         "cannot listen");
    child = fork();
    must(child >= 0, "cannot fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listener);
    return fd;
}

int main(int argc, char **argv)
{
    char line[100];
    long n;
    int fd;

    for (int i = 0; i < 4; i++) {
        bytes[i] = argc == 5 ? strtoul(argv[i + 1], NULL, 10) : 0;
        if (bytes[i] == 0 || bytes[i] > LARGEST) {
            fprintf(stderr, "usage: floor PUT PUT_REPLY GET GET_REPLY  (1 to %d bytes each)\n",
                    LARGEST);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    fd = connect_to_child();
    while (fgets(line, sizeof line, stdin) && sscanf(line, "cycle %ld", &n) == 1) {
        struct samples t = {0};

        for (long i = 0; i < n; i++) {
            uint64_t start = now_ns();

            for (unsigned k = 0; k < 4; k += 2) {
                give(fd, bytes[k]);
                must(take(fd, bytes[k + 1]), "the other end is gone");
            }
            samples_add(&t, now_ns() - start);
        }
        printf("{\"n\": %zu, \"p50\": %.3f, \"p99\": %.3f}\n", t.n, samples_at(&t, 50),
               samples_at(&t, 99));
        samples_release(&t);
    }
    close(fd);
    return 0;
}
