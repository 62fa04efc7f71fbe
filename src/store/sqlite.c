/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - the journal of a table store, kept in SQLite.
 *
 * Every step is told to the open batch. keep(), once a turn, closes the batch and has it written:
 *
 *     by the loop     at `process`, a small batch, the database at hand: one transaction, without a
 *     sync; the
 *                     answers leave in the same turn
 *     by the thread   at `power`, a big value to write or read, or while the thread has the
 *     database (a checkpoint):
 *                     the batch is handed over, its answers wait, the loop does not
 *
 * Invariants. (1) Batches are written in the order they were closed. (2) While `n_handed` > 0 the
 * database belongs to the thread, else to the loop. (3) `kept` rises only when everything up to it
 * is committed at the level of open. (4) The thread reads batches and never counts references. (5)
 * Where nothing can be kept, nothing is promised: a full disk leaves the batch waiting and is tried
 * again; a medium that failed fails every answer until the server is restarted.
 *
 * Full disk. A file `reserve` holds space. When a write finds no room the file goes, so that
 * results already computed can be kept, and puts on task queues are refused until there is room for
 * a new reserve. */
#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/batch.h"
#include "store/data_folder.h"
#include "store/sqlite_db.h"
#include "store/table_store.h"
#include "store/task_queue.h"

enum {
    INLINE_BYTES = 256 * 1024, /* more in one batch is the thread's work */
    TEXT_BYTES = 256,          /* of a record's strings */
    CHECKPOINT_PAGES = 2000
};
#define DEFAULT_RESERVE_BYTES (UINT64_C(64) << 20)
#define MAX_VALUE_BYTES       UINT64_C(999000000) /* SQLite's own limit is 10^9 for a row */
#define LAZY_NS               UINT64_C(100000000) /* a batch that promises nothing waits this long */
#define SPACE_CHECK_NS        UINT64_C(200000000)
#define RETRY_NS              UINT64_C(500000000)

/* A task that came into the table in the step just made. It may have ended in the same step. */
struct entered {
    store_task_id task;
    store_queue_id queue;
    uint64_t place;
};

struct sqlite_store {
    struct table_store table; /* first */
    struct sqlite_options options;
    struct data_folder folder;
    struct sqlite_db *db;

    struct batch *open;     /* being told; never NULL */
    uint64_t open_since_ns; /* when its first record came */
    struct entered *entered;
    size_t n_entered, cap_entered;
    store_task_id last_entered;
    bool *dirty;         /* queues whose counts changed, by id - 1 */
    bool *takes_results; /* queues that are some pair's result queue */
    size_t cap_queues;
    uint64_t next_number, closed_number, kept;
    uint64_t cold_bytes; /* of values that are only on disk, of tasks that have not ended */

    struct batch *stalled, **stalled_end; /* closed, and found no room */
    uint64_t retry_ns;

    enum store_status health;
    bool is_full;
    uint64_t space_check_ns;
    uint64_t reserve_bytes;

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work, idle;
    struct batch *jobs, **jobs_end;         /* to be written */
    struct batch *finished, **finished_end; /* written, or failed */
    bool wants_checkpoint, is_ending;
    size_t n_handed; /* jobs, finished, and a checkpoint under way */
};

static struct sqlite_store *sqlite_of(void *arg)
{
    return arg;
}

static void say(const struct sqlite_store *s, int level, const char *line)
{
    if (s->options.log)
        s->options.log(level, line, s->options.log_arg);
}

/* --- the reserve ------------------------------------------------------------------------------ */

static void reserve_path(const struct sqlite_store *s, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/reserve", s->folder.path);
}

