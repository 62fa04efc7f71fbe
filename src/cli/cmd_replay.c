/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_replay.c - `platoon replay`: one run of a campaign again, here, and whether it comes out the
 * same. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/campaign.h"
#include "cli/campaign_crew.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/talk.h"

enum { OPT_FOLDER = 1, OPT_JSON };

static const struct cmd_option option_table[] = {
    {OPT_FOLDER, "folder", "DIR",
     "where the campaign's runs are kept (default:\n"
     "./platoon-data/NAME)"},
    {OPT_JSON, "json", NULL, "for programs: both results, and what differs"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_replay = {
    .name = "replay",
    .summary = "run one task of a campaign again, and compare",
    .usage = "FILE.yaml TASK [OPTION]...",
    .about =
        "Run one task of a campaign again on this machine, with the same inputs, and compare the\n"
        "result with the one that is kept, figure by figure. Figures are the same only if they "
        "are\n"
        "equal to the last bit. Times of this machine ('wall_s') are shown and not judged. TASK "
        "is\n"
        "the number that 'platoon plan' and 'platoon results --format csv' show.\n"
        "Exit code 0: all is the same; 1: something differs, or could not be run.\n",
    .options = option_table,
    .after = "example:\n"
             "  platoon replay examples/campaigns/ramp_metering.yaml 7\n",
    .run = run,
};

static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    was_interrupted = true;
}

/* --- the kept run ----------------------------------------------------------------------------- */

struct kept {
    const struct campaign *campaign;
    size_t index;
    platoon_value *line; /* the run; NULL: none */
    bool was_changed;    /* the same task was run with other inputs */
};

static enum platoon_status on_line(const platoon_value *line, void *arg, struct platoon_err *err)
{
    struct kept *k = arg;
    const struct campaign *c = k->campaign;
    const char *state = platoon_as_str(platoon_dict_get(line, "state"), NULL);
    struct plan_place at = plan_place_of(c->file.plan, k->index);
    platoon_value *task;
    struct identity id;

    (void)err;
    if (!state || strcmp(state, "done") != 0 ||
        !identity_parse(platoon_as_str(platoon_dict_get(line, "id"), NULL), &id))
        return PLATOON_OK;
    if (id.high == c->ids[k->index].high && id.low == c->ids[k->index].low) {
        platoon_value_unref(k->line);
        k->line = platoon_value_ref((platoon_value *)(uintptr_t)line);
        return PLATOON_OK;
    }
    task = plan_task(c->file.plan, at.point, at.arm, c->file.seeds[at.replication]);
    k->was_changed |= task && platoon_equal(task, platoon_dict_get(line, "task"));
    platoon_value_unref(task);
    return PLATOON_OK;
}

static enum platoon_status find_kept(const struct campaign *c, size_t index, platoon_value **out,
                                     struct platoon_err *err)
{
    struct kept k = {.campaign = c, .index = index};
    enum platoon_status st = ledger_read(&c->folder, "runs.jsonl", on_line, &k, err);

    if (st == PLATOON_OK && !k.line)
        st = platoon_fail(
            err, PLATOON_ENOTFOUND,
            k.was_changed ? "task %zu was run with other inputs (files, runner or version) than "
                            "are here now; platoon run runs it with these"
                          : "task %zu has not been run; platoon run runs what is missing",
            index);
    if (st == PLATOON_OK)
        *out = k.line;
    else
        platoon_value_unref(k.line);
    return st;
}

/* --- again ------------------------------------------------------------------------------------ */

static enum platoon_status put_and_get(struct crew *crew, const platoon_value *task,
                                       platoon_value **out, struct platoon_err *err)
{
    platoon_manager *m = NULL;
    platoon_queue *tasks, *results;
    enum platoon_status st = crew_connect(crew, &m, err);

    if (st == PLATOON_OK)
        st = platoon_manager_queue(m, "get_task_queue", NULL, &tasks, err);
    if (st == PLATOON_OK)
        st = platoon_manager_queue(m, "get_result_queue", NULL, &results, err);
    if (st == PLATOON_OK)
        st = platoon_queue_put(tasks, task, PLATOON_FOREVER, err);
    while (st == PLATOON_OK) {
        st = platoon_queue_get(results, 0.2, out, err);
        if (st == PLATOON_OK)
            break;
        if (was_interrupted)
            st = platoon_fail(err, PLATOON_EINTR, "interrupted");
        else if (st == PLATOON_EEMPTY)
            st = crew_check(crew, err);
    }
    platoon_manager_close(m);
    return st;
}

static enum platoon_status run_again(const struct campaign *c, size_t index, platoon_value **out,
                                     struct platoon_err *err)
{
    struct plan_place at = plan_place_of(c->file.plan, index);
    platoon_value *task = plan_task(c->file.plan, at.point, at.arm, c->file.seeds[at.replication]);
    struct campaign_folder folder = {.lock_fd = -1};
    char *path = campaign_folder_join(&c->folder, "replay");
    struct campaign_crew crew = {0};
    enum platoon_status st = task && path ? campaign_folder_open(&folder, path, true, err)
                                          : platoon_fail(err, PLATOON_ENOMEM, "out of memory");

    if (st == PLATOON_OK)
        st = campaign_crew_start(&crew, c, folder.path, 1, err);
    if (st == PLATOON_OK)
        st = put_and_get(&crew.crew, task, out, err);
    campaign_crew_stop(&crew);
    campaign_folder_release(&folder);
    free(path);
    platoon_value_unref(task);
    return st;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool is_judged(const char *name)
{
    return strcmp(name, "wall_s") != 0;
}

static char *show(const platoon_value *v)
{
    return v ? platoon_json(v) : strdup("-");
}

/* One line of the table. Returns whether both are the same; *out_is_whole is false when memory is
 * out. */
static bool compare_row(struct table *t, const char *name, const platoon_value *then,
                        const platoon_value *now, bool *out_is_whole)
{
    bool is_same = then && now && platoon_equal(then, now);
    char *a = show(then), *b = show(now);

    *out_is_whole &= a && b;
    if (a && b) {
        table_row(t);
        table_cell(t, 0, "%s", name);
        table_cell(t, 1, "%.60s", a);
        table_cell(t, 2, "%.60s", b);
        table_cell(t, 3, "%s", is_same ? "same" : is_judged(name) ? "DIFFERS" : "not judged");
    }
    free(a);
    free(b);
    return is_same || !is_judged(name);
}

/* Every key of either dict; whole values where they are no dicts. */
static size_t compare(struct table *t, const platoon_value *then, const platoon_value *now,
                      bool *out_is_whole)
{
    platoon_value *key, *child;
    size_t n_different = 0;

    *out_is_whole = true;
    if (platoon_value_kind(then) != PLATOON_DICT || platoon_value_kind(now) != PLATOON_DICT)
        return !compare_row(t, "value", then, now, out_is_whole);
    for (size_t i = 0; platoon_dict_entry(then, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (name)
            n_different += !compare_row(t, name, child, platoon_dict_get(now, name), out_is_whole);
    }
    for (size_t i = 0; platoon_dict_entry(now, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (name && !platoon_dict_get(then, name))
            n_different += !compare_row(t, name, NULL, child, out_is_whole);
    }
    return n_different;
}

static int print_json(size_t index, const platoon_value *then, const platoon_value *now,
                      size_t n_different)
{
    platoon_value *v = platoon_dict();
    char *text;

    (void)platoon_dict_set(v, "task", platoon_int((int64_t)index));
    (void)platoon_dict_set(v, "kept", platoon_value_ref((platoon_value *)(uintptr_t)then));
    (void)platoon_dict_set(v, "again", platoon_value_ref((platoon_value *)(uintptr_t)now));
    (void)platoon_dict_set(v, "n_different", platoon_int((int64_t)n_different));
    text = platoon_json(v);
    platoon_value_unref(v);
    if (!text) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    puts(text);
    free(text);
    return n_different ? CMD_FAILED : CMD_OK;
}

static int report(size_t index, const platoon_value *line, const platoon_value *now,
                  bool wants_json)
{
    static const struct table_column columns[] = {{"FIGURE", false, false},
                                                  {"KEPT", true, false},
                                                  {"AGAIN", true, false},
                                                  {"", false, false}};
    const platoon_value *then = platoon_dict_get(line, "result");
    struct table *t = table_new(columns, 4);
    bool is_whole = false;
    size_t n_different = t ? compare(t, then, now, &is_whole) : 0;

    if (wants_json && is_whole) {
        table_free(t);
        return print_json(index, then, now, n_different);
    }
    is_whole = is_whole && table_print(t, stdout);
    table_free(t);
    if (!is_whole) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    fflush(stdout);
    if (n_different)
        talk_error("task %zu did not come out the same: %zu figure%s", index, n_different,
                   n_different == 1 ? " differs" : "s differ");
    else
        talk("task %zu came out the same", index);
    return n_different ? CMD_FAILED : CMD_OK;
}

static int replay(const char *file, const char *folder, int64_t index, bool wants_json)
{
    struct campaign c = {0};
    platoon_value *line = NULL, *now = NULL;
    struct platoon_err err;
    enum platoon_status st = campaign_open(&c, file, folder, CAMPAIGN_READ, &err);
    int exit_code = CMD_FAILED;

    if (st == PLATOON_OK && (uint64_t)index >= c.file.n_tasks)
        st = platoon_fail(&err, PLATOON_EINVAL, "the campaign has tasks 0 to %zu, not %" PRId64,
                          c.file.n_tasks - 1, index);
    if (st == PLATOON_OK)
        st = find_kept(&c, (size_t)index, &line, &err);
    if (st == PLATOON_OK)
        st = run_again(&c, (size_t)index, &now, &err);
    if (st == PLATOON_OK)
        exit_code = report((size_t)index, line, now, wants_json);
    else
        talk_error("%s", err.message);
    platoon_value_unref(line);
    platoon_value_unref(now);
    campaign_release(&c);
    return was_interrupted ? CMD_INTERRUPTED : exit_code;
}

static bool read_index(const char *text, int64_t *out)
{
    char *end;

    if (!*text || text[strspn(text, "0123456789")] || strlen(text) > 15)
        return false;
    *out = strtoll(text, &end, 10);
    return true;
}

static int run(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    const char *file = NULL, *folder = NULL;
    bool wants_json = false;
    int64_t index = -1;
    struct options o;

    options_init(&o, &cmd_replay, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_OPERAND && file && (index >= 0 || !read_index(o.value, &index)))
            id = options_fail(&o, "after the campaign comes the number of one task, not '%s'",
                              o.value);
        else if (id == OPTION_OPERAND && !file)
            file = o.value;
        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPT_FOLDER)
            folder = o.value;
        wants_json |= id == OPT_JSON;
    }
    if (!file || index < 0) {
        options_fail(&o, "name a campaign file and the number of a task");
        return o.exit_code;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    unsetenv("PLATOON_AUTHKEY"); /* the embedded server makes a key of its own */
    return replay(file, folder, index, wants_json);
}
