/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "campaign/verdict.h"
#include "cli/ask.h"
#include "cli/campaign_precision.h"
#include "cli/campaign_watch.h"
#include "cli/progress.h"
#include "cli/talk.h"

enum { BATCH = 200, PAGE = 200, POLL_MS = 100, WATCH_MS = 1000, LABEL_BYTES = 160 };

enum place_state {
    PLACE_FREE,
    PLACE_SUBMITTED,
    PLACE_DEAD /* at the last look, and nobody was told */
};

struct drive {
    struct campaign *campaign;
    const struct drive_options *options;
    platoon_queue *proxy; /* the typeid `platoon` */
    struct campaign_replications replications;
    struct map numbers; /* a task's number at the server, to its place + 1 */
    uint8_t *places;    /* enum place_state */
    size_t n_live;      /* submitted, and not ended as far as we know */
    int64_t after;      /* results up to this entry were looked at */
    struct ledger runs, submitted;
    bool wants_unfinished; /* of what was submitted: only what waits or runs */
    struct progress progress;
    struct campaign_watch watch;
    uint64_t watched_ns; /* when it was last looked at */
    unsigned n_empty;    /* looks in a row that found nothing to wait for */
    char label[LABEL_BYTES];
};

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

static platoon_value *task_of(const struct campaign *c, size_t index)
{
    struct plan_place at = plan_place_of(c->file.plan, index);

    return plan_task(c->file.plan, at.point, at.arm, c->file.seeds[at.replication]);
}

/* Calls with `args` (taken). */
static enum platoon_status call(struct drive *d, const char *method, platoon_value *args,
                                platoon_value **out, struct platoon_err *err)
{
    enum platoon_status st =
        args ? platoon_call(d->proxy, method, args, NULL, out, err) : no_memory(err);

    platoon_value_unref(args);
    return st;
}

/* --- submitting ------------------------------------------------------------------------------- */

static enum platoon_status bind(struct drive *d, int64_t number, size_t index,
                                struct platoon_err *err)
{
    uint64_t *place = map_put(&d->numbers, (uint64_t)number, 0, NULL);

    if (!place)
        return no_memory(err);
    *place = index + 1;
    d->places[index] = PLACE_SUBMITTED;
    d->n_live++;
    if (d->after == 0 || number < d->after)
        d->after = number; /* results come after the first task */
    return PLATOON_OK;
}

static enum platoon_status note_submitted(struct drive *d, int64_t number, size_t index,
                                          struct platoon_err *err)
{
    char id[IDENTITY_TEXT];
    platoon_value *line = platoon_dict();

    (void)platoon_dict_set(line, "task", platoon_int(number));
    (void)platoon_dict_set(line, "id", platoon_str(identity_text(&d->campaign->ids[index], id)));
    return ledger_add(&d->submitted, line, err);
}

/* What put_many() puts for this place: with a limit of attempts, if the campaign has one. */
static platoon_value *row_to_put(const struct campaign *c, size_t index)
{
    platoon_value *row = platoon_dict();

    if (platoon_dict_set(row, "value", task_of(c, index)) == PLATOON_OK &&
        (!c->file.attempts ||
         platoon_dict_set(row, "attempts", platoon_int(c->file.attempts)) == PLATOON_OK))
        return row;
    platoon_value_unref(row);
    return NULL;
}

static enum platoon_status put_batch(struct drive *d, const size_t *indexes, size_t n,
                                     struct platoon_err *err)
{
    platoon_value *rows = platoon_list(), *numbers = NULL;
    enum platoon_status st = rows ? PLATOON_OK : no_memory(err);