static bool make_reserve(struct sqlite_store *s)
{
    char path[4096];
    bool ok;
    int fd;

    reserve_path(s, path, sizeof path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    ok = posix_fallocate(fd, 0, (off_t)s->reserve_bytes) == 0;
    (void)close(fd); /* holds no data */
    if (!ok)
        (void)unlink(path);
    return ok;
}

static void spend_reserve(struct sqlite_store *s)
{
    char path[4096];

    reserve_path(s, path, sizeof path);
    (void)unlink(path); /* if it was not there, there is nothing to spend */
    if (!s->is_full)
        say(s, 3,
            "store full: the disk of the data folder has no room left; new tasks are refused, "
            "results "
            "are kept in the space set aside. Make room there");
    s->is_full = true;
}

/* Is there room again? Asked at most every SPACE_CHECK_NS. */
static void look_for_space(struct sqlite_store *s, uint64_t now_ns)
{
    if (!s->is_full || now_ns < s->space_check_ns)
        return;
    s->space_check_ns = now_ns + SPACE_CHECK_NS;
    if (data_folder_free_bytes(&s->folder) < 2 * s->reserve_bytes || !make_reserve(s))
        return;
    s->is_full = false;
    say(s, 6, "store has room again: tasks are taken");
}

/* --- being told ------------------------------------------------------------------------------- */

static struct record *tell(struct sqlite_store *s, enum record_kind kind)
{
    if (s->open->n == 0)
        s->open_since_ns = clock_mono_ns();
    return batch_add(s->open, kind);
}

static bool grow_queues(struct sqlite_store *s, size_t n)
{
    size_t cap = s->cap_queues ? s->cap_queues : 16;
    bool *grown;

    while (cap < n)
        cap *= 2;
    if (cap == s->cap_queues)
        return true;
    grown = realloc(s->dirty, cap * sizeof *grown);
    if (!grown)
        return false;
    s->dirty = grown;
    grown = realloc(s->takes_results, cap * sizeof *grown);
    if (!grown)
        return false;
    s->takes_results = grown;
    memset(s->dirty + s->cap_queues, 0, (cap - s->cap_queues) * sizeof(bool));
    memset(s->takes_results + s->cap_queues, 0, (cap - s->cap_queues) * sizeof(bool));
    s->cap_queues = cap;
    return true;
}

static bool grow_entered(struct sqlite_store *s, size_t n)
{
    struct entered *grown;

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

static const struct entered *find_entered(const struct sqlite_store *s, store_task_id task)
{
    size_t i = 0;

    while (s->entered[i].task != task)
        i++; /* it is there: every new task was reported */
    return &s->entered[i];
}

static uint64_t waiting_bytes(const struct sqlite_store *s)
{
    uint64_t bytes = 0;

    for (size_t i = 1; i <= tasks_n_queues(s->table.tasks); i++)
        bytes += tasks_counts(s->table.tasks, (store_queue_id)i)->bytes_queued;
    return bytes;
}

static enum store_status admit_put(struct sqlite_store *s, store_queue_id queue, uint64_t bytes)
{
    bool is_result = s->takes_results[queue - 1];

    if (bytes > MAX_VALUE_BYTES)
        return STORE_TOOBIG;
    look_for_space(s, clock_mono_ns());
    if (is_result)
        return STORE_OK; /* a worker with a day's result in hand is not turned away */
    if (s->is_full)
        return STORE_NOSPACE;
    if (s->options.max_queue_bytes && waiting_bytes(s) + bytes > s->options.max_queue_bytes)
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
    if (!grow_queues(s, tasks_n_queues(s->table.tasks) + 1) || !grow_entered(s, n) ||
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

static void tell_put(struct sqlite_store *s, store_task_id task, struct payload *value,
                     store_task_id result_of)
{
    const struct entered *entered = find_entered(s, task);
    struct record *r = tell(s, RECORD_PUT);

    r->queue = entered->queue;
    r->task = task;
    r->place = entered->place;
    r->value = payload_ref(value);
    r->other = result_of;
    s->open->bytes += payload_bytes(value);
    s->dirty[entered->queue - 1] = true;
}

static void journal_put(void *arg, const struct store_put_item *items,
                        const struct store_put_answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (answers[i].status == STORE_PUT_NEW)
            tell_put(sqlite_of(arg), answers[i].task, items[i].value, 0);
}

static uint64_t journal_told(void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    if (s->open->n == 0)
        return s->closed_number; /* a DUP, an ALREADY: of something told before */
    s->open->number = s->next_number;
    return s->open->number;
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

static void journal_wanted(void *arg, store_task_id task, struct payload *value)
{
    struct sqlite_store *s = sqlite_of(arg);
    struct record *r = tell(s, RECORD_LOAD);

    r->task = task;
    r->value = payload_ref(value);
    s->open->bytes += value->cold_bytes;
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
            tell_put(s, answers[i].result, items[i].result, items[i].ref.task);
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
    s->dirty[task->queue - 1] = true;
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

    s->dirty[queue - 1] = true;
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
            tell_put(s, answers[i].result, items[i].result, items[i].task);
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
    s->open->bytes += INLINE_BYTES + 1; /* may be long: the thread's work */
    s->dirty[queue - 1] = true;
}

static void journal_revive(void *arg, store_task_id task, uint64_t place,
                           enum store_retry_status *out)
{
    struct record *r = tell(sqlite_of(arg), RECORD_REVIVE);

    r->task = task;
    r->place = place;
    r->retried = out;
}

static void journal_look(void *arg, struct look *l)
{
    struct sqlite_store *s = sqlite_of(arg);

    tell(s, RECORD_LOOK)->look = l;
    if (l->filter.limit > 10)
        s->open->bytes += INLINE_BYTES + 1; /* pages of rows are the thread's work */
}

/* A task came. Or it ended: its queue's counts changed, and a value that nobody read is not cold
 * any more. */
static void on_change(const struct task *task, void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    if (task->node.key > s->last_entered) {
        s->last_entered = task->node.key;
        s->entered[s->n_entered++] = (struct entered){task->node.key, task->queue, task->place};
    }
    if (task->state != STORE_DONE && task->state != STORE_FAILED && task->state != STORE_CANCELLED)
        return;
    s->dirty[task->queue - 1] = true;
    s->cold_bytes -= task->value->cold_bytes;
}

/* --- keeping ---------------------------------------------------------------------------------- */

static void add_counts(struct sqlite_store *s)
{
    for (size_t i = 0; i < tasks_n_queues(s->table.tasks); i++) {
        struct record *r;

        if (!s->dirty[i])
            continue;
        s->dirty[i] = false;
        r = batch_add(s->open, RECORD_COUNTS);
        r->queue = (store_queue_id)i + 1;
    }
    for (size_t k = 0; k < s->open->n; k++) {
        struct record *r = &s->open->records[k];

        if (r->kind == RECORD_COUNTS)
            r->counts = *tasks_counts(s->table.tasks, r->queue);
    }
}

static void medium_failed(struct sqlite_store *s, enum store_status st, const char *error)
{
    char line[512];

    if (s->health != STORE_OK)
        return;
    s->health = st == STORE_CORRUPT ? STORE_CORRUPT : STORE_DOWN;
    (void)snprintf(
        line, sizeof line,
        "store failed: %s. Nothing more is promised: look at the disk, then start the server "
        "anew; what was promised is kept",
        error);
    say(s, 3, line);
}

/* A task that had ended is back in the file; now in the table too. */
static enum store_retry_status revive(struct sqlite_store *s, struct record *r)
{
    struct store_counts counts = *tasks_counts(s->table.tasks, r->saved.queue);

    if (tasks_restore(s->table.tasks, &r->saved, s->table.now_ns) != STORE_OK)
        return STORE_RETRY_GONE; /* out of memory: it is there after the next start */
    counts.unfinished++;
    if (r->was == STORE_FAILED)
        counts.failed--;
    else if (r->was == STORE_CANCELLED)
        counts.cancelled--;
    else
        counts.done--;
    tasks_restore_counts(s->table.tasks, r->saved.queue, &counts);
    s->dirty[r->saved.queue - 1] = true;
    return STORE_RETRIED;
}

/* The values that were read back take their places; the newest that are over the limit leave
 * memory. */
static void settle(struct sqlite_store *s, struct batch *b)
{
    uint64_t waiting = waiting_bytes(s);
    uint64_t hot =
        waiting > s->cold_bytes ? waiting - s->cold_bytes : 0; /* leased ones count cold */

    for (size_t i = 0; i < b->n; i++) {
        struct record *r = &b->records[i];
        struct payload *p = r->value;

        if (r->kind == RECORD_LOAD && r->was_lost) {
            medium_failed(s, STORE_CORRUPT, "a value could not be read back");
        } else if (r->kind == RECORD_LOAD && p->cold_bytes) {
            s->cold_bytes -= p->cold_bytes;
            p->pickle = r->loaded;
            rope_init(&r->loaded);
            p->cold_bytes = 0;
        } else if (r->kind == RECORD_REVIVE && p) {
            *r->retried = revive(s, r);
        } else if (r->kind == RECORD_PUT && s->options.max_memory_bytes &&
                   hot > s->options.max_memory_bytes && p->refs == 2) { /* the table's and ours */
            p->cold_bytes = p->pickle.len;
            s->cold_bytes += p->cold_bytes;
            hot -= p->cold_bytes;
            rope_release(&p->pickle);
        }
    }
}

/* A batch came back from being written. True: it is over; false: it must be written again. */
static bool take_written(struct sqlite_store *s, struct batch *b)
{
    if (b->status == STORE_NOSPACE || b->status == STORE_NOMEM) {
        if (b->status == STORE_NOSPACE)
            spend_reserve(s);
        return false;
    }
    if (b->status != STORE_OK)
        medium_failed(s, b->status, b->error);
    else
        settle(s, b);
    if (s->health == STORE_OK && b->number > s->kept)
        s->kept = b->number;
    batch_free(b);
    return true;
}

/* The loop's own writing; the database is the loop's. */
static void write_here(struct sqlite_store *s, struct batch *b)
{
    sqlite_db_write(s->db, b);
    if (b->status == STORE_OK)
        b->status = sqlite_db_commit(s->db, b->error, sizeof b->error);
}

static void hand_over(struct sqlite_store *s, struct batch *b)
{
    pthread_mutex_lock(&s->lock);
    b->next = NULL;
    *s->jobs_end = b;
    s->jobs_end = &b->next;
    s->n_handed++;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

static void stall(struct sqlite_store *s, struct batch *b)
{
    b->next = NULL;
    *s->stalled_end = b;
    s->stalled_end = &b->next;
    s->retry_ns = clock_mono_ns() + RETRY_NS;
}

static bool is_thread_busy(struct sqlite_store *s)
{
    bool is_busy;

    pthread_mutex_lock(&s->lock);
    is_busy = s->n_handed > 0;
    pthread_mutex_unlock(&s->lock);
    return is_busy;
}

/* Write it, here or there; first what stalled before it. */
static void write_batch(struct sqlite_store *s, struct batch *b)
{
    if (s->stalled) {
        stall(s, b);
        return;
    }
    if (s->options.durability == SQLITE_POWER || b->bytes > INLINE_BYTES || is_thread_busy(s)) {
        hand_over(s, b);
        return;
    }
    write_here(s, b);
    if (!take_written(s, b)) {
        /* Once more at once: the reserve is spent now. */
        write_here(s, b);
        if (!take_written(s, b))
            stall(s, b);
    }
}

static void retry_stalled(struct sqlite_store *s)
{
    struct batch *b = s->stalled;

    if (!b || clock_mono_ns() < s->retry_ns || is_thread_busy(s))
        return;
    s->stalled = NULL;
    s->stalled_end = &s->stalled;
    while (b) {
        struct batch *next = b->next;

        write_batch(s, b);
        b = next;
    }
}

static void take_finished(struct sqlite_store *s)
{
    struct batch *b;

    pthread_mutex_lock(&s->lock);
    b = s->finished;
    s->finished = NULL;
    s->finished_end = &s->finished;
    for (struct batch *each = b; each; each = each->next)
        s->n_handed--;
    pthread_mutex_unlock(&s->lock);
    while (b) {
        struct batch *next = b->next;

        if (s->stalled || !take_written(s, b)) {
            stall(s, b);
            s->retry_ns = 0; /* the reserve is spent now: try at once */
        }
        b = next;
    }
}

/* Close the open batch if something in it is promised, or has waited. */
static void close_open(struct sqlite_store *s, bool is_forced)
{
    struct batch *b = s->open, *fresh;

    if (b->n == 0)
        return;
    if (!is_forced && !b->number && clock_mono_ns() - s->open_since_ns < LAZY_NS)
        return;
    fresh = batch_new();
    if (!fresh)
        return; /* next turn */
    add_counts(s);
    b->number = s->next_number++;
    b->wall_ms = clock_wall_ms();
    s->closed_number = b->number;
    s->open = fresh;
    write_batch(s, b);
}

static void ask_for_checkpoint(struct sqlite_store *s)
{
    if (is_thread_busy(s) || sqlite_db_log_pages(s->db) < CHECKPOINT_PAGES)
        return;
    pthread_mutex_lock(&s->lock);
    s->wants_checkpoint = true;
    s->n_handed++;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

static uint64_t journal_keep(void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    take_finished(s);
    retry_stalled(s);
    close_open(s, false);
    look_for_space(s, clock_mono_ns());
    ask_for_checkpoint(s);
    return s->kept;
}

static enum store_status journal_health(void *arg)
{
    return sqlite_of(arg)->health;
}

static const struct table_journal sqlite_journal = {
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
    .keep = journal_keep,
    .health = journal_health,
};

/* --- the thread ------------------------------------------------------------------------------- */

/* Write all jobs in one transaction; a commit that fails fails them all. */
static void write_group(struct sqlite_store *s, struct batch *first)
{
    char error[256] = "";
    enum store_status st = STORE_OK;

    for (struct batch *b = first; b; b = b->next) {
        if (st == STORE_OK)
            sqlite_db_write(s->db, b);
        else
            b->status = st; /* order: nothing after one that was not written */
        st = b->status;
        if (st != STORE_OK)
            (void)snprintf(error, sizeof error, "%s", b->error);
    }
    st = sqlite_db_commit(s->db, error, sizeof error);
    for (struct batch *b = first; b && st != STORE_OK; b = b->next) {
        if (b->status != STORE_OK)
            continue;
        b->status = st;
        (void)snprintf(b->error, sizeof b->error, "%s", error);
    }
}

static void give_back(struct sqlite_store *s, struct batch *first)
{
    *s->finished_end = first;
    while (*s->finished_end)
        s->finished_end = &(*s->finished_end)->next;
}

static void *thread_main(void *arg)
{
    struct sqlite_store *s = arg;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct batch *group = s->jobs;
        bool is_checkpoint = s->wants_checkpoint;

        if (!group && !is_checkpoint) {
            if (s->is_ending)
                break;
            pthread_cond_wait(&s->work, &s->lock);
            continue;
        }
        s->jobs = NULL;
        s->jobs_end = &s->jobs;
        s->wants_checkpoint = false;
        pthread_mutex_unlock(&s->lock);
        if (group)
            write_group(s, group);
        if (is_checkpoint || sqlite_db_log_pages(s->db) >= CHECKPOINT_PAGES)
            sqlite_db_checkpoint(s->db);
        pthread_mutex_lock(&s->lock);
        give_back(s, group);
        if (is_checkpoint)
            s->n_handed--;
        pthread_cond_signal(&s->idle);
        if (s->table.wake)
            s->table.wake(s->table.wake_arg);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Until the database is the loop's again. */
static void wait_for_thread(struct sqlite_store *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->jobs || s->wants_checkpoint)
        pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
    for (;;) {
        take_finished(s);
        if (!is_thread_busy(s))
            return;
        pthread_mutex_lock(&s->lock);
        if (!s->finished && s->n_handed > 0)
            pthread_cond_wait(&s->idle, &s->lock);
        pthread_mutex_unlock(&s->lock);
    }
}

/* --- open, close ------------------------------------------------------------------------------ */

static void free_batches(struct batch *b)
{
    while (b) {
        struct batch *next = b->next;

        batch_free(b);
        b = next;
    }
}

static void sqlite_end(struct table_store *t)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)t;

    if (s->has_thread) {
        close_open(s, true);
        wait_for_thread(s);
        s->retry_ns = 0;
        retry_stalled(s); /* a last try; what finds no room now was never promised */
        wait_for_thread(s);
        pthread_mutex_lock(&s->lock);
        s->is_ending = true;
        pthread_cond_signal(&s->work);
        pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->thread, NULL); /* it is ours and was not joined before */
    }
    table_store_release(&s->table);
    free_batches(s->stalled);
    batch_free(s->open);
    sqlite_db_close(s->db);
    data_folder_close(&s->folder);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    free(s->entered);
    free(s->dirty);
    free(s->takes_results);
    free(s);
}

/* What the file does not hold: which queues take results. */
static bool derive(struct sqlite_store *s)
{
    size_t n = tasks_n_queues(s->table.tasks);

    if (!grow_queues(s, n + 1))
        return false;
    for (size_t i = 1; i <= n; i++) {
        store_queue_id to = tasks_queue(s->table.tasks, (store_queue_id)i)->result_queue;

        if (to)
            s->takes_results[to - 1] = true;
    }
    return true;
}

/* Of a store that is ours and closed. */
static void remove_database(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char each[4096 + 8];

    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(each, sizeof each, "%s%s", path, endings[i]); /* fits */
        (void)unlink(each); /* absent is what was wanted; anything else shows at the open */
    }
}

static enum platoon_status open_files(struct sqlite_store *s, struct platoon_err *err)
{
    enum platoon_status st = data_folder_open(&s->folder, s->options.folder, err);
    uint64_t free_bytes;
    char path[4096];

    if (st != PLATOON_OK)
        return st;
    if ((size_t)snprintf(path, sizeof path, "%s/platoon.db", s->folder.path) >= sizeof path)
        return platoon_fail(err, PLATOON_EINVAL, "the path of the data folder is too long");
    free_bytes = data_folder_free_bytes(&s->folder);
    s->reserve_bytes = s->options.reserve_bytes;
    if (!s->reserve_bytes)
        s->reserve_bytes =
            free_bytes / 16 < DEFAULT_RESERVE_BYTES ? free_bytes / 16 : DEFAULT_RESERVE_BYTES;
    st = sqlite_db_open(path, s->options.durability == SQLITE_POWER, &s->db, err);
    if (st == PLATOON_OK && s->options.is_fresh) { /* it is ours, so it may go */
        sqlite_db_close(s->db);
        s->db = NULL;
        remove_database(path);
        st = sqlite_db_open(path, s->options.durability == SQLITE_POWER, &s->db, err);
    }
    if (st == PLATOON_OK && s->reserve_bytes && !make_reserve(s))
        s->is_full = true; /* starts, hands out what it has, and takes results */
    return st;
}

enum platoon_status store_sqlite_open(const struct sqlite_options *options, struct store **out,
                                      struct platoon_err *err)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    uint64_t hot = options->max_memory_bytes ? options->max_memory_bytes : UINT64_MAX;
    enum platoon_status st;

    if (!s)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    s->options = *options;
    s->folder.lock_fd = -1;
    s->stalled_end = &s->stalled;
    s->jobs_end = &s->jobs;
    s->finished_end = &s->finished;
    s->next_number = 1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->idle, NULL);
    st = platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    if (!table_store_init(&s->table, sqlite_end) || !(s->open = batch_new()))
        goto fail;
    s->table.journal = &sqlite_journal;
    s->table.journal_arg = s;
    st = open_files(s, err);
    if (st == PLATOON_OK)
        st = sqlite_db_load(s->db, s->table.tasks, hot, s->table.now_ns, &s->table.last_epoch,
                            &s->cold_bytes, err);
    if (st != PLATOON_OK)
        goto fail;
    if (!derive(s) || pthread_create(&s->thread, NULL, thread_main, s) != 0) {
        st = platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
        goto fail;
    }
    s->has_thread = true;
    s->last_entered = tasks_last_id(s->table.tasks);
    tasks_on_change(s->table.tasks, on_change, s);
    *out = &s->table.store;
    return PLATOON_OK;

fail:
    s->options.folder = NULL; /* was only borrowed */
    sqlite_end(&s->table);
    return st;
}
