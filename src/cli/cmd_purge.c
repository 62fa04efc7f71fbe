/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_purge.c - `platoon purge`: begin anew without stopping the server. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/talk.h"

enum { OPT_YES = ASK_FIRST };

static const struct cmd_option option_table[] = {
    {OPT_YES, "yes", NULL, "do not ask"}, ASK_OPTIONS, {0}};

static int run(int argc, char **argv);

const struct cmd cmd_purge = {
    .name = "purge",
    .summary = "forget the tasks and results of a queue, or of all",
    .usage = "[QUEUE] [--yes]",
    .about = "Forget what waits on QUEUE and on its result queue (or on all queues), and the "
             "records of\n"
             "what has ended there. Tasks that are running are left alone.\n",
    .options = option_table,
    .run = run,
};

static int run(int argc, char **argv)
{
    const char *queue = NULL;
    platoon_value *n = NULL;
    struct options o;
    struct ask a;
    bool is_sure = false;
    int64_t count = 0;
    int exit_code;

    ask_init(&a, &cmd_purge);
    options_init(&o, &cmd_purge, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPTION_OPERAND)
            queue = o.value;
        else if (id == OPT_YES)
            is_sure = true;
        else
            (void)ask_take(&a, &o, id); /* what is left is its own */
    }
    exit_code =
        ask_confirm(is_sure, "Forget the tasks and results of %s?", queue ? queue : "all queues");
    if (exit_code == CMD_OK)
        exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        return exit_code;
    exit_code =
        ask_call(&a, "purge", queue ? platoon_tuple(1, platoon_str(queue)) : platoon_tuple(0), &n);
    ask_end(&a);
    if (exit_code != CMD_OK)
        return exit_code;
    (void)platoon_as_int(n, &count); /* an int, or 0 */
    platoon_value_unref(n);
    if (a.wants_json)
        printf("{\"purged\": %" PRId64 "}\n", count);
    else
        talk("forgot %" PRId64 " that waited, and the records of what had ended", count);
    return CMD_OK;
}
