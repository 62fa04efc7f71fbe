/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plan.c - `platoon plan FILE`: the tasks that a campaign file stands for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign_file.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/talk.h"

enum { OPT_JSON = 1, SHOWN_TASKS = 20 };

static const struct cmd_option option_table[] = {
    {OPT_JSON, "json", NULL, "all tasks, a JSON object a line"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_plan = {
    .name = "plan",
    .summary = "show the tasks that a campaign file stands for",
    .usage = "FILE.yaml [OPTION]...",
    .about =
        "Read a campaign: base parameters, factors as lists and ranges, arms, seeds. Show how "
        "many\n"
        "tasks it makes, the first 20 of them, and the worker that runs them. Nothing is run, and\n"
        "no server is asked. Errors name file, line and column.\n",
    .options = option_table,
    .after =
        "example:\n"
        "  platoon plan --json examples/campaigns/command_sweep.yaml\n"
        "                            {\"index\": 0, \"point\": {...}, \"arm\": \"\", \"seed\": 1,\n"
        "                            \"task\": {...}}, and so on; put each \"task\" on a queue\n",
    .run = run,
};

static int out_of_memory(void)
{
    talk_error("out of memory");
    return CMD_FAILED;
}

/* --- for programs ----------------------------------------------------------------------------- */

static char *task_line(const struct campaign_file *c, size_t index)
{
    struct plan_place at = plan_place_of(c->plan, index);
    int64_t seed = c->seeds[at.replication];
    platoon_value *line = platoon_dict();
    char *text = NULL;

    if (line && platoon_dict_set(line, "index", platoon_int((int64_t)index)) == PLATOON_OK &&
        platoon_dict_set(line, "point", plan_copy(plan_point(c->plan, at.point))) == PLATOON_OK &&
        platoon_dict_set(line, "arm", platoon_str(plan_arm_name(c->plan, at.arm))) == PLATOON_OK &&
        platoon_dict_set(line, "seed", platoon_int(seed)) == PLATOON_OK &&
        platoon_dict_set(line, "task", plan_task(c->plan, at.point, at.arm, seed)) == PLATOON_OK)
        text = platoon_json(line);
    platoon_value_unref(line);
    return text;
}

static int print_json(const struct campaign_file *c)
{
    for (size_t i = 0; i < c->n_tasks && !ferror(stdout); i++) {
        char *text = task_line(c, i);

        if (!text)
            return out_of_memory();
        puts(text);
        free(text);
    }
    return CMD_OK; /* a full disk is told by main() */
}

/* --- for people ------------------------------------------------------------------------------- */

/* A word as a shell would need it. */
static void print_word(const char *word)
{
    if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_-+=./:,@%")]) {
        printf(" %s", word);
        return;
    }
    printf(" '");
    for (; *word; word++)
        if (*word == '\'')
            printf("'\\''");
        else
            putchar(*word);
    putchar('\'');
}

static void print_head(const struct campaign_file *c)
{
    printf("%s: %zu task%s (design points: %zu, arms: %zu, seeds: %zu)\nworker: platoon work "
           "HOST:PORT",
           plan_name(c->plan), c->n_tasks, c->n_tasks == 1 ? "" : "s", plan_points(c->plan),
           plan_arms(c->plan), c->n_seeds);
    for (size_t i = 0; i < platoon_len(c->controllers); i++) {
        print_word("--controller");
        print_word(platoon_as_str(platoon_item(c->controllers, i), NULL));
    }
    for (size_t i = 0; i < platoon_len(c->worker_words); i++)
        print_word(platoon_as_str(platoon_item(c->worker_words, i), NULL));
    printf("\n\n");
}

static bool print_table(const struct campaign_file *c)
{
    static const struct table_column columns[] = {
        {"TASK", true, false}, {"ARM", false, false}, {"PARAMETERS", false, true}};
    struct table *t = table_new(columns, 3);
    bool is_whole = t != NULL;

    for (size_t i = 0; is_whole && i < c->n_tasks && i < SHOWN_TASKS; i++) {
        struct plan_place at = plan_place_of(c->plan, i);
        platoon_value *task = plan_task(c->plan, at.point, at.arm, c->seeds[at.replication]);
        char *text = task ? platoon_json(task) : NULL;

        is_whole = text != NULL;
        if (is_whole) {
            table_row(t);
            table_cell(t, 0, "%zu", i);
            table_cell(t, 1, "%s", plan_arm_name(c->plan, at.arm));
            table_cell(t, 2, "%s", text);
        }
        free(text);
        platoon_value_unref(task);
    }
    is_whole = is_whole && table_print(t, stdout);
    table_free(t);
    return is_whole;
}

static int run(int argc, char **argv)
{
    const char *path = NULL;
    bool wants_json = false;
    struct campaign_file c = {0};
    struct platoon_err err = {0};
    struct options o;
    int exit_code = CMD_OK;

    options_init(&o, &cmd_plan, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_OPERAND && path)
            id = options_fail(&o, "one campaign file at a time, not also '%s'", o.value);
        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPT_JSON)
            wants_json = true;
        else
            path = o.value;
    }
    if (!path) {
        options_fail(&o, "name a campaign file; examples are in examples/campaigns");
        return o.exit_code;
    }
    if (campaign_file_read(path, &c, &err) != PLATOON_OK) {
        talk_error("%s", err.message);
        exit_code = CMD_FAILED;
    } else if (wants_json) {
        exit_code = print_json(&c);
    } else {
        print_head(&c);
        if (!print_table(&c))
            exit_code = out_of_memory();
        else if (c.n_tasks > SHOWN_TASKS)
            printf("and %zu more; --json prints all\n", c.n_tasks - SHOWN_TASKS);
    }
    campaign_file_release(&c);
    return exit_code;
}
