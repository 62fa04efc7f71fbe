/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the seam to where queues, tasks, leases and results are kept.
 *
 * Rules of the seam (docs/architecture.md gives their reasons):
 *
 *   1. The store grants ownership: the server hands out only what claim answered, and claims no
 *      more than it has takers for.
 *   2. Lease ids are (epoch, counter), made by the server; epochs come from attach, rise, and are
 *      durable.
 *   3. put, done, attach, retry, cancel are durable when answered, at the level of open. claim and
 *      renew need not be.
 *   4. Every verb may be repeated with the same ids after UNKNOWN; puts carry a key for that.
 *   5. DUP and ALREADY are promises as durable as NEW and RECORDED.
 *   6. Time is the store's: durations go in, never instants.
 *   7. Items of one caller whose puts were answered in turn are claimed in that order.
 *   8. ready is a hint: it may be lost, doubled, late or false. The server also claims on its own
 *      once a second while takers wait.
 *   9. The server caches no lengths, no fronts, no owners. qsize is stats; maxsize is put's limit,
 *      enforced here.
 *  10. Each call with its batch is atomic. No begin/commit, no cursor between calls, no SQL, no
 *      engine's error here.
 *
 * Calls. Everything runs on the loop thread and nothing blocks. Every verb returns at once and
 * answers by its callback, exactly once, never from inside the call itself: callbacks run from
 * store_turn(). Order of callbacks = order of calls, per queue. Arrays and payloads passed in are
 * borrowed for the call only (the store takes references of its own); arrays passed to a callback
 * live until it returns; a callback takes its own payload references. */
#ifndef PLATOON_STORE_STORE_H
#define PLATOON_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#include "pickle/payload.h"

struct store;

/* How a whole call ended. Anything but OK: the answers are absent. */
enum store_status {
    STORE_OK,
    STORE_UNKNOWN, /* the link was lost: it may have happened; repeat it with the same ids */
    STORE_DOWN,    /* did not happen; try later */
    STORE_FENCED,  /* this server was declared dead by another: drop everything, attach anew */
    STORE_NOSPACE, /* did not happen: no room on the medium */
    STORE_TOOBIG,  /* did not happen: a value over the limit */
    STORE_CORRUPT, /* the data cannot be trusted */
    STORE_NOMEM
};

typedef uint64_t store_task_id;  /* counts from 1 over all queues; 0 is none */
typedef uint32_t store_queue_id; /* counts from 1; 0 is none */

struct store_lease_id {
    uint64_t epoch, counter; /* counter from 1; {0,0} is none */
};
struct store_key {
    uint64_t epoch, counter; /* makes a repeated put a DUP; {0,0}: no key */
};

enum store_task_state {
    STORE_QUEUED,
    STORE_LEASED,
    STORE_DONE,
    STORE_FAILED,
    STORE_ABANDONED,
    STORE_DEAD,
    STORE_CANCELLED
};
const char *store_state_name(enum store_task_state state); /* "queued" ... */

struct store_queue {
    store_queue_id id;
    const char *name;            /* "get_task_queue", private pairs "get_task_queue:run7" */
    uint64_t maxsize;            /* 0: unbounded */
    store_queue_id result_queue; /* of a linked pair's task queue, else 0 */
    uint32_t max_attempts;       /* losses before a task is dead; 0: 5 */
};

struct store_counts {
    uint64_t queued, leased, abandoned, dead; /* in that state now; queued: can be taken now */
    uint64_t done, failed, cancelled; /* that ended so; `memory` counts since it was opened */
    uint64_t unfinished;              /* see store_task_done() */
    uint64_t bytes_queued;            /* payload bytes of what is queued */
    uint64_t delayed;                 /* failed and waiting to be tried again; not in `queued` */
};

/* --- open, attach ----------------------------------------------------------------------------- */
typedef void (*store_attach_cb)(enum store_status st, uint64_t epoch, void *arg);
void store_attach(struct store *s, const char *name, store_attach_cb cb, void *arg);
void store_close(struct store *s); /* drops pending callbacks unanswered; NULL is fine */
/* Run what is due: expiries are left to sweep; callbacks of finished calls are made here, and calls
 * made from callbacks are answered in the same turn where the store can. The server calls it once
 * before and once after each poll, and at least every second while leases with a time are out: the
 * store's time stands still during a longer pause of the server, which could not hear renewals
 * meanwhile. Never from a callback. Returns true if anything was answered. */
bool store_turn(struct store *s);
/* When it wants a turn at the latest though nothing comes, by the monotonic clock; UINT64_MAX:
 * never. For a store that keeps what it was told behind its answers. */
