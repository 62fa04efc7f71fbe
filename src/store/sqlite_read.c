/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_read.c - what is read back: at the start what had not ended, later single values. */
#include "store/sqlite_db_internal.h"

#include <stdlib.h>

#include "store/sqlite_orphans.h"
#include "store/task_queue.h"

enum { READ_BLOCK = 1024 * 1024 };

bool sqlite_read_value(sqlite3 *handle, store_task_id task, struct rope *out)
{
    sqlite3_blob *blob = NULL;
    int left, at = 0;
    bool ok;

    rope_init(out);
    if (sqlite3_blob_open(handle, "main", "value", "pickle", (sqlite3_int64)task, 0, &blob) !=
        SQLITE_OK) {
        (void)sqlite3_blob_close(blob);
        return false;
    }
    left = sqlite3_blob_bytes(blob);
    ok = true;
    while (ok && left > 0) {
        int n = left < READ_BLOCK ? left : READ_BLOCK;
        struct block *block = block_new((size_t)n);

        ok = block && sqlite3_blob_read(blob, block->data, n, at) == SQLITE_OK &&
             rope_append_block(out, block, 0, (size_t)n);
        block_unref(block);
        at += n;
        left -= n;
    }
    ok = sqlite3_blob_close(blob) == SQLITE_OK && ok;
    if (!ok)
        rope_release(out);
    return ok;
}

/* --- the reader ------------------------------------------------------------------------------- */

struct sqlite_reader {
    sqlite3 *handle;
    sqlite3_stmt *value;
};

enum platoon_status sqlite_reader_open(const char *path, struct sqlite_reader **out,
                                       struct platoon_err *err)
{
    struct sqlite_reader *r = calloc(1, sizeof *r);

    if (!r)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open %s", path);
    if (sqlite3_open_v2(path, &r->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v3(r->handle, "SELECT pickle FROM value WHERE task=?1", -1,
                           SQLITE_PREPARE_PERSISTENT, &r->value, NULL) != SQLITE_OK) {
        enum platoon_status st = sqlite_db_fail(r->handle, path, err);

        sqlite_reader_close(r);
        return st;
    }
    *out = r;
    return PLATOON_OK;
}

void sqlite_reader_close(struct sqlite_reader *r)
{
    if (!r)
        return;
    (void)sqlite3_finalize(r->value); /* says what its last step said */
    (void)sqlite3_close(r->handle);   /* was only read */
    free(r);
}

bool sqlite_reader_value(struct sqlite_reader *r, store_task_id task, uint64_t bytes,
                         struct rope *out)
{
    bool ok;

    (void)sqlite3_bind_int64(r->value, 1, (sqlite3_int64)task); /* what fails here fails the step */
    ok = sqlite3_step(r->value) == SQLITE_ROW &&
         (uint64_t)sqlite3_column_bytes(r->value, 0) == bytes &&
         rope_append_copy(out, sqlite3_column_blob(r->value, 0), (size_t)bytes) &&
         rope_compact(out);
    (void)sqlite3_reset(r->value); /* says what step said */
    if (!ok)
        rope_release(out);
    return ok;
}

/* --- loading ---------------------------------------------------------------------------------- */

static bool load_queues(struct sqlite_db *db, struct tasks *tasks)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(
                  db->handle,
                  "SELECT id, name, maxsize, result_queue, max_attempts, unfinished, done, "
                  "failed, cancelled FROM queue ORDER BY id",
                  -1, &s, NULL) == SQLITE_OK;
    int rc = SQLITE_DONE;

    while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct store_queue *made;
        struct store_queue q = {
            .id = (store_queue_id)sqlite3_column_int64(s, 0),
            .name = (const char *)sqlite3_column_text(s, 1),
            .maxsize = (uint64_t)sqlite3_column_int64(s, 2),
            .result_queue = (store_queue_id)sqlite3_column_int64(s, 3),
            .max_attempts = (uint32_t)sqlite3_column_int64(s, 4),
        };
        struct store_counts counts = {
            .unfinished = (uint64_t)sqlite3_column_int64(s, 5),
            .done = (uint64_t)sqlite3_column_int64(s, 6),
            .failed = (uint64_t)sqlite3_column_int64(s, 7),
            .cancelled = (uint64_t)sqlite3_column_int64(s, 8),
        };

