/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - HOST:PORT as people write it. Text only: nothing is resolved here. */
#ifndef PLATOON_WIRE_ADDRESS_H
#define PLATOON_WIRE_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum {
    ADDRESS_HOST_MAX = 255,                         /* bytes of a name in the DNS */
    ADDRESS_TEXT_MAX = ADDRESS_HOST_MAX + 2 + 6 + 1 /* "[host]:65535" and its NUL */
};

struct address {
    char host[ADDRESS_HOST_MAX + 1]; /* without brackets; "" where none was written (":5000") */
    uint16_t port;
};

/* Read "HOST:PORT", "HOST", ":PORT", "[IPV6]:PORT", "[IPV6]" or a bare IPv6 address (two colons or
 * more, so it has no port). Where no port is written it is `default_port`. Port 0 is an address too
 * ("any free one"): whether it makes sense, as an empty host, is for the caller to say.
 *
 * EADDR with a sentence that quotes `text`; *out unchanged then. */
enum platoon_status address_parse(const char *text, uint16_t default_port, struct address *out,
                                  struct platoon_err *err);

/* A port alone, "5000": digits only, 0 to 65535. EADDR. */
enum platoon_status address_parse_port(const char *text, uint16_t *out, struct platoon_err *err);

/* Write "HOST:PORT", an IPv6 address in brackets; always NUL-terminated. Returns `out`. */
const char *address_format(const char *host, uint16_t port, char out[ADDRESS_TEXT_MAX]);

#endif