uint64_t store_due_ns(struct store *s);
/* `wake` is called, on any thread, when a store that works elsewhere has answers for store_turn().
 * Unused by `memory`. Set before the first verb; NULL ends it: once this returned the old one is
 * not called any more. */
void store_on_wake(struct store *s, void (*wake)(void *arg), void *arg);

/* --- queues ----------------------------------------------------------------------------------- */
/* Make the queue if its name is new (options as given; max_attempts at most 65535; its result queue
 * first), else answer it as stored. NOSPACE: too many queues. */
typedef void (*store_queue_cb)(enum store_status st, const struct store_queue *q, void *arg);
void store_queue_ensure(struct store *s, const struct store_queue *wanted, store_queue_cb cb,
                        void *arg);
typedef void (*store_queues_cb)(enum store_status st, const struct store_queue *queues,
                                const struct store_counts *counts, size_t n, void *arg);
void store_queue_list(struct store *s, store_queues_cb cb, void *arg);

/* --- put -------------------------------------------------------------------------------------- */
struct store_put_item {
    struct store_key key;
    struct payload *value;
    uint32_t max_attempts; /* losses before this task is dead, at most 65535; 0: its queue's */
};
enum store_put_status { STORE_PUT_NEW, STORE_PUT_DUP, STORE_PUT_FULL };
struct store_put_answer {
    enum store_put_status status;
    store_task_id task; /* 0 with FULL */
};
/* One batch: all or nothing (except DUP); its order is the queue's; its keys differ. `limit`:
 * refuse the batch with FULL if the queue would then hold more than this many that can be taken
 * (DUPs do not count); 0: no limit. A key is known for as long as a repeat may follow a lost
 * answer: `memory` keeps the newest 262,144. */
typedef void (*store_put_cb)(enum store_status st, const struct store_put_answer *answers, size_t n,
                             void *arg);
void store_put(struct store *s, store_queue_id queue, const struct store_put_item *items, size_t n,
               uint64_t limit, store_put_cb cb, void *arg);

/* --- claim, renew ----------------------------------------------------------------------------- */
struct store_holder {
    const char *client; /* peer and name, for people */
    const char *worker; /* of the platoon typeid, else "" */
    /* It cannot come back to another server: what it holds when this one ends is queued again at
     * the next start, and to die by it is told by the log only. Else a lease with a time outlives
     * the server. */
    bool ends_with_server;
};
struct store_claimed {
    store_task_id task;
    struct store_lease_id lease;
    uint32_t attempt; /* counts from 1: this is the attempt-th execution */
    bool is_last;     /* lost once more it is dead */
    bool may_be_repeat;
    struct payload *value; /* borrowed by the callback */
};
/* Take up to `n` from the front, with the lease ids given (leases[i] for the i-th). lease_ms 0:
 * never runs out by itself. Never waits; fewer or none is no error. Ids that are held already: a
 * repeat, answered with what they hold. */
typedef void (*store_claim_cb)(enum store_status st, const struct store_claimed *claimed, size_t n,
                               void *arg);
void store_claim(struct store *s, store_queue_id queue, const struct store_lease_id *leases,
                 size_t n, const struct store_holder *holder, uint32_t lease_ms, store_claim_cb cb,
                 void *arg);

struct store_lease_ref {
    store_task_id task;
    struct store_lease_id lease;
};
/* LOST: it ran out or was given back; a result is taken all the same if it is the first. ENDED:
 * LOST, and the task has ended, or is dead and its master was told: no result of it is taken any
 * more. */
enum store_lease_status { STORE_LEASE_HELD, STORE_LEASE_LOST, STORE_LEASE_ENDED };
typedef void (*store_renew_cb)(enum store_status st, const enum store_lease_status *answers,
                               size_t n, void *arg);
void store_renew(struct store *s, const struct store_lease_ref *leases, size_t n, uint32_t lease_ms,
                 store_renew_cb cb, void *arg);

