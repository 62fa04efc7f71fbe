/* SPDX-License-Identifier: Apache-2.0 */
/* queue_internal.h - struct queue, for queue.c and queue_table.c. */
#ifndef PLATOON_SERVER_QUEUE_INTERNAL_H
#define PLATOON_SERVER_QUEUE_INTERNAL_H

#include "server/queue.h"
#include "server/queue_table.h"

struct queue {
    struct server *srv;
    struct list link;   /* in queue_table.open */
    struct list dirty;  /* in queue_table.dirty; alone: nothing to do */
    struct queue *next; /* in its bucket */
    struct queue_kind *kind;
    struct queue *results;
    store_queue_id id;
    uint64_t maxsize;
    struct list takers, putters, joiners; /* struct queue_wait, in order of arrival */
    uint64_t next_arrival;
    size_t n_new_takers;         /* in state QUEUE_NEW: they stand at the end of the list */
    size_t n_waiting_putters;    /* that have been parked */
    size_t claims_out, puts_out; /* questions the store has not answered */
    bool count_is_out;
    uint32_t take_burst, put_burst; /* how many of those that wait are tried at once */
    uint64_t
        claimed_before; /* takers that arrived before this are covered by the claims that are out */
    uint64_t counted_before; /* the same for joiners and the count that is out */
    bool ran_dry;            /* one of the claims that are out brought less than it asked for */
    bool may_have_items;     /* the store hinted since the last claim */
    bool may_have_room;      /* the store hinted since the last put */
    bool must_count;         /* the unfinished count may have fallen to 0, or somebody came */
    struct deadline look;    /* once a second while somebody waits */
    char name[];
};

struct queue *queue_new(struct server *srv, struct queue_kind *kind, const char *name,
                        const struct store_queue *stored);
/* Nobody waits any more. */
void queue_free(struct queue *q);
/* Ask the store what is to be asked (before store_turn). */
void queue_pump(struct queue *q);
/* Hints of the store. */
void queue_hint_items(struct queue *q);
void queue_hint_room(struct queue *q);

#endif
