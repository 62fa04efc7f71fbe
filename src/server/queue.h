/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - a named queue as the server sees it: the store's id and who waits for what.
 *
 * The items are the store's. Here are only the waits, in order of arrival: takers for an item,
 * putters for room, joiners for unfinished == 0. Nothing about the queue's length is remembered
 * (rule 9 of store.h): a taker is answered from a claim that was made after it came, and one that
 * waits is tried again at each hint of the store and once a second.
 *
 * A wait lives in memory of the caller (a request's scratch) from queue_take() to its callback, or
 * until it is cancelled. Callbacks run on the loop thread, never from inside the call.
 *
 * Whoever has waited is asked for (session_peer_waits) before it is given an item: a client that
 * has vanished, or has given up the call, is passed over and swallows nothing. */
#ifndef PLATOON_SERVER_QUEUE_H
#define PLATOON_SERVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "server/deadline.h"
#include "store/store.h"

struct server;
struct request;
struct queue;

/* --- names ------------------------------------------------------------------------------------ */

/* By full name ("get_task_queue", "get_task_queue:run7"); NULL if it is not open. */
struct queue *queue_find(struct server *srv, const char *name);
const char *queue_name(const struct queue *q);
store_queue_id queue_id(const struct queue *q);
/* 0: unbounded. */
uint64_t queue_maxsize(const struct queue *q);
/* The queue that its results go to; NULL if it is not linked. */
struct queue *queue_results(const struct queue *q);

/* --- waits ------------------------------------------------------------------------------------ */

#define QUEUE_FOREVER UINT64_MAX

enum queue_wait_state {
    QUEUE_IDLE,  /* in no queue */
    QUEUE_NEW,   /* in the queue, not tried yet */
    QUEUE_ASKED, /* the store has the question */
    QUEUE_PARKED /* tried in vain */
};

/* What all waits have in common; the caller sets `rq` and `deadline_ns`, the rest is queue.c's. */
struct queue_wait {
    struct request *rq;   /* whose client must still be there */
    uint64_t deadline_ns; /* monotonic; 0: try once, do not wait; QUEUE_FOREVER */
    struct list link;
    struct queue *queue;
    struct deadline timer;
    void (*on_overdue)(struct queue_wait *w);
    uint64_t arrival;
    uint8_t state;     /* enum queue_wait_state */
    bool has_waited;   /* it was parked: look whether its client is still there */
    bool is_absent;    /* its client was not; its session will cancel the wait */
    bool is_overdue;   /* its time ran out while it was ASKED */
    bool is_cancelled; /* while it was ASKED */
    bool is_repeat;    /* the store did not know what became of the question: ask the same again */
};

struct queue_taker {
    struct queue_wait wait;
    const char *worker; /* for store_holder; NULL: a stock client, its lease ends with the server */
    uint32_t want;      /* 1 .. QUEUE_MAX_TAKE items; it is served with one or more of them */
    uint32_t lease_ms;  /* 0: does not run out by itself */
    struct store_lease_id first_lease; /* queue.c's own: the next want - 1 follow it */
    /* The end of the wait. n 0 with STORE_OK: nothing came within the time. Items are borrowed;
     * what is not STORE_OK took nothing. The taker may be used again or forgotten from here on. */
    void (*on_taken)(struct queue_taker *t, enum store_status st, const struct store_claimed *items,
                     size_t n);
};
enum { QUEUE_MAX_TAKE = 256 };

struct queue_putter {
    struct queue_wait wait;
    const struct store_put_item *items; /* n of them, with keys; borrowed until on_put */
    size_t n;
    uint64_t limit; /* most the queue may hold after; 0: no limit */
    /* The end of the wait. STORE_OK with answers[0].status FULL: no room within the time. */
    void (*on_put)(struct queue_putter *p, enum store_status st,
                   const struct store_put_answer *answers, size_t n);
};

/* Waits for unfinished == 0; its deadline is not looked at. */
struct queue_joiner {
    struct queue_wait wait;
    void (*on_joined)(struct queue_joiner *j, enum store_status st);
};

/* Join the queue's takers, putters or joiners. The struct is zeroed by the caller but for what it
 * sets. */
void queue_take(struct queue *q, struct queue_taker *t);
void queue_put(struct queue *q, struct queue_putter *p);
void queue_join(struct queue *q, struct queue_joiner *j);
/* Leave. true: it is over, the callback will not come and the memory may go. false: the store has
 * been asked; the memory must stay until the callback, which comes with STORE_DOWN (a claim's items
 * are given back, a put has happened or not). */
bool queue_cancel(struct queue_wait *w);

#endif
