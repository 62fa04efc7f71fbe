/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reach.h"

#include <stdlib.h>
#include <string.h>

#include "cli/host.h"
#include "cli/talk.h"

int reach_init(struct reach *out, const struct cmd *cmd, const char *server, const char *key_file)
{
    struct reach r = {.name = ""};
    const char *from_environment = getenv("PLATOON_SERVER");
    struct platoon_err err;

    if (!server && from_environment && from_environment[0])
        server = from_environment;
    if (host_read(server ? server : "127.0.0.1", &r.address, &err) != PLATOON_OK) {
        talk_error("platoon %s: %s", cmd->name, err.message);
        return CMD_USAGE;
    }
    if (r.address.port == 0) {
        talk_error("platoon %s: '%s' names no port; a server listens on 1 to 65535", cmd->name,
                   server);
        return CMD_USAGE;
    }
    (void)address_format(r.address.host, r.address.port, r.name);
    if (authkey_for_client(key_file, r.address.host, r.address.port, &r.key, &err) != PLATOON_OK) {
        talk_error("%s", err.message);
        return CMD_FAILED;
    }
    *out = r;
    explicit_bzero(&r, sizeof r);
    return CMD_OK;
}

void reach_release(struct reach *r)
{
    authkey_release(&r->key);
}

int reach_report(const struct reach *r, const struct platoon_err *err)
{
    talk_error("%s", err->message);
    if (err->status == PLATOON_EAUTH)
        talk_hint("the key came from %s; the server prints at its start which key file it uses",
                  authkey_origin(&r->key));
    else if (err->status == PLATOON_ECONNECT && host_is_here(r->address.host))
        talk_hint("start one with 'platoon serve', or name another: --server HOST:PORT");
    return CMD_UNREACHABLE;
}

int reach_connect(const struct reach *r, platoon_manager **out)
{
    struct platoon_manager_options options = {
        .host = r->address.host,
        .port = r->address.port,
        .authkey = r->key.bytes,
        .authkey_len = r->key.len,
    };
    struct platoon_err err;

    if (platoon_manager_connect(&options, out, &err) != PLATOON_OK)
        return reach_report(r, &err);
    return CMD_OK;
}
