/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_results.c - `platoon results`: what came back, also what a master has read already. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/campaign_export.h"
#include "cli/campaign_view.h"
#include "cli/cmd.h"
#include "cli/csv.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/talk.h"

enum {
    OPT_QUEUE = ASK_FIRST,
    OPT_FORMAT,
    OPT_FOLLOW,
    OPT_AFTER,
    OPT_FOLDER,
    OPT_POINTS,
    OPT_OUTPUT
};
enum { PAGE = 500, POLL_MS = 500 };

static const struct cmd_option option_table[] = {
    {OPT_QUEUE, "queue", "RESULT", "only results on this result queue"},
    {OPT_FORMAT, "format", "table|csv|jsonl|sqlite",
     "for people (default); a row a result with the keys of\n"
     "its dict as columns; a JSON object a line; of a\n"
     "campaign also a database with tables runs and points"},
    {OPT_FOLLOW, "follow", NULL, "go on with each result that comes, until Ctrl-C (jsonl)"},
    {OPT_AFTER, "after", "N", "only results with a number above this"},
    {OPT_FOLDER, "folder", "DIR", "of a campaign: where its runs are kept"},
    {OPT_POINTS, "points", NULL,
     "of a campaign: a row a design point, arm and metric, in\n"
     "place of a row a run"},
    {OPT_OUTPUT, "output", "FILE", "of a campaign: write there, not on stdout"},
    ASK_OPTIONS,
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_results = {
    .name = "results",
    .summary = "show the results of a campaign, or those that a server keeps",
    .usage = "[CAMPAIGN.yaml] [OPTION]...",
    .about =
        "With a campaign's file: what its runs found, from its folder; no server is asked. "
        "Without\n"
        "one: the results that a server keeps, in the order they came; one with a data folder "
        "keeps\n"
        "them after a master has read them, until 'platoon purge'. Numbers have full precision in\n"
        "csv, jsonl and sqlite.\n",
    .options = option_table,
    .after = "examples:\n"
             "  platoon results sweep.yaml\n"
             "  platoon results sweep.yaml --format csv > runs.csv\n"
             "  platoon results sweep.yaml --format sqlite --output results.db\n"
             "  platoon results --format csv > results.csv\n"
             "  platoon results --format jsonl --follow\n",
    .run = run,
};

struct args {
    const char *campaign, *folder, *output; /* of a campaign */
    bool wants_points;
    const char *queue, *format;
    bool is_following;
    int64_t after;
};

static int out_of_memory(void)
{
    talk_error("out of memory");
    return CMD_FAILED;
}

static int ask_page(struct ask *a, const struct args *args, int64_t after, platoon_value **out)
{
    platoon_value *filter = platoon_dict();

    (void)platoon_dict_set(filter, "results",
                           platoon_bool(true)); /* the server tells what is missing */
    (void)platoon_dict_set(filter, "values", platoon_bool(true));
    (void)platoon_dict_set(filter, "limit", platoon_int(PAGE));
    (void)platoon_dict_set(filter, "after", platoon_int(after));
    if (args->queue)
        (void)platoon_dict_set(filter, "queue", platoon_str(args->queue));
    return ask_call(a, "tasks", platoon_tuple(1, filter), out);
}

/* A page's rows as JSON lines; *after moves on. */
static int print_lines(const platoon_value *rows, int64_t *after)
{
    for (size_t i = 0; i < platoon_len(rows); i++) {
        int exit_code = ask_print_json(platoon_item(rows, i));

        if (exit_code != CMD_OK)
            return exit_code;
        *after = ask_number(platoon_item(rows, i), "task");
    }
    fflush(stdout);
    return CMD_OK;
}

static int stream(struct ask *a, const struct args *args)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    int64_t after = args->after;
    int exit_code;
    size_t n;

    for (;;) {
        platoon_value *rows = NULL;

        exit_code = ask_page(a, args, after, &rows);
        if (exit_code == CMD_OK)
            exit_code = print_lines(rows, &after);
        n = platoon_len(rows);
        platoon_value_unref(rows);
        if (exit_code != CMD_OK || (n == 0 && !args->is_following))
            return exit_code;
        if (n == 0)
            nanosleep(&pause, NULL);
    }
}

