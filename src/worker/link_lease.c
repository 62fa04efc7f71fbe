/* SPDX-License-Identifier: Apache-2.0 */
/* link_lease.c - Platoon's own server: one thread takes leases, one delivers outcomes and renews.
 *
 * Invariants 1. A lease is in l->held from the moment its task was read until the server has
 * confirmed its outcome. 2. An outcome leaves the outbox only with the server's answer to it. A
 * batch whose answer did not come
 *     is sent again: every call is by lease id and may be repeated.
 * 3. After each new connection all held leases are renewed first: that is how a worker re-attaches
 * after its
 *     server was away. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "worker/link_internal.h"

enum {
    LEASE_WAIT_S = 30, /* how long an idle worker waits in one call */
    BATCH_ROWS = 256,  /* in one call; and about so many bytes of results, one more may pass: */
    BATCH_PICKLE_BYTES = 8 * 1024 * 1024,
    BATCH_PLAIN_BYTES = 64 * 1024, /* the server takes 250,000 values in one list */
};

/* --- leases that we hold ---------------------------------------------------------------------- */

static bool hold(struct link *l, const struct task *t)
{
    struct held h = {.task = t->id, .lease = strdup(t->lease)};

    if (h.lease && l->n_held == l->cap_held) {
        size_t cap = l->cap_held ? l->cap_held * 2 : 16;
        struct held *grown = realloc(l->held, cap * sizeof *grown);

        if (grown) {
            l->held = grown;
            l->cap_held = cap;
        }
    }
    if (!h.lease || l->n_held == l->cap_held) {
        free(h.lease);
        return false;
    }
    l->held[l->n_held++] = h;
    return true;
}

/* NULL if it is not held (any more). */
static struct held *find_held(struct link *l, uint64_t task, const char *lease)
{
    for (size_t i = 0; i < l->n_held; i++)
        if (l->held[i].task == task && strcmp(l->held[i].lease, lease) == 0)
            return &l->held[i];
    return NULL;
}

static void let_go(struct link *l, const struct task *t)
{
    struct held *h = find_held(l, t->id, t->lease);

    if (h) {
        l->n_news -= h->has_news;
        free(h->lease);
        free(h->progress);
        *h = l->held[--l->n_held];
    }
}

bool link_news_of_ends(struct link *l)
{
    bool has_ended;

    pthread_mutex_lock(&l->mutex);
    has_ended = l->has_ended;
    l->has_ended = false;
    pthread_mutex_unlock(&l->mutex);
    return has_ended;
}

bool link_has_ended(struct link *l, const struct task *task)
{
    const struct held *h;
    bool has_ended;

    pthread_mutex_lock(&l->mutex);
    h = task->lease ? find_held(l, task->id, task->lease) : NULL;
    has_ended = h && h->is_ended;
    pthread_mutex_unlock(&l->mutex);
    return has_ended;
}

void link_tell(struct link *l, const struct task *task, const struct task_progress *progress)
{
    struct held *h;

    pthread_mutex_lock(&l->mutex);
    h = task->lease ? find_held(l, task->id, task->lease) : NULL;
    if (h && !h->is_lost && (h->progress || (h->progress = malloc(sizeof *h->progress)))) {
        *h->progress = *progress;
        l->n_news += !h->has_news;
        h->has_news = true;
        if (l->n_news == 1)
            pthread_cond_signal(&l->report);
    }
    pthread_mutex_unlock(&l->mutex);
}

/* --- fetching --------------------------------------------------------------------------------- */

static enum platoon_status call_lease(struct link *l, platoon_queue *proxy, unsigned n,
                                      struct list *out, struct platoon_err *err)
{
    const struct link_options *o = &l->options;
    platoon_value *args =
        platoon_tuple(4, platoon_str(o->task_queue), platoon_int(n), platoon_int(LEASE_WAIT_S),
                      rows_worker(o->worker, o->worker_host, o->n_slots));
    platoon_value *rows = NULL;
    enum platoon_status st;

