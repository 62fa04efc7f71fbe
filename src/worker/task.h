/* SPDX-License-Identifier: Apache-2.0 */
/* task.h - one task in the agent's hands, from the server's reply to the server's receipt.
 *
 * It moves: link (fetched) -> main thread (waiting, then in a slot) -> link (to be delivered). One
 * thread has it at a time; the mutex of the link stands between. Note that all values of one
 * decoded reply share their memory's reference count: the link hands over whole replies, and the
 * main thread drops `value` before it hands a leased task back. */
#ifndef PLATOON_WORKER_TASK_H
#define PLATOON_WORKER_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

#include "base/list.h"
#include "worker/failure.h"

enum outcome_kind {
    OUTCOME_NONE,    /* not finished */
    OUTCOME_RESULT,  /* `value`, or `pickle` */
    OUTCOME_FAILURE, /* `failure` */
    OUTCOME_RELEASED /* not run, or not to its end: the server gets it back, no attempt counted */
};

/* A result larger than this travels as a pickle that nobody on the way needs to take apart. */
#define OUTCOME_PLAIN_BYTES ((size_t)64 * 1024)

struct outcome {
    enum outcome_kind kind;
    platoon_value *value; /* small plain data, with memory of its own; owned */
    size_t value_bytes;   /* about how long it is as a pickle */
    void *pickle;         /* or this: a whole pickle, well-formed; owned */
    size_t pickle_len;
    struct failure failure;
};

struct task {
    struct list link;
    uint64_t serial; /* counts from 1 in this process: names its folder */
    uint64_t id;     /* the server's number; 0 where there is none (Python's own manager) */
    int64_t attempt; /* counts from 1 */
    bool may_be_repeat;
    bool is_last;           /* the server gives it up if this worker is lost with it */
    platoon_value *value;   /* plain, or PLATOON_OPAQUE; owned; NULL once dropped */
    char *lease;            /* the server's name for the lease; owned; NULL: none */
    struct outcome outcome; /* set from the start for a task that could not be read */
};

struct task *task_new(void); /* NULL when out of memory */
void task_free(struct task *t);
/* The server's number; where it has none, our own count. */
uint64_t task_number(const struct task *t);
/* "37", or "#5" for the fifth of a server that does not number them. `out` has 24 bytes. */
const char *task_name(const struct task *t, char *out);

/* Finish an outcome: each takes what it is given and replaces what was there. */
void outcome_release(struct outcome *o);
/* `encoded_bytes`: about how long the value is as a pickle; above OUTCOME_PLAIN_BYTES it is encoded
 * here. */
void outcome_take_value(struct outcome *o, platoon_value *value, size_t encoded_bytes);
void outcome_take_pickle(struct outcome *o, void *pickle, size_t len);
void outcome_fail(struct outcome *o, enum failure_kind kind, const char *format, ...)
    PLATOON_PRINTF(3, 4);

#endif
