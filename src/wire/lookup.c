/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/lookup.h"

#include <string.h>
#include <strings.h>

int lookup_host(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int rc = getaddrinfo(host, service, hints, out);
    struct addrinfo own = *hints;

    if (rc == 0 || rc == EAI_MEMORY || strcasecmp(host, "localhost") != 0 ||
        (hints->ai_flags & AI_NUMERICHOST))
        return rc;
    own.ai_flags &= ~AI_PASSIVE; /* without it, no name means loopback */
    return getaddrinfo(NULL, service ? service : "0", &own, out) == 0 ? 0 : rc;
}
