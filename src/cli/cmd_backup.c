/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_backup.c - `platoon backup`: a consistent copy of a live data folder's store. It reads beside
 * the server, through SQLite, and writes nothing there. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/host.h"
#include "cli/options.h"
#include "cli/state_dir.h"
#include "cli/talk.h"
#include "store/sqlite_copy.h"

enum { OPT_DATA = 1, OPT_PORT };

static const struct cmd_option option_table[] = {
    {OPT_DATA, "data", "DIR", "the server's folder (default: $XDG_STATE_HOME/platoon/PORT)"},
    {OPT_PORT, "port", "PORT", "the port of a server without --data (default 5000)"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_backup = {
    .name = "backup",
    .summary = "copy the store of a server, running or not",
    .usage = "FILE [OPTION]...",
    .about =
        "Write a consistent copy of a server's tasks and results to FILE, which must not exist. "
        "The\n"
        "server goes on meanwhile. To use the copy, put it as platoon.db into an empty folder and\n"
        "start 'platoon serve --data' there.\n",
    .options = option_table,
    .run = run,
};

static int run(int argc, char **argv)
{
    const char *data = NULL, *file = NULL;
    int64_t port = HOST_DEFAULT_PORT;
    struct platoon_err err = {0};
    char *folder = NULL, *path = NULL;
    struct options o;
    enum platoon_status st = PLATOON_OK;

    options_init(&o, &cmd_backup, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_EXIT || (id == OPT_PORT && !options_integer(&o, 1, 65535, &port)))
            return o.exit_code;
        if (id == OPTION_OPERAND)
            file = o.value;
        else if (id == OPT_DATA)
            data = o.value;
    }
    if (!file) {
        options_fail(&o, "name the file to write");
        return o.exit_code;
    }
    if (!data)
        st = state_dir((uint16_t)port, &folder, &err);
    if (st == PLATOON_OK && !(path = state_dir_join(data ? data : folder, "platoon.db")))
        st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    if (st == PLATOON_OK)
        st = sqlite_copy(path, file, &err);
    free(folder);
    free(path);
    if (st != PLATOON_OK) {
        talk_error("%s", err.message);
        return CMD_FAILED;
    }
    talk("wrote %s", file);
    return CMD_OK;
}
