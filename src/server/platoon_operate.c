/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_operate.c - see platoon_operate.h. People are slow: values are built here without haste,
 * but a page is bounded. */
#include "server/platoon_operate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/platoon_args.h"
#include "server/queue.h"
#include "server/queue_internal.h"
#include "server/request.h"
#include "server/rows.h"
#include "server/server.h"
#include "store/look.h"

enum {
    DEFAULT_ROWS = 100,
    MAX_IDS = 10000,
    PURGE_SLICE = 100000,
    DECODED_BYTES = 64 * 1024 /* a larger value is shown as its pickle */
};

static void reply_no_memory(struct request *rq)
{
    reply_error(rq, "MemoryError", "the server has no memory left for this call");
}

/* Takes `v`; NULL is out of memory. */
static void reply_taken(struct request *rq, platoon_value *v)
{
    if (v)
        reply_value(rq, v);
    else
        reply_no_memory(rq);
    platoon_value_unref(v);
}

/* --- arguments -------------------------------------------------------------------------------- */

/* The call's only argument, yours; *out is NULL when it was not given. False: the reply is made. */
static bool only_argument(struct request *rq, const char *name, platoon_value **out)
{
    platoon_value *args, *kwds, *v;

    if (request_decode(rq, 0, &args, &kwds) != PLATOON_OK)
        return false;
    v = platoon_len(args) ? platoon_item(args, 0) : platoon_dict_get(kwds, name);
    if (platoon_len(args) + platoon_len(kwds) > (size_t)(v != NULL)) {
        reply_error(rq, "TypeError", "this method takes one argument, '%s'", name);
        v = NULL;
    } else {
        *out = platoon_value_ref(v);
        v = (platoon_value *)args; /* any non-NULL: all is well */
    }
    platoon_value_unref(args);
    platoon_value_unref(kwds);
    return v != NULL;
}

/* Ids from an int or a list of ints, malloc()ed. False: the reply is made. */
static bool read_ids(struct request *rq, const platoon_value *v, store_task_id **out, size_t *out_n)
{
    size_t n = platoon_value_kind(v) == PLATOON_INT ? 1 : platoon_len(v);
    store_task_id *ids = n && n <= MAX_IDS ? calloc(n, sizeof *ids) : NULL;

    if (!ids) {
        reply_error(rq, "ValueError", "'tasks' is a task's number, or a list of 1 to %d of them",
                    MAX_IDS);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const platoon_value *item = platoon_value_kind(v) == PLATOON_INT ? v : platoon_item(v, i);
        int64_t id;

        if (platoon_as_int(item, &id) != PLATOON_OK || id < 1) {
            free(ids);
            reply_error(rq, "ValueError", "a task's number is an int above 0");
            return false;
        }
        ids[i] = (store_task_id)id;
    }
    *out = ids;
    *out_n = n;
    return true;
}

static bool ids_argument(struct request *rq, store_task_id **out, size_t *out_n)
{
    platoon_value *v = NULL;
    bool ok = only_argument(rq, "tasks", &v) && read_ids(rq, v, out, out_n);

    platoon_value_unref(v);
    return ok;
}

static bool read_state(const char *name, uint32_t *states)
{
    for (int s = STORE_QUEUED; s <= STORE_CANCELLED; s++) {
        if (strcmp(name, store_state_name((enum store_task_state)s)) == 0) {
            *states |= LOOK_STATE(s);
            return true;
        }
    }
    return false;
}

static bool read_states(struct request *rq, const platoon_value *v, uint32_t *out)
{
    size_t n = platoon_value_kind(v) == PLATOON_STR ? 1 : platoon_len(v);

    *out = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name =
            platoon_as_str(platoon_value_kind(v) == PLATOON_STR ? v : platoon_item(v, i), NULL);

        if (!name || !read_state(name, out)) {
            reply_error(
                rq, "ValueError",
                "there is no state '%.40s'; states: queued leased done failed abandoned dead "
                "cancelled",
                name ? name : "?");
            return false;
        }
    }
    return true;
}

