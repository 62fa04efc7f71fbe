/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_write.c - the records of a batch as rows. */
#include "store/sqlite_db_internal.h"

#include <stdlib.h>
#include <string.h>

#include "store/sqlite_look.h"

enum { DIRECT_BYTES = 64 * 1024 }; /* a larger value is written in pieces, without a copy in one */

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
    if (text && *text)
        (void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); /* step reports what went wrong */
    else
        (void)sqlite3_bind_null(s, at);
}

static void bind_int(sqlite3_stmt *s, int at, uint64_t i)
{
    (void)sqlite3_bind_int64(s, at, (sqlite3_int64)i);
}

static void bind_id(sqlite3_stmt *s, int at, uint64_t id)
{
    if (id)
        bind_int(s, at, id);
    else
        (void)sqlite3_bind_null(s, at);
}

static int write_pieces(struct sqlite_db *db, store_task_id task, const struct rope *bytes)
{
    sqlite3_blob *blob = NULL;
    int rc =
        sqlite3_blob_open(db->handle, "main", "value", "pickle", (sqlite3_int64)task, 1, &blob);
    int at = 0;

    for (size_t i = 0; rc == SQLITE_OK && i < bytes->n_segments; i++) {
        const struct rope_segment *s = &bytes->segments[i];

        rc = sqlite3_blob_write(blob, s->block->data + s->offset, (int)s->len, at);
        at += (int)s->len;
    }
    if (blob) {
        int closed = sqlite3_blob_close(blob);

        rc = rc == SQLITE_OK ? closed : rc;
    }
    return rc;
}

static int write_value(struct sqlite_db *db, store_task_id task, const struct rope *bytes)
{
    sqlite3_stmt *s = db->statements[S_VALUE];
    char *copy = NULL;
    int rc;

    bind_int(s, 1, task);
    if (bytes->len > DIRECT_BYTES) {
        (void)sqlite3_bind_zeroblob64(s, 2, bytes->len);
        rc = sqlite_db_finish(s);
        return rc == SQLITE_OK ? write_pieces(db, task, bytes) : rc;
    }
    if (bytes->n_segments == 1) {
        const struct rope_segment *only = &bytes->segments[0];

        (void)sqlite3_bind_blob(s, 2, only->block->data + only->offset, (int)only->len,
                                SQLITE_STATIC);
        return sqlite_db_finish(s);
    }
    copy = malloc((size_t)bytes->len);
    if (!copy) {
        (void)sqlite3_clear_bindings(s);
        return SQLITE_NOMEM;
    }
    rope_copy_out(bytes, 0, copy, (size_t)bytes->len);
    (void)sqlite3_bind_blob(s, 2, copy, (int)bytes->len, SQLITE_STATIC);
    rc = sqlite_db_finish(s);
    free(copy);
    return rc;
}

static int write_put(struct sqlite_db *db, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_TASK];
    int rc;

    bind_int(s, 1, r->task);
    bind_int(s, 2, r->queue);
    bind_int(s, 3, r->place);
    bind_int(s, 4, r->value->pickle.len);
    bind_int(s, 5, r->value->protocol);
    bind_int(s, 6, r->value->kind);
    bind_int(s, 7, r->value->flags);
    bind_id(s, 8, r->other);
    bind_int(s, 9, (uint64_t)r->wall_ms);
    bind_id(s, 10, r->attempt);
    rc = sqlite_db_finish(s);
    return rc == SQLITE_OK ? write_value(db, r->task, &r->value->pickle) : rc;
}

static int write_claim(struct sqlite_db *db, const struct batch *b, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_CLAIM];
    int rc;

    bind_int(s, 1, r->task);
    bind_int(s, 2, r->lease.epoch);
    bind_int(s, 3, r->lease.counter);
    bind_int(s, 4, r->lease_ms);
    bind_int(s, 5, (uint64_t)r->wall_ms);
    rc = sqlite_db_finish(s);
    if (rc != SQLITE_OK)
        return rc;
    s = db->statements[S_ATTEMPT];
    bind_int(s, 1, r->task);
    bind_int(s, 2, r->attempt);
    bind_int(s, 3, r->lease.epoch);
    bind_int(s, 4, r->lease.counter);
    bind_text(s, 5, batch_text_at(b, r->text));
    bind_text(s, 6, batch_text_at(b, r->detail));
    bind_int(s, 7, (uint64_t)r->wall_ms);
    return sqlite_db_finish(s);
}