    for (size_t i = 0; st == PLATOON_OK && i < n; i++)
        if (platoon_append(rows, row_to_put(d->campaign, indexes[i])) != PLATOON_OK)
            st = no_memory(err);
    if (st != PLATOON_OK) {
        platoon_value_unref(rows);
        return st;
    }
    st = call(d, "put_many",
              platoon_tuple(3, platoon_str(d->options->task_queue), platoon_none(), rows), &numbers,
              err);
    for (size_t i = 0; st == PLATOON_OK && i < n; i++) {
        int64_t number;

        if (platoon_as_int(platoon_item(numbers, i), &number) != PLATOON_OK)
            st = platoon_fail(err, PLATOON_EPROTO, "the server gave no number for a task");
        else if ((st = bind(d, number, indexes[i], err)) == PLATOON_OK)
            st = note_submitted(d, number, indexes[i], err);
    }
    platoon_value_unref(numbers);
    return st;
}

/* Replication by replication, so that all grow evenly; within one the longest first, as far as
 * earlier runs tell, so that none is left over at the end. */
static int compare_turn(const void *a, const void *b, void *arg)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const struct campaign *c = arg;
    struct plan_place px = plan_place_of(c->file.plan, x), py = plan_place_of(c->file.plan, y);
    size_t n_arms = plan_arms(c->file.plan);
    double sx = c->seconds[px.point * n_arms + px.arm], sy = c->seconds[py.point * n_arms + py.arm];

    if (px.replication != py.replication)
        return px.replication < py.replication ? -1 : 1;
    if (sx != sy)
        return sx > sy ? -1 : 1;
    return (x > y) - (x < y);
}

static enum platoon_status submit(struct drive *d, struct platoon_err *err)
{
    struct campaign *c = d->campaign;
    size_t *indexes = calloc(c->file.n_tasks, sizeof *indexes), n = 0;
    enum platoon_status st = indexes ? PLATOON_OK : no_memory(err);

    for (size_t i = 0; st == PLATOON_OK && i < c->file.n_tasks; i++)
        if (d->places[i] == PLACE_FREE && tally_state_of(c->tally, i) == TALLY_MISSING &&
            replications_want(&d->replications, i) && !campaign_is_repeat(c, i))
            indexes[n++] = i;
    if (st == PLATOON_OK && n)
        qsort_r(indexes, n, sizeof *indexes, compare_turn, c);
    for (size_t i = 0; st == PLATOON_OK && i < n; i += BATCH) {
        if (*d->options->stop)
            st = platoon_fail(err, PLATOON_EINTR, "interrupted");
        else
            st = put_batch(d, indexes + i, n - i < BATCH ? n - i : BATCH, err);
    }
    free(indexes);
    return st;
}

/* --- what was submitted before ---------------------------------------------------------------- */

/* Is task `number` at the server the one with this place? *out_row (yours) is what it knows. */
static enum platoon_status is_ours(struct drive *d, int64_t number, size_t index, bool *out_is,
                                   platoon_value **out_row, struct platoon_err *err)
{
    platoon_value *row = NULL, *task;
    enum platoon_status st = call(d, "explain", platoon_tuple(1, platoon_int(number)), &row, err);

    *out_is = false;
    *out_row = NULL;
    if (st == PLATOON_EREMOTE && strcmp(err->type, "LookupError") == 0)
        return PLATOON_OK; /* purged, or another server's number */
    if (st != PLATOON_OK)
        return st;
    task = task_of(d->campaign, index);
    *out_is = task && platoon_equal(task, platoon_dict_get(row, "value")) &&
              strcmp(ask_text(row, "queue"), d->options->task_queue) == 0;
    platoon_value_unref(task);
    *out_row = row;
    return PLATOON_OK;
}

/* What failed is tried again: only what may still end well, or did, counts. */
static bool counts_as_submitted(const struct drive *d, const char *state)
{
    if (strcmp(state, "done") == 0)
        return !d->wants_unfinished;
    return strcmp(state, "failed") != 0 && strcmp(state, "dead") != 0 &&
           strcmp(state, "cancelled") != 0;
}

static enum platoon_status on_submitted(const platoon_value *line, void *arg,
                                        struct platoon_err *err)
{
    struct drive *d = arg;
    int64_t number = ask_number(line, "task");
    struct identity id;
    platoon_value *row;
    enum platoon_status st;
    size_t index;
    bool is_same;

