/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_tell.c - what the journal of the `sqlite` store is told: every step of the table becomes
 * records of the open batch. Nothing here touches the file, but for small values that are read back
 * in passing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/redo_record.h"
#include "store/sqlite_store.h"
#include "store/task_queue.h"

enum { TEXT_BYTES = 256 };                  /* of a record's strings */
#define MAX_VALUE_BYTES UINT64_C(999000000) /* SQLite's own limit is 10^9 for a row */

static struct sqlite_store *sqlite_of(void *arg)
{
    return arg;
}

static struct record *tell(struct sqlite_store *s, enum record_kind kind)
{
    if (s->open->n == 0)
        s->open_since_ns = clock_mono_ns();
    return batch_add(s->open, kind);
}

bool sqlite_tell_queues(struct sqlite_store *s, size_t n)
{
    size_t cap = s->cap_queues ? s->cap_queues : 16;
    uint8_t *marks;
    bool *grown;

    while (cap < n)
        cap *= 2;
    if (cap == s->cap_queues)
        return true;
    marks = realloc(s->dirty, cap * sizeof *marks);
    if (!marks)
        return false;
    s->dirty = marks;
    grown = realloc(s->takes_results, cap * sizeof *grown);
    if (!grown)
        return false;
    s->takes_results = grown;
    memset(s->dirty + s->cap_queues, 0, (cap - s->cap_queues) * sizeof *marks);
    memset(s->takes_results + s->cap_queues, 0, (cap - s->cap_queues) * sizeof(bool));
    s->cap_queues = cap;
    return true;
}

static bool grow_entered(struct sqlite_store *s, size_t n)
{
    struct sqlite_entered *grown;

    s->n_entered = 0;
    if (n <= s->cap_entered)
        return true;
    grown = realloc(s->entered, n * sizeof *grown);
    if (!grown)
        return false;
    s->entered = grown;
    s->cap_entered = n;
    return true;
}

static const struct sqlite_entered *find_entered(const struct sqlite_store *s, store_task_id task)
{
    const struct sqlite_entered *found = &s->entered[task - s->entered[0].task];

    assert(s->n_entered && found->task == task); /* ids are given in turn, each is reported */
    return found;
}

uint64_t sqlite_waiting_bytes(const struct sqlite_store *s)
{
    uint64_t bytes = 0;

    for (size_t i = 1; i <= tasks_n_queues(s->table.tasks); i++)
        bytes += tasks_counts(s->table.tasks, (store_queue_id)i)->bytes_queued;
    return bytes;
}

static uint64_t waiting_task_bytes(const struct sqlite_store *s)
{
    uint64_t bytes = 0;

    for (size_t i = 1; i <= tasks_n_queues(s->table.tasks); i++)
        if (!s->takes_results[i - 1])
            bytes += tasks_counts(s->table.tasks, (store_queue_id)i)->bytes_queued;
    return bytes;
}

static enum store_status admit_put(struct sqlite_store *s, store_queue_id queue, uint64_t bytes)
{
    bool is_result = s->takes_results[queue - 1];

    if (bytes > MAX_VALUE_BYTES)
        return STORE_TOOBIG;
    sqlite_look_for_space(s, clock_mono_ns());
    if (is_result)
        return STORE_OK; /* a worker with a day's result in hand is not turned away */
    if (s->space.is_full)
        return STORE_NOSPACE;
    if (s->options.max_queue_bytes && waiting_task_bytes(s) + bytes > s->options.max_queue_bytes)
        return STORE_NOSPACE;
    return STORE_OK;
}

/* Three records an item at most (a state or an end with its entry, a value to read), a count a
 * queue. */
static enum store_status journal_begin(void *arg, store_queue_id put_on, size_t n, uint64_t bytes)
{
    struct sqlite_store *s = sqlite_of(arg);

    if (s->health != STORE_OK)
        return s->health;
    if (!sqlite_tell_queues(s, tasks_n_queues(s->table.tasks) + 1) || !grow_entered(s, n) ||
        !batch_reserve(s->open, 3 * n + tasks_n_queues(s->table.tasks) + 2, TEXT_BYTES))
        return STORE_NOMEM;
    return put_on ? admit_put(s, put_on, bytes) : STORE_OK;
}

static void journal_attached(void *arg, uint64_t epoch)
{
    tell(sqlite_of(arg), RECORD_EPOCH)->lease.epoch = epoch;
}

static void journal_queue_made(void *arg, const struct store_queue *q)
{
    struct sqlite_store *s = sqlite_of(arg);
    struct record *r = tell(s, RECORD_QUEUE);

    r->queue = q->id;
    r->options = *q;
    r->options.name = NULL;
    r->text = batch_text(s->open, q->name);
    if (q->result_queue)
        s->takes_results[q->result_queue - 1] = true;
}