    if (!args)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    st = platoon_call(proxy, "lease", args, NULL, &rows, err);
    platoon_value_unref(args);
    if (st == PLATOON_OK)
        st = rows_read_tasks(rows, out, err);
    platoon_value_unref(rows); /* before the tasks, which share its memory, change hands */
    return st;
}

/* Put what came where the main thread finds it. */
static void hand_over(struct link *l, struct list *tasks)
{
    pthread_mutex_lock(&l->mutex);
    LIST_EACH (t, tasks, struct task, link) {
        t->serial = ++l->last_serial;
        l->n_fetched++;
        (void)hold(l, t); /* without memory it is not renewed; its result is offered all the same */
    }
    if (!list_is_empty(tasks)) {
        l->want = 0; /* the main thread says anew what it wants when it has seen these */
        if (l->n_held == l->n_fetched)
            pthread_cond_signal(&l->report); /* it has something to renew again */
    }
    list_move_all(&l->fetched, tasks);
    pthread_mutex_unlock(&l->mutex);
}

/* One call. false: the connection is of no more use. */
static bool fetch_once(struct link *l, platoon_queue *proxy, uint64_t made_ns)
{
    struct list tasks;
    struct platoon_err err;
    enum platoon_status st;
    unsigned n;
    bool is_stopping;

    list_init(&tasks);
    pthread_mutex_lock(&l->mutex);
    while (link_should_try(l, true) && l->n_fetched >= l->want)
        link_sleep(l, &l->changed, -1);
    if (!link_should_try(l, true)) {
        pthread_mutex_unlock(&l->mutex);
        return false;
    }
    n = l->want - l->n_fetched < l->max_ask ? l->want - l->n_fetched : l->max_ask;
    l->n_asked = n;
    pthread_mutex_unlock(&l->mutex);

    st = call_lease(l, proxy, n, &tasks, &err);

    pthread_mutex_lock(&l->mutex);
    if (st == PLATOON_ELIMIT)
        l->max_ask = 1; /* these tasks are so large that several are too much for one reply */
    is_stopping = l->is_stopping;
    pthread_mutex_unlock(&l->mutex);
    hand_over(l, &tasks);
    /* OSError, MemoryError: its trouble of the moment. */
    if (st == PLATOON_EREMOTE &&
        (strcmp(err.type, "LookupError") == 0 || strcmp(err.type, "TypeError") == 0 ||
         strcmp(err.type, "ValueError") == 0))
        link_fail(l, st, "the server at %s gives no tasks of '%s': %s", l->options.address,
                  l->options.task_queue, err.message);
    else if (st != PLATOON_OK && !is_stopping)
        link_lost(l, &err, made_ns);
    pthread_mutex_lock(&l->mutex);
    l->n_asked = 0;
    pthread_mutex_unlock(&l->mutex);
    l->options.wake(l->options.arg);
    return st == PLATOON_OK;
}

/* A new connection that does not lead to the typeid: say so, and rest. */
static void not_there(struct link *l, enum platoon_status st, const struct platoon_err *err,
                      uint64_t made_ns, struct backoff *backoff, bool is_fetching)
{
    if (st == PLATOON_EVERSION || st == PLATOON_EREMOTE || st == PLATOON_ENOTFOUND) {
        link_fail(l, st, "%s", err->message);
    } else {
        link_lost(l, err, made_ns);
        (void)link_pause(l, backoff, is_fetching);
    }
}

void link_fetch_leases(struct link *l, platoon_manager *m, platoon_queue *proxy)
{
    uint64_t made_ns = clock_mono_ns();
    struct backoff backoff;

    backoff_init(&backoff);
    while (m) {
        link_keep_socket(l, &l->fetch_socket, m);
        while (fetch_once(l, proxy, made_ns))
            backoff_init(&backoff);
        link_keep_socket(l, &l->fetch_socket, NULL);
        platoon_manager_close(m);
        m = NULL;
        while (!m && link_pause(l, &backoff, true) && (m = link_connect(l, "fetch", true))) {
            struct platoon_err err;
            enum platoon_status st;

            made_ns = clock_mono_ns();
            st = link_find_leases(l, m, &proxy, &err);
            if (st != PLATOON_OK) {
                platoon_manager_close(m);
                m = NULL;
                not_there(l, st, &err, made_ns, &backoff, true);
            }
        }
    }
}