    if (number < 1 || !identity_parse(ask_text(line, "id"), &id))
        return platoon_fail(err, PLATOON_EINVAL, "a line of submitted.jsonl has no task and id");
    index = campaign_find(d->campaign, &id);
    if (index == d->campaign->file.n_tasks || d->places[index] != PLACE_FREE ||
        tally_state_of(d->campaign->tally, index) != TALLY_MISSING)
        return PLATOON_OK;
    st = is_ours(d, number, index, &is_same, &row, err);
    if (st == PLATOON_OK && is_same && counts_as_submitted(d, ask_text(row, "state")))
        st = bind(d, number, index, err);
    platoon_value_unref(row);
    return st;
}

/* --- results ---------------------------------------------------------------------------------- */

/* The value of a row: plain data, or None where it is not. *out_is_opaque tells. Yours. */
static platoon_value *row_value(const platoon_value *row, bool *out_is_opaque)
{
    platoon_value *v = platoon_dict_get(row, "value");
    size_t len = 0;
    const void *pickle;

    *out_is_opaque = false;
    if (v)
        return platoon_value_ref(v);
    pickle = platoon_as_bytes(platoon_dict_get(row, "pickle"), &len);
    if (pickle && platoon_pickle_decode(pickle, len, NULL, &v, NULL) == PLATOON_OK)
        return v;
    *out_is_opaque = true;
    return platoon_none();
}

/* Who ran it, from when to when, in which attempt. Only for people: what is not known is left out. */
static void add_history(struct drive *d, platoon_value *line, int64_t number)
{
    platoon_value *row = NULL;
    const platoon_value *attempts, *last;

    if (call(d, "explain", platoon_tuple(1, platoon_int(number)), &row, NULL) != PLATOON_OK)
        return;
    attempts = platoon_dict_get(row, "attempts");
    last = platoon_item(attempts, platoon_len(attempts) ? platoon_len(attempts) - 1 : 0);
    if (last) {
        static const char *const keys[][2] = {
            {"attempt", "number"}, {"worker", "worker"}, {"started", "taken"}, {"ended", "ended"}};

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            (void)platoon_dict_set(line, keys[i][0],
                                   platoon_value_ref(platoon_dict_get(last, keys[i][1])));
    }
    platoon_value_unref(row);
}

/* One line of runs.jsonl. */
static platoon_value *make_line(struct drive *d, size_t index, int64_t number,
                                const platoon_value *row)
{
    const struct campaign *c = d->campaign;
    struct plan_place at = plan_place_of(c->file.plan, index);
    bool is_opaque;
    platoon_value *line = platoon_dict(), *value = row_value(row, &is_opaque);
    platoon_value *error = platoon_dict_get(value, "platoon_error");
    char id[IDENTITY_TEXT];

    (void)platoon_dict_set(line, "id", platoon_str(identity_text(&c->ids[index], id)));
    (void)platoon_dict_set(line, "campaign", platoon_str(plan_name(c->file.plan)));
    (void)platoon_dict_set(line, "arm", platoon_str(plan_arm_name(c->file.plan, at.arm)));
    (void)platoon_dict_set(line, "point", plan_copy(plan_point(c->file.plan, at.point)));
    (void)platoon_dict_set(line, "seed", platoon_int(c->file.seeds[at.replication]));
    (void)platoon_dict_set(line, "task", task_of(c, index));
    (void)platoon_dict_set(line, "state", platoon_str(error ? "failed" : "done"));
    (void)platoon_dict_set(line, error ? "error" : "result",
                           error ? platoon_value_ref(error) : platoon_value_ref(value));
    if (is_opaque)
        (void)platoon_dict_set(line, "is_opaque", platoon_bool(true));
    (void)platoon_dict_set(line, "number", platoon_int(number));
    add_history(d, line, number);
    platoon_value_unref(value);
    return line;
}