/* --- ends ------------------------------------------------------------------------------------- */
struct store_done_item {
    struct store_lease_ref ref;
    enum store_task_state
        state; /* STORE_DONE or STORE_FAILED (final), STORE_DEAD (once, on the last lease) */
    const char *outcome;    /* short word for people, may be NULL */
    struct payload *result; /* NULL: no result (a stock get acknowledged; task_done) */
    /* Does the task's end lower its queue's unfinished count? Of a task ended by id: yes. Where a
     * stock client calls task_done() itself (an acknowledged get, a mark): no. */
    bool counts_unfinished;
    bool
        is_receipt; /* a stock client received the item: no promise, it may be lost in a crash and the
                        item come again */
};
enum store_done_status {
    STORE_DONE_RECORDED,
    STORE_DONE_ALREADY, /* somebody's result is there; the first one wins */
    STORE_DONE_GONE     /* no such task here: never, or in another life of the store */
};
struct store_done_answer {
    enum store_done_status status;
    store_task_id result; /* the entry on the result queue, 0 if none */
};
/* The first result wins, even from a lost lease; ref.lease says who, and must be of an epoch of
 * this store. State, result and the entry on the linked result queue are one; that entry is put
 * whatever the queue's maxsize. A task without a linked result queue keeps its result in the store
 * only (`memory`: nowhere). STORE_DEAD: the task stays dead, and no other result is recorded for it
 * then. */
typedef void (*store_done_cb)(enum store_status st, const struct store_done_answer *answers,
                              size_t n, void *arg);
void store_done(struct store *s, const struct store_done_item *items, size_t n, store_done_cb cb,
                void *arg);

enum store_fail_status { STORE_FAIL_AGAIN, STORE_FAIL_DEAD, STORE_FAIL_LOST };
struct store_fail_item {
    struct store_lease_ref ref;
    const char *error; /* for people */
    uint32_t delay_ms; /* before it can be claimed again */
};
/* A failure that is to be tried again: to the end of the queue as it is now, attempt counted, dead
 * at the limit. The `fail` of the platoon type is not this but done(STORE_FAILED). Who calls it
 * must know that a death is told by another call: if the server ends between the two, the next
 * sweep says DEAD once more, and what the master is told then cannot name the error. */
typedef void (*store_fail_cb)(enum store_status st, const enum store_fail_status *answers, size_t n,
                              void *arg);
void store_fail(struct store *s, const struct store_fail_item *items, size_t n, store_fail_cb cb,
                void *arg);

enum store_release_to { STORE_TO_FRONT, STORE_TO_BACK, STORE_TO_ABANDONED };
struct store_release_item {
    struct store_lease_ref ref;
    enum store_release_to to;
    bool count_attempt;
    bool may_be_repeat;
    const char *why; /* for people */
};
enum store_release_status { STORE_RELEASE_OK, STORE_RELEASE_LOST, STORE_RELEASE_DEAD };
/* A task keeps its first place number: FRONT needs no renumbering, several come back in their old
 * order. BACK gives a new one. To FRONT or BACK with its attempt counted, a task at its limit dies
 * instead. */
typedef void (*store_release_cb)(enum store_status st, const enum store_release_status *answers,
                                 size_t n, void *arg);
void store_release(struct store *s, const struct store_release_item *items, size_t n,
                   store_release_cb cb, void *arg);

/* Take back up to `max` leases that ran out (to the front, attempt counted). */
struct store_swept {
    store_task_id task;
    struct store_lease_id lease;
    bool dead; /* at its limit: the server records a failure value by done(STORE_DEAD) */
    struct payload *value; /* borrowed by the callback */
};
typedef void (*store_sweep_cb)(enum store_status st, const struct store_swept *swept, size_t n,
                               void *arg);
void store_sweep(struct store *s, size_t max, store_sweep_cb cb, void *arg);

/* --- by operators -----------------------------------------------------------------------------
 * Put tasks back that are abandoned, dead, failed, cancelled, or done by a guess (outcome
 * STORE_ASSUMED): to the front, with no attempt lost; unfinished rises where it had fallen. DONE:
 * it is done for certain, and not touched unless `again`. NOT_NOW: it is queued or leased. GONE:
 * there is none, or nothing is kept of it. What it ended with before stays where it is. */
#define STORE_ASSUMED "assumed"
enum store_retry_status { STORE_RETRIED, STORE_RETRY_NOT_NOW, STORE_RETRY_GONE, STORE_RETRY_DONE };
typedef void (*store_retry_cb)(enum store_status st, const enum store_retry_status *answers,
                               size_t n, void *arg);
void store_retry(struct store *s, const store_task_id *tasks, size_t n, bool again,
                 store_retry_cb cb, void *arg);
/* End tasks that have not ended, wherever they are; `result` (may be NULL) goes to the linked
 * result queue. A holder hears that its lease is lost. ALREADY, GONE as store_done(). */
struct store_cancel_item {
    store_task_id task;
    struct payload *result;
};
void store_cancel(struct store *s, const struct store_cancel_item *items, size_t n,
                  store_done_cb cb, void *arg);