/* All rows, for formats that must know all columns first. */
static int gather(struct ask *a, const struct args *args, platoon_value *all)
{
    int64_t after = args->after;

    for (;;) {
        platoon_value *rows = NULL;
        int exit_code = ask_page(a, args, after, &rows);
        size_t n = platoon_len(rows);

        for (size_t i = 0; exit_code == CMD_OK && i < n; i++) {
            after = ask_number(platoon_item(rows, i), "task");
            if (platoon_append(all, platoon_value_ref(platoon_item(rows, i))) != PLATOON_OK)
                exit_code = out_of_memory();
        }
        platoon_value_unref(rows);
        if (exit_code != CMD_OK || n == 0)
            return exit_code;
    }
}

static int print_table(const platoon_value *rows)
{
    static const struct table_column columns[] = {{"RESULT", true, false},
                                                  {"OF TASK", true, false},
                                                  {"CAME", false, false},
                                                  {"READ", false, false},
                                                  {"VALUE", false, true}};
    struct table *t = table_new(columns, 5);
    bool is_printed;

    for (size_t i = 0; t && i < platoon_len(rows); i++) {
        const platoon_value *row = platoon_item(rows, i);
        const platoon_value *value = platoon_dict_get(row, "value");
        char *shown = value ? platoon_repr(value) : NULL;
        char at[ASK_TIME_MAX];

        table_row(t);
        table_cell(t, 0, "%" PRId64, ask_number(row, "task"));
        if (ask_number(row, "result_of"))
            table_cell(t, 1, "%" PRId64, ask_number(row, "result_of"));
        else
            table_cell(t, 1, "-");
        table_cell(t, 2, "%s", ask_time(row, "created", at));
        table_cell(t, 3, "%s", strcmp(ask_text(row, "state"), "done") == 0 ? "yes" : "no");
        table_cell(t, 4, "%.300s", shown ? shown : "(not plain data)");
        free(shown);
    }
    is_printed = t && table_print(t, stdout);
    table_free(t);
    return is_printed ? CMD_OK : out_of_memory();
}

/* number, task, created, read, then every key that some result's dict has, in the order they are
 * met. */
static int print_csv(const platoon_value *rows)
{
    platoon_value *keys = platoon_dict(), *key, *unused;

    for (size_t i = 0; i < platoon_len(rows); i++) {
        const platoon_value *value = platoon_dict_get(platoon_item(rows, i), "value");

        for (size_t k = 0; platoon_dict_entry(value, k, &key, &unused); k++)
            if (platoon_dict_put(keys, platoon_value_ref(key), platoon_none()) != PLATOON_OK) {
                platoon_value_unref(keys);
                return out_of_memory();
            }
    }
    printf("result,task,created,read");
    for (size_t k = 0; platoon_dict_entry(keys, k, &key, &unused); k++) {
        putchar(',');
        csv_value(stdout, key);
    }
    if (platoon_len(keys) == 0)
        printf(",value");
    printf("\r\n");
    for (size_t i = 0; i < platoon_len(rows); i++) {
        const platoon_value *row = platoon_item(rows, i), *value = platoon_dict_get(row, "value");

        csv_value(stdout, platoon_dict_get(row, "task"));
        putchar(',');
        csv_value(stdout, platoon_dict_get(row, "result_of"));
        putchar(',');
        csv_value(stdout, platoon_dict_get(row, "created"));
        printf(",%d", strcmp(ask_text(row, "state"), "done") == 0);
        for (size_t k = 0; platoon_dict_entry(keys, k, &key, &unused); k++) {
            const char *name = platoon_as_str(key, NULL);

            putchar(',');
            if (name)
                csv_value(stdout, platoon_dict_get(value, name));
        }
        if (platoon_len(keys) == 0) {
            putchar(',');
            csv_value(stdout, value);
        }
        printf("\r\n");
    }
    platoon_value_unref(keys);
    return CMD_OK;
}

