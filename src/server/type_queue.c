/* SPDX-License-Identifier: Apache-2.0 */
/* type_queue.c - queue.Queue to the letter: what a call of a stock client means, and what it hears.
 * */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "server/bind.h"
#include "server/dispatch.h"
#include "server/queue.h"
#include "server/queue_internal.h"
#include "server/request.h"
#include "server/server.h"

/* --- arguments -------------------------------------------------------------------------------- */

static void reply_bind_error(struct request *rq, const struct bind_error *err)
{
    reply_error(rq, err->class_name, "%s", err->text);
}

static bool bind_call(struct request *rq, const struct dispatch_call *call,
                      const struct bind_signature *sig, const struct scan_arg *out[BIND_MAX_PARAMS])
{
    struct bind_error err;

    if (bind_args(sig, call->scan, out, &err))
        return true;
    reply_bind_error(rq, &err);
    return false;
}

/* An argument that the scanner does not decode: a container, long text, a large int. *out is yours;
 * NULL for what names globals, which is true as objects are. false: the error reply is made. */
static bool decode_rare(struct request *rq, const struct scan_arg *arg, platoon_value **out)
{
    struct payload *p;
    enum platoon_status st;

    if (request_cut(rq, arg, &p) != PLATOON_OK)
        return false;
    st = payload_decode(p, NULL, out, NULL);
    payload_unref(p);
    if (st != PLATOON_OK)
        reply_error(rq, "ValueError", "the server cannot read an argument of this call");
    return st == PLATOON_OK;
}

static bool is_true_value(const platoon_value *v)
{
    size_t len = 1;

    switch (platoon_value_kind(v)) {
    case PLATOON_STR:
        (void)platoon_as_str(v, &len);
        return len > 0;
    case PLATOON_BYTES:
    case PLATOON_BYTEARRAY:
        (void)platoon_as_bytes(v, &len);
        return len > 0;
    case PLATOON_LIST:
    case PLATOON_TUPLE:
    case PLATOON_DICT:
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        return platoon_len(v) > 0;
    default:
        return true;
    }
}

/* Python's truth of an argument. false: the error reply is made. */
static bool read_truth(struct request *rq, const struct scan_arg *arg, bool *out)
{
    platoon_value *v;

    switch (arg->kind) {
    case SCAN_NONE:
        *out = false;
        return true;
    case SCAN_BOOL:
    case SCAN_INT:
        *out = arg->as_int != 0;
        return true;
    case SCAN_FLOAT:
        *out = arg->as_float != 0;
        return true;
    case SCAN_TEXT:
        *out = arg->text_len > 0;
        return true;
    default:
        if (!decode_rare(rq, arg, &v))
            return false;
        *out = is_true_value(v);
        platoon_value_unref(v);
        return true;
    }
}

/* A timeout that is no small number: an int beyond 64 bits, or a TypeError. Always false: the reply
 * is made. */
static bool refuse_timeout(struct request *rq, const struct scan_arg *arg, struct bind_wait *out,
                           struct bind_error *err)
{
    platoon_value *v;
    enum platoon_kind kind;
    const uint8_t *bytes;
    size_t len;

    if (arg->kind == SCAN_TEXT) {
        kind = PLATOON_STR;
    } else {
        if (!decode_rare(rq, arg, &v))
            return false;
        kind = platoon_value_kind(v);
        if (kind == PLATOON_BIGINT) {
            bytes = platoon_as_bytes(v, &len);
            if (bytes[len - 1] & 0x80)
                reply_error(rq, "ValueError", "'timeout' must be a non-negative number");
            else
                reply_error(rq, "OverflowError", "int too large to convert to float");
            platoon_value_unref(v);
            return false;
        }
        platoon_value_unref(v);
    }
    (void)bind_wait(true, arg, kind == PLATOON_OPAQUE ? "object" : platoon_kind_name(kind), out,
                    err);
    reply_bind_error(rq, err);
    return false;
}

/* (block, timeout) to a deadline. false: the error reply is made. */
static bool read_wait(struct request *rq, const struct scan_arg *block,
                      const struct scan_arg *timeout, struct bind_wait *out)
{
    struct bind_error err;
    bool is_blocking = true;

    if (block && !read_truth(rq, block, &is_blocking))
        return false;
    if (is_blocking && timeout && timeout->kind >= SCAN_TEXT)
        return refuse_timeout(rq, timeout, out, &err);
    if (bind_wait(is_blocking, timeout, "", out, &err))
        return true;
    reply_bind_error(rq, &err);
    return false;
}

