/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - the journal of a table store, kept in SQLite, with a redo log in front of it.
 *
 * Every step is told to the open batch (sqlite_tell.c). keep(), once a turn, makes a frame of what
 * the turn told and appends it to the redo log: one write, after which a kill loses nothing of it.
 * At `process` the answers leave in the same turn; at `power` when a thread has synced the log
 * (redo_syncer.c). Many frames later, or after LAG_NS, the open batch is closed and handed to the
 * thread that has the database (sqlite_writer.c).
 *
 * What is nothing for the log (a big value; what reads the database), or finds no room there, makes
 * its batch *direct*: it is handed over at once, and its answers, and all behind them, wait until
 * it is written.
 *
 * Invariants. (1) Frames are numbered in turn, batches are written in their order, and the file
 * says which frame it has last. (2) The database belongs to the thread. (3) `kept` rises only when
 * everything up to it is durable at the level of open. (4) The thread reads batches and never
 * counts references. (5) Where nothing can be kept, nothing is promised: a full disk leaves the
 * batch waiting and is tried again; a medium that failed fails every answer until the server is
 * restarted. */
#include "store/sqlite_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/task_queue.h"

#define LAG_NS   UINT64_C(50000000) /* the database lags so far behind what was told, */
#define RETRY_NS UINT64_C(500000000)
enum { LAG_RECORDS = 512, LAG_BYTES = 128 * 1024 }; /* or so far */
/* Of the redo log: two files of so many bytes, or less on a small disk. What a start after a kill
 * reads back at most. */
enum { REDO_FILE_BYTES = 2 * 1024 * 1024, REDO_SHARE = 64, REDO_LEAST_BYTES = 64 * 1024 };
/* Values of so much are read at the start, the rest when it is claimed: a server with a million
 * tasks serves the first at once. */
#define HOT_AT_START_BYTES (UINT64_C(64) << 10)

static const char full_sentence[] =
    "store full: the disk of the data folder has no room left; new tasks are refused, results are "
    "kept in the space set aside. Make room there";

static struct sqlite_store *sqlite_of(void *arg)
{
    return arg;
}

void sqlite_say(const struct sqlite_store *s, int level, const char *line)
{
    if (s->options.log)
        s->options.log(level, line, s->options.log_arg);
}

void sqlite_look_for_space(struct sqlite_store *s, uint64_t now_ns)
{
    if (sqlite_space_look(&s->space, now_ns))
        sqlite_say(s, 6, "store has room again: tasks are taken");
}

/* --- keeping ---------------------------------------------------------------------------------- */

static void medium_failed(struct sqlite_store *s, const char *error)
{
    char line[512];

    if (s->health != STORE_OK)
        return;
    s->health = STORE_CORRUPT; /* what the medium holds now is not known */
    (void)snprintf(
        line, sizeof line,
        "store failed: %s. Nothing more is promised: look at the disk, then start the server "
        "anew; what was promised is kept",
        error);
    sqlite_say(s, 3, line);
}

/* A task that had ended is back in the file; now in the table too. */
static enum store_retry_status revive(struct sqlite_store *s, struct record *r)
{
    struct store_counts counts = *tasks_counts(s->table.tasks, r->saved.queue);

    if (tasks_restore(s->table.tasks, &r->saved, s->table.now_ns) != STORE_OK)
        return STORE_RETRY_GONE; /* out of memory: it is there after the next start */
    (void)tasks_retry(s->table.tasks, r->task); /* to its old place: it was set aside a line ago */
    counts.unfinished++;
    if (r->was == STORE_FAILED)
        counts.failed--;
    else if (r->was == STORE_CANCELLED)
        counts.cancelled--;
    else
        counts.done--;
    tasks_restore_counts(s->table.tasks, r->saved.queue, &counts);
    if (batch_reserve(s->open, tasks_n_queues(s->table.tasks) + 1, 0)) /* else with the next step */
        batch_add(s->open, RECORD_COUNTS)->queue = r->saved.queue;
    sqlite_mark_counts(s, r->saved.queue);
    return STORE_RETRIED;
}

