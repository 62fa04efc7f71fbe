/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c - see admin.h. Every failure here is a '#TRACEBACK', as with stock servers. */
#include "server/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pickle/scan.h"
#include "server/call.h"
#include "server/message.h"
#include "server/reply.h"
#include "server/request.h"
#include "server/server.h"

enum { MOST_SHOWN = 1000 }; /* objects in debug_info */

/* --- create ----------------------------------------------------------------------------------- */

struct creating {
    const struct dispatch_typeid *id;
    char name[DISPATCH_MAX_NAME + 1];
};
_Static_assert(sizeof(struct creating) <= REQUEST_SCRATCH_BYTES,
               "a create must fit the request's scratch");

static void write_exposed(struct message *m, const struct dispatch_type *type)
{
    message_open_tuple(m);
    for (const struct dispatch_method *method = type->methods; method->name; method++)
        message_text(m, method->name, strlen(method->name));
    message_close_tuple(m);
}

static void on_opened(void *object, const struct platoon_err *err, void *arg)
{
    struct request *rq = arg;
    const struct creating *c = request_scratch(rq);
    struct ident *i;
    struct message m;

    if (!object) {
        reply_traceback(rq, "RuntimeError: %s", err->message);
        return;
    }
    if (request_is_cancelled(rq)) { /* nobody would know the ident */
        request_drop(rq);
        return;
    }
    i = ident_new(&rq->srv->idents, c->id, c->id->name, c->name, object);
    if (!i) {
        reply_traceback(rq, "MemoryError: the server has no memory left for another proxy");
        return;
    }
    track_create(rq->srv, i);
    message_begin(&m, rq->protocol, "#RETURN");
    message_open_tuple(&m);
    message_text(&m, i->text, i->len);
    write_exposed(&m, c->id->type);
    message_close_tuple(&m);
    reply_message(rq, &m);
}

static void create(struct request *rq, const struct scan_request *scan)
{
    struct creating *c = request_scratch(rq);
    struct dispatch_call call = {scan, NULL};
    const struct dispatch_type *type;
    const char *wanted;
    char known[1000];
    void *object;

    if (scan->n_args == 0 || scan->args[0].kind != SCAN_TEXT) {
        reply_traceback(rq, "TypeError: create() takes a typeid, a text, as its first argument");
        return;
    }
    wanted = scan->args[0].text;
    c->id = dispatch_find(rq->srv, wanted, scan->args[0].text_len);
    if (!c->id) {
        reply_traceback(rq,
                        "KeyError: '%.100s': this server has no queue of that name. It has: %s. To "
                        "add one, start it "
                        "with: platoon serve --queue %.100s",
                        wanted, dispatch_list(rq->srv, known, sizeof known), wanted);
        return;
    }
    type = c->id->type;
    if (type->name_of) {
        if (!type->name_of(rq, &call, c->id, c->name))
            return;
    } else if (scan->n_args > 1 || scan->n_kwds) {
        reply_traceback(rq, "TypeError: %s() takes no arguments", c->id->name);
        return;
    }
    object = type->find(rq->srv, c->id, c->name);
    if (object)
        on_opened(object, NULL, rq);
    else
        type->open(rq->srv, c->id, c->name, on_opened, rq);
}

/* --- idents ----------------------------------------------------------------------------------- */

/* The ident that the only argument names. NULL: the reply is made. */
static struct ident *ident_argument(struct request *rq, const struct scan_request *scan)
{
    bool no_memory = false;
    struct ident *i = NULL;

    if (scan->n_args != 1 || scan->n_kwds) {
        reply_traceback(rq, "TypeError: %s() takes one argument, an ident", scan->method);
        return NULL;
    }
    if (scan->args[0].kind == SCAN_TEXT)
        i = call_find_ident(rq->srv, scan->args[0].text, &no_memory);
    if (i)
        return i;
    if (no_memory)
        reply_traceback(rq, "MemoryError: the server has no memory left for this call");
    else
        reply_traceback(rq, "KeyError: '%.200s' is no object of this server",
                        scan->args[0].kind == SCAN_TEXT ? scan->args[0].text : "that");
    return NULL;
}

static void incref(struct request *rq, const struct scan_request *scan)
{
    struct ident *i = ident_argument(rq, scan);

    if (!i)
        return;
    ident_incref(&rq->srv->idents, i);
    track_incref(rq->srv, i);
    reply_none(rq);
}

static void decref(struct request *rq, const struct scan_request *scan)
{
    struct ident *i = ident_argument(rq, scan);

    if (!i)
        return;
    ident_decref(&rq->srv->idents, i);
    track_decref(rq->srv, i);
    reply_none(rq);
}

