/* SPDX-License-Identifier: Apache-2.0 */
/* task_queue.h - the tasks of one queue that can be taken, in the order of their place numbers.
 *
 * A task gets a place number when it is put; the smallest is the front. Two lists hold what waits:
 *
 *     line      tasks with rising places, linked: put at the end, taken at the front, O(1)
 *     returned  tasks that came back and kept an old place: a heap, O(log n)
 *
 * The front is the smaller of the two fronts, so several returned tasks come before newer ones and
 * in their old order.
 *
 * Invariant 1: `returned` has room for every task of the queue that is away (leased, delayed,
 * abandoned, dead): coming back needs no memory and cannot fail. task_queue_reserve() keeps it;
 * task_queue_take() relies on it. */
#ifndef PLATOON_STORE_TASK_QUEUE_H
#define PLATOON_STORE_TASK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/hash_index.h"
#include "store/heap.h"
#include "store/store.h"

/* Where a task stands, and so which member of its union is in use. */
enum task_where {
    TASK_NOWHERE,  /* abandoned; or new */
    TASK_IN_LINE,  /* line */
    TASK_RETURNED, /* seat in its queue's `returned` */
    TASK_DELAYED,  /* seat in the table's `delayed` */
    TASK_HELD      /* lease: leased; or dead, its last one */
};

/* One task, or one entry of a result queue. 56 bytes: with the allocator's header a cell of 64. */
struct task {
    struct hash_node node; /* key: the task's id */
    uint64_t place;
    struct payload *value; /* counted */
    union {
        struct {
            struct task *prev, *next;
        } line;
        struct heap_seat seat;
        struct lease *lease;
    };
    uint16_t queue;                /* its id: TASKS_MAX_QUEUES fits */
    uint16_t losses;               /* attempts counted so far */
    uint16_t max_attempts;         /* losses before it is dead; 0: its queue's */
    uint8_t state;                 /* enum store_task_state */
    uint8_t where : 4;             /* enum task_where */
    uint8_t may_be_repeat : 1;     /* another holder may have done it already */
    uint8_t is_unfinished : 1;     /* its share of the queue's unfinished count is still there */
    uint8_t has_failure_value : 1; /* dead, and what the master is told was recorded */
};

/* In the hands of somebody. */
struct lease {
    struct hash_node node; /* key: id.counter */
    struct store_lease_id id;
    struct task *task;
    uint64_t deadline_ns; /* of the store's clock; 0: never runs out, and no seat */
    struct heap_seat seat;
};

struct task_queue {
    struct store_queue options; /* options.name is owned */
    struct store_counts counts; /* kept by tasks.c but for queued and bytes_queued */
    struct task *first, *last;  /* the line */
    struct heap returned;
    size_t n_away; /* of the queue, neither in line nor returned */
    bool hint_ready, hint_room, is_hinting;
    struct task_queue *next_hinting;
};

/* NULL when out of memory. `options` is copied. */
struct task_queue *task_queue_new(const struct store_queue *options);
void task_queue_free(struct task_queue *q); /* the tasks are the caller's; NULL is fine */

/* To the end; task->place must be above all others. */
void task_queue_append(struct task_queue *q, struct task *task);
/* To where its place says. The task was away (counted in n_away), so there is room. */
void task_queue_return(struct task_queue *q, struct task *task);
/* Invariant 1 for `n` more tasks about to be taken. False when out of memory. */
bool task_queue_reserve(struct task_queue *q, size_t n);
/* The front, taken off; it is away then. NULL when nothing waits. */
struct task *task_queue_take(struct task_queue *q);
/* Take a waiting task out of the middle; it does not count as away. */
void task_queue_remove(struct task_queue *q, struct task *task);

#endif
