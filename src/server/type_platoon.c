/* SPDX-License-Identifier: Apache-2.0 */
/* type_platoon.c - the typeid `platoon`: work by id, in plain calls with plain values, so that a
 * stock Python script can make them too. docs/platoon-typeid.md is its manual.
 *
 *     version()                                {'protocol': 1, 'server': '0.1.0'}
 *     settings()                               what a worker must know: {'worker_lease_s': 60.0,
 *                                              'max_frame_bytes': 1073741824}
 *     put_many(queue, values=None, rows=None)  task ids; waits for room as put() does
 *     lease(queue, n=1, wait_s=0, worker=None) rows, none after wait_s
 *     renew(leases)                            'held' | 'lost' | 'ended' each; a row may tell 'progress'
 *     complete(rows)                           'recorded' | 'already' | 'gone' each
 *     fail(rows)                               the same; final, and a result like any other
 *     release(leases)                          'released' | 'lost' each; to the front, not counted
 *     stats()                                  a dict
 *     tasks, explain, retry, free, cancel, purge: platoon_operate.h
 *
 * A method with a list hands it to an intake, which calls back with what the store takes; the
 * store's answer is the reply. The store lends nothing beyond a call, so nothing here is kept
 * between turns but the intake and what waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/desk.h"
#include "server/intake.h"
#include "server/platoon_args.h"
#include "server/platoon_operate.h"
#include "server/platoon_stats.h"
#include "server/queue.h"
#include "server/request.h"
#include "server/rows.h"
#include "server/server.h"

enum { PLATOON_PROTOCOL = 1 };

/* --- replies ---------------------------------------------------------------------------------- */

static void reply_no_memory(struct request *rq, const char *method)
{
    reply_error(rq, "MemoryError", "%s: the server has no memory left for this call", method);
}

static void reply_rows(struct request *rq, const char *method, struct rows *r)
{
    struct payload *p = rows_take(r);

    if (!p) {
        reply_no_memory(rq, method);
        return;
    }
    reply_payload(rq, p);
    payload_unref(p);
}

/* --- version, stats --------------------------------------------------------------------------- */

static void run_version(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.version", {0}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    platoon_value *v;

    if (!args_bind(rq, call, &sig, args))
        return;
    v = platoon_dict();
    if (v && platoon_dict_set(v, "protocol", platoon_int(PLATOON_PROTOCOL)) == PLATOON_OK &&
        platoon_dict_set(v, "server", platoon_str(platoon_version())) == PLATOON_OK)
        reply_value(rq, v);
    else
        reply_no_memory(rq, "version()");
    platoon_value_unref(v);
}

static void run_settings(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.settings", {0}, 0, 0};
    const struct server *srv = request_server(rq);
    const struct scan_arg *args[BIND_MAX_PARAMS];
    platoon_value *v;

    if (!args_bind(rq, call, &sig, args))
        return;
    v = platoon_dict();
    if (platoon_dict_set(v, "worker_lease_s", platoon_float(server_worker_lease_ms(srv) / 1e3)) ==
            PLATOON_OK &&
        platoon_dict_set(v, "max_frame_bytes", platoon_int((int64_t)srv->max_frame_bytes)) ==
            PLATOON_OK)
        reply_value(rq, v);
    else
        reply_no_memory(rq, "settings()");
    platoon_value_unref(v);
}

static void run_stats(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.stats", {0}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];

    if (args_bind(rq, call, &sig, args))
        platoon_stats_reply(rq);
}

/* --- put_many --------------------------------------------------------------------------------- */

static const char put_many_name[] = "put_many(queue, values=None, rows=None)";

/* In the request's scratch while it waits for room. */
struct putting {
    struct queue_putter p;
    struct intake *in;
    struct store_put_item *items;
};

static void end_putting(struct putting *w)
{
    intake_free(w->in);
    free(w->items);
}

static void on_put(struct queue_putter *p, enum store_status st,
                   const struct store_put_answer *answers, size_t n)
{
    struct request *rq = p->wait.rq;
    struct putting *w = request_scratch(rq);
    struct rows r;

    end_putting(w);
    request_on_cancel(rq, NULL);
    if (st != STORE_OK) {
        reply_store_error(rq, st);
        return;
    }
    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++)
        rows_int(&r, (int64_t)answers[i].task);
    rows_close_list(&r);
    reply_rows(rq, put_many_name, &r);
}