/* By name; queues of an earlier life that nobody has opened yet included. 0: the reply is made. */
static store_queue_id read_queue(struct request *rq, const char *name)
{
    struct queue *q = queue_find(rq->srv, name);

    if (q)
        return queue_id(q);
    reply_error(rq, "LookupError", "this server has no queue '%.200s'; platoon status lists them",
                name);
    return 0;
}

static bool read_filter(struct request *rq, const platoon_value *v, struct store_filter *f)
{
    const char *queue = platoon_as_str(platoon_dict_get(v, "queue"), NULL);
    int64_t limit = DEFAULT_ROWS, after = 0, task = 0;

    *f = (struct store_filter){0};
    (void)platoon_as_int(platoon_dict_get(v, "limit"), &limit); /* absent: as set above */
    (void)platoon_as_int(platoon_dict_get(v, "after"), &after);
    (void)platoon_as_int(platoon_dict_get(v, "task"), &task);
    (void)platoon_as_bool(platoon_dict_get(v, "values"), &f->with_values);
    (void)platoon_as_bool(platoon_dict_get(v, "results"), &f->only_results);
    f->only_tasks = !f->only_results && !queue && !task;
    if (limit < 1 || after < 0 || task < 0) {
        reply_error(rq, "ValueError", "'limit' is at least 1; 'after' and 'task' are not negative");
        return false;
    }
    f->limit = limit < LOOK_MAX_ROWS ? (uint32_t)limit : LOOK_MAX_ROWS;
    f->after = (store_task_id)after;
    f->task = (store_task_id)task;
    if (queue && !(f->queue = read_queue(rq, queue)))
        return false;
    return read_states(rq, platoon_dict_get(v, "states"), &f->states);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void set_time(platoon_value *dict, const char *key, int64_t ms)
{
    (void)platoon_dict_set(dict, key, ms ? platoon_float((double)ms / 1e3) : platoon_none());
}

static void set_id(platoon_value *dict, const char *key, store_task_id id)
{
    (void)platoon_dict_set(dict, key, id ? platoon_int((int64_t)id) : platoon_none());
}

/* Under 'value', or where it names globals or is large under 'pickle'. */
static void set_value(platoon_value *dict, const struct payload *p)
{
    platoon_value *v = NULL;
    uint8_t *bytes;
    size_t len = (size_t)p->pickle.len;

    if (len <= DECODED_BYTES && payload_decode(p, NULL, &v, NULL) == PLATOON_OK &&
        platoon_value_kind(v) != PLATOON_OPAQUE) {
        (void)platoon_dict_set(dict, "value", v);
        return;
    }
    platoon_value_unref(v);
    bytes = malloc(len ? len : 1);
    if (bytes) {
        rope_copy_out(&p->pickle, 0, bytes, len);
        (void)platoon_dict_set(dict, "pickle", platoon_bytes(bytes, len));
    }
    free(bytes);
}

static const char *name_of_queue(struct server *srv, store_queue_id id)
{
    struct queue *q = idmap_get(&srv->queues.by_id, id);

    return q ? queue_name(q) : "";
}

/* A dict; entries that found no memory are missing, and the row's length tells. NULL when out of
 * memory. */
static platoon_value *make_row(struct server *srv, const struct store_row *row)
{
    platoon_value *d = platoon_dict();

    if (!d)
        return NULL;
    (void)platoon_dict_set(d, "task", platoon_int((int64_t)row->task));
    (void)platoon_dict_set(d, "queue", platoon_str(name_of_queue(srv, row->queue)));
    (void)platoon_dict_set(d, "state", platoon_str(store_state_name(row->state)));
    (void)platoon_dict_set(d, "outcome",
                           *row->outcome ? platoon_str(row->outcome) : platoon_none());
    (void)platoon_dict_set(d, "attempts_lost", platoon_int(row->losses));
    (void)platoon_dict_set(d, "may_be_repeat", platoon_bool(row->may_be_repeat));
    (void)platoon_dict_set(d, "bytes", platoon_int((int64_t)row->bytes));
    set_id(d, "result", row->result);
    set_id(d, "result_of", row->result_of);
    set_time(d, "created", row->created_ms);
    set_time(d, "changed", row->changed_ms);
    if (row->value)
        set_value(d, row->value);
    return d;
}

static void on_rows(enum store_status st, const struct look *l, void *arg)
{
    struct request *rq = arg;
    platoon_value *list = platoon_list();

    if (st != STORE_OK) {
        platoon_value_unref(list);
        reply_store_error(rq, st);
        return;
    }
    for (size_t i = 0; list && i < l->n_rows; i++) {
        if (platoon_append(list, make_row(rq->srv, &l->rows[i])) != PLATOON_OK) {
            platoon_value_unref(list);
            list = NULL;
        }
    }
    reply_taken(rq, list);
}

void operate_tasks(struct request *rq, const struct dispatch_call *call)
{
    platoon_value *v = NULL;
    struct store_filter f;

    (void)call;
    if (!only_argument(rq, "filter", &v))
        return;
    if (read_filter(rq, v, &f))
        store_look(rq->srv->store, &f, on_rows, rq);
    platoon_value_unref(v);
}

/* --- explain ---------------------------------------------------------------------------------- */

static platoon_value *make_attempts(const struct look *l)
{
    platoon_value *list = platoon_list();

    for (size_t i = 0; list && i < l->n_attempts; i++) {
        const struct store_attempt *a = &l->attempts[i];
        platoon_value *d = platoon_dict();

        (void)platoon_dict_set(d, "number", platoon_int(a->number));
        (void)platoon_dict_set(d, "client", platoon_str(a->client));
        (void)platoon_dict_set(d, "worker", platoon_str(a->worker));
        set_time(d, "taken", a->taken_ms);
        set_time(d, "ended", a->ended_ms);
        (void)platoon_dict_set(d, "ending", *a->ending ? platoon_str(a->ending) : platoon_none());
        (void)platoon_append(list, d);
    }
    return list;
}

static platoon_value *make_events(const struct look *l)
{
    platoon_value *list = platoon_list();

    for (size_t i = 0; list && i < l->n_events; i++) {
        platoon_value *d = platoon_dict();

        set_time(d, "at", l->events[i].at_ms);
        (void)platoon_dict_set(d, "what", platoon_str(l->events[i].what));
        (void)platoon_dict_set(d, "why", platoon_str(l->events[i].detail));
        (void)platoon_append(list, d);
    }
    return list;
}

/* What is known here beside the store: a stock client's hold. */
static platoon_value *make_holder(struct server *srv, store_task_id task)
{
    struct lease_holder h;
    platoon_value *d;

    if (!srv->holders.leases || !lease_find(srv->holders.leases, task, &h))
        return platoon_none();
    d = platoon_dict();
    (void)platoon_dict_set(d, "peer", platoon_str(h.peer));
    (void)platoon_dict_set(d, "name", platoon_str(h.name));
    (void)platoon_dict_set(d, "state", platoon_str(h.state));
    (void)platoon_dict_set(d, "is_connected", platoon_bool(h.is_connected));
    return d;
}

/* How far it is, if a worker told. */
static platoon_value *make_progress(struct server *srv, const struct store_row *row)
{
    const struct progress_entry *e = progress_board_find(&srv->desk.progress, row->task);

    return e && row->state == STORE_LEASED ? progress_entry_value(e, server_now_ns(srv))
                                           : platoon_none();
}

static void on_history(enum store_status st, const struct look *l, void *arg)
{
    struct request *rq = arg;
    platoon_value *d;

    if (st != STORE_OK) {
        reply_store_error(rq, st);
        return;
    }
    if (l->n_rows == 0) {
        reply_error(rq, "LookupError", "this server has no task %" PRIu64, l->filter.task);
        return;
    }
    d = make_row(rq->srv, &l->rows[0]);
    if (d) {
        platoon_value *metrics = platoon_dict();

        for (size_t i = 0; metrics && i < l->n_metrics; i++)
            (void)platoon_dict_set(metrics, l->metrics[i].name, platoon_float(l->metrics[i].value));
        (void)platoon_dict_set(d, "attempts", make_attempts(l));
        (void)platoon_dict_set(d, "events", make_events(l));
        (void)platoon_dict_set(d, "metrics", metrics);
        (void)platoon_dict_set(d, "holder", make_holder(rq->srv, l->filter.task));
        (void)platoon_dict_set(d, "progress", make_progress(rq->srv, &l->rows[0]));
    }
    reply_taken(rq, d);
}

void operate_explain(struct request *rq, const struct dispatch_call *call)
{
    platoon_value *v = NULL;
    int64_t task = 0;

    (void)call;
    if (!only_argument(rq, "task", &v))
        return;
    if (platoon_as_int(v, &task) != PLATOON_OK || task < 1) {
        reply_error(rq, "ValueError", "'task' is a task's number");
    } else {
        struct store_filter f = {
            .task = (store_task_id)task, .with_values = true, .with_history = true, .limit = 1};

        store_look(rq->srv->store, &f, on_history, rq);
    }
    platoon_value_unref(v);
}

/* --- retry, free ------------------------------------------------------------------------------ */

static void reply_words(struct request *rq, const char *const *words, const int *which, size_t n)
{
    platoon_value *list = platoon_list();

    for (size_t i = 0; list && i < n; i++) {
        if (platoon_append(list, platoon_str(words[which[i]])) != PLATOON_OK) {
            platoon_value_unref(list);
            list = NULL;
        }
    }
    reply_taken(rq, list);
}

static void on_retried(enum store_status st, const enum store_retry_status *answers, size_t n,
                       void *arg)
{
    static const char *const words[] = {"retried", "not-now", "gone", "done"};
    struct request *rq = arg;
    int *which = calloc(n ? n : 1, sizeof *which);

    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (!which) {
        reply_no_memory(rq);
    } else {
        for (size_t i = 0; i < n; i++)
            which[i] = (int)answers[i];
        reply_words(rq, words, which, n);
    }
    free(which);
}

/* retry(tasks, again=False). False: the reply is made. */
static bool retry_arguments(struct request *rq, store_task_id **out, size_t *out_n, bool *out_again)
{
    platoon_value *args, *kwds, *tasks, *again;
    bool ok = false;

    if (request_decode(rq, 0, &args, &kwds) != PLATOON_OK)
        return false;
    tasks = platoon_len(args) ? platoon_item(args, 0) : platoon_dict_get(kwds, "tasks");
    again = platoon_len(args) > 1 ? platoon_item(args, 1) : platoon_dict_get(kwds, "again");
    *out_again = false;
    if (!tasks ||
        platoon_len(args) + platoon_len(kwds) != (size_t)(tasks != NULL) + (again != NULL) ||
        (again && platoon_as_bool(again, out_again) != PLATOON_OK))
        reply_error(rq, "TypeError", "retry(tasks, again=False): numbers of tasks, and a bool");
    else
        ok = read_ids(rq, tasks, out, out_n);
    platoon_value_unref(args);
    platoon_value_unref(kwds);
    return ok;
}

void operate_retry(struct request *rq, const struct dispatch_call *call)
{
    store_task_id *ids = NULL;
    bool again;
    size_t n;

    (void)call;
    if (!retry_arguments(rq, &ids, &n, &again))
        return;
    for (size_t i = 0; i < n; i++) {
        struct lease_holder h;

        /* One set aside is nobody's any more; one that is held stays watched. */
        if (rq->srv->holders.leases && lease_find(rq->srv->holders.leases, ids[i], &h) &&
            strcmp(h.state, "set aside") == 0)
            holders_forget_task(rq->srv, ids[i]);
    }
    store_retry(rq->srv->store, ids, n, again, on_retried, rq);
    free(ids);
}

void operate_free(struct request *rq, const struct dispatch_call *call)
{
    static const char *const words[] = {"freed", "not-held"};
    store_task_id *ids = NULL;
    size_t n;
    int *which;

    (void)call;
    if (!ids_argument(rq, &ids, &n))
        return;
    which = calloc(n, sizeof *which);
    if (which) {
        for (size_t i = 0; i < n; i++)
            which[i] = holders_free_task(rq->srv, ids[i]) ? 0 : 1;
        reply_words(rq, words, which, n);
    } else {
        reply_no_memory(rq);
    }
    free(which);
    free(ids);
}

/* --- cancel ----------------------------------------------------------------------------------- */

static void on_cancelled(enum store_status st, const struct store_done_answer *answers, size_t n,
                         void *arg)
{
    static const char *const words[] = {"cancelled", "already", "gone"};
    struct request *rq = arg;
    int *which = calloc(n ? n : 1, sizeof *which);

    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (!which) {
        reply_no_memory(rq);
    } else {
        for (size_t i = 0; i < n; i++)
            which[i] = (int)answers[i].status;
        reply_words(rq, words, which, n);
    }
    free(which);
}

static platoon_value *cancelled_error(void)
{
    platoon_value *error = platoon_dict();

    (void)platoon_dict_set(error, "kind", platoon_str("cancelled"));
    (void)platoon_dict_set(error, "message", platoon_str("the task was cancelled by an operator"));
    (void)platoon_dict_set(error, "exit", platoon_none());
    (void)platoon_dict_set(error, "stderr_tail", platoon_str(""));
    return error;
}

static void on_values(enum store_status st, const struct store_task *tasks, size_t n, void *arg)
{
    struct request *rq = arg;
    struct store_cancel_item *items = calloc(n ? n : 1, sizeof *items);
    store_task_id *ids;
    platoon_value *error = cancelled_error();

    memcpy(&ids, request_scratch(rq), sizeof ids);
    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (!items || !error) {
        reply_no_memory(rq);
    } else {
        for (size_t i = 0; i < n; i++) {
            struct rows r;

            items[i].task = ids[i];
            if (!tasks[i].task)
                continue; /* cancel() will say what became of it */
            rows_init(&r);
            rows_failure(&r, error, tasks[i].value, tasks[i].task);
            items[i].result = rows_take(&r); /* without memory the master hears nothing of it */
            holders_forget_task(rq->srv, ids[i]);
        }
        store_cancel(rq->srv->store, items, n, on_cancelled, rq);
    }
    for (size_t i = 0; items && i < n; i++)
        payload_unref(items[i].result);
    platoon_value_unref(error);
    free(items);
    free(ids);
}

void operate_cancel(struct request *rq, const struct dispatch_call *call)
{
    store_task_id *ids = NULL;
    size_t n;

    (void)call;
    if (!ids_argument(rq, &ids, &n))
        return;
    memcpy(request_scratch(rq), &ids, sizeof ids); /* freed by on_values() */
    store_get(rq->srv->store, ids, n, on_values, rq);
}

/* --- purge ------------------------------------------------------------------------------------ */

/* In the request's scratch. */
struct purging {
    size_t n_asked, n_answered;
    uint64_t n_purged;
    enum store_status status;
};

static void on_purged(enum store_status st, uint64_t n, void *arg)
{
    struct request *rq = arg;
    struct purging *p = request_scratch(rq);

    p->n_purged += n;
    if (st != STORE_OK)
        p->status = st;
    if (++p->n_answered < p->n_asked)
        return;
    if (p->status != STORE_OK)
        reply_store_error(rq, p->status);
    else
        reply_int(rq, (int64_t)p->n_purged);
}

/* A queue and where its results go; or all. */
void operate_purge(struct request *rq, const struct dispatch_call *call)
{
    struct purging *p = request_scratch(rq);
    platoon_value *v = NULL;
    const char *name;
    struct queue *one = NULL;

    (void)call;
    if (!only_argument(rq, "queue", &v))
        return;
    name = platoon_as_str(v, NULL);
    if (name && !(one = queue_find(rq->srv, name))) {
        (void)read_queue(rq, name); /* makes the reply */
        platoon_value_unref(v);
        return;
    }
    platoon_value_unref(v);
    LIST_EACH (q, &rq->srv->queues.open, struct queue, link) {
        if (!one || q == one || q == queue_results(one))
            p->n_asked++;
    }
    if (p->n_asked == 0) {
        reply_int(rq, 0);
        return;
    }
    LIST_EACH (q, &rq->srv->queues.open, struct queue, link) {
        if (!one || q == one || q == queue_results(one))
            store_purge(rq->srv->store, queue_id(q), ~0u, PURGE_SLICE, on_purged, rq);
    }
}
