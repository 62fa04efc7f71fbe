/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - proxies: made, counted, dropped; and the calls of queue.Queue. */
#include "manager/proxy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum {
    IDENT_MAX = 511 /* bytes; Python's are 12, ours some 30 */
};

/* --- a proxy's life ----------------------------------------------------------------------------
 */

/* (typeid, *args); NULL when out of memory. */
static platoon_value *create_args(const char *typeid_, const platoon_value *args)
{
    platoon_value *all = platoon_tuple(1, platoon_str(typeid_));

    for (size_t i = 0; all && i < platoon_len(args); i++) {
        if (platoon_append(all, platoon_value_ref(platoon_item(args, i))) != PLATOON_OK) {
            platoon_value_unref(all);
            return NULL;
        }
    }
    return all;
}

/* Python's server fails to look a typeid up with a KeyError of its name; ours says more, in the
 * same class. */
static bool is_unknown_typeid(const char *typeid_, const struct platoon_err *why)
{
    return strcmp(why->type, "KeyError") == 0 && strstr(why->message, typeid_);
}

static enum platoon_status ask_for_ident(platoon_manager *m, const char *typeid_,
                                         const platoon_value *args, char **out_ident,
                                         struct platoon_err *err)
{
    struct platoon_err why;
    platoon_value *pair;
    const char *ident;
    size_t len = 0;
    enum platoon_status st =
        session_ask_once(&m->session, "create", create_args(typeid_, args), false, &pair, &why);

    if (st == PLATOON_EREMOTE && is_unknown_typeid(typeid_, &why)) {
        st = platoon_fail(err, PLATOON_ENOTFOUND, "%s knows no `%s`: %s", m->session.peer.text,
                          typeid_, why.message);
        return st;
    }
    if (st != PLATOON_OK) {
        if (err)
            *err = why;
        return st;
    }
    ident = platoon_as_str(platoon_item(pair, 0), &len);
    if (!ident || len == 0 || len > IDENT_MAX || strlen(ident) != len)
        st = platoon_fail(err, PLATOON_EPROTO, "%s made a proxy of `%s` without a usable ident",
                          m->session.peer.text, typeid_);
    else if (!(*out_ident = strdup(ident)))
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory for a proxy of `%s`", typeid_);
    platoon_value_unref(pair);
    return st;
}

/* Tell the server that nobody here uses `ident` any more. */
static enum platoon_status decref(platoon_manager *m, const char *ident)
{
    return session_ask_once(&m->session, "decref", platoon_tuple(1, platoon_str(ident)), true, NULL,
                            NULL);
}

static void free_queue(platoon_queue *q)
{
    platoon_value_unref(q->args);
    free(q->typeid_);
    free(q->ident);
    free(q);
}

/* A copy, so that the caller may go on changing his; NULL when out of memory. */
static platoon_value *copy_args(const platoon_value *args)
{
    platoon_value *copy = platoon_tuple(0);

    for (size_t i = 0; copy && i < platoon_len(args); i++) {
        if (platoon_append(copy, platoon_value_ref(platoon_item(args, i))) != PLATOON_OK) {
            platoon_value_unref(copy);
            return NULL;
        }
    }
    return copy;
}

enum platoon_status platoon_manager_queue(platoon_manager *m, const char *typeid_,
                                          const platoon_value *args, platoon_queue **out,
                                          struct platoon_err *err)
{
    enum platoon_kind kind = platoon_value_kind(args);
    platoon_queue *q;
    enum platoon_status st;

    if (!typeid_ || !*typeid_ || !utf8_is_valid(typeid_, strlen(typeid_)))
        return platoon_fail(err, PLATOON_EINVAL,
                            "a queue has a name of UTF-8 text, such as get_task_queue");
    if (args && kind != PLATOON_LIST && kind != PLATOON_TUPLE)
        return platoon_fail(err, PLATOON_ETYPE,
                            "the arguments of `%s` are a %s, not a list or tuple", typeid_,
                            platoon_kind_name(kind));
    q = calloc(1, sizeof *q);
    if (!q)
        goto no_memory;
    q->manager = m;
    q->typeid_ = strdup(typeid_);
    q->args = m->session.may_reconnect ? copy_args(args) : NULL;
    if (!q->typeid_ || (m->session.may_reconnect && !q->args))
        goto no_memory;
    st = ask_for_ident(m, typeid_, args, &q->ident, err);
    if (st != PLATOON_OK)
        goto fail;
    q->next = m->first;
    if (q->next)
        q->next->previous = q;
    m->first = q;
    *out = q;
    return PLATOON_OK;

no_memory:
    st = platoon_fail(err, PLATOON_ENOMEM, "out of memory for a proxy of `%s`", typeid_);
fail:
    if (q)
        free_queue(q);
    return st;
}