static uint64_t deadline_of(struct request *rq, const struct bind_wait *wait)
{
    switch (wait->kind) {
    case BIND_FOREVER:
        return QUEUE_FOREVER;
    case BIND_TIMEOUT:
        return wait->timeout_ns ? server_now_ns(rq->srv) + wait->timeout_ns : 0;
    default:
        return 0; /* BIND_OVERFLOW: try once, then say what is wrong with it */
    }
}

/* --- get -------------------------------------------------------------------------------------- */

struct getting {
    struct queue_taker taker;
    struct queue *queue;
    bool overflows;
};
_Static_assert(sizeof(struct getting) <= REQUEST_SCRATCH_BYTES,
               "a get must fit the request's scratch");

static void on_taken(struct queue_taker *t, enum store_status st, const struct store_claimed *items,
                     size_t n)
{
    struct getting *g = LIST_ENTRY(t, struct getting, taker);
    struct request *rq = t->wait.rq;

    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (n > 0) {
        rq->is_tracked = true;
        track_replied_item(rq->srv, rq->session, g->queue, &items[0]);
        if (t->lease_ms)
            desk_keep_sweeping(&rq->srv->desk, t->lease_ms);
        reply_payload(rq, items[0].value);
    } else if (g->overflows) {
        reply_error(rq, bind_overflow.class_name, "%s", bind_overflow.text);
    } else {
        reply_error(rq, "queue.Empty", NULL);
    }
}

static void cancel_get(struct request *rq)
{
    struct getting *g = request_scratch(rq);

    if (queue_cancel(&g->taker.wait))
        request_drop(rq);
}

static void get(struct request *rq, struct queue *q, const struct bind_wait *wait)
{
    struct getting *g = request_scratch(rq);

    g->queue = q;
    g->overflows = wait->kind == BIND_OVERFLOW;
    g->taker.wait.rq = rq;
    g->taker.wait.deadline_ns = deadline_of(rq, wait);
    g->taker.want = 1;
    g->taker.lease_ms = holders_lease_ms(rq->srv, q);
    g->taker.on_taken = on_taken;
    request_on_cancel(rq, cancel_get);
    queue_take(q, &g->taker);
}

static void run_get(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.get", {"block", "timeout"}, 2, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct bind_wait wait;

    if (bind_call(rq, call, &sig, args) && read_wait(rq, args[0], args[1], &wait))
        get(rq, call->object, &wait);
}

static void run_get_nowait(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.get_nowait", {NULL}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct bind_wait wait = {BIND_NOWAIT, 0};

    if (bind_call(rq, call, &sig, args))
        get(rq, call->object, &wait);
}

/* --- put -------------------------------------------------------------------------------------- */

struct putting {
    struct queue_putter putter;
    struct store_put_item item;
    struct queue *queue;
    struct store_lease_ref result_of;
    bool overflows;
};
_Static_assert(sizeof(struct putting) <= REQUEST_SCRATCH_BYTES,
               "a put must fit the request's scratch");

static void on_put(struct queue_putter *p, enum store_status st,
                   const struct store_put_answer *answers, size_t n)
{
    struct putting *g = LIST_ENTRY(p, struct putting, putter);
    struct request *rq = p->wait.rq;
    struct payload *value = g->item.value;

    (void)n;
    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (answers[0].status != STORE_PUT_FULL) {
        if (rq->session) {
            rq->is_tracked = true;
            track_replied_put(rq->srv, rq->session, g->queue, value);
        }
        reply_none(rq);
    } else if (g->overflows) {
        reply_error(rq, bind_overflow.class_name, "%s", bind_overflow.text);
    } else {
        reply_error(rq, "queue.Full", NULL);
    }
    payload_unref(value);
}

static void cancel_put(struct request *rq)
{
    struct putting *g = request_scratch(rq);

    if (!queue_cancel(&g->putter.wait))
        return;
    payload_unref(g->item.value);
    request_drop(rq);
}

/* The result of a task that is out alone: its entry and the task's end are recorded as one, so that
 * no crash comes between them. Where somebody else was first, it is a put like any other. */
