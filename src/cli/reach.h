/* SPDX-License-Identifier: Apache-2.0 */
/* reach.h - how a command finds its server: --server, PLATOON_SERVER, else 127.0.0.1:5000; and with
 * which key: authkey.h. Failures are reported here, with what to do about them. */
#ifndef PLATOON_CLI_REACH_H
#define PLATOON_CLI_REACH_H

#include <stdint.h>

#include <platoon/manager.h>

#include "cli/authkey.h"
#include "cli/options.h"
#include "wire/address.h"

/* For a command's table of options. */
#define REACH_OPTIONS(server_id, key_id)                                                           \
    {server_id, "server", "HOST:PORT",                                                             \
     "the server (default: PLATOON_SERVER, else 127.0.0.1:5000)"},                                 \
    {                                                                                              \
        key_id, "authkey-file", "FILE",                                                            \
            "the file that holds the server's key (default:\n"                                     \
            "PLATOON_AUTHKEY, else the key of a server on this\n"                                  \
            "machine, else a prompt); '-' is standard input"                                       \
    }

struct reach {
    struct address address;
    char name[ADDRESS_TEXT_MAX]; /* the address as text, for messages */
    struct authkey key;
};

/* Decide address and key; connects nothing. CMD_OK, or an exit code after reporting; release `out`
 * only after CMD_OK.
 *
 *   server, key_file   the options' values, or NULL */
int reach_init(struct reach *out, const struct cmd *cmd, const char *server, const char *key_file);
void reach_release(struct reach *r); /* wipes the key */

/* Connect. CMD_OK, or CMD_UNREACHABLE after reporting. */
int reach_connect(const struct reach *r, platoon_manager **out);
/* Report a failed connect: the error and a hint that fits it. Returns CMD_UNREACHABLE. */
int reach_report(const struct reach *r, const struct platoon_err *err);

#endif