/* The values that were read back take their places. */
static void settle(struct sqlite_store *s, struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct record *r = &b->records[i];
        struct payload *p = r->value;

        if (r->kind == RECORD_LOAD && r->was_lost) {
            medium_failed(s, "a value could not be read back");
        } else if (r->kind == RECORD_LOAD && p->cold_bytes) {
            s->cold_bytes -= p->cold_bytes;
            p->pickle = r->loaded;
            rope_init(&r->loaded);
            p->cold_bytes = 0;
        } else if (r->kind == RECORD_REVIVE && p) {
            *r->retried = revive(s, r);
        } else if (r->kind == RECORD_REVIVE && r->is_done) {
            *r->retried = STORE_RETRY_DONE;
        }
    }
}

/* Of the values over the limit of memory. */
static uint64_t excess_bytes(const struct sqlite_store *s)
{
    uint64_t most = s->options.max_memory_bytes, waiting = most ? sqlite_waiting_bytes(s) : 0;
    uint64_t hot =
        waiting > s->cold_bytes ? waiting - s->cold_bytes : 0; /* leased ones count cold */

    return hot > most ? hot - most : 0;
}

/* The newest values that are over the limit leave memory, when those who put them have let go. */
static void cool(struct sqlite_store *s)
{
    uint64_t excess = s->cooling ? excess_bytes(s) : 0;

    while (s->cooling) {
        struct batch *b = s->cooling;

        s->cooling = b->next;
        for (size_t i = 0; i < b->n && excess; i++) {
            struct payload *p = b->records[i].value;

            if (b->records[i].kind != RECORD_PUT || p->cold_bytes || p->refs != 2)
                continue; /* 2: the table's and ours */
            p->cold_bytes = p->pickle.len;
            s->cold_bytes += p->cold_bytes;
            excess -= excess < p->cold_bytes ? excess : p->cold_bytes;
            rope_release(&p->pickle);
        }
        batch_free(b);
    }
}

/* It is kept, or nothing more will be. */
static void end_batch(struct sqlite_store *s, struct batch *b)
{
    if (s->health != STORE_OK || !excess_bytes(s)) {
        batch_free(b);
        return;
    }
    b->next =
        s->cooling; /* after its answers: until then the values are held by those who put them */
    s->cooling = b;
}

/* It is in the database. */
static void note_applied(struct sqlite_store *s, const struct batch *b)
{
    redo_log_has_applied(s->redo, b->number);
    if (b->number > s->kept)
        s->kept = b->number;
    if (b->is_direct) {
        s->n_direct--;
        s->first_direct = b->number + 1; /* or later: what it holds up is kept when it is written */
    }
}

/* A batch came back from being written. True: it is over; false: it must be written again. */
static bool take_written(struct sqlite_store *s, struct batch *b)
{
    if (b->status == STORE_NOSPACE || b->status == STORE_NOMEM) {
        if (b->status == STORE_NOSPACE && sqlite_space_spend(&s->space))
            sqlite_say(s, 3, full_sentence);
        return false;
    }
    if (b->status != STORE_OK)
        medium_failed(s, b->error);
    else
        settle(s, b);
    if (s->health == STORE_OK)
        note_applied(s, b);
    end_batch(s, b);
    return true;
}

static void stall(struct sqlite_store *s, struct batch *b)
{
    b->next = NULL;
    *s->stalled_end = b;
    s->stalled_end = &b->next;
    s->retry_ns = clock_mono_ns() + RETRY_NS;
}

/* Have it written; first what stalled before it. */
static void write_batch(struct sqlite_store *s, struct batch *b)
{
    if (s->stalled)
        stall(s, b);
    else
        sqlite_writer_hand(&s->writer, b);
}

static void retry_stalled(struct sqlite_store *s)
{
    struct batch *b = s->stalled;

    if (!b || clock_mono_ns() < s->retry_ns || sqlite_writer_is_busy(&s->writer))
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
    struct batch *b = sqlite_writer_take(&s->writer);

    while (b) {
        struct batch *next = b->next;

        if (!take_written(s, b)) {
            stall(s, b);
            s->retry_ns = 0; /* the reserve is spent now: try at once */
        }
        b = next;
    }
}