static int write_attempt_end(struct sqlite_db *db, const struct record *r, const char *ending)
{
    sqlite3_stmt *s = db->statements[S_ATTEMPT_END];

    bind_int(s, 1, r->task);
    bind_int(s, 2, r->lease.epoch);
    bind_int(s, 3, r->lease.counter);
    bind_int(s, 4, (uint64_t)r->wall_ms);
    bind_text(s, 5, ending);
    return sqlite_db_finish(s);
}

static int write_event(struct sqlite_db *db, const struct batch *b, const struct record *r,
                       const char *what)
{
    sqlite3_stmt *s = db->statements[S_EVENT];

    bind_int(s, 1, r->task);
    bind_int(s, 2, (uint64_t)r->wall_ms);
    bind_text(s, 3, what);
    bind_text(s, 4, batch_text_at(b, r->text));
    return sqlite_db_finish(s);
}

static int write_state(struct sqlite_db *db, const struct batch *b, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_STATE];
    int rc;

    bind_int(s, 1, r->task);
    bind_int(s, 2, r->state);
    bind_int(s, 3, r->place);
    bind_int(s, 4, r->attempt);
    bind_int(s, 5, r->may_be_repeat);
    bind_int(s, 6, (uint64_t)r->wall_ms);
    rc = sqlite_db_finish(s);
    if (rc == SQLITE_OK && r->lease.epoch)
        rc = write_attempt_end(db, r, batch_text_at(b, r->text));
    return rc == SQLITE_OK ? write_event(db, b, r, store_state_name(r->state)) : rc;
}

static int write_end(struct sqlite_db *db, const struct batch *b, const struct record *r)
{
    sqlite3_stmt *s = db->statements[r->state == STORE_DEAD ? S_FAILURE : S_END];
    int rc;

    bind_int(s, 1, r->task);
    if (r->state == STORE_DEAD) {
        bind_id(s, 2, r->other);
    } else {
        bind_int(s, 2, r->state);
        bind_text(s, 3, batch_text_at(b, r->text));
        bind_id(s, 4, r->other);
        bind_int(s, 5, (uint64_t)r->wall_ms);
    }
    rc = sqlite_db_finish(s);
    return rc == SQLITE_OK ? write_attempt_end(db, r, store_state_name(r->state)) : rc;
}

static int write_queue(struct sqlite_db *db, const struct batch *b, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_QUEUE];

    bind_int(s, 1, r->queue);
    bind_text(s, 2, batch_text_at(b, r->text));
    bind_int(s, 3, r->options.maxsize);
    bind_int(s, 4, r->options.result_queue);
    bind_int(s, 5, r->options.max_attempts);
    return sqlite_db_finish(s);
}

static int write_counts(struct sqlite_db *db, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_COUNTS];

    bind_int(s, 1, r->queue);
    bind_int(s, 2, r->counts.unfinished);
    bind_int(s, 3, r->counts.done);
    bind_int(s, 4, r->counts.failed);
    bind_int(s, 5, r->counts.cancelled);
    return sqlite_db_finish(s);
}

/* --- by operators ----------------------------------------------------------------------------- */

static int delete_task(struct sqlite_db *db, store_task_id task)
{
    int rc = SQLITE_OK;

    for (int i = S_DELETE; rc == SQLITE_OK && i <= S_DELETE_EVENTS; i++) {
        bind_int(db->statements[i], 1, task);
        rc = sqlite_db_finish(db->statements[i]);
    }
    return rc;
}

/* A task that ended, with all that hangs on it, in slices that need little memory. */
static int delete_ended(struct sqlite_db *db, store_queue_id queue, uint32_t states)
{
    enum { SLICE = 1000 };
    sqlite3_stmt *s = db->statements[S_ENDED];
    store_task_id ids[SLICE];
    int rc = SQLITE_OK, n;

    do {
        bind_int(s, 1, queue);
        bind_int(s, 2, states);
        for (n = 0; n < SLICE && (rc = sqlite3_step(s)) == SQLITE_ROW; n++)
            ids[n] = (store_task_id)sqlite3_column_int64(s, 0);
        (void)sqlite3_reset(s); /* says what step said */
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
        for (int i = 0; rc == SQLITE_OK && i < n; i++)
            rc = delete_task(db, ids[i]);
    } while (rc == SQLITE_OK && n == SLICE);
    return rc;
}

static int write_purge(struct sqlite_db *db, const struct record *r)
{
    int rc;

    if (r->task)
        return delete_task(db, r->task);
    bind_int(db->statements[S_LAST_TASK], 1, r->other);
    rc = sqlite_db_finish(db->statements[S_LAST_TASK]);
    return rc == SQLITE_OK ? delete_ended(db, r->queue, r->attempt) : rc;
}

