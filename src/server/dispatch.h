/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.h - who answers a call: typeid -> type -> method. What a type sees of the server is in
 * this header, queue.h and reply.h, and nothing else.
 *
 * A *type* is a row of handlers ("Queue": get, put, ...; "platoon": lease, complete, ...). A
 * *typeid* is a name that a client may `create` ("get_task_queue", "platoon"): it names a type.
 * `create(typeid, args)` leads to an *object* (a struct queue), which the type finds or opens by
 * the typeid and a private name ("" for the shared one), and answers an ident that says both:
 * `get_task_queue:run7#9f31c2aa-17`.
 *
 * A *request* is one call, from the last byte of its frame to its reply. A handler is given the
 * request and owns it: it ends it by exactly one reply_...(rq), or by request_drop(rq), inside the
 * handler or in a later turn. That holds also when the client has gone or has given up the call
 * meanwhile: then the reply goes nowhere. So a store callback may carry `rq` as its argument
 * without fear, and needs no memory of its own: request_scratch().
 *
 * Loop thread only. Replies are queued and leave the process at the end of the turn, after
 * store_turn(). */
#ifndef PLATOON_SERVER_DISPATCH_H
#define PLATOON_SERVER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/pickle.h>
#include <platoon/value.h>

#include "pickle/payload.h"
#include "pickle/scan.h"
#include "store/store.h"

struct server;
struct request;
struct dispatch_typeid;

/* Most bytes of a private name (`m.get_task_queue('run7')`), UTF-8 without control characters. */
enum { DISPATCH_MAX_NAME = 128 };

/* --- types ------------------------------------------------------------------------------------ */

/* What a handler is given beside the request. Valid until the handler returns, not later. */
struct dispatch_call {
    const struct scan_request *scan; /* method, args and kwds as the scanner saw them */
    void *object;                    /* from the type's find or open */
};

struct dispatch_method {
    const char *name;
    void (*run)(struct request *rq, const struct dispatch_call *call);
};

/* Called with the object when it is open, or NULL and why it cannot be. */
typedef void (*dispatch_opened)(void *object, const struct platoon_err *err, void *arg);

struct dispatch_type {
    const char *name; /* of the class, for texts: "Queue" */
    /* What clients see, sorted by name as AutoProxy would, closed by a NULL name. */
    const struct dispatch_method *methods;
    /* The private name that the arguments of `create` ask for, "" for the shared object, into
     * `name`. args[0] of the call is the typeid, the getter's own arguments begin at args[1]. Wrong
     * ones: the reply is made here and false returned. NULL: the type takes no arguments. */
    bool (*name_of)(struct request *rq, const struct dispatch_call *call,
                    const struct dispatch_typeid *id, char name[DISPATCH_MAX_NAME + 1]);
    /* The object, if it is open already. NULL otherwise. */
    void *(*find)(struct server *srv, const struct dispatch_typeid *id, const char *name);
    /* Open it; `opened` is called once, inside the call or later. NULL: find always knows. */
    void (*open)(struct server *srv, const struct dispatch_typeid *id, const char *name,
                 dispatch_opened opened, void *arg);
    /* str(object), cut to fit. */
    void (*show)(const void *object, char *text, size_t size);
};

struct dispatch_typeid {
    char *name;
    const struct dispatch_type *type;
    void *data; /* the type's own: queues keep their specification here */
};

/* Add a row. EINVAL if the name is taken or empty or has one of ":#" in it. `data` is borrowed for
 * the server's life. */
enum platoon_status dispatch_register(struct server *srv, const char *typeid_,
                                      const struct dispatch_type *type, void *data,
                                      struct platoon_err *err);

extern const struct dispatch_type type_queue; /* type_queue.c */
extern const struct dispatch_type
    type_platoon; /* type_platoon.c; its object is the struct server */

/* --- requests --------------------------------------------------------------------------------- */

struct server *request_server(const struct request *rq);
/* Has the client gone, or made another call without waiting for this one? A reply would go
 * nowhere. */
