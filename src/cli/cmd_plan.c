/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plan.c - `platoon plan FILE`: the tasks that a campaign file stands for. */
#include <stdio.h>
#include <string.h>

#include "cli/campaign_file.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/plan_view.h"
#include "cli/talk.h"

enum { OPT_JSON = 1 };

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
        exit_code = plan_view_json(&c, NULL, c.n_tasks);
    } else {
        print_head(&c);
        exit_code = plan_view_table(&c, NULL, c.n_tasks);
    }
    campaign_file_release(&c);
    return exit_code;
}
