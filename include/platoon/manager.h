/* SPDX-License-Identifier: Apache-2.0 */
/* manager.h - the client side: connect to a server (ours or Python's) and use its queues.
 *
 * A manager is this program's handle to one server: an address, an authkey and, from the first call
 * on a queue, one TCP connection that all its queues share, as in Python. One manager a thread;
 * none is shared by two threads at a time. A forked child must not use its parent's manager: make a
 * new one.
 *
 * Blocking: every call here blocks until the server answers (SIGPIPE is never raised; a signal
 * handler that returns does not disturb a call).
 *
 * Reconnecting is off by default. A call that is cut off after it was sent returns PLATOON_EUNKNOWN
 * and is never repeated silently; the next call on the manager then makes a new connection if
 * `reconnect` was set, else returns PLATOON_ECLOSED for ever. */
#ifndef PLATOON_MANAGER_H
#define PLATOON_MANAGER_H

#include <platoon/pickle.h>
#include <platoon/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct platoon_manager platoon_manager;
typedef struct platoon_queue platoon_queue;

/* For a timeout: wait for ever. 0 is "do not wait". Seconds otherwise. */
#define PLATOON_FOREVER (-1.0)

struct platoon_manager_options {
    const char *host;    /* name or address; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: 5000 */
    const void *authkey; /* the shared secret; may be NULL when authkey_len is 0 */
    size_t authkey_len;
    const char *name;         /* NULL: the connection is named PROGRAM-PID; else PROGRAM-PID|NAME.
                                 A process's first manager leaves it NULL, those of other threads
                                 set it */
    double connect_timeout_s; /* to find the address, connect and log in; 0: 30 s */
    size_t max_reply_bytes;   /* refuse longer replies (ELIMIT); 0: 1 GiB */
    bool reconnect;           /* make a new connection on the next call after one was lost */
    bool auth_sha256_only;    /* refuse a server that proves itself with MD5 only */
};

/* Connect, authenticate both ways, and say hello (`dummy`), as BaseManager.connect() does.
 * `options` is borrowed for the call; the authkey is copied and wiped at the end.
 *
 * EADDR, ECONNECT (refused, unreachable, timed out), EAUTH (wrong authkey), EPROTO (no manager
 * there). */
PLATOON_API enum platoon_status
platoon_manager_connect(const struct platoon_manager_options *options, platoon_manager **out,
                        struct platoon_err *err);
/* Orderly end: drops (`decref`) every open queue of the manager, then closes its connection. Frees
 * the manager; its queues are freed too and must not be used. NULL is fine. */
PLATOON_API void platoon_manager_close(platoon_manager *m);
/* Abrupt end: closes the sockets and frees, telling the server nothing (as a crash would). NULL is
 * fine. */
PLATOON_API void platoon_manager_abandon(platoon_manager *m);
/* Ask the server to shut down, as BaseManager.shutdown(). The manager stays to be closed. */
PLATOON_API enum platoon_status platoon_manager_shutdown(platoon_manager *m,
                                                         struct platoon_err *err);
/* The socket of the connection that the queues share; -1 while there is none (before the first call
 * on a queue, after a loss). It stays the manager's. It is for a program that must end a call which
 * waits at the server: between two calls, dup() it; in another thread, shutdown(copy, SHUT_WR) then
 * tells the server that we are gone, upon which the call answers what the server had sent before
 * that, or PLATOON_EUNKNOWN. */
PLATOON_API int platoon_manager_socket(const platoon_manager *m);
/* "127.0.0.1:5000"; borrowed. */
PLATOON_API const char *platoon_manager_address(const platoon_manager *m);

/* Make a proxy of a registered typeid ("get_task_queue"), with positional arguments for its getter:
 * `args` is a list or tuple (borrowed), or NULL. ENOTFOUND if the server knows no such typeid. *out
 * belongs to the manager: platoon_queue_drop() it, or leave it to platoon_manager_close(). */
PLATOON_API enum platoon_status platoon_manager_queue(platoon_manager *m, const char *typeid_,
                                                      const platoon_value *args,
                                                      platoon_queue **out, struct platoon_err *err);
/* Tell the server that this proxy is gone (`decref`) and free it. NULL is fine. */
PLATOON_API void platoon_queue_drop(platoon_queue *q);

/* queue.Queue, call by call. `timeout_s`: PLATOON_FOREVER, 0, or seconds, waited for at the server.
 * put borrows `v`; get's *out is yours, and `out` may be NULL if the item is not wanted. EFULL /
 * EEMPTY as Python's queue.Full / queue.Empty; EREMOTE for other exceptions. */
PLATOON_API enum platoon_status platoon_queue_put(platoon_queue *q, const platoon_value *v,
                                                  double timeout_s, struct platoon_err *err);
PLATOON_API enum platoon_status platoon_queue_get(platoon_queue *q, double timeout_s,
                                                  platoon_value **out, struct platoon_err *err);
PLATOON_API enum platoon_status platoon_queue_size(platoon_queue *q, int64_t *out,
                                                   struct platoon_err *err);
PLATOON_API enum platoon_status platoon_queue_task_done(platoon_queue *q, struct platoon_err *err);
PLATOON_API enum platoon_status platoon_queue_join(platoon_queue *q, struct platoon_err *err);

/* Any method of any proxy. `args` (list or tuple) and `kwds` (dict) are borrowed and may be NULL.
 * *out may be NULL if the answer is not wanted (it is not even decoded then). EREMOTE: err->type is
 * the exception's class, err->message its text. ETYPE: the method answers with a proxy of its own,
 * which has no form here. */
PLATOON_API enum platoon_status platoon_call(platoon_queue *proxy, const char *method,
                                             const platoon_value *args, const platoon_value *kwds,
                                             platoon_value **out, struct platoon_err *err);

/* The worker loop: get from `tasks`, call `run`, put what it returns on `results`, mark the task
 * `task_done` (where the server's object has that); until the task queue stays empty for `idle_s`
 * (then PLATOON_OK), `run` asks for the end, or the server is lost.
 *
 *   run   called with a borrowed task; sets *out_result (taken; NULL means no result is put) and
 *         returns true to go on, false to end after this result */
typedef bool (*platoon_work_fn)(platoon_value *task, platoon_value **out_result, void *arg);
PLATOON_API enum platoon_status platoon_work(platoon_queue *tasks, platoon_queue *results,
                                             double idle_s, platoon_work_fn run, void *arg,
                                             struct platoon_err *err);

#ifdef __cplusplus
}
#endif
#endif