bool request_is_cancelled(const struct request *rq);
/* Who calls: "127.0.0.1:40312 MainProcess". Never NULL; valid while the request is. */
const char *request_client(const struct request *rq);
/* The pickle protocol of the client's own messages (2 to 5; 2 if it wrote none). */
int request_protocol(const struct request *rq);

/* Room for what a handler keeps until its reply: REQUEST_SCRATCH_BYTES, zeroed when the request was
 * made. */
enum { REQUEST_SCRATCH_BYTES = 256 };
void *request_scratch(struct request *rq);

/* Have `on_cancel(rq)` called when the client goes or gives up, at most once and never after a
 * reply: the place to leave a queue of waiters. The request is still yours to end (request_drop)
 * there or in a later callback. NULL: no call. */
void request_on_cancel(struct request *rq, void (*on_cancel)(struct request *rq));
/* End the request without a reply: only for one that is cancelled. */
void request_drop(struct request *rq);

/* Inside the handler only (the frame's bytes are there). Cut one argument out as a payload, checked
 * against --globals. PLATOON_OK and a reference of yours; else the error reply is made and the
 * request ended. */
enum platoon_status request_cut(struct request *rq, const struct scan_arg *arg,
                                struct payload **out);
/* Inside the handler only: the arguments as values, a tuple and a dict, each yours to unref. At
 * most `max_bytes` of frame (0: 16 MiB). A request that names globals anywhere cannot be decoded:
 * TypeError. Not PLATOON_OK: the error reply is made and the request ended. */
enum platoon_status request_decode(struct request *rq, size_t max_bytes, platoon_value **out_args,
                                   platoon_value **out_kwds);

/* --- replies: each ends the request ----------------------------------------------------------- */

void reply_none(struct request *rq);
void reply_bool(struct request *rq, bool b);
void reply_int(struct request *rq, int64_t i);
void reply_text(struct request *rq, const char *text);
/* Any plain value (borrowed). */
void reply_value(struct request *rq, const platoon_value *v);
/* A value that came from a client, as it came (borrowed). */
void reply_payload(struct request *rq, struct payload *p);
/* '#ERROR': the method raised `class_name` ("ValueError", "queue.Empty", any builtin) with one
 * text, or with no argument when `format` is NULL. */
void reply_error(struct request *rq, const char *class_name, const char *format, ...)
    PLATOON_PRINTF(3, 4);
/* '#ERROR' OSError(error, text). */
void reply_oserror(struct request *rq, int error, const char *format, ...) PLATOON_PRINTF(3, 4);
/* '#TRACEBACK': the call could not be made (RemoteError at the client). The text's last line should
 * read as Python's would: "KeyError: 'xyz': ...". */
void reply_traceback(struct request *rq, const char *format, ...) PLATOON_PRINTF(2, 3);
/* The exception that says what the store could not do: OSError(ENOSPC), MemoryError, ... */
void reply_store_error(struct request *rq, enum store_status st);

/* --- the server, as types see it -------------------------------------------------------------- */

struct store *server_store(struct server *srv);
/* Monotonic time of this turn. */
uint64_t server_now_ns(const struct server *srv);
/* Fresh (epoch, counter) pairs, for leases and for puts. Of `n` leases the first; the others'
 * counters follow it. */
struct store_lease_id server_next_leases(struct server *srv, uint32_t n);
struct store_key server_next_key(struct server *srv);
uint32_t server_worker_lease_ms(const struct server *srv);
/* Numbers for `stats()`. */
struct server_facts {
    uint64_t uptime_ms;
    uint64_t connections;   /* long-lived, authenticated */
    uint64_t handshakes;    /* not authenticated yet */
    uint64_t requests;      /* since the start */
    uint64_t auth_failures; /* since the start */
    uint64_t bytes_in, bytes_out;
};
void server_facts(const struct server *srv, struct server_facts *out);
/* For every long-lived connection: peer "HOST:PORT" and the name it gave, seconds since it was
 * made, whether a call of it waits. Stops when `each` returns false. */
void server_each_connection(struct server *srv,
                            bool (*each)(const char *peer, const char *name, uint64_t age_ms,
                                         bool waits, void *arg),
                            void *arg);

#endif
