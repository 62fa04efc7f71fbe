/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - `platoon status`: what a server holds and who works for it, from one call of
 * stats() on its typeid `platoon`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/human.h"
#include "cli/options.h"
#include "cli/reach.h"
#include "cli/table.h"
#include "cli/talk.h"

enum {
    OPT_SERVER = 1,
    OPT_AUTHKEY_FILE,
    OPT_JSON,
    PROTOCOL = 1 /* of the typeid `platoon` */
};

static const struct cmd_option option_table[] = {
    REACH_OPTIONS(OPT_SERVER, OPT_AUTHKEY_FILE),
    {OPT_JSON, "json", NULL, "everything the server tells, as one line of JSON"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_status = {
    .name = "status",
    .summary = "what a server holds: tasks, results, workers",
    .usage = "[OPTION]...",
    .about = "Show the queues of a server (tasks that are queued, tasks in the hands of workers,\n"
             "results that nobody has fetched yet), its workers, and how long it has been up.\n",
    .options = option_table,
    .run = run,
};

/* --- reading what came ------------------------------------------------------------------------- */

/* What is absent (a newer or older server) counts as 0, "-" or false: status shows what it can. */
static int64_t number(const platoon_value *dict, const char *key)
{
    int64_t n = 0;

    (void)platoon_as_int(platoon_dict_get(dict, key), &n); /* stays 0 */
    return n;
}

static double seconds(const platoon_value *dict, const char *key)
{
    double s = -1;

    (void)platoon_as_float(platoon_dict_get(dict, key), &s); /* stays unknown */
    return s;
}

static const char *text(const platoon_value *dict, const char *key)
{
    const char *s = platoon_as_str(platoon_dict_get(dict, key), NULL);

    return s && s[0] ? s : "-";
}

/* --- showing ----------------------------------------------------------------------------------- */

static bool is_result_queue(const platoon_value *queues, const char *name)
{
    for (size_t i = 0; i < platoon_len(queues); i++)
        if (strcmp(text(platoon_item(queues, i), "results"), name) == 0)
            return true;
    return false;
}

static int64_t sum(const platoon_value *queues, const char *key)
{
    int64_t n = 0;

    for (size_t i = 0; i < platoon_len(queues); i++)
        n += number(platoon_item(queues, i), key);
    return n;
}

/* What needs attention gets a column only where there is some of it. */
static const struct {
    const char *key, *title;
    bool is_always;
} queue_numbers[] = {
    {"queued", "QUEUED", true},        {"delayed", "DELAYED", false},
    {"leased", "RUNNING", true},       {"done", "DONE", true},
    {"failed", "FAILED", true},        {"dead", "DEAD", false},
    {"abandoned", "ABANDONED", false}, {"cancelled", "CANCELLED", false},
};
enum { N_QUEUE_NUMBERS = sizeof queue_numbers / sizeof *queue_numbers };

static bool print_queues(const platoon_value *queues)
{
    struct table_column columns[N_QUEUE_NUMBERS + 2] = {{"QUEUE", false, true}};
    size_t shown[N_QUEUE_NUMBERS], n_shown = 0;
    struct table *t;
    bool is_printed;

    for (size_t i = 0; i < N_QUEUE_NUMBERS; i++) {
        if (!queue_numbers[i].is_always && sum(queues, queue_numbers[i].key) == 0)
            continue;
        columns[1 + n_shown] = (struct table_column){queue_numbers[i].title, true, false};
        shown[n_shown++] = i;
    }
    columns[1 + n_shown] = (struct table_column){"RESULTS WAITING", false, true};
    t = table_new(columns, n_shown + 2);
    if (!t)
        return false;
    for (size_t i = 0; i < platoon_len(queues); i++) {
        const platoon_value *q = platoon_item(queues, i);

        if (is_result_queue(queues, text(q, "name")))
            continue; /* shown with its task queue */
        table_row(t);
        table_cell(t, 0, "%s", text(q, "name"));
        for (size_t j = 0; j < n_shown; j++)
            table_cell(t, 1 + j, "%" PRId64, number(q, queue_numbers[shown[j]].key));
        if (platoon_is_none(platoon_dict_get(q, "results")))
            table_cell(t, 1 + n_shown, "-");
        else
            table_cell(t, 1 + n_shown, "%" PRId64 " on %s", number(q, "results_waiting"),
                       text(q, "results"));
    }
    is_printed = table_print(t, stdout);
    table_free(t);
    return is_printed;
}

static bool print_workers(const platoon_value *workers)
{
    static const struct table_column columns[] = {
        {"WORKER", false, true},  {"ADDRESS", false, true}, {"SLOTS", true, false},
        {"RUNNING", true, false}, {"DONE", true, false},    {"FAILED", true, false},
        {"LOST", true, false},    {"UP", true, false},      {"SEEN", true, false}};
    struct table *t;
    bool is_printed;

    if (platoon_len(workers) == 0) {
        printf("no worker of 'platoon work' so far\n");
        return true;
    }
    t = table_new(columns, sizeof columns / sizeof *columns);
    if (!t)
        return false;
    for (size_t i = 0; i < platoon_len(workers); i++) {
        const platoon_value *w = platoon_item(workers, i);
        char up[HUMAN_MAX], seen[HUMAN_MAX];

        table_row(t);
        table_cell(t, 0, "%s", text(w, "name"));
        table_cell(t, 1, "%s", text(w, "peer"));
        if (platoon_is_none(platoon_dict_get(w, "slots")))
            table_cell(t, 2, "-");
        else
            table_cell(t, 2, "%" PRId64, number(w, "slots"));
        table_cell(t, 3, "%" PRId64, number(w, "leases"));
        table_cell(t, 4, "%" PRId64, number(w, "done"));
        table_cell(t, 5, "%" PRId64, number(w, "failed"));
        table_cell(t, 6, "%" PRId64, number(w, "lost"));
        table_cell(t, 7, "%s", human_duration(seconds(w, "since_s"), up));
        table_cell(t, 8, "%s ago", human_duration(seconds(w, "last_seen_s"), seen));
    }
    is_printed = table_print(t, stdout);
    table_free(t);
    return is_printed;
}

static int print_stats(const struct reach *r, const platoon_value *stats)
{
    char up[HUMAN_MAX];

    printf("server %s  platoon %s  up %s  store: %s  %" PRId64 " connections\n\n", r->name,
           text(stats, "version"), human_duration(seconds(stats, "uptime_s"), up),
           text(stats, "store"), number(stats, "connections"));
    if (print_queues(platoon_dict_get(stats, "queues")) && printf("\n") > 0 &&
        print_workers(platoon_dict_get(stats, "workers")))
        return CMD_OK;
    talk_error("out of memory");
    return CMD_FAILED;
}

static int print_json(const platoon_value *stats)
{
    char *json = platoon_json(stats);

    if (!json) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    printf("%s\n", json);
    free(json);
    return CMD_OK;
}

/* --- asking ------------------------------------------------------------------------------------ */

static enum platoon_status ask(const struct reach *r, platoon_manager *m, platoon_value **out_stats,
                               struct platoon_err *err)
{
    platoon_queue *proxy;
    platoon_value *stats;
    enum platoon_status st = platoon_manager_queue(m, "platoon", NULL, &proxy, err);

    if (st == PLATOON_ENOTFOUND)
        return platoon_fail(err, st,
                            "the server at %s is not Platoon's (Python's own manager keeps no "
                            "account of its queues)",
                            r->name);
    if (st == PLATOON_OK)
        st = platoon_call(proxy, "stats", NULL, NULL, &stats, err);
    if (st != PLATOON_OK)
        return st;
    if (number(stats, "protocol") != PROTOCOL) {
        st = platoon_fail(err, PLATOON_EVERSION,
                          "the server at %s (platoon %s) speaks version %" PRId64
                          " of the typeid 'platoon', this program (platoon %s) version %d",
                          r->name, text(stats, "version"), number(stats, "protocol"),
                          platoon_version(), PROTOCOL);
        platoon_value_unref(stats);
        return st;
    }
    *out_stats = stats;
    return PLATOON_OK;
}

static int status(const struct reach *r, bool wants_json)
{
    platoon_manager *m;
    platoon_value *stats = NULL;
    struct platoon_err err;
    int exit_code = reach_connect(r, &m);

    if (exit_code != CMD_OK)
        return exit_code;
    if (ask(r, m, &stats, &err) != PLATOON_OK) {
        talk_error("%s", err.message);
        exit_code = CMD_FAILED;
    } else {
        exit_code = wants_json ? print_json(stats) : print_stats(r, stats);
    }
    platoon_value_unref(stats);
    platoon_manager_close(m);
    return exit_code;
}

static int run(int argc, char **argv)
{
    const char *server = NULL, *key_file = NULL;
    bool wants_json = false;
    struct options o;
    struct reach reach;
    int exit_code;

    options_init(&o, &cmd_status, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        switch (id) {
        case OPTION_EXIT:
            return o.exit_code;
        case OPTION_OPERAND:
            options_fail(&o, "'%s' is not an option; the server is --server %s", o.value, o.value);
            return o.exit_code;
        case OPT_SERVER:
            server = o.value;
            break;
        case OPT_AUTHKEY_FILE:
            key_file = o.value;
            break;
        case OPT_JSON:
            wants_json = true;
            break;
        }
    }
    exit_code = reach_init(&reach, &cmd_status, server, key_file);
    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = status(&reach, wants_json);
    reach_release(&reach);
    return exit_code;
}