/* --- reporting -------------------------------------------------------------------------------- */

struct reporter {
    struct link *link;
    platoon_manager *manager; /* NULL: not connected */
    platoon_queue *proxy;
    uint64_t made_ns;  /* when it was connected */
    uint64_t renew_ns; /* when the held leases are due */
    struct backoff backoff;
};

static void disconnect(struct reporter *r)
{
    link_keep_socket(r->link, &r->link->report_socket, NULL);
    platoon_manager_close(r->manager);
    r->manager = NULL;
}

static bool connect_reporter(struct reporter *r)
{
    struct platoon_err err;
    enum platoon_status st;

    if (r->manager)
        return true;
    r->manager = link_connect(r->link, "report", false);
    if (!r->manager)
        return false;
    r->made_ns = clock_mono_ns();
    st = link_find_leases(r->link, r->manager, &r->proxy, &err);
    if (st == PLATOON_OK) {
        r->renew_ns = 0; /* invariant 3 */
        link_keep_socket(r->link, &r->link->report_socket, r->manager);
        return true;
    }
    disconnect(r);
    not_there(r->link, st, &err, r->made_ns, &r->backoff, false);
    return false;
}

/* Call a method that takes a list of rows (taken, NULL included) and answers a list of texts, one
 * for each. */
static enum platoon_status call_rows(struct reporter *r, const char *method, platoon_value *rows,
                                     platoon_value **out, struct platoon_err *err)
{
    const size_t n = platoon_len(rows);
    platoon_value *args = platoon_tuple(1, rows);
    enum platoon_status st;

    if (!args)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    st = platoon_call(r->proxy, method, args, NULL, out, err);
    platoon_value_unref(args);
    if (st == PLATOON_OK && platoon_len(*out) != n) {
        st = platoon_fail(err, PLATOON_EPROTO, "%s() answered %zu things to %zu rows", method,
                          platoon_len(*out), n);
        platoon_value_unref(*out);
        *out = NULL;
    }
    return st;
}

static void say_answer(struct link *l, const struct task *t, const char *answer)
{
    char name[24];

    if (!answer || strcmp(answer, "gone") == 0)
        agent_log(l->options.log, AGENT_WARNING,
                  "task %s: the server does not know it any more; its result is not kept",
                  task_name(t, name));
    else if (strcmp(answer, "already") == 0)
        agent_log(l->options.log, AGENT_WARNING,
                  "task %s: another worker's result was there first; ours is not kept",
                  task_name(t, name));
}

static const char *method_of(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_RESULT:
        return "complete";
    case OUTCOME_FAILURE:
        return "fail";
    case OUTCOME_RELEASED:
    case OUTCOME_NONE:
        break;
    }
    return "release";
}

static platoon_value *row_of(const struct task *t)
{
    switch (t->outcome.kind) {
    case OUTCOME_RESULT:
        return rows_complete(t);
    case OUTCOME_FAILURE:
        return rows_fail(t);
    case OUTCOME_RELEASED:
    case OUTCOME_NONE:
        break;
    }
    return rows_lease(t->id, t->lease);
}

/* Send the outcomes in `batch`, which are all of one kind; what the server has answered is freed.
 */
static enum platoon_status send_batch(struct reporter *r, struct list *batch,
                                      struct platoon_err *err)
{
    struct link *l = r->link;
    enum outcome_kind kind;
    platoon_value *rows = platoon_list(), *answers = NULL;
    enum platoon_status st;
    bool is_all;

