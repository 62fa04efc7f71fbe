/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.h - the shape of a subcommand. `platoon X` is one struct cmd in src/cli/cmd_X.c and one line
 * in the table of
 * main.c; help, usage errors and suggestions come from the struct. */
#ifndef PLATOON_CLI_CMD_H
#define PLATOON_CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>

/* What a program that calls us can rely on; listed in `platoon --help`. */
enum cmd_exit {
    CMD_OK = 0,
    CMD_FAILED = 1,      /* it was tried and did not work; stderr says what and where */
    CMD_USAGE = 2,       /* the command line is wrong; nothing was done */
    CMD_UNREACHABLE = 3, /* no server at that address, or it refused the authkey */
    CMD_INTERRUPTED = 130
};

/* One option of a command: `--name`, or `--name VALUE` and `--name=VALUE` when `value` is set. */
struct cmd_option {
    int id;            /* what options_next() answers; 1 and up, yours */
    const char *name;  /* without the dashes; NULL ends the array */
    const char *value; /* how help calls its value ("FILE"), or NULL for a plain switch */
    const char *help;  /* one or more lines; '\n' between */
};

struct cmd {
    const char *name;
    const char *summary; /* one line for the list in `platoon --help` */
    const char *usage;   /* what follows `platoon NAME`, e.g. "HOST:PORT [OPTION]..." */
    const char
        *about; /* paragraphs for `platoon NAME --help`, before the options; ends with '\n' */
    const struct cmd_option *options; /* ends with {0}; --help is everybody's and is not listed */
    const char *after;                /* examples and the like, after the options; may be NULL */
    bool is_hidden; /* not in lists and suggestions; for our own child processes */
    /* argv[0] is the command's name. Returns an exit code. */
    int (*run)(int argc, char **argv);
};

/* The commands, each in its cmd_<name>.c (families share one: tasks, status, change); those that exist are in the table of main.c. */
extern const struct cmd cmd_attach;
extern const struct cmd cmd_backup;
extern const struct cmd cmd_cancel;
extern const struct cmd cmd_dead_letters;
extern const struct cmd cmd_demo;
extern const struct cmd cmd_explain;
extern const struct cmd cmd_plan;
extern const struct cmd cmd_purge;
extern const struct cmd cmd_release;
extern const struct cmd cmd_replay;
extern const struct cmd cmd_report;
extern const struct cmd cmd_results;
extern const struct cmd cmd_retry;
extern const struct cmd cmd_run;
extern const struct cmd cmd_serve;
extern const struct cmd cmd_status;
extern const struct cmd cmd_stop;
extern const struct cmd cmd_submit;
extern const struct cmd cmd_sumo;
extern const struct cmd cmd_sumo_runner;
extern const struct cmd cmd_tasks;
extern const struct cmd cmd_top;
extern const struct cmd cmd_work;
extern const struct cmd cmd_workers;

/* The table of main.c: NULL when there is no such command. */
const struct cmd *cmd_find(const char *name);
/* Print usage, about, options, after: what `platoon NAME --help` shows. */
void cmd_print_help(const struct cmd *cmd);

#endif