static void on_result(enum store_status st, const struct store_done_answer *answers, size_t n,
                      void *arg)
{
    struct request *rq = arg;
    struct putting *g = request_scratch(rq);
    struct payload *value = g->item.value; /* the scratch goes with the reply */

    (void)n;
    if (st == STORE_OK && answers[0].status != STORE_DONE_RECORDED) {
        request_on_cancel(rq, cancel_put);
        if (request_is_cancelled(rq)) {
            payload_unref(value);
            request_drop(rq);
        } else {
            queue_put(g->queue, &g->putter);
        }
        return;
    }
    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else {
        if (rq->session) {
            rq->is_tracked = true;
            holders_replied_result(rq->srv, rq->session, g->result_of.task);
        }
        reply_none(rq);
    }
    payload_unref(value);
}

static bool put_as_result(struct request *rq, struct putting *g)
{
    struct store_done_item done = {.state = STORE_DONE, .result = g->item.value};

    if (!holders_sure_result(rq->srv, rq->session, g->queue, &g->result_of))
        return false;
    done.ref = g->result_of;
    store_done(rq->srv->store, &done, 1, on_result, rq);
    return true;
}

static void put(struct request *rq, struct queue *q, const struct scan_arg *item,
                const struct bind_wait *wait)
{
    struct putting *g = request_scratch(rq);

    if (request_cut(rq, item, &g->item.value) != PLATOON_OK)
        return;
    g->item.key = server_next_key(rq->srv);
    g->queue = q;
    g->overflows = wait->kind == BIND_OVERFLOW;
    g->putter.wait.rq = rq;
    g->putter.wait.deadline_ns = deadline_of(rq, wait);
    g->putter.items = &g->item;
    g->putter.n = 1;
    g->putter.limit = queue_maxsize(q);
    g->putter.on_put = on_put;
    if (put_as_result(rq, g))
        return;
    request_on_cancel(rq, cancel_put);
    queue_put(q, &g->putter);
}

static void run_put(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.put", {"item", "block", "timeout"}, 3, 1};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct bind_wait wait = {BIND_FOREVER, 0};
    struct queue *q = call->object;

    if (!bind_call(rq, call, &sig, args))
        return;
    /* Without a bound nothing can be waited for, and Python does not look at the other arguments.
     * */
    if (queue_maxsize(q) && !read_wait(rq, args[1], args[2], &wait))
        return;
    put(rq, q, args[0], &wait);
}

static void run_put_nowait(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.put_nowait", {"item"}, 1, 1};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct bind_wait wait = {BIND_NOWAIT, 0};

    if (bind_call(rq, call, &sig, args))
        put(rq, call->object, args[0], &wait);
}

/* --- the other methods ------------------------------------------------------------------------ */

enum question { ASK_QSIZE, ASK_EMPTY, ASK_FULL };
struct asking {
    struct queue *queue;
    enum question question;
};

static void on_stats(enum store_status st, const struct store_counts *counts, void *arg)
{
    struct request *rq = arg;
    const struct asking *a = request_scratch(rq);
    uint64_t maxsize = queue_maxsize(a->queue);

    if (st != STORE_OK)
        reply_store_error(rq, st);
    else if (a->question == ASK_QSIZE)
        reply_int(rq, (int64_t)counts->queued);
    else if (a->question == ASK_EMPTY)
        reply_bool(rq, counts->queued == 0);
    else
        reply_bool(rq, maxsize > 0 && counts->queued >= maxsize);
}