static void cancel_put(struct request *rq)
{
    struct putting *w = request_scratch(rq);

    if (queue_cancel(&w->p.wait)) {
        end_putting(w);
        request_drop(rq);
    }
}

static void on_put_read(struct intake *in)
{
    struct request *rq = in->rq;
    struct queue *q = in->arg;
    uint64_t maxsize = queue_maxsize(q);
    struct putting *w = request_scratch(rq);
    struct store_put_item *items;

    if (in->n == 0 || (maxsize && in->n > maxsize)) {
        struct rows r;

        if (in->n) {
            reply_error(
                rq, "ValueError",
                "%s: %zu items never fit into '%s', which holds %llu at most: put fewer at a time",
                put_many_name, in->n, queue_name(q), (unsigned long long)maxsize);
        } else {
            rows_init(&r);
            rows_open_list(&r);
            rows_close_list(&r);
            reply_rows(rq, put_many_name, &r);
        }
        intake_free(in);
        return;
    }
    items = calloc(in->n, sizeof *items);
    if (!items) {
        reply_no_memory(rq, put_many_name);
        intake_free(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++)
        items[i] = (struct store_put_item){.key = server_next_key(in->srv),
                                           .value = in->rows[i].value,
                                           .max_attempts = in->rows[i].max_attempts};
    *w = (struct putting){.p = {.wait = {.rq = rq, .deadline_ns = QUEUE_FOREVER},
                                .items = items,
                                .n = in->n,
                                .limit = maxsize,
                                .on_put = on_put},
                          .in = in,
                          .items = items};
    request_on_cancel(rq, cancel_put);
    queue_put(q, &w->p);
}

static void run_put_many(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {
        "platoon.put_many", {"queue", "values", "rows"}, 3, 1};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    bool has_values;
    struct queue *q;

    if (!args_bind(rq, call, &sig, args))
        return;
    has_values = !args_is_none(args[1]);
    if (has_values == !args_is_none(args[2])) {
        reply_error(rq, "TypeError", "%s: give either values or rows, as a list", put_many_name);
        return;
    }
    q = args_queue(rq, args[0], put_many_name);
    if (q)
        intake_begin(rq, has_values ? args[1] : args[2], has_values ? INTAKE_VALUES : INTAKE_ROWS,
                     put_many_name, on_put_read, q);
}

/* --- lease ------------------------------------------------------------------------------------ */

static const char lease_name[] = "lease(queue, n=1, wait_s=0, worker=None)";

/* In the request's scratch while it waits for tasks. */
struct leasing {
    struct queue_taker t;
    struct worker *worker;
};

static void on_taken(struct queue_taker *t, enum store_status st, const struct store_claimed *items,
                     size_t n)
{
    struct request *rq = t->wait.rq;
    struct leasing *l = request_scratch(rq);
    struct server *srv = request_server(rq);
    struct payload *reply;
    struct rows r;

    l->worker->n_users--;
    request_on_cancel(rq, NULL);
    if (st != STORE_OK) {
        reply_store_error(rq, st);
        return;
    }
    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++)
        rows_claimed(&r, &items[i]);
    rows_close_list(&r);
    reply = rows_take(&r);
    if (request_is_cancelled(rq) || !reply) {
        for (size_t i = 0; i < n; i++)
            track_release_item(srv, &items[i], "never delivered");
        reply_no_memory(rq, lease_name);
    } else {
        for (size_t i = 0; i < n; i++) {
            /* No late put of a stock client completes it from here on. */
            holders_forget_task(srv, items[i].task);
            workers_lease(&srv->desk.workers, l->worker, items[i].lease.counter);
        }
        if (n) {
            desk_keep_sweeping(&srv->desk, server_worker_lease_ms(srv));
            rq->is_tracked = true;
            track_replied_leases(srv, rq->session, items, n);
        }
        reply_payload(rq, reply);
    }
    payload_unref(reply);
}

static void cancel_lease(struct request *rq)
{
    struct leasing *l = request_scratch(rq);

    if (queue_cancel(&l->t.wait)) {
        l->worker->n_users--;
        request_drop(rq);
    }
}