        ok = q.name && q.id == tasks_n_queues(tasks) + 1 && q.result_queue < q.id &&
             tasks_queue_ensure(tasks, &q, &made) == STORE_OK;
        if (ok)
            tasks_restore_counts(tasks, q.id, &counts);
    }
    return sqlite3_finalize(s) == SQLITE_OK && ok && rc == SQLITE_DONE;
}

/* What is being loaded. */
struct load {
    struct sqlite_db *db;
    struct tasks *tasks;
    sqlite3_stmt *rows, *past; /* every task; what else is known of one that was taken before */
    struct sqlite_orphans orphans;
    uint64_t hot_left, cold_bytes, now_ns, last_place;
};

/* Most tasks of a long queue were never taken: of these no more is read than they have. A start
 * with a million of them spends its time here. */
enum {
    ROW_ID,
    ROW_QUEUE,
    ROW_PLACE,
    ROW_BYTES,
    ROW_PROTOCOL,
    ROW_KIND,
    ROW_FLAGS,
    ROW_MAX_ATTEMPTS,
    ROW_IS_NEW
};

static bool prepare_load(struct load *l)
{
    static const char rows[] =
        "SELECT id, queue, place, bytes, protocol, kind, flags, max_attempts, "
        "state = 0 AND attempts_lost = 0 AND lease_epoch IS NULL FROM task "
        "WHERE state <> 2 AND state <> 3 AND state <> 6 " /* task_alive */
        "ORDER BY queue, place"; /* so that each queue's line is in order */
    static const char past[] = "SELECT state, attempts_lost, may_be_repeat, has_failure_value, "
                               "lease_epoch, lease_counter, lease_ms FROM task WHERE id=?1";

    return sqlite3_prepare_v2(l->db->handle, rows, -1, &l->rows, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(l->db->handle, past, -1, &l->past, NULL) == SQLITE_OK;
}

static struct payload *load_payload(struct load *l, store_task_id task)
{
    struct payload *p = calloc(1, sizeof *p);
    uint64_t bytes = (uint64_t)sqlite3_column_int64(l->rows, ROW_BYTES);

    if (!p)
        return NULL;
    p->refs = 1;
    rope_init(&p->pickle);
    p->protocol = (uint8_t)sqlite3_column_int(l->rows, ROW_PROTOCOL);
    p->kind = (uint8_t)sqlite3_column_int(l->rows, ROW_KIND);
    p->flags = (uint32_t)sqlite3_column_int64(l->rows, ROW_FLAGS);
    p->cold_bytes = bytes;
    if (bytes <= l->hot_left) {
        if (!sqlite_read_value(l->db->handle, task, &p->pickle) || p->pickle.len != bytes) {
            payload_unref(p);
            return NULL;
        }
        p->cold_bytes = 0;
        l->hot_left -= bytes;
    }
    l->cold_bytes += p->cold_bytes;
    return p;
}

static bool load_past(struct load *l, struct tasks_saved *t)
{
    sqlite3_stmt *s = l->past;
    bool ok;

    (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)t->task); /* step reports what went wrong */
    ok = sqlite3_step(s) == SQLITE_ROW;
    t->state = (enum store_task_state)sqlite3_column_int(s, 0);
    t->losses = (uint32_t)sqlite3_column_int64(s, 1);
    t->may_be_repeat = sqlite3_column_int(s, 2) != 0;
    /* Of a task that came back from the dead it says nothing. */
    t->has_failure_value = t->state == STORE_DEAD && sqlite3_column_int(s, 3) != 0;
    t->lease = (struct store_lease_id){(uint64_t)sqlite3_column_int64(s, 4),
                                       (uint64_t)sqlite3_column_int64(s, 5)};
    t->lease_ms = (uint32_t)sqlite3_column_int64(s, 6);
    (void)sqlite3_reset(s); /* says what step said */
    return ok;
}

