/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_source.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/campaign_inputs.h"

enum {
    MAX_RUNS = 4000000,           /* attempts of them, too */
    MAX_FILE_BYTES = 1024 * 1024, /* no campaign file is longer */
    MAX_INPUT_POINTS = 64         /* design points whose files are listed */
};

struct gathering {
    struct report_source *source;
    const struct campaign *campaign;
};

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- runs ------------------------------------------------------------------------------------- */

/* The worker's place among those seen; they are few. SIZE_MAX when out of memory. */
static size_t find_worker(struct report_source *s, const char *name)
{
    for (size_t i = s->n_workers; i-- > 0;)
        if (strcmp(s->workers[i], name) == 0)
            return i;
    if (s->n_workers == s->workers_cap) {
        size_t cap = s->workers_cap ? 2 * s->workers_cap : 16;
        char **more = realloc(s->workers, cap * sizeof *more);

        if (!more)
            return SIZE_MAX;
        s->workers = more;
        s->workers_cap = cap;
    }
    s->workers[s->n_workers] = strdup(name);
    return s->workers[s->n_workers] ? s->n_workers++ : SIZE_MAX;
}

static double seconds_of(const platoon_value *line, const char *key)
{
    double seconds;

    return platoon_as_float(platoon_dict_get(line, key), &seconds) == PLATOON_OK &&
                   isfinite(seconds) && seconds >= 0 && seconds < 1e11
               ? seconds
               : NAN;
}

static enum platoon_status add_run(struct report_source *s, size_t place, bool is_failed,
                                   const platoon_value *line, struct platoon_err *err)
{
    const char *name = platoon_as_str(platoon_dict_get(line, "worker"), NULL);
    struct report_run run = {.started_s = seconds_of(line, "started"),
                             .ended_s = seconds_of(line, "ended"),
                             .place = place,
                             .worker = find_worker(s, name ? name : "?"),
                             .is_failed = is_failed};

    if (run.worker == SIZE_MAX)
        return no_memory(err);
    if (s->report.n_runs == MAX_RUNS)
        return PLATOON_OK;
    if (s->report.n_runs == s->runs_cap) {
        size_t cap = s->runs_cap ? 2 * s->runs_cap : 256;
        struct report_run *more = realloc(s->runs, cap * sizeof *more);

        if (!more)
            return no_memory(err);
        s->runs = more;
        s->runs_cap = cap;
    }
    s->runs[s->report.n_runs++] = run;
    return PLATOON_OK;
}

/* --- what results name -------------------------------------------------------------------------
 */

static bool add_text(struct report_texts *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->texts[i], text) == 0)
            return true;
    if (t->n > REPORT_MAX_TEXTS)
        return true;
    t->texts[t->n] = strdup(t->n < REPORT_MAX_TEXTS ? text : "…");
    return t->texts[t->n] && ++t->n;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Runs end in another order each time. */
static void sort_texts(struct report_texts *t)
{
    qsort(t->texts, t->n < REPORT_MAX_TEXTS ? t->n : REPORT_MAX_TEXTS, sizeof *t->texts,
          compare_texts);
}

static void release_texts(struct report_texts *t)
{
    while (t->n)
        free(t->texts[--t->n]);
}

/* --- what went wrong ---------------------------------------------------------------------------
 */

/* A later line of the same run replaces the reason of an earlier one; where there is no more room,
 * a failure replaces an outcome. */
static enum platoon_status add_problem(struct report_source *s, size_t place, bool is_failed,
                                       const char *reason, struct platoon_err *err)
{
    size_t i = 0;
    char *copy;

    while (i < s->report.n_problems && s->problems[i].place != place)
        i++;
    if (i == REPORT_MAX_PROBLEMS)
        for (i = 0; i < REPORT_MAX_PROBLEMS && (s->problems[i].is_failed || !is_failed);)
            i++;
    if (i == REPORT_MAX_PROBLEMS)
        return PLATOON_OK;
    copy = strdup(reason);
    if (!copy)
        return no_memory(err);
    if (i == s->report.n_problems)
        s->report.n_problems++;
    else
        free((char *)s->problems[i].reason);
    s->problems[i] = (struct report_problem){place, is_failed, copy};
    return PLATOON_OK;
}

