/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - who holds which task, among clients that never say so: leases of stock Python clients.
 *
 * A stock worker calls get on the task queue and put on the linked result queue; nothing on the
 * wire ties the two, and a worker that died looks much like a thread that ended. This module
 * watches what such clients do - create, incref, decref, calls, replies, ends of connections - and
 * decides what became of each task: done, back to the front, to the end of the queue, set aside. A
 * guess never destroys a task.
 *
 * Terms. A *client* is the group of connections that used a common ident: a process and its forked
 * children. A *process* is a client, a peer address and the part of a connection's name before the
 * bar. A connection whose name has no bar is a *main* thread's; its end is the end of its process.
 * Each answer (a put on the result queue, or a task_done) is noted twice: for the oldest open
 * task, as if work is done in order, and for the youngest, as if a worker skipped one. A task open
 * both ways is *out*, one way *perhaps*, no way *answered*. A holder is *even* when none of its
 * tasks is open any way: only then are they done for certain. Each decref beyond create's own is a
 * *credit*: a process leaves in good order if every ident of its last connection is dropped, or
 * has a credit younger than the connection's last request.
 *
 * The rules, event by event, with the reason for each: docs/task-lifecycle.md.
 *
 * Pure: no sockets, no store, no clock. Every event carries the time (monotonic ns, never
 * falling); decisions come by the callback, from inside the event that causes them; the callback
 * must not call back in. Loop thread only. Tasks are named by id; any item of any queue has an id
 * of the same numbering. */
#ifndef PLATOON_SERVER_LEASE_H
#define PLATOON_SERVER_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease_table;
struct lease_ident;
struct lease_conn;

struct lease_settings {
    uint64_t grace_ns;  /* for a namesake's put after an orderly leave, and for the threads of a
                           process to show up again */
    uint64_t credit_ns; /* how long a decref excuses the end of a connection */
    size_t keep;        /* tasks set aside that a late put can still complete, and open tasks of
                           one holder; 0: 1000 */
};

/* What an ident's queue is. A result queue may be the task queue of a next stage: both bits. */
enum lease_role { LEASE_PLAIN = 0, LEASE_TASKS = 1, LEASE_RESULTS = 2 };

enum lease_decision_kind {
    LEASE_TAKEN, /* a task is now leased to the connection that got the reply */
    LEASE_DONE,  /* answered; `sure` is false for a guess: kept, retryable */
    LEASE_FRONT, /* back to the front, in the old order */
    LEASE_BACK,  /* to the end of the queue: may be a repeat */
    LEASE_ASIDE, /* set aside as abandoned: listed, not run by itself; a late put completes it */
    LEASE_GRACE, /* its holder left in good order: waits for a namesake's put, then to the front */
    LEASE_FORGOTTEN /* set aside so long ago that no late put completes it any more */
};

struct lease_decision {
    enum lease_decision_kind kind;
    const uint64_t *tasks; /* borrowed until the callback returns */
    size_t n_tasks;
    bool is_sure;        /* LEASE_DONE */
    bool counts_attempt; /* LEASE_FRONT, LEASE_BACK */
    bool may_be_repeat;  /* LEASE_BACK, LEASE_ASIDE */
    const char *why;     /* for the log; static, never NULL */
};
typedef void (*lease_decide_fn)(const struct lease_decision *decision, void *arg);

/* NULL when out of memory. */
struct lease_table *lease_table_new(const struct lease_settings *settings, lease_decide_fn decide,
                                    void *arg);
/* Forgets everything without a decision. NULL is fine. */
void lease_table_free(struct lease_table *t);

/* --- idents: one for each create, named by handles that the caller keeps -------------------------
 * A new ident counts 1 (`is_created`), or, for one that is known again only because it is used, 0.
 * NULL when out of memory. `role` is a set of enum lease_role. */
struct lease_ident *lease_ident_new(struct lease_table *t, int role, bool is_created,
                                    uint64_t now_ns);
void lease_incref(struct lease_ident *i);
void lease_decref(struct lease_ident *i, uint64_t now_ns);
/* The caller gives its handle back; the table keeps what it still needs. NULL is fine. */
void lease_ident_forget(struct lease_ident *i);

/* --- connections ---------------------------------------------------------------------------------
 * `peer` is the client's address without port, `name` what accept_connection said; both are
 * copied. NULL when out of memory. */
struct lease_conn *lease_accept(struct lease_table *t, const char *peer, const char *name);
/* A call on `i` arrived. Must come before the reply's event. False when out of memory: answer
 * MemoryError, nothing changed. */
bool lease_request(struct lease_conn *c, struct lease_ident *i, uint64_t now_ns);
/* The reply to that call is on its way: an item was handed out (of any queue; `is_work`: it looks
 * like work) ... */
void lease_replied_item(struct lease_conn *c, uint64_t task, bool is_work, uint64_t now_ns);
/* ... or a put was accepted; `same_task` is the task in hand whose very bytes were put on its own
 * queue, or 0 ... */
void lease_replied_put(struct lease_conn *c, uint64_t same_task, uint64_t now_ns);
/* ... or a task_done was ... */
void lease_replied_task_done(struct lease_conn *c, uint64_t now_ns);
/* ... or anything else was said (other methods, exceptions). */
void lease_replied_other(struct lease_conn *c);
/* The connection ended. `last_reply_lost`: the transport says that the last reply was not
 * received. `c` is gone. NULL is fine. */
void lease_end(struct lease_conn *c, bool last_reply_lost, uint64_t now_ns);

/* --- time ----------------------------------------------------------------------------------------
 * Decide what is due. Run before every other event whose time is at or past lease_next_ns(). */
void lease_tick(struct lease_table *t, uint64_t now_ns);
/* When the next decision falls due; UINT64_MAX if none. */
uint64_t lease_next_ns(const struct lease_table *t);

/* --- looking, and operators ----------------------------------------------------------------------
 * Somebody else ended the task (retry, release, cancel, completion by id): no decision about it
 * will come. */
void lease_forget_task(struct lease_table *t, uint64_t task);
/* Tasks open on `c`, oldest first; writes at most `max`, returns how many are open. */
size_t lease_open_tasks(const struct lease_conn *c, uint64_t *out_tasks, size_t max);
/* The task that a put on the result queue would now make done for certain: the only one that `c`
 * has open, if its next mark is the one that answers it. 0: none. */
uint64_t lease_sure_task(const struct lease_conn *c);
struct lease_holder {
    const char *peer, *name; /* borrowed until the next event */
    const char *state;       /* "out", "perhaps", "answered", "in grace", "set aside" */
    bool is_connected;
};
/* Who holds `task`; false if it is not known here. */
bool lease_find(const struct lease_table *t, uint64_t task, struct lease_holder *out);

#endif
