/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - see call.h. */
#include "server/call.h"

#include <stdio.h>
#include <string.h>

#include "pickle/scan.h"
#include "server/request.h"
#include "server/server.h"

struct ident *call_find_ident(struct server *srv, const char *text, bool *out_no_memory)
{
    size_t len = strlen(text);
    struct ident *i = ident_find(&srv->idents, text, len);
    const struct dispatch_typeid *id;
    struct ident_parts parts;

    if (out_no_memory)
        *out_no_memory = false;
    if (i)
        return i;
    /* Forgotten, or made by an earlier run of this server: what it stands for is in its text. */
    if (!ident_parse(text, len, &parts) || parts.name_len > DISPATCH_MAX_NAME)
        return NULL;
    id = dispatch_find(srv, text, parts.typeid_len);
    if (!id || (parts.name_len && !id->type->name_of))
        return NULL;
    i = ident_know(&srv->idents, text, len, id);
    if (!i && out_no_memory)
        *out_no_memory = true;
    return i;
}

/* The private name in an ident's text, which has been parsed before. */
static const char *name_of(const struct ident *i, char name[DISPATCH_MAX_NAME + 1])
{
    struct ident_parts parts = {0, 0, 0, 0};

    (void)ident_parse(i->text, i->len, &parts);
    memcpy(name, i->text + parts.name_start, parts.name_len);
    name[parts.name_len] = '\0';
    return name;
}

static void *find_object(struct server *srv, struct ident *i)
{
    char name[DISPATCH_MAX_NAME + 1];

    if (!i->object)
        i->object = i->id->type->find(srv, i->id, name_of(i, name));
    return i->object;
}

void call_show(struct server *srv, struct ident *i, char *text, size_t size)
{
    void *object = find_object(srv, i);

    if (object)
        i->id->type->show(object, text, size);
    else
        snprintf(text, size, "<%s, not open>", i->id->type->name);
}

static const struct dispatch_method *find_method(const struct dispatch_type *type, const char *name)
{
    for (const struct dispatch_method *m = type->methods; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* What stock servers answer for every object, exposed or not. */
static void run_fallback(struct request *rq, struct ident *i, const char *method)
{
    const struct dispatch_type *type = i->id->type;
    char text[600];
    size_t len = 0;

    if (strcmp(method, "__str__") == 0 || strcmp(method, "__repr__") == 0) {
        call_show(rq->srv, i, text, sizeof text);
        reply_text(rq, text);
        return;
    }
    if (strcmp(method, "#GETVALUE") == 0) {
        reply_traceback(
            rq,
            "TypeError: '%s' lives in the server and cannot be copied out of it; use its methods, "
            "such as get()",
            i->id->name);
        return;
    }
    *text = '\0';
    for (const struct dispatch_method *m = type->methods; m->name && len < sizeof text - 40; m++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? ", " : "", m->name);
    reply_traceback(rq,
                    "AttributeError: method '%.100s' of '%s' (a %s) is not exposed; these are: %s\n"
                    "KeyError: '%.100s'",
                    method, i->id->name, type->name, text, method);
}

static void run_method(struct request *rq, struct ident *i, void *object,
                       const struct scan_request *scan)
{
    const struct dispatch_method *method = find_method(i->id->type, scan->method);
    struct dispatch_call call = {scan, object};

    if (method)
        method->run(rq, &call);
    else
        run_fallback(rq, i, scan->method);
}

/* A private queue is open now: begin the call again. */
static void on_opened(void *object, const struct platoon_err *err, void *arg)
{
    struct request *rq = arg;
    struct server *srv = rq->srv;

    if (!object) {
        reply_error(rq, "RuntimeError", "%s", err->message);
    } else if (request_is_cancelled(rq)) {
        request_drop(rq);
    } else {
        struct scan_request scan;
        struct ident *i;

        scan_request(rq->scan, &scan);
        i = call_find_ident(srv, scan.ident, NULL);
        srv->sessions.running = rq;
        if (i)
            run_method(rq, i, object, &scan);
        else
            reply_traceback(rq, "MemoryError: the server has no memory left for this call");
        if (srv->sessions.running == rq) /* it has not ended */
            request_unkeep(rq);
        srv->sessions.running = NULL;
    }
}

void call_run(struct request *rq, const struct scan_request *scan)
{
    bool no_memory;
    struct ident *i =
        scan->ident_is_none ? NULL : call_find_ident(rq->srv, scan->ident, &no_memory);
    char name[DISPATCH_MAX_NAME + 1];
    void *object;

    if (!i) {
        if (scan->ident_is_none)
            reply_traceback(rq, "KeyError: None");
        else if (no_memory)
            reply_traceback(rq, "MemoryError: the server has no memory left for this call");
        else
            reply_traceback(
                rq,
                "KeyError: '%.200s' is no object of this server; make a proxy again, with "
                "manager.get_task_queue() or whatever its typeid is",
                scan->ident);
        return;
    }
    if (!track_request(rq->srv, rq->session, i)) {
        reply_traceback(rq, "MemoryError: the server has no memory left for this call");
        return;
    }
    object = find_object(rq->srv, i);
    if (object) {
        run_method(rq, i, object, scan);
    } else if (request_keep(rq)) {
        i->id->type->open(rq->srv, i->id, name_of(i, name), on_opened, rq);
    }
}