/* The sentence, and below it the end of what the program said. */
static enum platoon_status look_at_failure(struct report_source *s, size_t place,
                                           const platoon_value *line, struct platoon_err *err)
{
    const platoon_value *error = platoon_dict_get(line, "error");
    const char *message = platoon_as_str(platoon_dict_get(error, "message"), NULL);
    const char *kind = platoon_as_str(platoon_dict_get(error, "kind"), NULL);
    const char *tail = platoon_as_str(platoon_dict_get(error, "stderr_tail"), NULL);
    enum platoon_status st;
    char *reason;

    if (asprintf(&reason, "%s%s%s",
                 message ? message
                 : kind  ? kind
                         : "?",
                 tail ? "\n" : "", tail ? tail : "") < 0)
        return no_memory(err);
    st = add_problem(s, place, true, reason, err);
    free(reason);
    return st;
}

static enum platoon_status look_at_result(struct report_source *s, size_t place,
                                          const platoon_value *line, struct platoon_err *err)
{
    const platoon_value *result = platoon_dict_get(line, "result");
    const char *outcome = platoon_as_str(platoon_dict_get(result, "outcome"), NULL);
    const char *version = platoon_as_str(platoon_dict_get(result, "sumo_version"), NULL);
    const char *hash = platoon_as_str(platoon_dict_get(result, "inputs_sha256"), NULL);
    const char *stopped_by = platoon_as_str(platoon_dict_get(result, "stopped_by"), NULL);
    enum platoon_status st;
    char *reason;

    if ((version && !add_text(&s->sumo_versions, version)) || (hash && !add_text(&s->hashes, hash)))
        return no_memory(err);
    if (!outcome || strcmp(outcome, "ok") == 0)
        return PLATOON_OK;
    s->report.n_not_ok++;
    if (asprintf(&reason, "%s%s%s", outcome, stopped_by ? ": " : "", stopped_by ? stopped_by : "") <
        0)
        return no_memory(err);
    st = add_problem(s, place, false, reason, err);
    free(reason);
    return st;
}

static enum platoon_status on_line(const platoon_value *line, void *arg, struct platoon_err *err)
{
    const struct gathering *g = arg;
    const char *state = platoon_as_str(platoon_dict_get(line, "state"), NULL);
    bool is_failed = !state || strcmp(state, "done") != 0;
    enum platoon_status st;
    struct identity id;
    size_t place;

    if (!identity_parse(platoon_as_str(platoon_dict_get(line, "id"), NULL), &id))
        return PLATOON_OK;
    place = campaign_find(g->campaign, &id);
    if (place == g->campaign->file.n_tasks)
        return PLATOON_OK; /* of a campaign that was changed since */
    st = add_run(g->source, place, is_failed, line, err);
    if (st != PLATOON_OK)
        return st;
    if (!is_failed)
        return look_at_result(g->source, place, line, err);
    if (tally_state_of(g->campaign->tally, place) == TALLY_FAILED)
        return look_at_failure(g->source, place, line, err);
    return PLATOON_OK; /* done in a later attempt */
}

static int compare_problems(const void *a, const void *b)
{
    const struct report_problem *x = a, *y = b;

    if (x->is_failed != y->is_failed)
        return x->is_failed ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* --- how to do it again ------------------------------------------------------------------------
 */

static enum platoon_status read_text(const char *path, char **out, struct platoon_err *err)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(MAX_FILE_BYTES + 1) : NULL;
    size_t len = text ? fread(text, 1, MAX_FILE_BYTES, f) : 0;
    bool is_fine = text && !ferror(f);
    int why = errno;

    if (f)
        fclose(f);
    if (!is_fine) {
        free(text);
        return platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(why));
    }
    text[len] = '\0';
    *out = text;
    return PLATOON_OK;
}

/* A word as a shell reads it. */
static void put_word(struct buf *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./,=+:@%";

    if (*word && word[strspn(word, plain)] == '\0') {
        buf_printf(b, " %s", word);
        return;
    }
    buf_text(b, " '");
    for (; *word; word++)
        if (*word == '\'')
            buf_text(b, "'\\''");
        else
            buf_byte(b, (uint8_t)*word);
    buf_text(b, "'");
}

static char *command_text(const char *file, const char *folder)
{
    struct buf b;

    buf_init(&b);
    buf_text(&b, "platoon run");
    put_word(&b, file);
    if (folder) {
        buf_text(&b, " --folder");
        put_word(&b, folder);
    }
    return buf_take_text(&b, NULL);
}

/* All that SUMO reads for a task has one hash: it is called by the configuration's name and "…". */
static enum platoon_status add_configuration(platoon_value *inputs, const platoon_value *task,
                                             const platoon_value *recipe, struct platoon_err *err)
{
    const char *filename = platoon_as_str(platoon_dict_get(task, "filename"), NULL);
    platoon_value *hash = platoon_dict_get(recipe, ":inputs");
    enum platoon_status st = PLATOON_OK;
    char *name;

    if (!filename || !hash)
        return PLATOON_OK;
    if (asprintf(&name, "%s …", filename) < 0)
        return no_memory(err);
    if (platoon_dict_set(inputs, name, platoon_value_ref(hash)) != PLATOON_OK)
        st = no_memory(err);
    free(name);
    return st;
}

