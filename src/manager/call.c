/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - the one way a proxy's call is made, and platoon_call(). */
#include "manager/proxy.h"

#include <stdio.h>
#include <string.h>

/* A server that was started anew knows none of the old idents. It says so before anything was done,
 * so the call can be made again under a new one. The text is the ident's repr: in quotes, in Python
 * 2 behind a u. */
static bool is_unknown_ident(const platoon_queue *q, const struct reply *r,
                             const struct platoon_err *why)
{
    const char *at = why->message[0] == 'u' ? why->message + 1 : why->message;
    size_t len = strlen(q->ident);

    return r->kind == REPLY_TRACEBACK && strcmp(why->type, "KeyError") == 0 &&
           strlen(at) == len + 2 && strncmp(at + 1, q->ident, len) == 0;
}

/* The method's result stays at the server, counted for us. We cannot hold it, so we let it go. */
static void let_go(platoon_manager *m, const struct reply *r)
{
    char ident[512];

    if (reply_proxy_ident(r, ident, sizeof ident))
        (void)session_ask_once(&m->session, "decref", platoon_tuple(1, platoon_str(ident)), true,
                               NULL, NULL);
}

enum platoon_status proxy_call(platoon_queue *q, const char *method, proxy_encode encode,
                               const void *what, platoon_value **out_value, struct platoon_err *err)
{
    struct session *s = &q->manager->session;
    bool may_renew = s->may_reconnect;
    enum platoon_status st;
    struct reply r;

    for (;;) {
        const struct request_head head = {s->protocol, q->ident, method};
        struct platoon_err why;

        st = encode(&s->request, &head, what, err);
        if (st == PLATOON_OK)
            st = session_ask(s, method, &r, err);
        if (st != PLATOON_OK)
            break;
        if (r.kind == REPLY_RETURN) {
            if (out_value)
                st = reply_decode(&r, out_value, err);
            break;
        }
        st = reply_failure(&r, &why);
        if (may_renew && is_unknown_ident(q, &r, &why)) {
            may_renew = false;
            st = proxy_renew(q, err);
            if (st == PLATOON_OK)
                continue;
            break;
        }
        if (r.kind == REPLY_PROXY)
            let_go(q->manager, &r);
        if (err)
            *err = why;
        break;
    }
    session_settle(s);
    return st;
}

/* --- platoon_call ------------------------------------------------------------------------------
 */

struct arguments {
    const platoon_value *args, *kwds;
};

static enum platoon_status encode_arguments(struct buf *b, const struct request_head *head,
                                            const void *what, struct platoon_err *err)
{
    const struct arguments *a = what;

    return request_call(b, head, a->args, a->kwds, err);
}

enum platoon_status platoon_call(platoon_queue *proxy, const char *method,
                                 const platoon_value *args, const platoon_value *kwds,
                                 platoon_value **out, struct platoon_err *err)
{
    const struct arguments what = {args, kwds};
    enum platoon_kind kind = platoon_value_kind(args);

    if (!method || !*method)
        return platoon_fail(err, PLATOON_EINVAL, "platoon_call() without a method's name");
    if (args && kind != PLATOON_LIST && kind != PLATOON_TUPLE)
        return platoon_fail(err, PLATOON_ETYPE,
                            "the arguments of `%s` are a %s, not a list or tuple", method,
                            platoon_kind_name(kind));
    kind = platoon_value_kind(kwds);
    if (kwds && kind != PLATOON_DICT)
        return platoon_fail(err, PLATOON_ETYPE,
                            "the keyword arguments of `%s` are a %s, not a dict", method,
                            platoon_kind_name(kind));
    return proxy_call(proxy, method, encode_arguments, &what, out, err);
}