/* The frame that was just filled, into the redo log. False: it is not there. */
static bool append_frame(struct sqlite_store *s, int64_t wall_ms)
{
    enum store_status st = redo_log_end(s->redo, s->last_number, wall_ms);

    if (st == STORE_DOWN)
        medium_failed(s, "the redo log could not be written");
    if (st != STORE_OK)
        return false;
    if (s->options.durability == SQLITE_POWER)
        redo_syncer_want(&s->syncer, s->last_number, redo_log_file(s->redo));
    s->appended = s->last_number;
    return true;
}

/* A frame of what was told since the last one. */
static void end_frame(struct sqlite_store *s)
{
    struct batch *b = s->open;
    int64_t wall_ms = clock_wall_ms();

    b->number = ++s->last_number;
    for (size_t i = b->n_framed; i < b->n; i++)
        b->records[i].wall_ms = wall_ms;
    if (!sqlite_tell_frame(s) || !append_frame(s, wall_ms))
        b->is_direct = true;
    b->n_framed = b->n;
    b->framed_bytes = b->bytes;
    s->is_promised = false;
}

/* Give the open batch to the thread. */
static void close_open(struct sqlite_store *s)
{
    struct batch *b = s->open, *fresh = batch_new();

    if (!fresh)
        return; /* next turn */
    if (b->n > b->n_framed)
        end_frame(s);
    if (b->is_direct && s->n_direct++ == 0)
        s->first_direct = b->number;
    sqlite_tell_counts(s);
    s->open = fresh;
    write_batch(s, b);
}

/* Once a turn: what was told is framed if somebody waits for it, and closed if it is time. */
static void keep_open(struct sqlite_store *s)
{
    const struct batch *b = s->open;

    if (b->n == 0)
        return;
    if (s->is_promised)
        end_frame(s);
    if (b->is_direct || b->n > LAG_RECORDS || b->bytes > LAG_BYTES ||
        clock_mono_ns() - s->open_since_ns >= LAG_NS)
        close_open(s);
}

/* How far what was told is durable. */
static void look_at_kept(struct sqlite_store *s)
{
    uint64_t kept = s->appended;
    bool has_failed = false;

    if (s->options.durability == SQLITE_POWER)
        kept = redo_syncer_synced(&s->syncer, &has_failed);
    if (has_failed)
        medium_failed(s, "the redo log could not be synced");
    if (s->n_direct && kept >= s->first_direct)
        kept = s->first_direct - 1;
    if (s->health == STORE_OK && kept > s->kept)
        s->kept = kept;
}

/* The medium failed and the thread has given everything back: no record may name an answer any
 * more, since all answers are about to fail. */
static void give_up(struct sqlite_store *s)
{
    struct batch *fresh;

    if (s->is_over && s->open->n == 0)
        return;
    fresh = batch_new();
    if (!fresh)
        return; /* next turn */
    batch_free_chain(s->stalled);
    s->stalled = NULL;
    s->stalled_end = &s->stalled;
    batch_free(s->open);
    s->open = fresh;
    s->is_over = true;
}

static void ask_for_checkpoint(struct sqlite_store *s)
{
    bool is_last_resort = s->stalled && clock_mono_ns() >= s->resort_ns;

    if (is_last_resort)
        s->resort_ns = clock_mono_ns() + RETRY_NS;
    sqlite_writer_checkpoint(&s->writer, is_last_resort);
}

static uint64_t journal_keep(void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    cool(s);
    take_finished(s);
    if (s->health == STORE_OK) {
        retry_stalled(s);
        keep_open(s);
        look_at_kept(s);
        sqlite_look_for_space(s, clock_mono_ns());
        ask_for_checkpoint(s);
    } else if (!sqlite_writer_is_busy(&s->writer)) {
        give_up(s);
    }
    return s->kept;
}

static uint64_t journal_due_ns(void *arg)
{
    const struct sqlite_store *s = sqlite_of(arg);

    return s->open->n && s->health == STORE_OK ? s->open_since_ns + LAG_NS : UINT64_MAX;
}

