/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - the addresses that options name, and which of them are this machine's. */
#ifndef PLATOON_CLI_HOST_H
#define PLATOON_CLI_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/address.h"

enum { HOST_DEFAULT_PORT = 5000 };

/* The value of --listen or --server: HOST:PORT, HOST, PORT alone, "*" for all addresses. What is
 * not
 * written is 127.0.0.1 or port 5000. EADDR as address_parse(). */
enum platoon_status host_read(const char *text, struct address *out, struct platoon_err *err);

/* Whether `host` can only be reached from this machine: every address it resolves to is a loopback
 * one. A name that does not resolve is not. May ask the resolver, so it may block. */
bool host_is_loopback(const char *host);
/* Whether `host` is this machine: loopback, or one of its own addresses. */
bool host_is_here(const char *host);
/* The addresses by which others can reach this machine (no loopback, no link-local), one a call to
 * `each`, IPv4 first. Returns how many there were. */
size_t host_each_own(void (*each)(const char *host, void *arg), void *arg);

#endif