static bool load_task(struct load *l)
{
    struct tasks_saved t = {
        .task = (store_task_id)sqlite3_column_int64(l->rows, ROW_ID),
        .queue = (store_queue_id)sqlite3_column_int64(l->rows, ROW_QUEUE),
        .place = (uint64_t)sqlite3_column_int64(l->rows, ROW_PLACE),
        .state = STORE_QUEUED,
        .max_attempts = (uint32_t)sqlite3_column_int64(l->rows, ROW_MAX_ATTEMPTS),
    };
    bool ok = t.queue >= 1 && t.queue <= tasks_n_queues(l->tasks) &&
              (sqlite3_column_int(l->rows, ROW_IS_NEW) || load_past(l, &t));

    if (!ok)
        return false;
    t.value = load_payload(l, t.task);
    ok = t.value && tasks_restore(l->tasks, &t, l->now_ns) == STORE_OK;
    payload_unref(t.value);
    if (ok && t.state == STORE_LEASED && tasks_find(l->tasks, t.task)->state == STORE_QUEUED)
        ok = sqlite_orphans_note(&l->orphans, t.task);
    if (t.place > l->last_place)
        l->last_place = t.place;
    return ok;
}

static bool load_tasks(struct load *l)
{
    bool ok = prepare_load(l);
    int rc = SQLITE_DONE;

    while (ok && (rc = sqlite3_step(l->rows)) == SQLITE_ROW)
        ok = load_task(l);
    (void)sqlite3_finalize(l->past); /* says what its last step said */
    ok = sqlite3_finalize(l->rows) == SQLITE_OK && ok && rc == SQLITE_DONE;
    if (ok)
        sqlite_orphans_write(&l->orphans, l->db);
    sqlite_orphans_release(&l->orphans);
    return ok;
}

enum platoon_status sqlite_db_load(struct sqlite_db *db, struct tasks *tasks, uint64_t hot_bytes,
                                   uint64_t now_ns, uint64_t *out_epoch, uint64_t *out_cold_bytes,
                                   struct platoon_err *err)
{
    struct load load = {.db = db, .tasks = tasks, .hot_left = hot_bytes, .now_ns = now_ns};
    int64_t epoch = 0, first_epoch = 0, last_task = 0, n_tasks = 0;

    if (!sqlite_db_ask(db->handle, "SELECT value FROM meta WHERE key='epoch'", &epoch) ||
        !sqlite_db_ask(db->handle, "SELECT value FROM meta WHERE key='first_epoch'",
                       &first_epoch) ||
        !sqlite_db_ask(db->handle,
                       "SELECT max(value, (SELECT coalesce(max(id), 0) FROM task)) FROM meta WHERE "
                       "key='last_task'",
                       &last_task) ||
        !sqlite_db_ask(db->handle,
                       "SELECT count(*) FROM task WHERE state <> 2 AND state <> 3 AND state <> 6",
                       &n_tasks) ||
        !load_queues(db, tasks))
        return sqlite_db_fail(db->handle, "the store", err);
    if (epoch) {
        tasks_admit_epoch(tasks, (uint64_t)first_epoch);
        tasks_admit_epoch(tasks, (uint64_t)epoch);
    }
    tasks_expect(tasks, (size_t)n_tasks);
    if (!load_tasks(&load))
        return platoon_fail(err, PLATOON_EIO, "cannot read the tasks of the store: %s",
                            sqlite3_errmsg(db->handle));
    tasks_restore_last(tasks, (store_task_id)last_task, load.last_place);
    *out_epoch = (uint64_t)epoch;
    *out_cold_bytes = load.cold_bytes;
    return PLATOON_OK;
}