/* May the task of a row of S_ROW run again? It ended otherwise than by being done, or its end was a
 * guess, or somebody insists. */
static bool may_revive(sqlite3_stmt *row, struct record *r)
{
    const char *outcome = (const char *)sqlite3_column_text(row, 7);

    r->is_done =
        r->was == STORE_DONE && !r->again && (!outcome || strcmp(outcome, STORE_ASSUMED) != 0);
    return !r->is_done &&
           (r->was == STORE_DONE || r->was == STORE_FAILED || r->was == STORE_CANCELLED);
}

/* What the table needs to have a task again; r->value stays NULL if there is none that ended. */
static int write_revive(struct sqlite_db *db, const struct batch *b, struct record *r)
{
    sqlite3_stmt *s = db->statements[S_ROW];
    struct payload *p = NULL;
    int rc;

    bind_int(s, 1, r->task);
    rc = sqlite3_step(s);
    r->was = (enum store_task_state)sqlite3_column_int(s, 1);
    if (rc == SQLITE_ROW && may_revive(s, r) && (p = calloc(1, sizeof *p))) {
        p->refs = 1;
        rope_init(&p->pickle);
        p->cold_bytes = (uint64_t)sqlite3_column_int64(s, 3);
        p->protocol = (uint8_t)sqlite3_column_int(s, 4);
        p->kind = (uint8_t)sqlite3_column_int(s, 5);
        p->flags = (uint32_t)sqlite3_column_int64(s, 6);
        r->saved = (struct tasks_saved){.task = r->task,
                                        .queue = (store_queue_id)sqlite3_column_int64(s, 0),
                                        .place = (uint64_t)sqlite3_column_int64(s, 8),
                                        .state = STORE_ABANDONED, /* for tasks_retry() */
                                        .max_attempts = (uint32_t)sqlite3_column_int64(s, 9),
                                        .may_be_repeat = sqlite3_column_int(s, 2) != 0,
                                        .value = p};
    }
    (void)sqlite3_reset(s);
    if (!p)
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    if (!sqlite_read_value(db->handle, r->task, &p->pickle)) {
        payload_unref(p);
        return SQLITE_CORRUPT;
    }
    p->cold_bytes = 0;
    r->value = p; /* the batch's now */
    s = db->statements[S_REVIVE];
    bind_int(s, 1, r->task);
    bind_int(s, 2, (uint64_t)r->wall_ms);
    rc = sqlite_db_finish(s);
    return rc == SQLITE_OK ? write_event(db, b, r, "retried") : rc;
}

static int write_epoch(struct sqlite_db *db, const struct record *r)
{
    int rc;

    bind_int(db->statements[S_EPOCH], 1, r->lease.epoch);
    rc = sqlite_db_finish(db->statements[S_EPOCH]);
    if (rc != SQLITE_OK)
        return rc;
    bind_int(db->statements[S_FIRST_EPOCH], 1, r->lease.epoch);
    return sqlite_db_finish(db->statements[S_FIRST_EPOCH]);
}

int sqlite_write_record(struct sqlite_db *db, const struct batch *b, struct record *r)
{
    sqlite3_stmt *s;

    switch (r->kind) {
    case RECORD_EPOCH:
        return write_epoch(db, r);
    case RECORD_QUEUE:
        return write_queue(db, b, r);
    case RECORD_COUNTS:
        return write_counts(db, r);
    case RECORD_PUT:
        return write_put(db, r);
    case RECORD_CLAIM:
        return write_claim(db, b, r);
    case RECORD_STATE:
        return write_state(db, b, r);
    case RECORD_END:
        return write_end(db, b, r);
    case RECORD_METRIC:
        s = db->statements[S_METRIC];
        bind_int(s, 1, r->task);
        bind_text(s, 2, batch_text_at(b, r->text));
        (void)sqlite3_bind_double(s, 3, r->number);
        return sqlite_db_finish(s);
    case RECORD_LOAD:
        r->was_lost = !sqlite_read_value(db->handle, r->task, &r->loaded);
        return SQLITE_OK;
    case RECORD_PURGE:
        return write_purge(db, r);
    case RECORD_REVIVE:
        return write_revive(db, b, r);
    case RECORD_LOOK:
        sqlite_look(db->handle, r->look);
        return SQLITE_OK;
    }
    return SQLITE_MISUSE;
}
