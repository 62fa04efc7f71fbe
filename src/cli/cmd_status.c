/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - `platoon status`, `workers` and `top`: what a server holds and who works for it,
 * from stats() of its typeid `platoon`. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/status_view.h"
#include "cli/talk.h"

enum { OPT_EVERY = ASK_FIRST, PROTOCOL = 1 /* of the typeid `platoon` */ };

static const struct cmd_option option_table[] = {ASK_OPTIONS, {0}};
static const struct cmd_option top_options[] = {
    {OPT_EVERY, "every", "SECONDS", "how often to look (default 2)"}, ASK_OPTIONS, {0}};

static int run_status(int argc, char **argv);
static int run_workers(int argc, char **argv);
static int run_top(int argc, char **argv);

const struct cmd cmd_status = {
    .name = "status",
    .summary = "what a server holds: tasks, results, workers",
    .usage = "[OPTION]...",
    .about =
        "Show what needs attention, the queues of a server (tasks that are queued, tasks in the\n"
        "hands of workers, results that nobody has fetched yet), its workers, how far those\n"
        "running tasks are whose workers tell, and how long the server has been up.\n",
    .options = option_table,
    .run = run_status,
};

const struct cmd cmd_workers = {
    .name = "workers",
    .summary = "who works for a server",
    .usage = "[OPTION]...",
    .about = "Show the workers ('platoon work') that a server has heard of: slots, tasks running, "
             "done,\n"
             "failed and lost; and how far running tasks are.\n",
    .options = option_table,
    .run = run_workers,
};

const struct cmd cmd_top = {
    .name = "top",
    .summary = "the status, again and again",
    .usage = "[OPTION]...",
    .about = "Show the status of a server again every two seconds, until Ctrl-C.\n",
    .options = top_options,
    .run = run_top,
};

static int ask_stats(struct ask *a, platoon_value **out)
{
    int exit_code = ask_call(a, "stats", platoon_tuple(0), out);

    if (exit_code == CMD_OK && ask_number(*out, "protocol") != PROTOCOL) {
        talk_error("the server at %s (platoon %s) speaks version %" PRId64
                   " of the typeid 'platoon', this program (platoon %s) version %d",
                   a->reach.name, ask_text(*out, "version"), ask_number(*out, "protocol"),
                   platoon_version(), PROTOCOL);
        platoon_value_unref(*out);
        *out = NULL;
        exit_code = CMD_FAILED;
    }
    return exit_code;
}

/* -1: go on. */
static int read_options(struct ask *a, const struct cmd *cmd, int argc, char **argv,
                        double *every_s)
{
    struct options o;

    ask_init(a, cmd);
    options_init(&o, cmd, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPTION_OPERAND) {
            options_fail(&o, "'%s' is not an option; the server is --server %s", o.value, o.value);
            return o.exit_code;
        }
        if (id == OPT_EVERY && !options_seconds(&o, 3600, every_s))
            return o.exit_code;
        (void)ask_take(a, &o, id); /* what is left is its own */
    }
    return -1;
}

static int show_once(struct ask *a, bool (*view)(struct ask *a, const platoon_value *stats))
{
    platoon_value *stats = NULL;
    int exit_code = ask_stats(a, &stats);

    if (exit_code == CMD_OK && a->wants_json) {
        exit_code = ask_print_json(stats);
    } else if (exit_code == CMD_OK && !view(a, stats)) {
        talk_error("out of memory");
        exit_code = CMD_FAILED;
    }
    platoon_value_unref(stats);
    return exit_code;
}

static bool view_all(struct ask *a, const platoon_value *stats)
{
    return status_view_all(a->reach.name, stats);
}

static bool view_workers(struct ask *a, const platoon_value *stats)
{
    (void)a;
    return status_view_workers(stats);
}

static int show(const struct cmd *cmd, int argc, char **argv,
                bool (*view)(struct ask *a, const platoon_value *stats))
{
    struct ask a;
    double unused;
    int exit_code = read_options(&a, cmd, argc, argv, &unused);

    if (exit_code >= 0)
        return exit_code;
    exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = show_once(&a, view);
    ask_end(&a);
    return exit_code;
}

static int run_status(int argc, char **argv)
{
    return show(&cmd_status, argc, argv, view_all);
}

static int run_workers(int argc, char **argv)
{
    return show(&cmd_workers, argc, argv, view_workers);
}

static int run_top(int argc, char **argv)
{
    double every_s = 2;
    struct ask a;
    int exit_code = read_options(&a, &cmd_top, argc, argv, &every_s);
    bool is_screen = isatty(STDOUT_FILENO);
    struct timespec pause;

    if (exit_code >= 0)
        return exit_code;
    exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        return exit_code;
    pause.tv_sec = (time_t)every_s;
    pause.tv_nsec = (long)((every_s - (double)pause.tv_sec) * 1e9);
    while (exit_code == CMD_OK) {
        if (is_screen && !a.wants_json)
            fputs("\033[H\033[2J", stdout); /* home, clear */
        exit_code = show_once(&a, view_all);
        fflush(stdout);
        if (exit_code == CMD_OK)
            nanosleep(&pause, NULL);
    }
    ask_end(&a);
    return exit_code;
}