    assert(!list_is_empty(batch));
    kind = LIST_ENTRY(batch->next, struct task, link)->outcome.kind;
    LIST_EACH (t, batch, struct task, link)
        if (platoon_append(rows, row_of(t)) != PLATOON_OK) {
            platoon_value_unref(rows);
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        }
    st = call_rows(r, method_of(kind), rows, &answers, err);
    if (st != PLATOON_OK)
        return st;
    for (size_t i = 0; !list_is_empty(batch); i++) {
        struct task *t = LIST_ENTRY(batch->next, struct task, link);

        if (kind == OUTCOME_RESULT || kind == OUTCOME_FAILURE)
            say_answer(l, t, platoon_as_str(platoon_item(answers, i), NULL));
        list_remove(&t->link);
        pthread_mutex_lock(&l->mutex);
        let_go(l, t);
        l->n_undelivered--;
        pthread_mutex_unlock(&l->mutex);
        task_free(t);
    }
    platoon_value_unref(answers);
    pthread_mutex_lock(&l->mutex);
    is_all = l->n_undelivered == 0;
    pthread_mutex_unlock(&l->mutex);
    if (is_all) /* the main thread may wait for that, to end or to be idle */
        l->options.wake(l->options.arg);
    return PLATOON_OK;
}

/* The server will not take these rows, now or later. OSError, MemoryError are its trouble of the
 * moment. */
static bool is_refusal(enum platoon_status st, const struct platoon_err *err)
{
    return st == PLATOON_EREMOTE && strcmp(err->type, "OSError") != 0 &&
           strcmp(err->type, "MemoryError") != 0;
}

/* The server refuses this one row, whatever it is: a failure that says so is sent in its place. If
 * even that is refused the task is let go; its lease runs out. */
static enum platoon_status send_refused(struct reporter *r, struct list *batch,
                                        struct platoon_err *err)
{
    struct link *l = r->link;
    struct task *t = LIST_ENTRY(batch->next, struct task, link);
    enum platoon_status st;
    char name[24];

    agent_log(l->options.log, AGENT_ERROR, "task %s: the server refused its outcome: %s",
              task_name(t, name), err->message);
    if (t->outcome.kind == OUTCOME_RESULT || t->outcome.kind == OUTCOME_FAILURE) {
        outcome_fail(&t->outcome, FAILURE_BAD_OUTPUT, "the server refused the outcome: %s",
                     err->message);
        st = send_batch(r, batch, err);
        if (!is_refusal(st, err))
            return st;
    }
    list_remove(&t->link);
    pthread_mutex_lock(&l->mutex);
    let_go(l, t);
    l->n_undelivered--;
    pthread_mutex_unlock(&l->mutex);
    task_free(t);
    l->options.wake(l->options.arg); /* it may have waited for this one */
    return PLATOON_OK;
}

/* With the mutex held: what the server would answer by closing the connection becomes a failure that
 * says why. */
static void check_size(const struct link *l, struct task *t)
{
    enum { AROUND = 4096 }; /* the rest of the message, generously */
    const size_t len = t->outcome.pickle_len;
    const uint64_t max = l->settings.max_frame_bytes;

    if (t->outcome.kind == OUTCOME_RESULT && len + AROUND > max)
        outcome_fail(&t->outcome, FAILURE_BAD_OUTPUT,
                     "its result is %zu bytes long, more than the server takes in one message "
                     "(serve --max-frame: %llu); let it write a file and return its name",
                     len, (unsigned long long)max);
}

/* With the mutex held: move a batch of outcomes of one kind from the outbox. */
static void take_batch(struct link *l, size_t max_rows, struct list *out)
{
    const uint64_t half_frame = l->settings.max_frame_bytes / 2;
    const uint64_t max_bytes = half_frame < BATCH_PICKLE_BYTES ? half_frame : BATCH_PICKLE_BYTES;
    size_t n = 0, pickle_bytes = 0, plain_bytes = 0;
    enum outcome_kind kind = OUTCOME_NONE;

    while (!list_is_empty(&l->outbox) && n < max_rows && plain_bytes < BATCH_PLAIN_BYTES) {
        struct task *t = LIST_ENTRY(l->outbox.next, struct task, link);

        check_size(l, t);
        if (n > 0 && pickle_bytes + t->outcome.pickle_len > max_bytes)
            break;
        if (n == 0)
            kind = t->outcome.kind;
        else if (t->outcome.kind != kind)
            break;
        list_append(out, &link_take_outcome(l)->link);
        pickle_bytes += t->outcome.pickle_len;
        plain_bytes +=
            t->outcome.kind == OUTCOME_FAILURE ? FAILURE_TAIL_BYTES : t->outcome.value_bytes;
        n++;
    }
}

