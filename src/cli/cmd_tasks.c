/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_tasks.c - `platoon tasks` and `platoon dead-letters`: the tasks of a server, by state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/talk.h"

enum { OPT_STATE = ASK_FIRST, OPT_QUEUE, OPT_LIMIT, OPT_AFTER };

static const struct cmd_option tasks_options[] = {
    {OPT_STATE, "state", "STATE",
     "only tasks in this state: queued leased done failed\n"
     "abandoned dead cancelled; may be given several times\n"
     "(default: all that have not ended)"},
    {OPT_QUEUE, "queue", "TASK", "only tasks of this queue"},
    {OPT_LIMIT, "limit", "N", "at most N rows (default 100)"},
    {OPT_AFTER, "after", "TASK", "only tasks with a number above this: the next page"},
    ASK_OPTIONS,
    {0},
};

static int run_tasks(int argc, char **argv);
static int run_dead_letters(int argc, char **argv);

const struct cmd cmd_tasks = {
    .name = "tasks",
    .summary = "list tasks by state",
    .usage = "[OPTION]...",
    .about =
        "List the tasks of a server in the order of their numbers: queue, state, how many workers\n"
        "were lost with it, how long it is in that state, and its value.\n",
    .options = tasks_options,
    .after = "examples:\n"
             "  platoon tasks --state failed --state dead        what went wrong\n"
             "  platoon tasks --state abandoned --json           for programs\n",
    .run = run_tasks,
};

static const struct cmd_option dead_options[] = {
    {OPT_LIMIT, "limit", "N", "at most N rows (default 100)"},
    {OPT_AFTER, "after", "TASK", "only tasks with a number above this: the next page"},
    ASK_OPTIONS,
    {0},
};

const struct cmd cmd_dead_letters = {
    .name = "dead-letters",
    .summary = "list tasks that too many workers were lost with",
    .usage = "[OPTION]...",
    .about = "List the tasks that were given up after their last allowed attempt. They are kept:\n"
             "'platoon explain TASK' tells their history, 'platoon retry TASK' runs them again.\n",
    .options = dead_options,
    .run = run_dead_letters,
};

static int print_rows(const platoon_value *rows)
{
    static const struct table_column columns[] = {{"TASK", true, false},   {"QUEUE", false, true},
                                                  {"STATE", false, false}, {"LOST", true, false},
                                                  {"SINCE", true, false},  {"VALUE", false, true}};
    struct table *t = table_new(columns, 6);
    bool is_printed;

    for (size_t i = 0; t && i < platoon_len(rows); i++) {
        const platoon_value *row = platoon_item(rows, i);
        const platoon_value *value = platoon_dict_get(row, "value");
        double changed = ask_seconds(row, "changed");
        char *shown = value ? platoon_repr(value) : NULL;
        char since[HUMAN_MAX], bytes[HUMAN_MAX];

        table_row(t);
        table_cell(t, 0, "%" PRId64, ask_number(row, "task"));
        table_cell(t, 1, "%s", ask_text(row, "queue"));
        table_cell(t, 2, "%s", ask_text(row, "state"));
        table_cell(t, 3, "%" PRId64, ask_number(row, "attempts_lost"));
        table_cell(t, 4, "%s", human_duration(ask_age(changed), since));
        if (shown)
            table_cell(t, 5, "%.300s", shown);
        else
            table_cell(t, 5, "(%s, not plain data)",
                       human_bytes((uint64_t)ask_number(row, "bytes"), bytes));
        free(shown);
    }
    is_printed = t && table_print(t, stdout);
    table_free(t);
    if (is_printed)
        return CMD_OK;
    talk_error("out of memory");
    return CMD_FAILED;
}

/* The filter as the server reads it, filled from the options. */
static int read_filter(struct ask *a, int argc, char **argv, platoon_value *filter,
                       platoon_value *states)
{
    struct options o;
    int64_t n;

    options_init(&o, a->cmd, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        enum platoon_status st = PLATOON_OK;

        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPTION_OPERAND) {
            options_fail(&o, "'%s' is not an option; one task's history is: platoon explain TASK",
                         o.value);
            return o.exit_code;
        }
        if (ask_take(a, &o, id))
            continue;
        if (id == OPT_STATE)
            st = platoon_append(states, platoon_str(o.value));
        else if (id == OPT_QUEUE)
            st = platoon_dict_set(filter, "queue", platoon_str(o.value));
        else if (!options_integer(&o, id == OPT_LIMIT, id == OPT_LIMIT ? 1000 : INT64_MAX, &n))
            return o.exit_code;
        else
            st = platoon_dict_set(filter, id == OPT_LIMIT ? "limit" : "after", platoon_int(n));
        if (st != PLATOON_OK) {
            talk_error("out of memory");
            return CMD_FAILED;
        }
    }
    return -1;
}

static int list(const struct cmd *cmd, int argc, char **argv, const char *const *default_states)
{
    platoon_value *filter = platoon_dict(), *states = platoon_list(), *rows = NULL;
    struct ask a;
    bool names_none;
    int exit_code;

    ask_init(&a, cmd);
    exit_code = read_filter(&a, argc, argv, filter, states);
    if (exit_code >= 0)
        goto out;
    names_none = platoon_len(states) == 0;
    for (size_t i = 0; names_none && default_states[i]; i++)
        if (platoon_append(states, platoon_str(default_states[i])) != PLATOON_OK)
            break;
    (void)platoon_dict_set(filter, "values", platoon_bool(true)); /* shows as missing values */
    (void)platoon_dict_set(filter, "states", platoon_value_ref(states));
    exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        goto out;
    exit_code = ask_call(&a, "tasks", platoon_tuple(1, platoon_value_ref(filter)), &rows);
    if (exit_code == CMD_OK)
        exit_code = a.wants_json             ? ask_print_json(rows)
                    : platoon_len(rows) == 0 ? (talk("no such tasks"), CMD_OK)
                                             : print_rows(rows);
    ask_end(&a);
out:
    platoon_value_unref(rows);
    platoon_value_unref(filter);
    platoon_value_unref(states);
    return exit_code;
}

static int run_tasks(int argc, char **argv)
{
    static const char *const waiting[] = {"queued", "leased", "abandoned", "dead", NULL};

    return list(&cmd_tasks, argc, argv, waiting);
}

static int run_dead_letters(int argc, char **argv)
{
    static const char *const dead[] = {"dead", NULL};

    return list(&cmd_dead_letters, argc, argv, dead);
}
