/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/lookup.h"

enum platoon_status host_read(const char *text, struct address *out, struct platoon_err *err)
{
    struct address a = {.host = "", .port = HOST_DEFAULT_PORT};
    enum platoon_status st;

    if (text[0] && text[strspn(text, "0123456789")] == '\0')
        st = address_parse_port(text, &a.port, err);
    else
        st = address_parse(text, HOST_DEFAULT_PORT, &a, err);
    if (st != PLATOON_OK)
        return st;
    if (a.host[0] == '\0')
        strcpy(a.host, "127.0.0.1");
    else if (strcmp(a.host, "*") == 0)
        strcpy(a.host, "0.0.0.0");
    *out = a;
    return PLATOON_OK;
}

static bool sockaddr_is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (sa->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
    }
    return false;
}

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)b)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    if (a->sa_family == AF_INET6)
        return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                      sizeof(struct in6_addr)) == 0;
    return false;
}

static bool sockaddr_is_here(const struct sockaddr *sa, const struct ifaddrs *own)
{
    if (sockaddr_is_loopback(sa))
        return true;
    for (const struct ifaddrs *i = own; i; i = i->ifa_next)
        if (i->ifa_addr && same_host(i->ifa_addr, sa))
            return true;
    return false;
}

/* Whether every address of `host` is loopback, or with `own` one of this machine. */
static bool every_address(const char *host, bool want_own)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct ifaddrs *own = NULL;
    bool is_so;

    if (lookup_host(host, NULL, &hints, &found) != 0)
        return false;
    if (want_own && getifaddrs(&own) != 0)
        own = NULL; /* then only loopback counts */
    is_so = found != NULL;
    for (struct addrinfo *a = found; a && is_so; a = a->ai_next)
        is_so = want_own ? sockaddr_is_here(a->ai_addr, own) : sockaddr_is_loopback(a->ai_addr);
    freeaddrinfo(found);
    if (own)
        freeifaddrs(own);
    return is_so;
}

bool host_is_loopback(const char *host)
{
    return every_address(host, false);
}

bool host_is_here(const char *host)
{
    return every_address(host, true);
}

size_t host_each_own(void (*each)(const char *host, void *arg), void *arg)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct ifaddrs *own;
    size_t n = 0;

    if (getifaddrs(&own) != 0)
        return 0;
    for (size_t f = 0; f < 2; f++) {
        for (const struct ifaddrs *i = own; i; i = i->ifa_next) {
            char text[INET6_ADDRSTRLEN];
            const void *raw;

            if (!i->ifa_addr || i->ifa_addr->sa_family != families[f] || !(i->ifa_flags & IFF_UP) ||
                sockaddr_is_loopback(i->ifa_addr))
                continue;
            if (families[f] == AF_INET) {
                raw = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
            } else {
                const struct in6_addr *in6 =
                    &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
                if (IN6_IS_ADDR_LINKLOCAL(in6))
                    continue;
                raw = in6;
            }
            if (inet_ntop(families[f], raw, text, sizeof text)) {
                each(text, arg);
                n++;
            }
        }
    }
    freeifaddrs(own);
    return n;
}