/* Deliver one batch. false: the connection is of no more use; what was not answered is in the
 * outbox again. */
static bool deliver(struct reporter *r, size_t *max_rows)
{
    struct link *l = r->link;
    struct list batch;
    struct platoon_err err;
    enum platoon_status st;

    list_init(&batch);
    pthread_mutex_lock(&l->mutex);
    take_batch(l, *max_rows, &batch);
    pthread_mutex_unlock(&l->mutex);
    st = send_batch(r, &batch, &err);
    if (is_refusal(st, &err) && *max_rows == 1)
        st = send_refused(r, &batch, &err);
    if (st == PLATOON_OK) {
        if (*max_rows < BATCH_ROWS)
            *max_rows *= 2;
        return true;
    }
    pthread_mutex_lock(&l->mutex);
    LIST_EACH (t, &batch, struct task, link)
        l->n_outbox++;
    l->must_report = true;
    list_move_all(&batch, &l->outbox); /* in front of what came meanwhile */
    list_move_all(&l->outbox, &batch);
    pthread_mutex_unlock(&l->mutex);
    if (is_refusal(st, &err)) {
        *max_rows = 1; /* find the row that it does not like */
        return true;
    }
    if (st == PLATOON_EREMOTE)
        agent_log(l->options.log, AGENT_WARNING, "the server at %s cannot take results now: %s",
                  l->options.address, err.message);
    else
        link_lost(l, &err, r->made_ns);
    return false;
}

/* Leases that are held, as rows for renew(), with their news: all, or those with news alone. NULL
 * when out of memory. */
static platoon_value *rows_of_held(struct link *l, bool is_all)
{
    platoon_value *rows = platoon_list();

    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; rows && i < l->n_held; i++) {
        struct held *h = &l->held[i];
        const struct task_progress *news = h->has_news ? h->progress : NULL;

        l->n_news -= h->has_news;
        h->has_news = false;
        if (h->is_ended || !(is_all || news))
            continue;
        if (platoon_append(rows, rows_renewal(h->task, h->lease, news)) != PLATOON_OK) {
            platoon_value_unref(rows);
            rows = NULL;
        }
    }
    l->told_ns = clock_mono_ns();
    pthread_mutex_unlock(&l->mutex);
    return rows;
}

/* Note which of `rows` the server has taken back; returns how many of them are news and still of use.
 * One that is lost is asked for again: its task may end. */
static size_t mark_lost(struct link *l, const platoon_value *rows, const platoon_value *answers)
{
    bool has_ended = false;
    size_t n_lost = 0;

    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < platoon_len(rows); i++) {
        const char *answer = platoon_as_str(platoon_item(answers, i), NULL);
        const platoon_value *row = platoon_item(rows, i);
        const char *lease = platoon_as_str(platoon_dict_get(row, "lease"), NULL);
        struct held *h;
        int64_t task = 0;

        if (answer && strcmp(answer, "held") == 0)
            continue;
        (void)platoon_as_int(platoon_dict_get(row, "task"), &task); /* we wrote it */
        h = find_held(l, (uint64_t)task, lease);
        if (!h)
            continue;
        h->is_ended = answer && strcmp(answer, "ended") == 0;
        has_ended |= h->is_ended;
        n_lost += !h->is_lost && !h->is_ended;
        h->is_lost = true;
    }
    l->has_ended |= has_ended;
    pthread_mutex_unlock(&l->mutex);
    if (has_ended)
        l->options.wake(l->options.arg);
    return n_lost;
}

