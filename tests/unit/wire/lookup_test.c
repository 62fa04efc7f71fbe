/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
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

/* --- name servers that do not answer ----------------------------------------------------------- */

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int n = -2; /* . and .. */

    if (!tasks)
        return 0;
    while (readdir(tasks))
        n++;
    closedir(tasks);
    return n;
}

static void pass_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000};

    nanosleep(&t, NULL);
}

/* A name server at the address that is asked where no resolv.conf says otherwise, which keeps what it
 * is asked to itself. Only for a process with a network of its own. */
static bool has_mute_name_server(void)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
           bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

/* 0: as it should be. */
static int look_up_in_vain(void)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    uint64_t start_ns;
    int n_threads;

    if (setenv("RES_OPTIONS", "timeout:2 attempts:1", 1) != 0 ||
        unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        (access("/etc/resolv.conf", F_OK) == 0 &&
         mount("/dev/null", "/etc/resolv.conf", NULL, MS_BIND, NULL) != 0) ||
        !has_mute_name_server())
        return CANNOT_HIDE;
    start_ns = clock_mono_ns();
    if (lookup_host_until("somewhere.example", "5000", &hints, start_ns + 200000000, &found) !=
        LOOKUP_TIMEOUT)
        return 1;
    n_threads = count_threads(); /* one of them asks */
    if (clock_mono_ns() - start_ns > UINT64_C(1500000000) || clock_mono_ns() < start_ns + 200000000)
        return 2;
    if (lookup_host_until("localhost", "5000", &hints, clock_mono_ns() + UINT64_C(1000000000),
                          &found) != 0)
        return 4; /* one that goes on asking holds nobody up */
    freeaddrinfo(found);
    while (count_threads() >=
           n_threads) /* until the resolver gives up: the thread frees what it has */
        pass_ms(10);
    return 0;
}

TEST(name_servers_that_do_not_answer_are_waited_for_until_the_deadline)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        exit(look_up_in_vain()); /* a leak is told */
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_HIDE)
        skip(); /* no right to make namespaces here */
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(what_is_known_is_told_within_the_deadline)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    for (uint64_t wait_ns = 0; wait_ns < 10; wait_ns += 5) { /* 0: no limit */
        uint64_t deadline_ns = wait_ns ? clock_mono_ns() + wait_ns * 1000000000u : 0;

        assert_int_equal(lookup_host_until("localhost", NULL, &hints, deadline_ns, &found), 0);
        assert_non_null(found);
        freeaddrinfo(found);
    }
}
