/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.h - the addresses of a host. */
#ifndef PLATOON_WIRE_LOOKUP_H
#define PLATOON_WIRE_LOOKUP_H

#include <netdb.h>
#include <stdint.h>

/* getaddrinfo(), but `localhost` is this machine also where nothing says so: a container or a chroot
 * may have no /etc/hosts. Blocks on name servers. */
int lookup_host(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out);

/* The same until `deadline_ns` (monotonic; 0: no limit); LOOKUP_TIMEOUT then. With a deadline it is a
 * thread that asks, which getaddrinfo() may keep for as long as the system's resolver goes on trying
 * (resolv.conf), on its own memory; where no thread can be made the caller itself asks, and
 * may come back late. EAI_SYSTEM: errno says what. */
#define LOOKUP_TIMEOUT (-10000) /* no EAI_ code */
int lookup_host_until(const char *host, const char *service, const struct addrinfo *hints,
                      uint64_t deadline_ns, struct addrinfo **out);

#endif