static void tell_put(struct sqlite_store *s, store_task_id task, const struct store_put_item *item,
                     store_task_id result_of)
{
    const struct sqlite_entered *entered = find_entered(s, task);
    struct record *r = tell(s, RECORD_PUT);

    r->queue = entered->queue;
    r->task = task;
    r->place = entered->place;
    r->value = payload_ref(item->value);
    r->attempt = item->max_attempts;
    r->other = result_of;
    s->open->bytes += payload_bytes(item->value);
    sqlite_mark_counts(s, entered->queue);
}

static void journal_put(void *arg, const struct store_put_item *items,
                        const struct store_put_answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (answers[i].status == STORE_PUT_NEW)
            tell_put(sqlite_of(arg), answers[i].task, &items[i], 0);
}

static uint64_t journal_told(void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    if (s->open->n == s->open->n_framed)
        return s->last_number; /* a DUP, an ALREADY: of something told before */
    s->is_promised = true;
    return s->last_number + 1;
}

static void journal_claimed(void *arg, const struct store_claimed *claimed, size_t n,
                            const struct store_holder *holder, uint32_t lease_ms)
{
    struct sqlite_store *s = sqlite_of(arg);

    for (size_t i = 0; i < n; i++) {
        struct record *r = tell(s, RECORD_CLAIM);

        r->task = claimed[i].task;
        r->lease = claimed[i].lease;
        r->attempt = claimed[i].attempt;
        r->lease_ms = lease_ms;
        r->text = batch_text(s->open, holder ? holder->client : NULL);
        r->detail = batch_text(s->open, holder ? holder->worker : NULL);
    }
}

/* A small value that the file has is read at once; else with the batch. */
static bool journal_wanted(void *arg, store_task_id task, struct payload *value)
{
    struct sqlite_store *s = sqlite_of(arg);
    struct record *r;

    if (value->cold_bytes <= SQLITE_INLINE_BYTES &&
        sqlite_reader_value(s->reader, task, value->cold_bytes, &value->pickle)) {
        s->cold_bytes -= value->cold_bytes;
        value->cold_bytes = 0;
        return false;
    }
    r = tell(s, RECORD_LOAD);
    r->task = task;
    r->value = payload_ref(value);
    s->open->bytes += value->cold_bytes;
    return true;
}

static void journal_done(void *arg, const struct store_done_item *items,
                         const struct store_done_answer *answers, size_t n)
{
    struct sqlite_store *s = sqlite_of(arg);

    for (size_t i = 0; i < n; i++) {
        struct record *r;

        if (answers[i].status != STORE_DONE_RECORDED)
            continue;
        if (answers[i].result)
            tell_put(s, answers[i].result, &(struct store_put_item){.value = items[i].result},
                     items[i].ref.task);
        r = tell(s, RECORD_END);
        r->task = items[i].ref.task;
        r->lease = items[i].ref.lease;
        r->state = items[i].state;
        r->other = answers[i].result;
        r->text = batch_text(s->open, items[i].outcome);
    }
}

/* What became of a task whose lease ended without a result. */
static void tell_state(struct sqlite_store *s, struct store_lease_ref ref, const char *why)
{
    const struct task *task = tasks_find(s->table.tasks, ref.task);
    struct record *r = tell(s, RECORD_STATE);

    r->task = ref.task;
    r->lease = ref.lease;
    r->state = (enum store_task_state)task->state;
    r->place = task->place;
    r->attempt = task->losses;
    r->may_be_repeat = task->may_be_repeat;
    r->text = batch_text(s->open, why);
    sqlite_mark_counts(s, task->queue);
}

static void journal_failed(void *arg, const struct store_fail_item *items,
                           const enum store_fail_status *answers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (answers[i] != STORE_FAIL_LOST)
            tell_state(sqlite_of(arg), items[i].ref, items[i].error);
}

static void journal_released(void *arg, const struct store_release_item *items,
                             const enum store_release_status *answers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (answers[i] != STORE_RELEASE_LOST)
            tell_state(sqlite_of(arg), items[i].ref, items[i].why);
}

static void journal_swept(void *arg, const struct store_swept *swept, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tell_state(sqlite_of(arg), (struct store_lease_ref){swept[i].task, swept[i].lease},
                   "its lease ran out");
}

static void journal_unfinished(void *arg, store_queue_id queue)
{
    struct sqlite_store *s = sqlite_of(arg);

    sqlite_mark_counts(s, queue);
    tell(s, RECORD_COUNTS)->queue = queue; /* filled in when the batch is closed */
}

static void journal_retried(void *arg, store_task_id task)
{
    tell_state(sqlite_of(arg), (struct store_lease_ref){task, {0, 0}}, "retried");
}

