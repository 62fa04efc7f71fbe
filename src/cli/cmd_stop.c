/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_stop.c - `platoon stop`: ask a server to shut down, and see it go. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/reach.h"
#include "cli/talk.h"

enum { OPT_SERVER = 1, OPT_AUTHKEY_FILE, PATIENCE_S = 30 };

static const struct cmd_option option_table[] = {REACH_OPTIONS(OPT_SERVER, OPT_AUTHKEY_FILE), {0}};

static int run(int argc, char **argv);

const struct cmd cmd_stop = {
    .name = "stop",
    .summary = "end a server in good order",
    .usage = "[OPTION]...",
    .about =
        "Ask the server to shut down, as a Python manager's shutdown() does, and wait until it\n"
        "is gone. What is queued in its memory goes with it; 'platoon status' shows how much.\n",
    .options = option_table,
    .run = run,
};

/* It is gone when it no longer takes a connection. */
static bool wait_until_gone(const struct reach *r)
{
    struct platoon_manager_options options = {
        .host = r->address.host,
        .port = r->address.port,
        .authkey = r->key.bytes,
        .authkey_len = r->key.len,
        .connect_timeout_s = 2,
    };
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)PATIENCE_S * 1000000000u;

    for (;;) {
        platoon_manager *m;
        struct timespec pause = {.tv_nsec = 50000000};

        if (platoon_manager_connect(&options, &m, NULL) == PLATOON_ECONNECT)
            return true;
        if (clock_mono_ns() > deadline_ns)
            return false;
        nanosleep(&pause, NULL); /* nobody tells a stranger that a port was closed */
    }
}

static int stop(const struct reach *r)
{
    platoon_manager *m;
    struct platoon_err err;
    enum platoon_status st;
    int exit_code = reach_connect(r, &m);

    if (exit_code != CMD_OK)
        return exit_code;
    st = platoon_manager_shutdown(m, &err);
    platoon_manager_close(m);
    /* A server that is quick to go may close before its answer is through. */
    if (st != PLATOON_OK && st != PLATOON_EUNKNOWN && st != PLATOON_ECLOSED) {
        talk_error("the server at %s would not stop: %s", r->name, err.message);
        return CMD_FAILED;
    }
    if (!wait_until_gone(r)) {
        talk_error("the server at %s was asked to stop and still answers after %d s", r->name,
                   PATIENCE_S);
        return CMD_FAILED;
    }
    talk("stopped the server at %s", r->name);
    return CMD_OK;
}

static int run(int argc, char **argv)
{
    const char *server = NULL, *key_file = NULL;
    struct options o;
    struct reach reach;
    int exit_code;

    options_init(&o, &cmd_stop, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        switch (id) {
        case OPTION_EXIT:
            return o.exit_code;
        case OPTION_OPERAND:
            options_fail(&o, "'%s' is not an option; the server is --server %s", o.value, o.value);
            return o.exit_code;
        case OPT_SERVER:
            server = o.value;
            break;
        case OPT_AUTHKEY_FILE:
            key_file = o.value;
            break;
        }
    }
    exit_code = reach_init(&reach, &cmd_stop, server, key_file);
    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = stop(&reach);
    reach_release(&reach);
    return exit_code;
}