/* Forget tasks of `queue` in a set of states (bits 1 << state; leased ones are left alone), with
 * their values and histories: up to `max` of those that have not ended, and all that have. The
 * answer: how many that had not. */
typedef void (*store_purge_cb)(enum store_status st, uint64_t n, void *arg);
void store_purge(struct store *s, store_queue_id queue, uint32_t states, size_t max,
                 store_purge_cb cb, void *arg);
/* Rows, and the history of one: see look.h. *l is borrowed by the callback, NULL unless OK. */
struct store_filter;
struct look;
typedef void (*store_look_cb)(enum store_status st, const struct look *l, void *arg);
void store_look(struct store *s, const struct store_filter *filter, store_look_cb cb, void *arg);

/* --- looking ---------------------------------------------------------------------------------- */
typedef void (*store_stats_cb)(enum store_status st, const struct store_counts *counts, void *arg);
void store_stats(struct store *s, store_queue_id queue, store_stats_cb cb, void *arg);
/* Tasks by id, whatever their state, in the order asked for. */
struct store_task {
    store_task_id task; /* 0: no such task here, or it has ended and nothing is kept of it */
    store_queue_id queue;
    enum store_task_state state;
    uint32_t losses;       /* attempts counted so far */
    struct payload *value; /* borrowed by the callback */
};
typedef void (*store_get_cb)(enum store_status st, const struct store_task *tasks, size_t n,
                             void *arg);
void store_get(struct store *s, const store_task_id *ids, size_t n, store_get_cb cb, void *arg);
/* unfinished_tasks of queue.Queue: rises with every put (an entry on a result queue too), falls by
 * this, task_done() of a stock client, and once for a task that ended by id (counts_unfinished) or
 * died. The answer is the count after, or -1 if it would have gone below zero (nothing happened
 * then). */
typedef void (*store_task_done_cb)(enum store_status st, int64_t unfinished, void *arg);
void store_task_done(struct store *s, store_queue_id queue, store_task_done_cb cb, void *arg);
/* `ready` is called from store_turn() when a queue may have something to take; `room` when it may
 * have room again or unfinished fell to 0. */
void store_watch(struct store *s, void (*ready)(store_queue_id queue, void *arg),
                 void (*room)(store_queue_id queue, void *arg), void *arg);

/* --- stores ----------------------------------------------------------------------------------- */
enum platoon_status store_memory_open(struct store **out, struct platoon_err *err);

/* What a store implements; the verbs above call through it (store.c). */
struct store_ops {
    void (*attach)(struct store *, const char *, store_attach_cb, void *);
    void (*close)(struct store *);
    bool (*turn)(struct store *);
    uint64_t (*due_ns)(struct store *);
    void (*on_wake)(struct store *, void (*)(void *), void *);
    void (*queue_ensure)(struct store *, const struct store_queue *, store_queue_cb, void *);
    void (*queue_list)(struct store *, store_queues_cb, void *);
    void (*put)(struct store *, store_queue_id, const struct store_put_item *, size_t, uint64_t,
                store_put_cb, void *);
    void (*claim)(struct store *, store_queue_id, const struct store_lease_id *, size_t,
                  const struct store_holder *, uint32_t, store_claim_cb, void *);
    void (*renew)(struct store *, const struct store_lease_ref *, size_t, uint32_t, store_renew_cb,
                  void *);
    void (*done)(struct store *, const struct store_done_item *, size_t, store_done_cb, void *);
    void (*fail)(struct store *, const struct store_fail_item *, size_t, store_fail_cb, void *);
    void (*release)(struct store *, const struct store_release_item *, size_t, store_release_cb,
                    void *);
    void (*sweep)(struct store *, size_t, store_sweep_cb, void *);
    void (*retry)(struct store *, const store_task_id *, size_t, bool, store_retry_cb, void *);
    void (*cancel)(struct store *, const struct store_cancel_item *, size_t, store_done_cb, void *);
    void (*purge)(struct store *, store_queue_id, uint32_t, size_t, store_purge_cb, void *);
    void (*look)(struct store *, const struct store_filter *, store_look_cb, void *);
    void (*get)(struct store *, const store_task_id *, size_t, store_get_cb, void *);
    void (*stats)(struct store *, store_queue_id, store_stats_cb, void *);
    void (*task_done)(struct store *, store_queue_id, store_task_done_cb, void *);
    void (*watch)(struct store *, void (*)(store_queue_id, void *),
                  void (*)(store_queue_id, void *), void *);
};
struct store {
    const struct store_ops *ops; /* first member of every store */
};

#endif
