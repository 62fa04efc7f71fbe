/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_view.h"

#include <inttypes.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/human.h"
#include "cli/progress_view.h"
#include "cli/table.h"

static bool is_result_queue(const platoon_value *queues, const char *name)
{
    for (size_t i = 0; i < platoon_len(queues); i++)
        if (strcmp(ask_text(platoon_item(queues, i), "results"), name) == 0)
            return true;
    return false;
}

static int64_t sum(const platoon_value *queues, const char *key)
{
    int64_t n = 0;

    for (size_t i = 0; i < platoon_len(queues); i++)
        n += ask_number(platoon_item(queues, i), key);
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

        if (is_result_queue(queues, ask_text(q, "name")))
            continue; /* shown with its task queue */
        table_row(t);
        table_cell(t, 0, "%s", ask_text(q, "name"));
        for (size_t j = 0; j < n_shown; j++)
            table_cell(t, 1 + j, "%" PRId64, ask_number(q, queue_numbers[shown[j]].key));
        if (platoon_is_none(platoon_dict_get(q, "results")))
            table_cell(t, 1 + n_shown, "-");
        else
            table_cell(t, 1 + n_shown, "%" PRId64 " on %s", ask_number(q, "results_waiting"),
                       ask_text(q, "results"));
    }
    is_printed = table_print(t, stdout);
    table_free(t);
    return is_printed;
}

bool status_view_workers(const platoon_value *stats)
{
    static const struct table_column columns[] = {
        {"WORKER", false, true},  {"ADDRESS", false, true}, {"SLOTS", true, false},
        {"RUNNING", true, false}, {"DONE", true, false},    {"FAILED", true, false},
        {"LOST", true, false},    {"UP", true, false},      {"SEEN", true, false}};
    const platoon_value *workers = platoon_dict_get(stats, "workers");
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
        table_cell(t, 0, "%s", ask_text(w, "name"));
        table_cell(t, 1, "%s", ask_text(w, "peer"));
        if (platoon_is_none(platoon_dict_get(w, "slots")))
            table_cell(t, 2, "-");
        else
            table_cell(t, 2, "%" PRId64, ask_number(w, "slots"));
        table_cell(t, 3, "%" PRId64, ask_number(w, "leases"));
        table_cell(t, 4, "%" PRId64, ask_number(w, "done"));
        table_cell(t, 5, "%" PRId64, ask_number(w, "failed"));
        table_cell(t, 6, "%" PRId64, ask_number(w, "lost"));
        table_cell(t, 7, "%s", human_duration(ask_seconds(w, "since_s"), up));
        table_cell(t, 8, "%s ago", human_duration(ask_seconds(w, "last_seen_s"), seen));
    }
    is_printed = table_print(t, stdout);
    table_free(t);
    return is_printed && progress_view_tasks(platoon_dict_get(stats, "progress"));
}

/* What needs somebody, before all else. */
static void print_attention(const platoon_value *queues)
{
    int64_t abandoned = sum(queues, "abandoned"), dead = sum(queues, "dead");

    if (abandoned)
        printf("%" PRId64
               " tasks are set aside: platoon tasks --state abandoned; platoon retry --all "
               "abandoned\n",
               abandoned);
    if (dead)
        printf("%" PRId64 " tasks were given up: platoon dead-letters; platoon retry --all dead\n",
               dead);
    if (abandoned || dead)
        printf("\n");
}

bool status_view_all(const char *server, const platoon_value *stats)
{
    const platoon_value *queues = platoon_dict_get(stats, "queues");
    char up[HUMAN_MAX];

    printf("server %s  platoon %s  up %s  store: %s  %" PRId64 " connections\n\n", server,
           ask_text(stats, "version"), human_duration(ask_seconds(stats, "uptime_s"), up),
           ask_text(stats, "store"), ask_number(stats, "connections"));
    print_attention(queues);
    return print_queues(queues) && printf("\n") > 0 && status_view_workers(stats);
}