enum platoon_status proxy_renew(platoon_queue *q, struct platoon_err *err)
{
    char *ident;
    enum platoon_status st = ask_for_ident(q->manager, q->typeid_, q->args, &ident, err);

    if (st != PLATOON_OK)
        return st;
    free(q->ident);
    q->ident = ident;
    return PLATOON_OK;
}

static void unlink_queue(platoon_queue *q)
{
    if (q->previous)
        q->previous->next = q->next;
    else
        q->manager->first = q->next;
    if (q->next)
        q->next->previous = q->previous;
}

enum platoon_status proxy_drop(platoon_queue *q, bool is_told)
{
    enum platoon_status st = is_told ? decref(q->manager, q->ident) : PLATOON_OK;

    unlink_queue(q);
    free_queue(q);
    return st;
}

void platoon_queue_drop(platoon_queue *q)
{
    platoon_manager *m;

    if (!q)
        return;
    m = q->manager;
    /* A failure changes nothing for us, and a server that is gone has forgotten the proxy anyway.
     */
    (void)proxy_drop(q, true);
    /* First the answered decref, then the end of the line: so a server knows an orderly leave from
     * a crash. */
    if (!m->first)
        session_hang_up(&m->session);
}

/* --- queue.Queue -------------------------------------------------------------------------------
 */

struct queue_op {
    const platoon_value *item; /* of put */
    double timeout_s;
};

static enum platoon_status encode_queue_op(struct buf *b, const struct request_head *head,
                                           const void *what, struct platoon_err *err)
{
    const struct queue_op *op = what;

    return request_queue_op(b, head, op->item, op->timeout_s, err);
}

/* For ever by either name of it; false if it is no time to wait. */
static bool read_timeout(double given, double *out)
{
    if (given == PLATOON_FOREVER || (isinf(given) && given > 0))
        *out = PLATOON_FOREVER;
    else if (given >= 0)
        *out = given;
    else
        return false; /* a NaN too */
    return true;
}

static enum platoon_status no_timeout(const char *method, double given, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EINVAL,
                        "`%s` cannot wait %g s: PLATOON_FOREVER, 0 or a positive number of seconds",
                        method, given);
}

enum platoon_status platoon_queue_put(platoon_queue *q, const platoon_value *v, double timeout_s,
                                      struct platoon_err *err)
{
    struct queue_op op = {v, 0};

    if (!v)
        return platoon_fail(err, PLATOON_ENOMEM, "`put` of a value that could not be made");
    if (!read_timeout(timeout_s, &op.timeout_s))
        return no_timeout("put", timeout_s, err);
    return proxy_call(q, "put", encode_queue_op, &op, NULL, err);
}

enum platoon_status platoon_queue_get(platoon_queue *q, double timeout_s, platoon_value **out,
                                      struct platoon_err *err)
{
    struct queue_op op = {NULL, 0};

    if (!read_timeout(timeout_s, &op.timeout_s))
        return no_timeout("get", timeout_s, err);
    return proxy_call(q, "get", encode_queue_op, &op, out, err);
}

enum platoon_status platoon_queue_size(platoon_queue *q, int64_t *out, struct platoon_err *err)
{
    platoon_value *v;
    enum platoon_status st = platoon_call(q, "qsize", NULL, NULL, &v, err);

    if (st != PLATOON_OK)
        return st;
    st = platoon_as_int(v, out);
    if (st != PLATOON_OK)
        platoon_fail(err, st, "`qsize` answered with a %s",
                     platoon_kind_name(platoon_value_kind(v)));
    platoon_value_unref(v);
    return st;
}

enum platoon_status platoon_queue_task_done(platoon_queue *q, struct platoon_err *err)
{
    return platoon_call(q, "task_done", NULL, NULL, NULL, err);
}

enum platoon_status platoon_queue_join(platoon_queue *q, struct platoon_err *err)
{
    return platoon_call(q, "join", NULL, NULL, NULL, err);
}