static void journal_on_wake(void *arg, void (*wake)(void *), void *wake_arg)
{
    sqlite_writer_on_wake(&sqlite_of(arg)->writer, wake, wake_arg);
    redo_syncer_on_wake(&sqlite_of(arg)->syncer, wake, wake_arg);
}

static enum store_status journal_health(void *arg)
{
    struct sqlite_store *s = sqlite_of(arg);

    return s->is_over ? s->health : STORE_OK;
}

/* --- open, close ------------------------------------------------------------------------------ */

static void wait_for_writer(struct sqlite_store *s)
{
    do {
        sqlite_writer_wait(&s->writer);
        take_finished(s);
    } while (sqlite_writer_is_busy(&s->writer));
}

static void sqlite_end(struct table_store *t)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)t;
    bool is_done = false;

    if (s->writer.has_thread) {
        if (s->health == STORE_OK && s->open->n)
            close_open(s);
        wait_for_writer(s);
        s->retry_ns = 0;
        if (s->health == STORE_OK)
            retry_stalled(s); /* a last try; what finds no room now was never promised */
        wait_for_writer(s);
        is_done = s->health == STORE_OK && !s->stalled && s->open->n == 0;
        sqlite_writer_stop(&s->writer);
    }
    redo_syncer_stop(&s->syncer);
    redo_log_close(s->redo, is_done);
    table_store_release(&s->table);
    batch_free_chain(s->stalled);
    batch_free_chain(s->cooling);
    batch_free(s->open);
    sqlite_reader_close(s->reader);
    sqlite_db_close(s->db);
    data_folder_close(&s->folder);
    free(s->entered);
    free(s->dirty);
    free(s->takes_results);
    free(s);
}

/* What the file does not hold: which queues take results. */
static bool derive(struct sqlite_store *s)
{
    size_t n = tasks_n_queues(s->table.tasks);

    if (!sqlite_tell_queues(s, n + 1))
        return false;
    for (size_t i = 1; i <= n; i++) {
        store_queue_id to = tasks_queue(s->table.tasks, (store_queue_id)i)->result_queue;

        if (to)
            s->takes_results[to - 1] = true;
    }
    return true;
}

/* Of a store that is ours and closed. The log first: it must not be taken for another file's. */
static void remove_database(const char *path)
{
    static const char *const endings[] = {"-wal", "-shm", ""};
    char each[4096 + 8];

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(each, sizeof each, "%s%s", path, endings[i]); /* fits */
        (void)unlink(each); /* absent is what was wanted; anything else shows at the open */
    }
    redo_log_remove(path);
}

/* --- the redo log ----------------------------------------------------------------------------- */

/* What the log has and the file has not. A full disk: the space set aside is for this. */
static enum platoon_status write_left(struct sqlite_store *s, struct batch *left,
                                      struct platoon_err *err)
{
    const struct batch *b = left;

    sqlite_db_write_group(s->db, left);
    while (b && b->status == STORE_OK)
        b = b->next;
    if (b && b->status == STORE_NOSPACE && sqlite_space_spend(&s->space)) {
        sqlite_say(s, 3, full_sentence);
        sqlite_db_write_group(s->db, (struct batch *)b);
        while (b && b->status == STORE_OK)
            b = b->next;
    }
    return b ? platoon_fail(err, PLATOON_EIO,
                            "cannot bring the store up to its redo log: %s. Nothing is lost: make "
                            "room on the disk, or look at it, and start again",
                            b->error)
             : PLATOON_OK;
}

static uint64_t redo_bytes(const struct sqlite_store *s)
{
    uint64_t share = data_folder_free_bytes(&s->folder) / REDO_SHARE;

    if (s->options.redo_bytes)
        return s->options.redo_bytes;
    if (share < REDO_LEAST_BYTES)
        return 0;
    return share < REDO_FILE_BYTES ? share : REDO_FILE_BYTES;
}

/* Take in what the last server left there, and begin a log of our own. */
static enum platoon_status open_redo(struct sqlite_store *s, const char *path,
                                     struct platoon_err *err)
{
    uint64_t life;
    struct batch *left = NULL;
    enum platoon_status st = sqlite_db_redo(s->db, &life, &s->last_number, err);

