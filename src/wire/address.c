/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h. */
#include "wire/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Digits only: strtoul() would take signs, spaces and hexadecimal. */
static bool read_port(const char *text, uint16_t *out)
{
    unsigned value = 0;
    size_t n = 0;

    for (; text[n] >= '0' && text[n] <= '9' && n < 5; n++)
        value = value * 10 + (unsigned)(text[n] - '0');
    if (n == 0 || text[n] != '\0' || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

enum platoon_status address_parse_port(const char *text, uint16_t *out, struct platoon_err *err)
{
    if (read_port(text, out))
        return PLATOON_OK;
    return platoon_fail(err, PLATOON_EADDR, "`%.40s` is not a port: a number from 0 to 65535 is",
                        text);
}

/* A host must not hold what would make the written address ambiguous or fool a reader of a log. */
static bool is_host(const char *host, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];

        if (c <= ' ' || c == 0x7f || strchr("[]/@?#,\"'\\", c))
            return false;
    }
    return true;
}

enum platoon_status address_parse(const char *text, uint16_t default_port, struct address *out,
                                  struct platoon_err *err)
{
    const char *host = text, *port = NULL;
    const char *colon = strchr(text, ':');
    size_t host_len = strlen(text);
    uint16_t number = default_port;

    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (!close || close == text + 1 || (close[1] != '\0' && close[1] != ':'))
            return platoon_fail(err, PLATOON_EADDR,
                                "`%.300s` is not an address: write an IPv6 address with a port as "
                                "[::1]:5000",
                                text);
        host = text + 1;
        host_len = (size_t)(close - host);
        port = close[1] == ':' ? close + 2 : NULL;
    } else if (colon && !strchr(colon + 1, ':')) {
        host_len = (size_t)(colon - text);
        port = colon + 1;
    }
    if (port && !read_port(port, &number))
        return platoon_fail(
            err, PLATOON_EADDR,
            "`%.300s` has no good port after its colon: a number from 0 to 65535 is", text);
    if (!port && host_len == 0)
        return platoon_fail(err, PLATOON_EADDR, "an empty address: write HOST:PORT");
    if (host_len > ADDRESS_HOST_MAX || !is_host(host, host_len))
        return platoon_fail(err, PLATOON_EADDR,
                            "`%.300s` is not an address: write HOST:PORT, as in 192.168.0.10:5000",
                            text);
    memcpy(out->host, host, host_len);
    out->host[host_len] = '\0';
    out->port = number;
    return PLATOON_OK;
}

const char *address_format(const char *host, uint16_t port, char out[ADDRESS_TEXT_MAX])
{
    if (strchr(host, ':'))
        (void)snprintf(out, ADDRESS_TEXT_MAX, "[%.*s]:%u", ADDRESS_HOST_MAX, host, (unsigned)port);
    else
        (void)snprintf(out, ADDRESS_TEXT_MAX, "%.*s:%u", ADDRESS_HOST_MAX, host, (unsigned)port);
    return out;
}