static void run_lease(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {
        "platoon.lease", {"queue", "n", "wait_s", "worker"}, 4, 1};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct leasing *l = request_scratch(rq);
    struct worker *worker;
    struct queue *q;
    uint64_t deadline_ns;
    uint32_t want;

    if (!args_bind(rq, call, &sig, args) || !args_count(rq, args[1], lease_name, &want) ||
        !args_deadline(rq, args[2], lease_name, &deadline_ns))
        return;
    q = args_queue(rq, args[0], lease_name);
    if (!q)
        return;
    worker = args_worker(rq, args[3], lease_name);
    if (!worker)
        return;
    worker->n_users++;
    *l = (struct leasing){.t = {.wait = {.rq = rq, .deadline_ns = deadline_ns},
                                .worker = worker->name,
                                .want = want,
                                .lease_ms = server_worker_lease_ms(request_server(rq)),
                                .on_taken = on_taken},
                          .worker = worker};
    request_on_cancel(rq, cancel_lease);
    queue_take(q, &l->t);
}

/* --- renew, release --------------------------------------------------------------------------- */

static const char renew_name[] = "renew(leases)";
static const char release_name[] = "release(leases)";

static void on_renewed(enum store_status st, const enum store_lease_status *answers, size_t n,
                       void *arg)
{
    static const char *const words[] = {"held", "lost", "ended"};
    struct intake *in = arg;
    struct request *rq = in->rq;
    struct desk *desk = &in->srv->desk;
    struct rows r;

    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++) {
        struct intake_row *row = &in->rows[i];
        const struct worker *w;

        if (answers[i] == STORE_LEASE_HELD) {
            w = desk_hear(desk, row->ref.lease);
            if (row->progress)
                progress_board_tell(&desk->progress, row->ref, w ? w->name : request_client(rq),
                                    row->progress, server_now_ns(in->srv));
        } else {
            (void)desk_end_lease(desk, row->ref);
        }
        rows_text(&r, words[answers[i]]);
    }
    rows_close_list(&r);
    if (n)
        desk_keep_sweeping(desk, server_worker_lease_ms(desk->srv));
    intake_free(in);
    if (st == STORE_OK) {
        reply_rows(rq, renew_name, &r);
        return;
    }
    rows_release(&r);
    reply_store_error(rq, st);
}

static void on_renew_read(struct intake *in)
{
    struct store_lease_ref *refs = calloc(in->n ? in->n : 1, sizeof *refs);

    if (!refs) {
        reply_no_memory(in->rq, renew_name);
        intake_free(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++)
        refs[i] = in->rows[i].ref;
    store_renew(server_store(in->srv), refs, in->n, server_worker_lease_ms(in->srv), on_renewed,
                in);
    free(refs);
}

static void on_released(enum store_status st, const enum store_release_status *answers, size_t n,
                        void *arg)
{
    struct intake *in = arg;
    struct request *rq = in->rq;
    struct rows r;

    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++) {
        (void)desk_hear(&in->srv->desk, in->rows[i].ref.lease);
        (void)desk_end_lease(&in->srv->desk, in->rows[i].ref);
        rows_text(&r, answers[i] == STORE_RELEASE_OK ? "released" : "lost");
    }
    rows_close_list(&r);
    intake_free(in);
    if (st == STORE_OK) {
        reply_rows(rq, release_name, &r);
        return;
    }
    rows_release(&r);
    reply_store_error(rq, st);
}

static void on_release_read(struct intake *in)
{
    struct store_release_item *items = calloc(in->n ? in->n : 1, sizeof *items);

    if (!items) {
        reply_no_memory(in->rq, release_name);
        intake_free(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++)
        items[i] = (struct store_release_item){
            .ref = in->rows[i].ref, .to = STORE_TO_FRONT, .why = "given back by its worker"};
    store_release(server_store(in->srv), items, in->n, on_released, in);
    free(items);
}

/* A method whose only argument is a list. */
static void run_with_list(struct request *rq, const struct dispatch_call *call,
                          const struct bind_signature *sig, enum intake_kind kind,
                          const char *method, void (*on_read)(struct intake *in))
{
    const struct scan_arg *args[BIND_MAX_PARAMS];

    if (args_bind(rq, call, sig, args))
        intake_begin(rq, args[0], kind, method, on_read, NULL);
}

static void run_renew(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.renew", {"leases"}, 1, 1};

    run_with_list(rq, call, &sig, INTAKE_RENEWALS, renew_name, on_renew_read);
}

static void run_release(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.release", {"leases"}, 1, 1};

    run_with_list(rq, call, &sig, INTAKE_LEASES, release_name, on_release_read);
}

/* --- complete, fail --------------------------------------------------------------------------- */

static const char complete_name[] = "complete(rows)";
static const char fail_name[] = "fail(rows)";

/* For complete and fail alike: what became of each. */
static void on_recorded(enum store_status st, const struct store_done_answer *answers, size_t n,
                        void *arg)
{
    static const char *const words[] = {[STORE_DONE_RECORDED] = "recorded",
                                        [STORE_DONE_ALREADY] = "already",
                                        [STORE_DONE_GONE] = "gone"};
    struct intake *in = arg;
    struct request *rq = in->rq;
    const char *method = in->method;
    struct rows r;

    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++) {
        struct worker *w = desk_hear(&in->srv->desk, in->rows[i].ref.lease);

        if (w && answers[i].status == STORE_DONE_RECORDED)
            *(in->kind == INTAKE_FAILURES ? &w->n_failed : &w->n_done) += 1;
        (void)desk_end_lease(&in->srv->desk, in->rows[i].ref);
        rows_text(&r, words[answers[i].status]);
    }
    rows_close_list(&r);
    intake_free(in);
    if (st == STORE_OK) {
        reply_rows(rq, method, &r);
        return;
    }
    rows_release(&r);
    reply_store_error(rq, st);
}

