/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/lookup.h"

enum { IS_LOOPBACK, IS_ELSEWHERE, IS_UNKNOWN, CANNOT_HIDE };

static int look_up(const char *host, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int answer = IS_LOOPBACK;

    if (lookup_host(host, "5000", &hints, &found) != 0)
        return IS_UNKNOWN;
    for (struct addrinfo *a = found; a; a = a->ai_next) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a->ai_addr;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a->ai_addr;
        bool is_loopback = a->ai_family == AF_INET ? ntohl(in->sin_addr.s_addr) >> 24 == 127 &&
                                                         ntohs(in->sin_port) == 5000
                                                   : IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);

        answer = is_loopback ? answer : IS_ELSEWHERE;
    }
    freeaddrinfo(found);
    return answer;
}

/* In a process that has no /etc/hosts and no network, hence no name server. */
static int look_up_without_hosts(const char *host, int flags)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        bool is_hidden =
            unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET) == 0 &&
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
            (access("/etc/hosts", F_OK) != 0 ||
             mount("/dev/null", "/etc/hosts", NULL, MS_BIND, NULL) == 0);

        _exit(is_hidden ? look_up(host, flags) : CANNOT_HIDE);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_HIDE)
        skip(); /* no right to make namespaces here */
    return WEXITSTATUS(status);
}

TEST(localhost_is_this_machine_without_a_hosts_file)
{
    assert_int_equal(look_up_without_hosts("localhost", 0), IS_LOOPBACK);
    assert_int_equal(look_up_without_hosts("LocalHost", AI_PASSIVE), IS_LOOPBACK);
}

TEST(other_names_without_a_hosts_file_are_unknown)
{
    assert_int_equal(look_up_without_hosts("localhost.invalid", 0), IS_UNKNOWN);
    assert_int_equal(look_up_without_hosts("localhost", AI_NUMERICHOST), IS_UNKNOWN);
    assert_int_equal(look_up_without_hosts("127.0.0.1", AI_NUMERICHOST), IS_LOOPBACK);
}
