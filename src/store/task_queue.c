/* SPDX-License-Identifier: Apache-2.0 */
/* task_queue.c - see task_queue.h. */
#include "store/task_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct task) <= 56, "a task fits a 64-byte cell of the allocator");

struct task_queue *task_queue_new(const struct store_queue *options)
{
    struct task_queue *q = calloc(1, sizeof *q);

    if (!q)
        return NULL;
    q->options = *options;
    q->options.name = strdup(options->name);
    if (!q->options.name) {
        free(q);
        return NULL;
    }
    return q;
}

void task_queue_free(struct task_queue *q)
{
    if (!q)
        return;
    heap_release(&q->returned);
    free((char *)(uintptr_t)q->options.name);
    free(q);
}

static void count_in(struct task_queue *q, const struct task *task)
{
    q->counts.queued++;
    q->counts.bytes_queued += payload_bytes(task->value);
}

static void count_out(struct task_queue *q, const struct task *task)
{
    q->counts.queued--;
    q->counts.bytes_queued -= payload_bytes(task->value);
}

void task_queue_append(struct task_queue *q, struct task *task)
{
    assert(!q->last || q->last->place < task->place);
    task->where = TASK_IN_LINE;
    task->line.prev = q->last;
    task->line.next = NULL;
    if (q->last)
        q->last->line.next = task;
    else
        q->first = task;
    q->last = task;
    count_in(q, task);
}

void task_queue_return(struct task_queue *q, struct task *task)
{
    assert(q->n_away > 0);
    q->n_away--;
    task->where = TASK_RETURNED;
    heap_add(&q->returned, task->place, &task->seat);
    count_in(q, task);
}

bool task_queue_reserve(struct task_queue *q, size_t n)
{
    return heap_reserve(&q->returned, q->returned.n + q->n_away + n);
}

static void unlink_from_line(struct task_queue *q, struct task *task)
{
    if (task->line.prev)
        task->line.prev->line.next = task->line.next;
    else
        q->first = task->line.next;
    if (task->line.next)
        task->line.next->line.prev = task->line.prev;
    else
        q->last = task->line.prev;
}

struct task *task_queue_take(struct task_queue *q)
{
    uint64_t place = 0;
    struct heap_seat *seat = heap_first(&q->returned, &place);
    struct task *task = q->first;

    if (seat && (!task || place < task->place))
        task = HEAP_OWNER(seat, struct task, seat);
    if (!task)
        return NULL;
    task_queue_remove(q, task);
    q->n_away++;
    assert(q->returned.n + q->n_away <= q->returned.cap); /* invariant 1 */
    return task;
}

void task_queue_remove(struct task_queue *q, struct task *task)
{
    if (task->where == TASK_IN_LINE) {
        unlink_from_line(q, task);
    } else {
        assert(task->where == TASK_RETURNED);
        heap_remove(&q->returned, &task->seat);
    }
    task->where = TASK_NOWHERE;
    count_out(q, task);
}