static int show(struct ask *a, const struct args *args)
{
    platoon_value *all;
    int exit_code;

    if (a->wants_json || strcmp(args->format, "jsonl") == 0)
        return stream(a, args);
    all = platoon_list();
    exit_code = gather(a, args, all);
    if (exit_code == CMD_OK && strcmp(args->format, "csv") == 0)
        exit_code = print_csv(all);
    else if (exit_code == CMD_OK && platoon_len(all) == 0)
        talk("no results");
    else if (exit_code == CMD_OK)
        exit_code = print_table(all);
    platoon_value_unref(all);
    return exit_code;
}

static bool is_format(const char *text)
{
    return strcmp(text, "table") == 0 || strcmp(text, "csv") == 0 || strcmp(text, "jsonl") == 0 ||
           strcmp(text, "sqlite") == 0;
}

/* --- of a campaign ---------------------------------------------------------------------------- */

static bool is_campaign(const char *operand)
{
    size_t len = strlen(operand);

    return (len > 5 && strcmp(operand + len - 5, ".yaml") == 0) ||
           (len > 4 && strcmp(operand + len - 4, ".yml") == 0);
}

static enum platoon_status export_to(const struct campaign *c, const struct args *args,
                                     struct platoon_err *err)
{
    enum export_rows rows = args->wants_points ? EXPORT_POINTS : EXPORT_RUNS;
    FILE *out = args->output ? fopen(args->output, "we") : stdout;
    enum platoon_status st;

    if (!out)
        return platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", args->output, strerror(errno));
    if (strcmp(args->format, "csv") == 0)
        st = campaign_export_csv(c, rows, out, err);
    else
        st = campaign_export_jsonl(c, rows, out, err);
    if (out != stdout && fclose(out) != 0 && st == PLATOON_OK)
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", args->output, strerror(errno));
    return st;
}

static int show_campaign(const struct args *args, bool wants_json)
{
    struct campaign c = {0};
    struct platoon_err err;
    enum platoon_status st = campaign_open(&c, args->campaign, args->folder, CAMPAIGN_READ, &err);

    if (st == PLATOON_OK && strcmp(args->format, "sqlite") == 0)
        st = campaign_export_sqlite(&c, args->output, &err);
    else if (st == PLATOON_OK && strcmp(args->format, "table") != 0)
        st = export_to(&c, args, &err);
    else if (st == PLATOON_OK && !(wants_json ? campaign_print_json(&c) : campaign_print(&c, NULL)))
        st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    campaign_release(&c);
    if (st != PLATOON_OK)
        talk_error("%s", err.message);
    return st == PLATOON_OK ? CMD_OK : CMD_FAILED;
}

static int run(int argc, char **argv)
{
    struct args args = {.format = "table"};
    struct options o;
    struct ask a;
    int exit_code;

    ask_init(&a, &cmd_results);
    options_init(&o, &cmd_results, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        bool is_fine = id != OPTION_EXIT;

        if (id == OPTION_OPERAND && is_campaign(o.value))
            args.campaign = o.value;
        else if (id == OPT_QUEUE || id == OPTION_OPERAND)
            args.queue = o.value;
        else if (id == OPT_FOLDER)
            args.folder = o.value;
        else if (id == OPT_POINTS)
            args.wants_points = true;
        else if (id == OPT_OUTPUT)
            args.output = o.value;
        else if (id == OPT_FORMAT)
            is_fine =
                is_format(args.format = o.value) ||
                (options_fail(&o, "--format is one of table|csv|jsonl|sqlite, not '%s'", o.value),
                 false);
        else if (id == OPT_FOLLOW)
            args.is_following = true;
        else if (id == OPT_AFTER)
            is_fine = options_integer(&o, 0, INT64_MAX, &args.after);
        else if (is_fine)
            (void)ask_take(&a, &o, id); /* what is left is its own */
        if (!is_fine)
            return o.exit_code;
    }
    if (strcmp(args.format, "sqlite") == 0 && !(args.campaign && args.output)) {
        options_fail(&o, "--format sqlite needs a campaign and --output FILE");
        return o.exit_code;
    }
    if (args.campaign)
        return show_campaign(&args, a.wants_json);
    if (args.is_following)
        args.format = "jsonl";
    exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = show(&a, &args);
    ask_end(&a);
    return exit_code;
}