static bool is_cancelled(const platoon_value *line)
{
    const char *kind =
        platoon_as_str(platoon_dict_get(platoon_dict_get(line, "error"), "kind"), NULL);

    return kind && strcmp(kind, "cancelled") == 0;
}

static enum platoon_status take_result(struct drive *d, const platoon_value *row,
                                       struct platoon_err *err)
{
    int64_t number = ask_number(row, "result_of");
    const uint64_t *place = number > 0 ? map_find(&d->numbers, (uint64_t)number, 0) : NULL;
    size_t index = place ? (size_t)*place - 1 : 0;
    platoon_value *line;
    enum platoon_status st;

    if (!place || d->places[index] == PLACE_FREE ||
        tally_state_of(d->campaign->tally, index) != TALLY_MISSING)
        return PLATOON_OK; /* somebody else's, or known */
    d->n_live--;
    line = make_line(d, index, number, row);
    if (line && is_cancelled(line)) {
        platoon_value_unref(line); /* by an operator: neither done nor failed */
        return PLATOON_OK;
    }
    st = ledger_add(&d->runs, platoon_value_ref(line), err);
    if (st == PLATOON_OK)
        st = campaign_take(d->campaign, line, err);
    platoon_value_unref(line);
    return st;
}

/* A page of what came since; *out_n rows. */
static enum platoon_status poll_results(struct drive *d, size_t *out_n, struct platoon_err *err)
{
    platoon_value *filter = platoon_dict(), *rows = NULL;
    enum platoon_status st;

    (void)platoon_dict_set(filter, "results", platoon_bool(true));
    (void)platoon_dict_set(filter, "values", platoon_bool(true));
    (void)platoon_dict_set(filter, "queue", platoon_str(d->options->result_queue));
    (void)platoon_dict_set(filter, "after", platoon_int(d->after));
    (void)platoon_dict_set(filter, "limit", platoon_int(PAGE));
    st = call(d, "tasks", platoon_tuple(1, filter), &rows, err);
    *out_n = platoon_len(rows);
    for (size_t i = 0; st == PLATOON_OK && i < *out_n; i++) {
        const platoon_value *row = platoon_item(rows, i);

        d->after = ask_number(row, "task");
        st = take_result(d, row, err);
    }
    platoon_value_unref(rows);
    return st;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void show_progress(struct drive *d)
{
    struct campaign *c = d->campaign;
    const struct precision_point *widest = replications_widest(&d->replications, true);
    char has[VERDICT_NUMBER], wanted[VERDICT_NUMBER];

    d->progress.total = c->n_done + c->n_failed + d->n_live;
    if (widest) {
        const struct tally_metric *m = tally_metric(c->tally, c->file.precision.metric);

        (void)snprintf(d->label, sizeof d->label, "%.40s  ±%s of ±%s%s%s", plan_name(c->file.plan),
                       verdict_number(widest->half_width, false, has),
                       verdict_number(widest->target, false, wanted), *m->unit ? " " : "",
                       m->unit); /* fits */
    }
    d->progress.running =
        (uint64_t)d->watch.n_running < d->n_live ? (uint64_t)d->watch.n_running : d->n_live;
    progress_update(&d->progress, c->n_done + c->n_failed, c->n_failed, 0, clock_mono_ns());
}

/* A dead task whose last holder was a stock client has no result that would come. */
static enum platoon_status take_dead(struct drive *d, const platoon_value *row,
                                     struct platoon_err *err)
{
    int64_t number = ask_number(row, "task");
    const uint64_t *place = number > 0 ? map_find(&d->numbers, (uint64_t)number, 0) : NULL;
    platoon_value *result, *value, *error;
    enum platoon_status st;

