/* SPDX-License-Identifier: Apache-2.0 */
/* serve_greeting.h - what `platoon serve` says when it listens: what the store keeps, which key
 * file counts, how to open
 * the server to the network, and the whole command that makes a machine its worker. */
#ifndef PLATOON_CLI_SERVE_GREETING_H
#define PLATOON_CLI_SERVE_GREETING_H

#include <platoon/server.h>

#include "cli/authkey.h"
#include "cli/log_sink.h"
#include "wire/address.h"

/* One line a call through `sink` at level info (so --log-level=warning keeps it quiet). `listen`
 * has the port that was got; `folder` NULL: nothing is kept. Everything is borrowed. */
void serve_greeting(struct log_sink *sink, const struct address *listen, const struct authkey *key,
                    const char *folder, struct platoon_server_found found);

#endif