/* The ident in a pickled Token, whose state is the tuple (typeid, address, ident); our own. */
static platoon_value *inspect_token(struct request *rq, const char **out_ident)
{
    platoon_value *all = NULL, *args, *state;
    size_t len = (size_t)rq->frame->len;
    uint8_t *bytes = len <= 64 * 1024 ? mem_alloc(len) : NULL;

    *out_ident = NULL;
    if (!bytes)
        return NULL;
    rope_copy_out(rq->frame, 0, bytes, len);
    if (platoon_pickle_inspect(bytes, len, NULL, &all, NULL) == PLATOON_OK) {
        args = platoon_item(all, 2);
        state = platoon_len(args) ? platoon_item(platoon_item(args, 0), 3) : NULL;
        *out_ident = platoon_as_str(platoon_len(state) == 3 ? platoon_item(state, 2) : NULL, NULL);
    }
    free(bytes);
    return all;
}

static void get_methods(struct request *rq, const struct scan_request *scan)
{
    const char *text;
    platoon_value *token = inspect_token(rq, &text);
    struct ident *i = text ? call_find_ident(rq->srv, text, NULL) : NULL;
    struct message m;

    (void)scan;
    if (!i) {
        reply_traceback(rq, "KeyError: '%.200s' is no object of this server", text ? text : "that");
    } else {
        message_begin(&m, rq->protocol, "#RETURN");
        write_exposed(&m, i->id->type);
        reply_message(rq, &m);
    }
    platoon_value_unref(token);
}

/* --- the others ------------------------------------------------------------------------------- */

static void dummy(struct request *rq, const struct scan_request *scan)
{
    (void)scan;
    reply_none(rq);
}

static void accept_connection(struct request *rq, const struct scan_request *scan)
{
    struct session *s = rq->session;
    bool is_text = scan->n_args == 1 &&
                   (scan->args[0].kind == SCAN_TEXT || scan->args[0].kind == SCAN_LONG_TEXT);

    if (!is_text || scan->n_kwds) {
        reply_traceback(rq, "TypeError: accept_connection() takes one argument, the client's name");
        return;
    }
    if (!session_set_live(s,
                          scan->args[0].kind == SCAN_TEXT ? scan->args[0].text : "(a long name)")) {
        reply_traceback(rq, "MemoryError: the server has no memory left for another client");
        return;
    }
    rq->is_one_shot = false;
    reply_none(rq);
}

static void number_of_objects(struct request *rq, const struct scan_request *scan)
{
    (void)scan;
    reply_int(rq, (int64_t)rq->srv->idents.n_counted);
}

/* Per object "  ident:       refcount=N\n    str(obj)[:75]", as Python's. */
static void debug_info(struct request *rq, const struct scan_request *scan)
{
    struct ident_table *t = &rq->srv->idents;
    struct message m;
    char *text = NULL;
    size_t len = 0, n = 0;
    FILE *f = open_memstream(&text, &len);

    (void)scan;
    if (f) {
        LIST_EACH (i, &t->counted, struct ident, lru) {
            char shown[76];

            if (n++ == MOST_SHOWN) {
                fprintf(f, "\n  ... and %zu more", t->n_counted - MOST_SHOWN);
                break;
            }
            call_show(rq->srv, i, shown, sizeof shown);
            fprintf(f, "%s  %s:       refcount=%lld\n    %s", n > 1 ? "\n" : "", i->text,
                    (long long)i->count, shown);
        }
    }
    if (!f || fclose(f) != 0) {
        reply_traceback(rq, "MemoryError: the server has no memory left for this list");
    } else {
        message_begin(&m, rq->protocol, "#RETURN");
        message_text(&m, text, len);
        reply_message(rq, &m);
    }
    free(text);
}

static void shut_down(struct request *rq, const struct scan_request *scan)
{
    struct server *srv = rq->srv;
    char peer[sizeof rq->session->peer];

    (void)scan;
    memcpy(peer, rq->session->peer, sizeof peer);
    reply_none(rq); /* once: clients read one, and stock servers' second is a slip */
    log_line(&srv->log, LOG_INFO, "shutdown-asked peer=%s", peer);
    server_begin_stop(srv, "shutdown");
}

static const struct {
    const char *name;
    void (*run)(struct request *rq, const struct scan_request *scan);
} functions[] = {
    {"accept_connection", accept_connection},
    {"create", create},
    {"debug_info", debug_info},
    {"decref", decref},
    {"dummy", dummy},
    {"get_methods", get_methods},
    {"incref", incref},
    {"number_of_objects", number_of_objects},
    {"shutdown", shut_down},
};

void admin_run(struct request *rq, const struct scan_request *scan)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, scan->method) == 0) {
            functions[i].run(rq, scan);
            return;
        }
    }
    reply_traceback(rq, "AssertionError: '%.100s' unrecognized", scan->method);
}