/* Renew every lease that is held, or tell news of some. false: the connection is of no more use. */
static bool renew(struct reporter *r, bool is_all)
{
    struct link *l = r->link;
    platoon_value *rows = rows_of_held(l, is_all), *answers = NULL;
    struct platoon_err err;
    enum platoon_status st = PLATOON_OK;
    size_t n_lost = 0;

    if (!rows)
        st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    else if (platoon_len(rows) > 0)
        st = call_rows(r, "renew", platoon_value_ref(rows), &answers, &err);
    if (st == PLATOON_OK && answers)
        n_lost = mark_lost(l, rows, answers);
    platoon_value_unref(answers);
    platoon_value_unref(rows);
    if (n_lost)
        agent_log(l->options.log, AGENT_WARNING,
                  "the server at %s has taken back %zu task%s of ours; we finish and offer the "
                  "result%s all the same",
                  l->options.address, n_lost, n_lost > 1 ? "s" : "", n_lost > 1 ? "s" : "");
    if (st != PLATOON_OK) {
        link_lost(l, &err, r->made_ns);
        return false;
    }
    if (!is_all)
        return true;
    pthread_mutex_lock(&l->mutex);
    r->renew_ns = clock_mono_ns() + (uint64_t)(l->settings.lease_s / 3 * 1e9);
    pthread_mutex_unlock(&l->mutex);
    return true;
}

/* With the mutex held: when to report what is in the outbox; 0 if it is empty. */
static uint64_t report_ns(const struct link *l)
{
    if (l->n_outbox == 0)
        return 0;
    if (l->must_report || l->n_outbox >= LINK_REPORT_ROWS)
        return l->outbox_ns;
    return l->outbox_ns + (uint64_t)LINK_LINGER_MS * 1000000u;
}

/* With the mutex held: when to tell of progress; 0 if there are no news. */
static uint64_t tell_ns(const struct link *l)
{
    return l->n_news ? l->told_ns + (uint64_t)(LINK_TELL_S * 1e9) : 0;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return !a_ns || (b_ns && b_ns < a_ns) ? b_ns : a_ns;
}

/* With the mutex held: sleep until it is time to report, to renew or to tell. false: leave. */
static bool wait_for_work(struct reporter *r)
{
    struct link *l = r->link;

    while (link_should_try(l, false)) {
        uint64_t now_ns = clock_mono_ns(), next_ns = earlier(report_ns(l), tell_ns(l));

        /* Without a connection the leases are in danger: get one at once. */
        if (l->n_held > 0 && (!next_ns || r->renew_ns < next_ns))
            next_ns = r->manager ? r->renew_ns : now_ns;
        if (next_ns && next_ns <= now_ns)
            return true;
        link_sleep(l, &l->report, next_ns ? (double)(next_ns - now_ns) / 1e9 : -1);
    }
    return false;
}

void *link_report_leases(void *arg)
{
    struct reporter r = {.link = arg};
    struct link *l = r.link;
    size_t max_rows = BATCH_ROWS;

    backoff_init(&r.backoff);
    pthread_mutex_lock(&l->mutex);
    while (wait_for_work(&r)) {
        const bool has_outcomes = l->n_outbox > 0, has_news = l->n_news > 0;
        const uint64_t news_ns = tell_ns(l);
        bool is_well;

        pthread_mutex_unlock(&l->mutex);
        is_well = connect_reporter(&r);
        if (is_well && clock_mono_ns() >= r.renew_ns)
            is_well = renew(&r, true);
        else if (is_well && has_news && clock_mono_ns() >= news_ns)
            is_well = renew(&r, false);
        if (is_well && has_outcomes)
            is_well = deliver(&r, &max_rows);
        if (is_well) {
            backoff_init(&r.backoff);
        } else {
            disconnect(&r);
            (void)link_pause(l, &r.backoff, false);
        }
        pthread_mutex_lock(&l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    disconnect(&r);
    link_thread_ends(l);
    return NULL;
}