    if (!place || d->places[*place - 1] == PLACE_FREE || ask_number(row, "result") > 0)
        return PLATOON_OK;
    if (d->places[*place - 1] == PLACE_SUBMITTED) {
        d->places[*place - 1] = PLACE_DEAD; /* of an agent's the server is about to tell */
        return PLATOON_OK;
    }
    result = platoon_dict();
    value = platoon_dict();
    error = platoon_dict();
    (void)platoon_dict_set(error, "kind", platoon_str("lost"));
    (void)platoon_dict_set(error, "message",
                           platoon_str("the task was lost with its worker once too often"));
    (void)platoon_dict_set(value, "platoon_error", error);
    (void)platoon_dict_set(result, "value", value);
    (void)platoon_dict_set(result, "result_of", platoon_int(number));
    st = take_result(d, result, err);
    platoon_value_unref(result);
    return st;
}

static enum platoon_status look_for_dead(struct drive *d, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    int64_t after = 0;
    size_t n = PAGE;

    while (st == PLATOON_OK && n == PAGE) {
        platoon_value *filter = platoon_dict(), *rows = NULL;

        (void)platoon_dict_set(filter, "states", platoon_str("dead"));
        (void)platoon_dict_set(filter, "queue", platoon_str(d->options->task_queue));
        (void)platoon_dict_set(filter, "after", platoon_int(after));
        (void)platoon_dict_set(filter, "limit", platoon_int(PAGE));
        st = call(d, "tasks", platoon_tuple(1, filter), &rows, err);
        n = platoon_len(rows);
        for (size_t i = 0; st == PLATOON_OK && i < n; i++) {
            after = ask_number(platoon_item(rows, i), "task");
            st = take_dead(d, platoon_item(rows, i), err);
        }
        platoon_value_unref(rows);
    }
    return st;
}

/* Once a second: what is it that we wait for? */
static enum platoon_status watch(struct drive *d, struct platoon_err *err)
{
    uint64_t now_ns = clock_mono_ns();
    platoon_value *stats = NULL;
    enum platoon_status st;

    if (d->watched_ns && now_ns - d->watched_ns < WATCH_MS * UINT64_C(1000000))
        return PLATOON_OK;
    d->watched_ns = now_ns;
    st = call(d, "stats", platoon_tuple(0), &stats, err);
    if (st != PLATOON_OK)
        return st;
    campaign_watch_read(&d->watch, stats, d->options->task_queue);
    if (d->n_live && d->options->is_remote)
        campaign_watch_tell(&d->watch, stats, d->options->task_queue);
    platoon_value_unref(stats);
    if (d->watch.n_dead)
        st = look_for_dead(d, err);
    /* A result may have come since the last page was asked for: not at the first look. */
    d->n_empty = d->watch.is_empty && d->n_live ? d->n_empty + 1 : 0;
    if (st == PLATOON_OK && d->n_empty > 2)
        st = platoon_fail(err, PLATOON_ENOTFOUND,
                          "%zu tasks of the campaign are not at the server any more, and have no "
                          "result there (were they purged?)",
                          d->n_live);
    return st;
}

static enum platoon_status wait_for_results(struct drive *d, struct platoon_err *err)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    enum platoon_status st = PLATOON_OK;
    bool is_over = !d->options->wind_down;

    progress_init(&d->progress, d->label, d->campaign->file.n_tasks, clock_mono_ns());
    progress_start_from(&d->progress, d->campaign->n_done + d->campaign->n_failed, clock_mono_ns());
    while (st == PLATOON_OK) {
        size_t n = 0;
        bool wants_more = false;

        st = poll_results(d, &n, err);
        if (st == PLATOON_OK && n == 0)
            st = watch(d, err);
        if (st == PLATOON_OK && replications_look(&d->replications, &wants_more) != PLATOON_OK)
            st = no_memory(err);
        if (st == PLATOON_OK && wants_more && d->options->is_submitting && !*d->options->stop)
            st = submit(d, err);
        show_progress(d);
        if (st == PLATOON_OK && d->n_live == 0 && !wants_more)
            break;
        if (st == PLATOON_OK && *d->options->stop) {
            /* What the last one brought was there before its end: one more look. */
            if (is_over && n == 0)
                st = platoon_fail(err, PLATOON_EINTR, "interrupted");
            is_over = !d->options->wind_down || !d->options->wind_down(d->options->arg);
        } else if (st == PLATOON_OK && n == 0 && d->options->check)
            st = d->options->check(d->options->arg, err);
        if (st == PLATOON_OK && n == 0)
            nanosleep(&pause, NULL); /* Ctrl-C ends it early */
    }
    progress_end(&d->progress);
    return st;
}

