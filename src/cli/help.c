/* SPDX-License-Identifier: Apache-2.0 */
/* help.c - `platoon NAME --help`, from the command's struct. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

enum { HELP_COLUMN = 28 };

/* `text` at the help column; its further lines too. `column` is where the cursor stands. */
static void print_at_column(const char *text, int column)
{
    if (column >= HELP_COLUMN) {
        putchar('\n');
        column = 0;
    }
    while (*text) {
        size_t len = strcspn(text, "\n");

        printf("%*s%.*s\n", HELP_COLUMN - column, "", (int)len, text);
        column = 0;
        text += len + (text[len] == '\n');
    }
}

static void print_option(const char *name, const char *value, const char *help)
{
    int column = printf(value ? "  --%s %s" : "  --%s%s", name, value ? value : "");

    print_at_column(help, column);
}

void cmd_print_help(const struct cmd *cmd)
{
    printf("usage: platoon %s%s%s\n\n%s\noptions:\n", cmd->name, cmd->usage[0] ? " " : "",
           cmd->usage, cmd->about);
    for (const struct cmd_option *o = cmd->options; o && o->name; o++)
        print_option(o->name, o->value, o->help);
    print_option("help", NULL, "show this");
    if (cmd->after)
        printf("\n%s", cmd->after);
}
