/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_args.c - see platoon_args.h. */
#include "server/platoon_args.h"

#include <stdio.h>
#include <string.h>

#include "server/desk.h"
#include "server/queue.h"
#include "server/server.h"

/* False: the exception is on its way. */
bool args_bind(struct request *rq, const struct dispatch_call *call,
               const struct bind_signature *sig, const struct scan_arg *out[BIND_MAX_PARAMS])
{
    struct bind_error err;

    if (bind_args(sig, call->scan, out, &err))
        return true;
    reply_error(rq, err.class_name, "%s", err.text);
    return false;
}

bool args_is_none(const struct scan_arg *arg)
{
    return !arg || arg->kind == SCAN_NONE;
}

/* The name of a queue that is not there, in the request's scratch until the store has told which
 * are. */
static void reply_no_queue(enum store_status st, const struct store_queue *queues,
                           const struct store_counts *counts, size_t n, void *arg)
{
    struct request *rq = arg;
    const char *name = request_scratch(rq);
    char text[700];
    size_t len = 0;

    (void)counts;
    if (st != STORE_OK) {
        reply_store_error(rq, st);
        return;
    }
    text[0] = '\0';
    for (size_t i = 0; i < n && len < sizeof text; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? ", " : "", queues[i].name);
    if (len >= sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    reply_error(rq, "LookupError",
                "no queue '%s' on this server; it has: %s. More are made by --queue TASK=RESULT, "
                "or, with a name of their own, by m.get_task_queue('name')",
                name, n ? text : "none");
}

/* NULL: the exception is on its way. */
struct queue *args_queue(struct request *rq, const struct scan_arg *arg, const char *method)
{
    struct server *srv = request_server(rq);
    struct queue *q = NULL;

    if (arg->kind != SCAN_TEXT) {
        reply_error(rq, "TypeError",
                    "%s: queue must be the name of a queue, such as 'get_task_queue'", method);
        return NULL;
    }
    q = queue_find(srv, arg->text);
    if (!q) {
        snprintf(request_scratch(rq), REQUEST_SCRATCH_BYTES, "%s", arg->text);
        store_queue_list(server_store(srv), reply_no_queue, rq);
    }
    return q;
}

/* wait_s to an instant. False: the exception is on its way. */
bool args_deadline(struct request *rq, const struct scan_arg *arg, const char *method,
                   uint64_t *out_ns)
{
    double wait_s = 0;

    if (arg && arg->kind == SCAN_NONE) {
        *out_ns = QUEUE_FOREVER;
        return true;
    }
    if (arg && (arg->kind == SCAN_INT || arg->kind == SCAN_BOOL)) {
        wait_s = (double)arg->as_int;
    } else if (arg && arg->kind == SCAN_FLOAT) {
        wait_s = arg->as_float;
    } else if (arg) {
        reply_error(rq, "TypeError",
                    "%s: wait_s must be a number of seconds, or None to wait for ever", method);
        return false;
    }
    if (!(wait_s >= 0)) {
        reply_error(rq, "ValueError", "%s: wait_s must not be negative", method);
        return false;
    }
    if (wait_s == 0)
        *out_ns = 0;
    else if (wait_s > 1e9)
        *out_ns = QUEUE_FOREVER;
    else
        *out_ns = server_now_ns(request_server(rq)) + (uint64_t)(wait_s * 1e9);
    return true;
}

bool args_count(struct request *rq, const struct scan_arg *arg, const char *method, uint32_t *out)
{
    int64_t n = arg ? arg->as_int : 1;

    if (arg && arg->kind != SCAN_INT) {
        reply_error(rq, "TypeError", "%s: n must be an int", method);
        return false;
    }
    if (n < 1) {
        reply_error(rq, "ValueError", "%s: n must be at least 1", method);
        return false;
    }
    *out = n > QUEUE_MAX_TAKE ? QUEUE_MAX_TAKE : (uint32_t)n; /* fewer than asked for is no error */
    return true;
}

static struct worker *see_worker(struct request *rq, struct worker_facts *facts, const char *method)
{
    struct server *srv = request_server(rq);
    struct worker *w;

    char peer[64];

    /* HOST:PORT; the connection's name behind it says no more than the worker's own. */
    snprintf(peer, sizeof peer, "%s", request_client(rq));
    peer[strcspn(peer, " ")] = '\0';
    facts->peer = peer;
    w = workers_see(&srv->desk.workers, facts, server_now_ns(srv));
    if (!w)
        reply_error(rq, "MemoryError", "%s: the server has no memory left for this call", method);
    return w;
}

static void refuse_worker(struct request *rq, const char *method)
{
    reply_error(rq, "TypeError",
                "%s: worker must be a text such as 'HOST-PID', or a dict with 'name', and perhaps "
                "'host' and "
                "'slots'",
                method);
}

/* From {'name': ..., 'host': ..., 'slots': ...}. */
static struct worker *worker_of_dict(struct request *rq, const platoon_value *v, const char *method)
{
    const platoon_value *host = platoon_dict_get(v, "host");
    const platoon_value *slots = platoon_dict_get(v, "slots");
    struct worker_facts facts = {.name = platoon_as_str(platoon_dict_get(v, "name"), NULL),
                                 .host = platoon_as_str(host, NULL)};
    int64_t n = 0;

    if (platoon_value_kind(v) != PLATOON_DICT || !facts.name ||
        (!facts.host && !platoon_is_none(host)) ||
        (!platoon_is_none(slots) && platoon_as_int(slots, &n) != PLATOON_OK)) {
        refuse_worker(rq, method);
        return NULL;
    }
    facts.slots = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return see_worker(rq, &facts, method);
}

/* NULL: the exception is on its way. */
struct worker *args_worker(struct request *rq, const struct scan_arg *arg, const char *method)
{
    static const struct platoon_pickle_limits limits = {.max_nodes = 100, .max_bytes = 64 * 1024};
    struct worker_facts facts = {.name = arg ? arg->text : ""};
    struct payload *p = NULL;
    struct worker *w = NULL;
    platoon_value *v = NULL;

    if (args_is_none(arg)) {
        facts.name = request_client(rq);
        return see_worker(rq, &facts, method);
    }
    if (arg->kind == SCAN_TEXT)
        return see_worker(rq, &facts, method);
    if (arg->kind != SCAN_COMPOUND) {
        refuse_worker(rq, method);
        return NULL;
    }
    if (request_cut(rq, arg, &p) != PLATOON_OK)
        return NULL;
    if (payload_decode(p, &limits, &v, NULL) == PLATOON_OK)
        w = worker_of_dict(rq, v, method);
    else
        refuse_worker(rq, method);
    platoon_value_unref(v);
    payload_unref(p);
    return w;
}