/* A server in memory forgets which task a result is of. */
static enum platoon_status check_store(struct drive *d, struct platoon_err *err)
{
    platoon_value *stats = NULL;
    enum platoon_status st = call(d, "stats", platoon_tuple(0), &stats, err);

    if (st == PLATOON_OK && strcmp(ask_text(stats, "store"), "memory") == 0)
        st = platoon_fail(err, PLATOON_ENOTFOUND,
                          "the server keeps its tasks in memory only, without an account of their "
                          "results; start it with a data folder (platoon serve --data DIR)");
    platoon_value_unref(stats);
    return st;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status open_drive(struct drive *d, struct campaign *c, platoon_manager *m,
                                      const struct drive_options *options, struct platoon_err *err)
{
    enum platoon_status st;

    *d = (struct drive){.campaign = c, .options = options};
    map_init(&d->numbers);
    (void)snprintf(d->label, sizeof d->label, "%.70s", plan_name(c->file.plan)); /* cut to fit */
    d->places = calloc(c->file.n_tasks, 1);
    if (!d->places || !replications_init(&d->replications, c, options->slots))
        return no_memory(err);
    st = platoon_manager_queue(m, "platoon", NULL, &d->proxy, err);
    if (st == PLATOON_ENOTFOUND)
        return platoon_fail(err, st,
                            "the server is not Platoon's: Python's own manager keeps no account "
                            "of its tasks");
    return st == PLATOON_OK ? check_store(d, err) : st;
}

static void close_drive(struct drive *d)
{
    platoon_queue_drop(d->proxy);
    ledger_close(&d->runs);
    ledger_close(&d->submitted);
    replications_release(&d->replications);
    map_release(&d->numbers);
    free(d->places);
}

enum platoon_status campaign_drive(struct campaign *c, platoon_manager *m,
                                   const struct drive_options *options, struct platoon_err *err)
{
    struct drive d;
    bool unused;
    enum platoon_status st = open_drive(&d, c, m, options, err);

    if (st == PLATOON_OK)
        st = ledger_open(&c->folder, "runs.jsonl", &d.runs, err);
    if (st == PLATOON_OK)
        st = ledger_open(&c->folder, "submitted.jsonl", &d.submitted, err);
    if (st == PLATOON_OK && replications_look(&d.replications, &unused) != PLATOON_OK)
        st = no_memory(err);
    if (st == PLATOON_OK && options->is_remote)
        st = ledger_read(&c->folder, "submitted.jsonl", on_submitted, &d, err);
    if (st == PLATOON_OK && options->is_submitting)
        st = submit(&d, err);
    if (st == PLATOON_EINTR && options->wind_down)
        st = PLATOON_OK; /* what was submitted may have results */
    if (st == PLATOON_OK && options->is_waiting)
        st = wait_for_results(&d, err);
    close_drive(&d);
    return st;
}

enum platoon_status campaign_unfinished(struct campaign *c, platoon_manager *m,
                                        const char *task_queue, platoon_value *list,
                                        struct platoon_err *err)
{
    const struct drive_options options = {.task_queue = task_queue};
    struct drive d;
    enum platoon_status st = open_drive(&d, c, m, &options, err);

    d.wants_unfinished = true;
    if (st == PLATOON_OK)
        st = ledger_read(&c->folder, "submitted.jsonl", on_submitted, &d, err);
    for (size_t i = 0; st == PLATOON_OK && i < d.numbers.cap; i++)
        if (d.numbers.slots[i].is_used &&
            platoon_append(list, platoon_int((int64_t)d.numbers.slots[i].a)) != PLATOON_OK)
            st = no_memory(err);
    close_drive(&d);
    return st;
}