/* Record rows[i].value for all rows; the value may be NULL for a task that is gone. */
static void record(struct intake *in, enum store_task_state state, const char *outcome)
{
    struct store_done_item *items = calloc(in->n ? in->n : 1, sizeof *items);

    if (!items) {
        reply_no_memory(in->rq, in->method);
        intake_free(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++)
        items[i] = (struct store_done_item){.ref = in->rows[i].ref,
                                            .state = state,
                                            .outcome = outcome,
                                            .result = in->rows[i].value,
                                            .counts_unfinished = true};
    store_done(server_store(in->srv), items, in->n, on_recorded, in);
    free(items);
}

static void on_complete_read(struct intake *in)
{
    record(in, STORE_DONE, "ok");
}

/* The tasks that failed: their values go into the failures. */
static void on_failed_tasks(enum store_status st, const struct store_task *tasks, size_t n,
                            void *arg)
{
    struct intake *in = arg;

    if (st != STORE_OK) {
        struct request *rq = in->rq;

        intake_free(in);
        reply_store_error(rq, st);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct rows r;

        if (!tasks[i].task)
            continue; /* done() will say what became of it */
        rows_init(&r);
        rows_failure(&r, in->rows[i].error, tasks[i].value, tasks[i].task);
        in->rows[i].value = rows_take(&r);
        if (!in->rows[i].value) {
            reply_no_memory(in->rq, fail_name);
            intake_free(in);
            return;
        }
    }
    record(in, STORE_FAILED, "failed");
}

static void on_fail_read(struct intake *in)
{
    store_task_id *ids = calloc(in->n ? in->n : 1, sizeof *ids);

    if (!ids) {
        reply_no_memory(in->rq, fail_name);
        intake_free(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++)
        ids[i] = in->rows[i].ref.task;
    store_get(server_store(in->srv), ids, in->n, on_failed_tasks, in);
    free(ids);
}

static void run_complete(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.complete", {"rows"}, 1, 1};

    run_with_list(rq, call, &sig, INTAKE_RESULTS, complete_name, on_complete_read);
}

static void run_fail(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"platoon.fail", {"rows"}, 1, 1};

    run_with_list(rq, call, &sig, INTAKE_FAILURES, fail_name, on_fail_read);
}

/* --- the type --------------------------------------------------------------------------------- */

static void *find(struct server *srv, const struct dispatch_typeid *id, const char *name)
{
    (void)id, (void)name;
    return srv;
}

static void show(const void *object, char *text, size_t size)
{
    (void)object;
    snprintf(text, size, "<platoon %s, protocol %d>", platoon_version(), PLATOON_PROTOCOL);
}

static const struct dispatch_method methods[] = {
    {"cancel", operate_cancel},   {"complete", run_complete},
    {"explain", operate_explain}, {"fail", run_fail},
    {"free", operate_free},       {"lease", run_lease},
    {"purge", operate_purge},     {"put_many", run_put_many},
    {"release", run_release},     {"renew", run_renew},
    {"retry", operate_retry},     {"settings", run_settings},
    {"stats", run_stats},         {"tasks", operate_tasks},
    {"version", run_version},     {NULL, NULL},
};

const struct dispatch_type type_platoon = {
    .name = "platoon", .methods = methods, .find = find, .show = show};
