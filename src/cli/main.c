/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the program `platoon`: a table of subcommands, and what is common to them. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/status.h>

#include "base/suggest.h"
#include "cli/cmd.h"
#include "cli/talk.h"

/* In the order in which `platoon --help` lists them. A new command is a file cmd_<name>.c and a
 * line here. */
static const struct cmd *const commands[] = {
    &cmd_demo,   &cmd_run,     &cmd_submit, &cmd_attach,       &cmd_report,
    &cmd_replay, &cmd_plan,    &cmd_serve,  &cmd_work,         &cmd_status,
    &cmd_top,    &cmd_workers, &cmd_tasks,  &cmd_explain,      &cmd_results,
    &cmd_retry,  &cmd_release, &cmd_cancel, &cmd_dead_letters, &cmd_purge,
    &cmd_backup, &cmd_stop,    &cmd_sumo,   &cmd_sumo_runner,  NULL,
};

static int help(int argc, char **argv);

const struct cmd *cmd_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void print_overview(void)
{
    printf("usage: platoon COMMAND [OPTION]...\n\n"
           "Run simulation campaigns on many machines: a server keeps a task queue and a result\n"
           "queue, workers take tasks and send results back. Speaks the protocol of Python's\n"
           "multiprocessing.managers, so existing Python workers connect unchanged.\n\n"
           "commands:\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->is_hidden)
            printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    printf("  %-12s %s\n", "help", "show this, or help on a command: platoon help COMMAND");
    printf("\n"
           "  --version  print the version\n\n"
           "Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed,\n"
           "2 wrong command line, 3 no server there or it refused the authkey, 130 interrupted.\n");
}

static int unknown_command(const char *name)
{
    struct suggest s;

    suggest_init(&s, name);
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->is_hidden)
            suggest_offer(&s, commands[i]->name);
    suggest_offer(&s, "help");
    if (s.best)
        talk_error("there is no command '%s'; did you mean 'platoon %s'?", name, s.best);
    else
        talk_error("there is no command '%s'", name);
    talk_hint("platoon --help lists the commands");
    return CMD_USAGE;
}

static int help(int argc, char **argv)
{
    const struct cmd *cmd;

    if (argc < 2) {
        print_overview();
        return CMD_OK;
    }
    cmd = cmd_find(argv[1]);
    if (!cmd)
        return unknown_command(argv[1]);
    cmd_print_help(cmd);
    return CMD_OK;
}

static int dispatch(int argc, char **argv)
{
    const struct cmd *cmd;

    if (argc < 2) {
        talk_error("a command is missing");
        talk_hint("platoon --help lists the commands; platoon demo shows the whole system");
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("platoon %s\n", platoon_version());
        return CMD_OK;
    }
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(1, argv + 1);
    if (argv[1][0] == '-') {
        talk_error("there is no option %s here; options follow the command: platoon COMMAND %s",
                   argv[1], argv[1]);
        talk_hint("platoon --help lists the commands");
        return CMD_USAGE;
    }
    cmd = cmd_find(argv[1]);
    if (!cmd)
        return unknown_command(argv[1]);
    return cmd->run(argc - 1, argv + 1);
}

/* stdout is where results go: a result that could not be written is a failure. */
static int close_stdout(int exit_code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        talk_error("writing to stdout failed: %m");
        return exit_code == CMD_OK ? CMD_FAILED : exit_code;
    }
    return exit_code;
}

int main(int argc, char **argv)
{
    /* Widths of text in tables need a real character set; numbers stay as C writes them. */
    (void)setlocale(LC_CTYPE, ""); /* failure leaves "C", handled next */
    if (MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* absent: text shows escaped, still correct */
    signal(SIGPIPE, SIG_IGN);
    return close_stdout(dispatch(argc, argv));
}
