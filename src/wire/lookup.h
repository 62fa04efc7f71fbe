/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.h - the addresses of a host. */
#ifndef PLATOON_WIRE_LOOKUP_H
#define PLATOON_WIRE_LOOKUP_H

#include <netdb.h>

/* getaddrinfo(), but `localhost` is this machine also where nothing says so: a container or a chroot
 * may have no /etc/hosts. Blocks on name servers. */
int lookup_host(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out);

#endif