    if (st == PLATOON_OK)
        st = redo_log_read(path, life, s->last_number, &left, err);
    if (st == PLATOON_OK && left)
        st = write_left(s, left, err);
    for (const struct batch *b = left; b; b = b->next)
        s->last_number = b->number;
    batch_free_chain(left);
    if (st != PLATOON_OK)
        return st;
    if (getrandom(&life, sizeof life, 0) != (ssize_t)sizeof life)
        return platoon_fail(err, PLATOON_EIO, "the machine gives no random bytes");
    st = sqlite_db_set_life(s->db, life, err);
    if (st != PLATOON_OK)
        return st;
    s->appended = s->kept = s->last_number;
    s->redo = redo_log_start(path, life, s->last_number, redo_bytes(s));
    return s->redo ? PLATOON_OK : platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
}

static enum platoon_status open_files(struct sqlite_store *s, struct platoon_err *err)
{
    enum platoon_status st = data_folder_open(&s->folder, s->options.folder, err);
    bool is_synced = s->options.durability == SQLITE_POWER;
    char path[4096];

    if (st != PLATOON_OK)
        return st;
    if ((size_t)snprintf(path, sizeof path, "%s/platoon.db", s->folder.path) >= sizeof path)
        return platoon_fail(err, PLATOON_EINVAL, "the path of the data folder is too long");
    st = sqlite_db_open(path, is_synced, &s->db, err);
    if (st == PLATOON_OK && s->options.is_fresh) { /* it is ours, so it may go */
        sqlite_db_close(s->db);
        s->db = NULL;
        remove_database(path);
        st = sqlite_db_open(path, is_synced, &s->db, err);
    }
    /* A full disk is no reason not to start: what is there is handed out, and results are taken. */
    if (st == PLATOON_OK && !sqlite_space_open(&s->space, &s->folder, s->options.reserve_bytes))
        sqlite_say(s, 3, full_sentence);
    if (st == PLATOON_OK)
        st = open_redo(s, path, err);
    if (st == PLATOON_OK)
        st = sqlite_reader_open(path, &s->reader, err);
    return st;
}

static enum platoon_status open_table(struct sqlite_store *s, struct platoon_err *err)
{
    uint64_t hot = s->options.max_memory_bytes;
    enum platoon_status st;

    if (!hot || hot > HOT_AT_START_BYTES)
        hot = HOT_AT_START_BYTES;
    st = sqlite_db_load(s->db, s->table.tasks, hot, s->table.now_ns, &s->table.last_epoch,
                        &s->cold_bytes, err);
    if (st != PLATOON_OK)
        return st;
    if (!s->table.last_epoch) /* a new file: not the epochs of one that was here, as in memory.c */
        s->table.last_epoch = (uint64_t)clock_wall_ms() * 1000;
    if (!derive(s) || !sqlite_writer_start(&s->writer, s->db, &s->folder) ||
        (s->options.durability == SQLITE_POWER &&
         !redo_syncer_start(&s->syncer, s->redo, s->last_number)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    s->last_entered = tasks_last_id(s->table.tasks);
    tasks_on_change(s->table.tasks, sqlite_tell_change, s);
    return PLATOON_OK;
}

enum platoon_status store_sqlite_open(const struct sqlite_options *options, struct store **out,
                                      struct platoon_err *err)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    enum platoon_status st;

    if (!s)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    s->options = *options;
    s->folder.lock_fd = -1;
    s->stalled_end = &s->stalled;
    s->journal = sqlite_tell_journal;
    s->journal.keep = journal_keep;
    s->journal.health = journal_health;
    s->journal.due_ns = journal_due_ns;
    s->journal.on_wake = journal_on_wake;
    if (!table_store_init(&s->table, sqlite_end) || !(s->open = batch_new())) {
        st = platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    } else {
        s->table.journal = &s->journal;
        s->table.journal_arg = s;
        st = open_files(s, err);
        if (st == PLATOON_OK)
            st = open_table(s, err);
    }
    s->options.folder = NULL; /* was only borrowed */
    if (st != PLATOON_OK) {
        sqlite_end(&s->table);
        return st;
    }
    *out = &s->table.store;
    return PLATOON_OK;
}