static void journal_cancelled(void *arg, const struct store_cancel_item *items,
                              const struct store_done_answer *answers, size_t n)
{
    struct sqlite_store *s = sqlite_of(arg);

    for (size_t i = 0; i < n; i++) {
        struct record *r;

        if (answers[i].status != STORE_DONE_RECORDED)
            continue;
        if (answers[i].result)
            tell_put(s, answers[i].result, &(struct store_put_item){.value = items[i].result},
                     items[i].task);
        r = tell(s, RECORD_END);
        r->task = items[i].task;
        r->state = STORE_CANCELLED;
        r->other = answers[i].result;
        r->text = batch_text(s->open, "cancelled");
    }
}

static void journal_purged(void *arg, store_queue_id queue, uint32_t states,
                           const store_task_id *ids, size_t n)
{
    struct sqlite_store *s = sqlite_of(arg);
    struct record *r;

    for (size_t i = 0; i < n; i++)
        tell(s, RECORD_PURGE)->task = ids[i];
    r = tell(s, RECORD_PURGE);
    r->queue = queue;
    r->attempt = states;
    r->other = tasks_last_id(s->table.tasks); /* must not be given again */
    sqlite_mark_counts(s, queue);
}

static void journal_revive(void *arg, store_task_id task, bool again, enum store_retry_status *out)
{
    struct record *r = tell(sqlite_of(arg), RECORD_REVIVE);

    r->task = task;
    r->again = again;
    r->retried = out;
}

static void journal_look(void *arg, struct look *l)
{
    struct sqlite_store *s = sqlite_of(arg);

    tell(s, RECORD_LOOK)->look = l;
}

/* A task came. Or it ended: its queue's counts changed, and a value that nobody read is not cold
 * any more. */
void sqlite_tell_change(const struct task *task, void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    if (task->node.key > s->last_entered) {
        s->last_entered = task->node.key;
        s->entered[s->n_entered++] =
            (struct sqlite_entered){task->node.key, task->queue, task->place};
    }
    if (task->state != STORE_DONE && task->state != STORE_FAILED && task->state != STORE_CANCELLED)
        return;
    sqlite_mark_counts(s, task->queue);
    s->cold_bytes -= task->value->cold_bytes;
}

void sqlite_mark_counts(struct sqlite_store *s, store_queue_id queue)
{
    s->dirty[queue - 1] = DIRTY_FRAME | DIRTY_BATCH;
}

/* The records behind the last frame that say how many there are, as it is now. */
static void fill_in_counts(struct sqlite_store *s)
{
    for (size_t i = s->open->n_framed; i < s->open->n; i++) {
        struct record *r = &s->open->records[i];

        if (r->kind == RECORD_COUNTS)
            r->counts = *tasks_counts(s->table.tasks, r->queue);
    }
}

static struct record counts_now(const struct sqlite_store *s, size_t queue)
{
    return (struct record){.kind = RECORD_COUNTS,
                           .queue = (store_queue_id)queue + 1,
                           .counts = *tasks_counts(s->table.tasks, (store_queue_id)queue + 1)};
}

bool sqlite_tell_frame(struct sqlite_store *s)
{
    fill_in_counts(s);
    if (s->open->bytes - s->open->framed_bytes > REDO_LOG_FRAME_BYTES)
        return false;
    redo_log_begin(s->redo);
    for (size_t i = s->open->n_framed; i < s->open->n; i++) {
        if (!redo_record_is_plain(s->open->records[i].kind))
            return false;
        redo_log_add(s->redo, s->open, &s->open->records[i]);
    }
    for (size_t i = 0; i < tasks_n_queues(s->table.tasks); i++) {
        struct record counts;

        if (!(s->dirty[i] & DIRTY_FRAME))
            continue;
        s->dirty[i] &= (uint8_t)~DIRTY_FRAME;
        counts = counts_now(s, i);
        redo_log_add(s->redo, s->open, &counts);
    }
    return true;
}

void sqlite_tell_counts(struct sqlite_store *s)
{
    for (size_t i = 0; i < tasks_n_queues(s->table.tasks); i++) {
        if (!s->dirty[i])
            continue;
        s->dirty[i] = 0;
        *batch_add(s->open, RECORD_COUNTS) = counts_now(s, i);
    }
}

const struct table_journal sqlite_tell_journal = {
    .begin = journal_begin,
    .attached = journal_attached,
    .queue_made = journal_queue_made,
    .put = journal_put,
    .claimed = journal_claimed,
    .wanted = journal_wanted,
    .done = journal_done,
    .failed = journal_failed,
    .released = journal_released,
    .swept = journal_swept,
    .retried = journal_retried,
    .cancelled = journal_cancelled,
    .purged = journal_purged,
    .revive = journal_revive,
    .look = journal_look,
    .unfinished = journal_unfinished,
    .told = journal_told,
};
