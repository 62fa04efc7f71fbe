/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - a named queue as the server sees it: the store's id and who waits for what.
 *
 * The items are the store's. Here are only the waits, in order of arrival: takers for an item, putters for room, joiners for
 * unfinished == 0. Nothing about the queue's length is remembered (rule 9 of store.h): a taker is answered
 * from a claim that was made after it came, and a parked one is tried again at each `ready` of the store and once a second.
 *
 * A wait lives in memory of the caller (a request's scratch) from queue_take() until its callback, or
 * until it is cancelled. Callbacks run on the loop thread, never from inside the call.
 *
 * Before an item goes to a wait that was parked, the server looks whether its client is still there: a vanished one is passed over
 * and swallows nothing. */
#ifndef PLATOON_SERVER_QUEUE_H
#define PLATOON_SERVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/deadline.h"
#include "store/store.h"

struct server;
struct request;
struct queue;

/* A link of a list of waits. */
struct queue_link {
    struct queue_link *next, *prev;
};

/* --- names ------------------------------------------------------------------------------------- */

/* By full name ("get_task_queue", "get_task_queue:run7"); NULL if it is not open. */
struct queue *queue_find(struct server *srv, const char *name);
const char *queue_name(const struct queue *q);
store_queue_id queue_id(const struct queue *q);
/* 0: unbounded. */
uint64_t queue_maxsize(const struct queue *q);
/* The queue that its results go to; NULL if it is not linked. */
struct queue *queue_results(const struct queue *q);

/* --- taking ------------------------------------------------------------------------------------ */

#define QUEUE_FOREVER UINT64_MAX

struct queue_taker {
    /* Set by the caller: */
    struct request *rq;   /* whose client must still be there; its holder's name too */
    const char *worker;   /* for store_holder; NULL is "" */
    uint32_t want;        /* 1 .. QUEUE_MAX_TAKE items; it is served with one or more of them */
    uint32_t lease_ms;    /* 0: does not run out by itself */
    uint64_t deadline_ns; /* monotonic; 0: try once, do not wait; QUEUE_FOREVER */
    /* The end of the wait. n 0 with STORE_OK: nothing came within the time. Items are borrowed; what is not STORE_OK
     * took nothing. The taker is out of the queue and may be used again or forgotten. */
    void (*on_taken)(struct queue_taker *t, enum store_status st, const struct store_claimed *items,
                     size_t n);
    /* queue.c's own: */
    struct queue_link link;
    struct deadline timer;
    struct queue *queue;
    struct store_lease_id *leases; /* the first `want` from lease_one where want is 1 */
    struct store_lease_id lease_one;
    uint8_t state;
    bool was_parked;
};
enum {
    QUEUE_MAX_TAKE = 1024
};

/* Join the queue's takers. */
void queue_take(struct queue *q, struct queue_taker *t);
/* Leave: on_taken will not be called; its memory must stay until queue_take_cancel says that it may go: true: now; false: a claim
 * is under way: when it answers, what it took goes back to the front and `on_taken` is called with STORE_DOWN. */
bool queue_take_cancel(struct queue_taker *t);

/* --- putting ----------------------------------------------------------------------------------- */

struct queue_putter {
    /* Set by the caller: */
    struct request *rq;
    const struct store_put_item *items; /* n of them, with keys; borrowed until on_put */
    size_t n;
    uint64_t limit;       /* most the queue may hold after; 0: no limit */
    uint64_t deadline_ns; /* as above */
    /* The end of the wait. STORE_OK with answers[0].status FULL: no room within the time. */
    void (*on_put)(struct queue_putter *p, enum store_status st,
                   const struct store_put_answer *answers, size_t n);
    /* queue.c's own: */
    struct queue_link link;
    struct deadline timer;
    struct queue *queue;
    uint8_t state;
    bool was_parked;
};

void queue_put(struct queue *q, struct queue_putter *p);
/* As queue_take_cancel; a put that is under way in the store happens all the same. */
bool queue_put_cancel(struct queue_putter *p);

#endif