static void ask(struct request *rq, const struct dispatch_call *call, const char *function,
                enum question question)
{
    const struct bind_signature sig = {function, {NULL}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct asking *a = request_scratch(rq);

    if (!bind_call(rq, call, &sig, args))
        return;
    a->queue = call->object;
    a->question = question;
    store_stats(server_store(rq->srv), queue_id(a->queue), on_stats, rq);
}

static void run_qsize(struct request *rq, const struct dispatch_call *call)
{
    ask(rq, call, "Queue.qsize", ASK_QSIZE);
}

static void run_empty(struct request *rq, const struct dispatch_call *call)
{
    ask(rq, call, "Queue.empty", ASK_EMPTY);
}

static void run_full(struct request *rq, const struct dispatch_call *call)
{
    ask(rq, call, "Queue.full", ASK_FULL);
}

static void on_task_done(enum store_status st, int64_t unfinished, void *arg)
{
    struct request *rq = arg;
    const struct asking *a = request_scratch(rq);

    if (st != STORE_OK) {
        reply_store_error(rq, st);
    } else if (unfinished < 0) {
        reply_error(rq, "ValueError", "task_done() called too many times");
    } else {
        if (rq->session) {
            rq->is_tracked = true;
            track_replied_task_done(rq->srv, rq->session, a->queue);
        }
        reply_none(rq);
    }
}

static void run_task_done(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.task_done", {NULL}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct asking *a = request_scratch(rq);

    if (!bind_call(rq, call, &sig, args))
        return;
    a->queue = call->object;
    store_task_done(server_store(rq->srv), queue_id(a->queue), on_task_done, rq);
}

static void on_joined(struct queue_joiner *j, enum store_status st)
{
    if (st == STORE_OK)
        reply_none(j->wait.rq);
    else
        reply_store_error(j->wait.rq, st);
}

static void cancel_join(struct request *rq)
{
    struct queue_joiner *j = request_scratch(rq);

    if (queue_cancel(&j->wait))
        request_drop(rq);
}

static void run_join(struct request *rq, const struct dispatch_call *call)
{
    static const struct bind_signature sig = {"Queue.join", {NULL}, 0, 0};
    const struct scan_arg *args[BIND_MAX_PARAMS];
    struct queue_joiner *j = request_scratch(rq);

    if (!bind_call(rq, call, &sig, args))
        return;
    j->wait.rq = rq;
    j->on_joined = on_joined;
    request_on_cancel(rq, cancel_join);
    queue_join(call->object, j);
}

/* --- the type --------------------------------------------------------------------------------- */

static bool is_good_name(const char *name, size_t len)
{
    struct utf8_check check = {0};

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c < 0x20 || c == 0x7f)
            return false;
        /* Lone surrogates, which no log and no file can show: ED A0..BF. */
        if (c == 0xed && i + 1 < len && (unsigned char)name[i + 1] >= 0xa0)
            return false;
    }
    return utf8_check_feed(&check, name, len) && utf8_check_is_whole(&check);
}

static bool name_of(struct request *rq, const struct dispatch_call *call,
                    const struct dispatch_typeid *id, char name[DISPATCH_MAX_NAME + 1])
{
    const struct scan_request *scan = call->scan;
    const struct scan_arg *arg;

    *name = '\0';
    if (scan->n_args == 1 && scan->n_kwds == 0)
        return true;
    if (scan->n_args != 2 || scan->n_kwds) {
        reply_traceback(
            rq,
            "TypeError: %s() takes one optional argument, the name of a private pair of queues, as "
            "in m.%s('run7')",
            id->name, id->name);
        return false;
    }
    arg = &scan->args[1];
    if (arg->kind == SCAN_NONE)
        return true;
    if (arg->kind != SCAN_TEXT || arg->text_len == 0 || arg->text_len > DISPATCH_MAX_NAME ||
        !is_good_name(arg->text, arg->text_len)) {
        reply_traceback(rq,
                        "ValueError: the name of a private queue, as in m.%s('run7'), is a text of "
                        "1 to %d bytes "
                        "without control characters",
                        id->name, DISPATCH_MAX_NAME);
        return false;
    }
    memcpy(name, arg->text, arg->text_len + 1);
    return true;
}

static void *find(struct server *srv, const struct dispatch_typeid *id, const char *name)
{
    (void)srv;
    return queue_table_find(id->data, name);
}

static void open_queue(struct server *srv, const struct dispatch_typeid *id, const char *name,
                       dispatch_opened opened, void *arg)
{
    queue_table_open(srv, id->data, name, opened, arg);
}

static void show(const void *object, char *text, size_t size)
{
    const struct queue *q = object;

    if (q->results)
        snprintf(text, size, "<queue %s of a Platoon server, results to %s>", q->name,
                 q->results->name);
    else
        snprintf(text, size, "<queue %s of a Platoon server>", q->name);
}

static const struct dispatch_method methods[] = {
    {"empty", run_empty},
    {"full", run_full},
    {"get", run_get},
    {"get_nowait", run_get_nowait},
    {"join", run_join},
    {"put", run_put},
    {"put_nowait", run_put_nowait},
    {"qsize", run_qsize},
    {"task_done", run_task_done},
    {NULL, NULL},
};

const struct dispatch_type type_queue = {
    .name = "Queue",
    .methods = methods,
    .name_of = name_of,
    .find = find,
    .open = open_queue,
    .show = show,
};
