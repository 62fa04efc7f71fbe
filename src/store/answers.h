/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - what a store has decided and not told yet: callbacks waiting for store_turn(), in the
 * order of the calls.
 *
 * A verb takes an answer, lets the task table fill it in, and returns; answers_deliver() makes the
 * callback. An answer holds references to the payloads in it until then. Every call gets its
 * callback even when memory is out: some answers are kept in reserve for that, with STORE_NOMEM and
 * nothing else in them. */
#ifndef PLATOON_STORE_ANSWERS_H
#define PLATOON_STORE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum answer_kind {
    ANSWER_ATTACH,
    ANSWER_QUEUE,
    ANSWER_QUEUES,
    ANSWER_PUT,
    ANSWER_CLAIM,
    ANSWER_RENEW,
    ANSWER_DONE,
    ANSWER_FAIL,
    ANSWER_RELEASE,
    ANSWER_SWEEP,
    ANSWER_GET,
    ANSWER_RETRY,
    ANSWER_CANCEL, /* as ANSWER_DONE */
    ANSWER_PURGE,
    ANSWER_LOOK,
    ANSWER_STATS,
    ANSWER_TASK_DONE
};

/* The caller's function; which member says `kind`. */
union answer_callback {
    store_attach_cb attach;
    store_queue_cb queue;
    store_queues_cb queues;
    store_put_cb put;
    store_claim_cb claim;
    store_renew_cb renew;
    store_done_cb done;
    store_fail_cb fail;
    store_release_cb release;
    store_sweep_cb sweep;
    store_get_cb get;
    store_retry_cb retry;
    store_purge_cb purge;
    store_look_cb look;
    store_stats_cb stats;
    store_task_done_cb task_done;
};

/* One item of an answer, as the callback takes it. */
union answer_item {
    uint64_t epoch;
    const struct store_queue *queue;
    struct store_put_answer put;
    struct store_claimed claimed;
    enum store_lease_status renewed;
    struct store_done_answer done;
    enum store_fail_status failed;
    enum store_release_status released;
    struct store_swept swept;
    struct store_task task;
    enum store_retry_status retried;
    uint64_t n_purged;
    struct look *look; /* owned by the answer */
    struct store_counts counts;
    int64_t unfinished;
};

struct answer {
    struct answer *next;
    enum answer_kind kind;
    enum store_status status;
    union answer_callback cb;
    void *arg;
    uint64_t after; /* may be told once the journal has kept this much; 0: at once */
    size_t n;
    bool holds_payloads;         /* counts the references of `items` */
    void *items;                 /* n of what `kind` says; NULL unless STORE_OK */
    struct store_counts *counts; /* ANSWER_QUEUES: n of them, else NULL */
    union answer_item one;       /* `items` where n is 1 */
};

struct answers {
    struct answer *first, **end;
    struct answer *spare;   /* recycled ones */
    struct answer *reserve; /* only for when memory is out */
    size_t n_spare;
};

/* False when out of memory. */
bool answers_init(struct answers *a);
/* Drops what was not told. */
void answers_release(struct answers *a);
/* A new answer at the end: STORE_OK with room for `n` items (zeroed), or STORE_NOMEM with `items`
 * NULL. Never NULL: beyond its reserve the process ends, since a call without an answer would hang
 * its client for ever. */
struct answer *answers_add(struct answers *a, enum answer_kind kind, union answer_callback cb,
                           void *arg, size_t n);
/* The table could not: the callback gets `status` and nothing else. */
void answer_fails(struct answer *answer, enum store_status status);
/* Take references to the payloads in it (ANSWER_CLAIM, ANSWER_SWEEP, ANSWER_GET); once n and items
 * are final. */
void answer_holds_payloads(struct answer *answer);
/* Make the callback of the oldest answer, unless it waits for more than `kept`. False: none was
 * made. */
bool answers_deliver(struct answers *a, uint64_t kept);

#endif