/* The files in a recipe, and in the one it shares with others. */
static enum platoon_status add_inputs(platoon_value *inputs, const platoon_value *recipe,
                                      struct platoon_err *err)
{
    const platoon_value *shared = platoon_dict_get(recipe, ":shared");
    platoon_value *key, *child;

    for (size_t i = 0; platoon_dict_entry(recipe, i, &key, &child); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (name && *name != ':' && platoon_as_str(child, NULL) &&
            platoon_dict_set(inputs, name, platoon_value_ref(child)) != PLATOON_OK)
            return no_memory(err);
    }
    return shared ? add_inputs(inputs, shared, err) : PLATOON_OK;
}

static enum platoon_status gather_inputs(struct report_source *s, const struct campaign *c,
                                         struct platoon_err *err)
{
    const struct campaign_plan *plan = c->file.plan;
    struct campaign_inputs in;
    enum platoon_status st = campaign_inputs_init(&in, &c->file, err);

    s->inputs = platoon_dict();
    if (st == PLATOON_OK && !s->inputs)
        st = no_memory(err);
    s->report.n_input_points =
        plan_points(plan) < MAX_INPUT_POINTS ? plan_points(plan) : MAX_INPUT_POINTS;
    for (size_t p = 0; p < s->report.n_input_points; p++)
        for (size_t a = 0; st == PLATOON_OK && a < plan_arms(plan); a++) {
            platoon_value *task = plan_task(plan, p, a, c->file.seeds[0]);
            const platoon_value *recipe = NULL;

            st = task ? campaign_inputs_of(&in, task, &recipe, err) : no_memory(err);
            if (st == PLATOON_OK)
                st = add_inputs(s->inputs, recipe, err);
            if (st == PLATOON_OK)
                st = add_configuration(s->inputs, task, recipe, err);
            platoon_value_unref(task);
        }
    campaign_inputs_release(&in);
    return st;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum platoon_status report_source_gather(struct report_source *s, const struct campaign *c,
                                         const char *file, const char *folder,
                                         struct platoon_err *err)
{
    struct gathering g = {s, c};
    enum platoon_status st;

    *s = (struct report_source){0};
    st = ledger_read(&c->folder, "runs.jsonl", on_line, &g, err);
    if (st == PLATOON_OK)
        st = identity_of_file(file, s->file_hash, err);
    if (st == PLATOON_OK)
        st = read_text(file, &s->file_text, err);
    if (st == PLATOON_OK)
        st = gather_inputs(s, c, err);
    s->command = command_text(file, folder);
    if (st == PLATOON_OK && !s->command)
        st = no_memory(err);
    if (st != PLATOON_OK)
        return st;
    sort_texts(&s->sumo_versions);
    sort_texts(&s->hashes);
    qsort(s->problems, s->report.n_problems, sizeof *s->problems, compare_problems);
    s->report.plan = c->file.plan;
    s->report.tally = c->tally;
    s->report.seeds = c->file.seeds;
    s->report.n_seeds = c->file.n_seeds;
    s->report.max_failed_share = c->file.max_failed_share;
    s->report.runs = s->runs;
    s->report.workers = (const char *const *)s->workers;
    s->report.n_workers = s->n_workers;
    s->report.problems = s->problems;
    s->report.n_done = c->n_done;
    s->report.n_failed = c->n_failed;
    s->report.file_path = file;
    s->report.file_text = s->file_text;
    s->report.file_sha256 = s->file_hash;
    s->report.command = s->command;
    s->report.sumo_versions = (const char *const *)s->sumo_versions.texts;
    s->report.n_sumo_versions = s->sumo_versions.n;
    s->report.hashes = (const char *const *)s->hashes.texts;
    s->report.n_hashes = s->hashes.n;
    s->report.inputs = s->inputs;
    return PLATOON_OK;
}

void report_source_release(struct report_source *s)
{
    for (size_t i = 0; i < s->n_workers; i++)
        free(s->workers[i]);
    for (size_t i = 0; i < s->report.n_problems; i++)
        free((char *)s->problems[i].reason);
    release_texts(&s->sumo_versions);
    release_texts(&s->hashes);
    free(s->workers);
    free(s->runs);
    platoon_value_unref(s->inputs);
    free(s->file_text);
    free(s->command);
    *s = (struct report_source){0};
}
