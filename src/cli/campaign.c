/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign_inputs.h"
#include "cli/child.h"
#include "cli/crew.h"
#include "cli/talk.h"

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- identities ------------------------------------------------------------------------------- */

static int compare_ids(const struct identity *a, const struct identity *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

/* Places with one identity stand in the order of the plan. */
static int compare_places(const void *a, const void *b, void *arg)
{
    const struct campaign *c = arg;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = compare_ids(&c->ids[x], &c->ids[y]);

    return order ? order : (x > y) - (x < y);
}

static enum platoon_status identify(struct campaign *c, struct campaign_inputs *in, size_t index,
                                    struct platoon_err *err)
{
    struct plan_place at = plan_place_of(c->file.plan, index);
    platoon_value *task = plan_task(c->file.plan, at.point, at.arm, c->file.seeds[at.replication]);
    const platoon_value *recipe = NULL;
    enum platoon_status st = task ? campaign_inputs_of(in, task, &recipe, err) : no_memory(err);

    if (st == PLATOON_OK && (st = identity_of(recipe, task, &c->ids[index])) != PLATOON_OK)
        platoon_fail(err, st,
                     st == PLATOON_ELIMIT ? "a task is nested too deeply" : "out of memory");
    platoon_value_unref(task);
    return st;
}

static enum platoon_status identify_all(struct campaign *c, struct platoon_err *err)
{
    struct campaign_inputs in;
    enum platoon_status st = campaign_inputs_init(&in, &c->file, err);

    c->ids = calloc(c->file.n_tasks, sizeof *c->ids);
    c->by_id = calloc(c->file.n_tasks, sizeof *c->by_id);
    if (st == PLATOON_OK && (!c->ids || !c->by_id))
        st = no_memory(err);
    for (size_t i = 0; st == PLATOON_OK && i < c->file.n_tasks; i++) {
        c->by_id[i] = i;
        st = identify(c, &in, i, err);
    }
    if (st == PLATOON_OK)
        qsort_r(c->by_id, c->file.n_tasks, sizeof *c->by_id, compare_places, c);
    campaign_inputs_release(&in);
    return st;
}

/* Where in by_id the first with this identity stands; n_tasks: none. */
static size_t find_rank(const struct campaign *c, const struct identity *id)
{
    size_t low = 0, high = c->file.n_tasks;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_ids(&c->ids[c->by_id[middle]], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < c->file.n_tasks && compare_ids(&c->ids[c->by_id[low]], id) == 0)
        return low;
    return c->file.n_tasks;
}

size_t campaign_find(const struct campaign *c, const struct identity *id)
{
    size_t rank = find_rank(c, id);

    return rank < c->file.n_tasks ? c->by_id[rank] : rank;
}

size_t campaign_next(const struct campaign *c, size_t index)
{
    size_t rank = find_rank(c, &c->ids[index]);

    for (; rank < c->file.n_tasks && compare_ids(&c->ids[c->by_id[rank]], &c->ids[index]) == 0;
         rank++)
        if (c->by_id[rank] > index)
            return c->by_id[rank];
    return c->file.n_tasks;
}

bool campaign_is_repeat(const struct campaign *c, size_t index)
{
    return campaign_find(c, &c->ids[index]) != index;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* How long runs of a design point and arm take, for the order of the next ones. */
static void take_duration(struct campaign *c, size_t index, const platoon_value *line)
{
    struct plan_place at = plan_place_of(c->file.plan, index);
    size_t cell = at.point * plan_arms(c->file.plan) + at.arm;
    double started, ended;

    if (platoon_as_float(platoon_dict_get(line, "started"), &started) != PLATOON_OK ||
        platoon_as_float(platoon_dict_get(line, "ended"), &ended) != PLATOON_OK || ended < started)
        return;
    c->seconds[cell] += (ended - started - c->seconds[cell]) / (double)++c->n_timed[cell];
}

static void take_failure(struct campaign *c, const platoon_value *line)
{
    const char *message =
        platoon_as_str(platoon_dict_get(platoon_dict_get(line, "error"), "message"), NULL);

    if (!c->first_failure)
        c->first_failure = strdup(message ? message : "it does not say why");
}

enum platoon_status campaign_take(struct campaign *c, const platoon_value *line,
                                  struct platoon_err *err)
{
    const char *state = platoon_as_str(platoon_dict_get(line, "state"), NULL);
    bool is_done = state && strcmp(state, "done") == 0;
    struct identity id;

    if (!identity_parse(platoon_as_str(platoon_dict_get(line, "id"), NULL), &id))
        return platoon_fail(err, PLATOON_EINVAL, "a line of runs.jsonl has no id");
    for (size_t rank = find_rank(c, &id);
         rank < c->file.n_tasks && compare_ids(&c->ids[c->by_id[rank]], &id) == 0; rank++) {
        size_t index = c->by_id[rank];
        enum tally_state was = tally_state_of(c->tally, index);

        if (was == TALLY_DONE)
            return PLATOON_OK; /* so are all of this identity */
        c->n_failed -= was == TALLY_FAILED;
        if (is_done && tally_add(c->tally, index, platoon_dict_get(line, "result")) != PLATOON_OK)
            return no_memory(err);
        if (!is_done) {
            tally_fail(c->tally, index);
            take_failure(c, line);
        }
        *(is_done ? &c->n_done : &c->n_failed) += 1;
        take_duration(c, index, line);
    }
    return PLATOON_OK;
}

void campaign_forget_failures(struct campaign *c)
{
    for (size_t i = 0; i < c->file.n_tasks; i++)
        tally_forget_failure(c->tally, i);
    c->n_failed = 0;
    free(c->first_failure);
    c->first_failure = NULL;
}

static enum platoon_status on_line(const platoon_value *line, void *arg, struct platoon_err *err)
{
    return campaign_take(arg, line, err);
}

/* --- preparing -------------------------------------------------------------------------------- */

/* What was prepared: the root and the words, as the stamp holds them. */
static char *stamp_text(const struct campaign_file *f)
{
    char *words = platoon_json(f->prepare), *text = NULL;

    if (words && asprintf(&text, "%s %s\n", f->root, words) < 0)
        text = NULL;
    free(words);
    return text;
}

static bool has_stamp(const char *path, const char *text)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    bool is_same = f && getline(&line, &cap, f) > 0 && strcmp(line, text) == 0;

    if (f)
        fclose(f);
    free(line);
    return is_same;
}

static enum platoon_status run_prepare(const struct campaign *c, struct platoon_err *err)
{
    size_t n = platoon_len(c->file.prepare);
    const char **argv = calloc(n + 1, sizeof *argv);
    char *log = campaign_folder_join(&c->folder, "prepare.log");
    struct child child = {.stdin_fd = -1};
    struct child_options options = {
        .argv = argv, .folder = c->file.root, .log = log, .keep_fd = -1};
    enum platoon_status st = argv && log ? PLATOON_OK : no_memory(err);

    for (size_t i = 0; st == PLATOON_OK && i < n; i++)
        argv[i] = platoon_as_str(platoon_item(c->file.prepare, i), NULL);
    if (st == PLATOON_OK) {
        talk("preparing: %s", argv[0]);
        st = child_start(&options, &child, err);
    }
    while (st == PLATOON_OK && !child_wait(&child, -1))
        continue; /* a signal handler ran; Ctrl-C is looked at when tasks are */
    if (st == PLATOON_OK && child.status != 0)
        st = crew_describe_end(c->folder.path, &child, "prepare", "prepare.log", err);
    free(log);
    free(argv);
    return st;
}

bool campaign_is_prepared(const struct campaign *c)
{
    char *stamp, *text;
    bool is_prepared;

    if (!c->file.prepare || !c->folder.path)
        return !c->file.prepare;
    stamp = campaign_folder_join(&c->folder, "prepared");
    text = stamp_text(&c->file);
    is_prepared = stamp && text && has_stamp(stamp, text);
    free(stamp);
    free(text);
    return is_prepared;
}

static enum platoon_status prepare(const struct campaign *c, struct platoon_err *err)
{
    char *stamp = campaign_folder_join(&c->folder, "prepared"), *text = stamp_text(&c->file);
    char *written = NULL;
    enum platoon_status st = stamp && text ? PLATOON_OK : no_memory(err);

    if (st == PLATOON_OK && !has_stamp(stamp, text)) {
        st = run_prepare(c, err);
        if (st == PLATOON_OK)
            st = campaign_folder_write(&c->folder, "prepared", text, &written, err);
    }
    free(stamp);
    free(text);
    free(written);
    return st;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status open_folder(struct campaign *c, const char *folder,
                                       enum campaign_use use, struct platoon_err *err)
{
    char *path = folder ? strdup(folder) : campaign_folder_default(plan_name(c->file.plan));
    enum platoon_status st =
        path ? campaign_folder_open(&c->folder, path, use == CAMPAIGN_WRITE, err) : no_memory(err);

    free(path);
    return st == PLATOON_ENOTFOUND && use == CAMPAIGN_PEEK ? PLATOON_OK : st;
}

/* A name that is wrong would be noticed by nobody: the file counts as one that is not there. */
static void warn_of_missing_inputs(const struct campaign_file *f)
{
    for (size_t i = 0; i < platoon_len(f->inputs); i++) {
        const char *name = platoon_as_str(platoon_item(f->inputs, i), NULL);

        if (!campaign_inputs_has(f, name))
            talk_warning("inputs: there is no file %s in %s; a change of it goes unnoticed", name,
                         f->root);
    }
}

enum platoon_status campaign_open(struct campaign *c, const char *file, const char *folder,
                                  enum campaign_use use, struct platoon_err *err)
{
    struct campaign_file *f = &c->file;
    enum platoon_status st;
    size_t n_cells;

    *c = (struct campaign){.folder.lock_fd = -1};
    st = campaign_file_read(file, f, err);
    if (st == PLATOON_OK)
        st = open_folder(c, folder, use, err);
    if (st == PLATOON_OK && use == CAMPAIGN_WRITE && f->prepare)
        st = prepare(c, err);
    if (st == PLATOON_OK && use == CAMPAIGN_WRITE)
        warn_of_missing_inputs(f);
    if (st == PLATOON_OK)
        st = identify_all(c, err);
    if (st != PLATOON_OK)
        return st;
    n_cells = plan_points(f->plan) * plan_arms(f->plan);
    c->seconds = calloc(n_cells, sizeof *c->seconds);
    c->n_timed = calloc(n_cells, sizeof *c->n_timed);
    c->tally = tally_new(f->plan, f->n_seeds, f->metrics, f->n_metrics, f->max_failed_share);
    if (!c->tally || !c->seconds || !c->n_timed)
        return no_memory(err);
    return c->folder.path ? ledger_read(&c->folder, "runs.jsonl", on_line, c, err) : PLATOON_OK;
}

void campaign_release(struct campaign *c)
{
    tally_free(c->tally);
    free(c->ids);
    free(c->by_id);
    free(c->seconds);
    free(c->n_timed);
    free(c->first_failure);
    campaign_file_release(&c->file);
    if (c->folder.path || c->folder.lock_fd > 0)
        campaign_folder_release(&c->folder);
    *c = (struct campaign){.folder.lock_fd = -1};
}
