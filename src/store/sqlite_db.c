/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_db.c - see sqlite_db.h.
 *
 * One connection, write-ahead log, no automatic checkpoints (they would stop the loop): whoever
 * owns the connection asks for one when the log is long and there is time. `process` is
 * synchronous=NORMAL, `power` FULL. */
#include "store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_look.h"
#include "store/sqlite_schema.h"

enum {
    DIRECT_BYTES = 64 * 1024, /* a larger value is written in pieces, without a copy in one piece */
    CHECKED_BYTES = 256 * 1024 * 1024, /* a larger file is not checked whole at every start */
    READ_BLOCK = 1024 * 1024
};

enum statement {
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    S_SAVEPOINT,
    S_RELEASE,
    S_ROLLBACK_TO,
    S_EPOCH,
    S_QUEUE,
    S_COUNTS,
    S_TASK,
    S_VALUE,
    S_CLAIM,
    S_ATTEMPT,
    S_ATTEMPT_END,
    S_STATE,
    S_END,
    S_FAILURE,
    S_METRIC,
    S_EVENT,
    S_DELETE,
    S_DELETE_VALUE,
    S_DELETE_ATTEMPTS,
    S_DELETE_METRICS,
    S_DELETE_EVENTS,
    S_ENDED,
    S_REVIVE,
    S_ROW,
    N_STATEMENTS
};

static const char *const statement_sql[N_STATEMENTS] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_SAVEPOINT] = "SAVEPOINT batch",
    [S_RELEASE] = "RELEASE batch",
    [S_ROLLBACK_TO] = "ROLLBACK TO batch",
    [S_EPOCH] = "UPDATE meta SET value=?1 WHERE key='epoch'",
    [S_QUEUE] =
        "INSERT INTO queue(id,name,maxsize,result_queue,max_attempts) VALUES(?1,?2,?3,?4,?5)",
    [S_COUNTS] = "UPDATE queue SET unfinished=?2, done=?3, failed=?4, cancelled=?5 WHERE id=?1",
    [S_TASK] =
        "INSERT INTO task(id,queue,place,state,bytes,protocol,kind,flags,result_of,created_ms,"
        "changed_ms) VALUES(?1,?2,?3,0,?4,?5,?6,?7,?8,?9,?9)",
    [S_VALUE] = "INSERT INTO value(task,pickle) VALUES(?1,?2)",
    [S_CLAIM] =
        "UPDATE task SET state=1, lease_epoch=?2, lease_counter=?3, lease_ms=?4, changed_ms=?5 "
        "WHERE id=?1",
    [S_ATTEMPT] =
        "INSERT OR IGNORE INTO attempt(task,number,lease_epoch,lease_counter,client,worker,"
        "taken_ms) VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [S_ATTEMPT_END] =
        "UPDATE attempt SET ended_ms=?4, ending=?5 WHERE task=?1 AND lease_epoch=?2 AND "
        "lease_counter=?3",
    [S_STATE] =
        "UPDATE task SET state=?2, place=?3, attempts_lost=?4, may_be_repeat=?5, changed_ms=?6 "
        "WHERE id=?1",
    [S_END] = "UPDATE task SET state=?2, outcome=?3, result=?4, changed_ms=?5 WHERE id=?1",
    [S_FAILURE] = "UPDATE task SET has_failure_value=1, result=?2 WHERE id=?1",
    [S_METRIC] = "INSERT OR REPLACE INTO metric(task,name,value) VALUES(?1,?2,?3)",
    [S_DELETE] = "DELETE FROM task WHERE id=?1",
    [S_DELETE_VALUE] = "DELETE FROM value WHERE task=?1",
    [S_DELETE_ATTEMPTS] = "DELETE FROM attempt WHERE task=?1",
    [S_DELETE_METRICS] = "DELETE FROM metric WHERE task=?1",
    [S_DELETE_EVENTS] = "DELETE FROM event WHERE task=?1",
    [S_ENDED] =
        "SELECT id FROM task WHERE queue=?1 AND state IN (2,3,6) AND (?2 >> state) & 1 LIMIT 1000",
    [S_REVIVE] = "UPDATE task SET state=0, place=?2, attempts_lost=0, result=NULL, outcome=NULL, "
                 "changed_ms=?3 WHERE id=?1",
    [S_ROW] =
        "SELECT queue, state, may_be_repeat, bytes, protocol, kind, flags FROM task WHERE id=?1",
    [S_EVENT] = "INSERT INTO event(task,at_ms,what,detail) VALUES(?1,?2,?3,?4)",
};

struct sqlite_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[N_STATEMENTS];
    bool is_in_transaction;
    int log_pages;
};

/* --- small steps ------------------------------------------------------------------------------ */

static enum platoon_status fail_sql(struct sqlite_db *db, const char *path, struct platoon_err *err)
{
    int code = sqlite3_errcode(db->handle);

    if (code == SQLITE_NOMEM)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open %s", path);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s is damaged or no store of Platoon's (%s). It was left as it is: move it "
            "away, or restore a backup",
            path, sqlite3_errmsg(db->handle));
    return platoon_fail(err, PLATOON_EIO, "cannot use %s: %s", path, sqlite3_errmsg(db->handle));
}

static bool run_sql(struct sqlite_db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool ask_number(struct sqlite_db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW;

    if (ok)
        *out = sqlite3_column_int64(s, 0);
    return sqlite3_finalize(s) == SQLITE_OK && ok;
}

static int on_log_written(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_db *db = arg;

    (void)handle;
    (void)name;
    db->log_pages = pages;
    return SQLITE_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Before SQLite sees the file: it would make a journal beside anything. An empty or absent file is
 * new. */
static enum platoon_status look_at_file(const char *path, int64_t *out_size,
                                        struct platoon_err *err)
{
    char head[16] = {0};
    struct stat st;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out_size = 0;
    if (fd < 0)
        return errno == ENOENT
                   ? PLATOON_OK
                   : platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    n = read(fd, head, sizeof head);
    if (fstat(fd, &st) == 0)
        *out_size = st.st_size;
    (void)close(fd); /* was only read */
    if (n == 0)
        return PLATOON_OK;
    if (n < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", sizeof head) != 0)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s is no store of Platoon's. It was left as it is: choose another folder "
            "with --data",
            path);
    return PLATOON_OK;
}

static enum platoon_status check_version(struct sqlite_db *db, const char *path, bool is_new,
                                         struct platoon_err *err)
{
    int64_t application = 0, version = 0;
    char sql[96];

    if (!ask_number(db, "PRAGMA application_id", &application) ||
        !ask_number(db, "PRAGMA user_version", &version))
        return fail_sql(db, path, err);
    if (is_new) {
        (void)snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                       SQLITE_SCHEMA_APPLICATION_ID, SQLITE_DB_VERSION);
        if (!run_sql(db, "BEGIN IMMEDIATE") || !run_sql(db, sqlite_schema_v1) ||
            !run_sql(db, sql) || !run_sql(db, "COMMIT"))
            return fail_sql(db, path, err);
        return PLATOON_OK;
    }
    if (application != SQLITE_SCHEMA_APPLICATION_ID)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s is an SQLite file, but none of Platoon's. It was left as it is: choose "
            "another folder with --data",
            path);
    if (version > SQLITE_DB_VERSION)
        return platoon_fail(
            err, PLATOON_EVERSION,
            "%s was written by a newer Platoon (schema %lld; this one knows %d): use that "
            "version, or another folder with --data",
            path, (long long)version, SQLITE_DB_VERSION);
    return PLATOON_OK; /* migrations of older versions step through here, one number at a time */
}

static enum platoon_status check_health(struct sqlite_db *db, const char *path, int64_t size,
                                        struct platoon_err *err)
{
    sqlite3_stmt *s = NULL;
    enum platoon_status st = PLATOON_OK;
    const char *said;

    if (size > CHECKED_BYTES)
        return PLATOON_OK;
    if (sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW) {
        st = fail_sql(db, path, err);
    } else {
        said = (const char *)sqlite3_column_text(s, 0);
        if (!said || strcmp(said, "ok") != 0)
            st =
                platoon_fail(err, PLATOON_EINVAL,
                             "%s is damaged (%s). It was left as it is: move it away, or restore a "
                             "backup",
                             path, said ? said : "no memory");
    }
    (void)sqlite3_finalize(s); /* its failure was reported by step */
    return st;
}

static enum platoon_status set_up(struct sqlite_db *db, const char *path, bool is_synced,
                                  struct platoon_err *err)
{
    if (!run_sql(db, "PRAGMA journal_mode=WAL") || !run_sql(db, "PRAGMA wal_autocheckpoint=0") ||
        !run_sql(db, "PRAGMA foreign_keys=OFF") || !run_sql(db, "PRAGMA temp_store=MEMORY") ||
        !run_sql(db, is_synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"))
        return fail_sql(db, path, err);
    (void)sqlite3_wal_hook(db->handle, on_log_written, db);
    for (int i = 0; i < N_STATEMENTS; i++)
        if (sqlite3_prepare_v3(db->handle, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK)
            return fail_sql(db, path, err);
    return PLATOON_OK;
}

enum platoon_status sqlite_db_open(const char *path, bool is_synced, struct sqlite_db **out,
                                   struct platoon_err *err)
{
    struct sqlite_db *db = calloc(1, sizeof *db);
    enum platoon_status st;
    int64_t size = 0;

    if (!db)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open %s", path);
    st = look_at_file(path, &size, err);
    if (st != PLATOON_OK)
        goto fail;
    /* One thread at a time uses it, handing over with locks of ours: no mutexes of SQLite's. */
    if (sqlite3_open_v2(path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        st = fail_sql(db, path, err);
        goto fail;
    }
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)chmod(path, 0600); /* values are the user's own; the folder is 0700 anyway */
    st = check_version(db, path, size == 0, err);
    if (st == PLATOON_OK)
        st = check_health(db, path, size, err);
    if (st == PLATOON_OK)
        st = set_up(db, path, is_synced, err);
    if (st != PLATOON_OK)
        goto fail;
    *out = db;
    return PLATOON_OK;

fail:
    sqlite_db_close(db);
    return st;
}

void sqlite_db_close(struct sqlite_db *db)
{
    if (!db)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]); /* reported when it was stepped */
    (void)sqlite3_close(db->handle); /* last connection: checkpoints, as far as it can */
    free(db);
}

/* --- writing ---------------------------------------------------------------------------------- */

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

/* Step to the end and reset; the result code. */
static int finish(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    (void)sqlite3_reset(s); /* says again what step said */
    (void)sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
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
        rc = finish(s);
        return rc == SQLITE_OK ? write_pieces(db, task, bytes) : rc;
    }
    if (bytes->n_segments == 1) {
        const struct rope_segment *only = &bytes->segments[0];

        (void)sqlite3_bind_blob(s, 2, only->block->data + only->offset, (int)only->len,
                                SQLITE_STATIC);
        return finish(s);
    }
    copy = malloc((size_t)bytes->len);
    if (!copy) {
        (void)sqlite3_clear_bindings(s);
        return SQLITE_NOMEM;
    }
    rope_copy_out(bytes, 0, copy, (size_t)bytes->len);
    (void)sqlite3_bind_blob(s, 2, copy, (int)bytes->len, SQLITE_STATIC);
    rc = finish(s);
    free(copy);
    return rc;
}

static int write_put(struct sqlite_db *db, const struct batch *b, const struct record *r)
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
    bind_int(s, 9, (uint64_t)b->wall_ms);
    rc = finish(s);
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
    bind_int(s, 5, (uint64_t)b->wall_ms);
    rc = finish(s);
    if (rc != SQLITE_OK)
        return rc;
    s = db->statements[S_ATTEMPT];
    bind_int(s, 1, r->task);
    bind_int(s, 2, r->attempt);
    bind_int(s, 3, r->lease.epoch);
    bind_int(s, 4, r->lease.counter);
    bind_text(s, 5, batch_text_at(b, r->text));
    bind_text(s, 6, batch_text_at(b, r->detail));
    bind_int(s, 7, (uint64_t)b->wall_ms);
    return finish(s);
}

static int write_attempt_end(struct sqlite_db *db, const struct batch *b, const struct record *r,
                             const char *ending)
{
    sqlite3_stmt *s = db->statements[S_ATTEMPT_END];

    bind_int(s, 1, r->task);
    bind_int(s, 2, r->lease.epoch);
    bind_int(s, 3, r->lease.counter);
    bind_int(s, 4, (uint64_t)b->wall_ms);
    bind_text(s, 5, ending);
    return finish(s);
}

static int write_event(struct sqlite_db *db, const struct batch *b, const struct record *r,
                       const char *what)
{
    sqlite3_stmt *s = db->statements[S_EVENT];

    bind_int(s, 1, r->task);
    bind_int(s, 2, (uint64_t)b->wall_ms);
    bind_text(s, 3, what);
    bind_text(s, 4, batch_text_at(b, r->text));
    return finish(s);
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
    bind_int(s, 6, (uint64_t)b->wall_ms);
    rc = finish(s);
    if (rc == SQLITE_OK && r->lease.epoch)
        rc = write_attempt_end(db, b, r, batch_text_at(b, r->text));
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
        bind_int(s, 5, (uint64_t)b->wall_ms);
    }
    rc = finish(s);
    return rc == SQLITE_OK ? write_attempt_end(db, b, r, store_state_name(r->state)) : rc;
}

static int write_queue(struct sqlite_db *db, const struct batch *b, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_QUEUE];

    bind_int(s, 1, r->queue);
    bind_text(s, 2, batch_text_at(b, r->text));
    bind_int(s, 3, r->options.maxsize);
    bind_int(s, 4, r->options.result_queue);
    bind_int(s, 5, r->options.max_attempts);
    return finish(s);
}

static int write_counts(struct sqlite_db *db, const struct record *r)
{
    sqlite3_stmt *s = db->statements[S_COUNTS];

    bind_int(s, 1, r->queue);
    bind_int(s, 2, r->counts.unfinished);
    bind_int(s, 3, r->counts.done);
    bind_int(s, 4, r->counts.failed);
    bind_int(s, 5, r->counts.cancelled);
    return finish(s);
}

/* --- by operators ----------------------------------------------------------------------------- */

static int delete_task(struct sqlite_db *db, store_task_id task)
{
    int rc = SQLITE_OK;

    for (int i = S_DELETE; rc == SQLITE_OK && i <= S_DELETE_EVENTS; i++) {
        bind_int(db->statements[i], 1, task);
        rc = finish(db->statements[i]);
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

/* What the table needs to have a task again; r->value stays NULL if there is none that ended. */
static int write_revive(struct sqlite_db *db, const struct batch *b, struct record *r)
{
    sqlite3_stmt *s = db->statements[S_ROW];
    struct payload *p = NULL;
    int rc;

    bind_int(s, 1, r->task);
    rc = sqlite3_step(s);
    r->was = (enum store_task_state)sqlite3_column_int(s, 1);
    if (rc == SQLITE_ROW &&
        (r->was == STORE_DONE || r->was == STORE_FAILED || r->was == STORE_CANCELLED) &&
        (p = calloc(1, sizeof *p))) {
        p->refs = 1;
        rope_init(&p->pickle);
        p->cold_bytes = (uint64_t)sqlite3_column_int64(s, 3);
        p->protocol = (uint8_t)sqlite3_column_int(s, 4);
        p->kind = (uint8_t)sqlite3_column_int(s, 5);
        p->flags = (uint32_t)sqlite3_column_int64(s, 6);
        r->saved = (struct tasks_saved){.task = r->task,
                                        .queue = (store_queue_id)sqlite3_column_int64(s, 0),
                                        .place = r->place,
                                        .state = STORE_QUEUED,
                                        .may_be_repeat = sqlite3_column_int(s, 2) != 0,
                                        .value = p};
    }
    (void)sqlite3_reset(s);
    if (!p)
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    if (!sqlite_db_read_value(db, r->task, &p->pickle)) {
        payload_unref(p);
        return SQLITE_CORRUPT;
    }
    p->cold_bytes = 0;
    r->value = p; /* the batch's now */
    s = db->statements[S_REVIVE];
    bind_int(s, 1, r->task);
    bind_int(s, 2, r->place);
    bind_int(s, 3, (uint64_t)b->wall_ms);
    rc = finish(s);
    return rc == SQLITE_OK ? write_event(db, b, r, "retried") : rc;
}

static int write_record(struct sqlite_db *db, const struct batch *b, struct record *r)
{
    sqlite3_stmt *s;

    switch (r->kind) {
    case RECORD_EPOCH:
        s = db->statements[S_EPOCH];
        bind_int(s, 1, r->lease.epoch);
        return finish(s);
    case RECORD_QUEUE:
        return write_queue(db, b, r);
    case RECORD_COUNTS:
        return write_counts(db, r);
    case RECORD_PUT:
        return write_put(db, b, r);
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
        return finish(s);
    case RECORD_LOAD:
        r->was_lost = !sqlite_db_read_value(db, r->task, &r->loaded);
        return SQLITE_OK;
    case RECORD_PURGE:
        return r->task ? delete_task(db, r->task) : delete_ended(db, r->queue, r->attempt);
    case RECORD_REVIVE:
        return write_revive(db, b, r);
    case RECORD_LOOK:
        sqlite_look(db->handle, r->look);
        return SQLITE_OK;
    }
    return SQLITE_MISUSE;
}

static enum store_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return STORE_OK;
    case SQLITE_FULL:
        return STORE_NOSPACE;
    case SQLITE_NOMEM:
        return STORE_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_CORRUPT;
    case SQLITE_IOERR:
        /* A full disk may show as a failed write of the log. */
        return rc == SQLITE_IOERR_WRITE && errno == ENOSPC ? STORE_NOSPACE : STORE_DOWN;
    default:
        return STORE_DOWN;
    }
}

/* SQLite ends a transaction by itself after some failures. */
static void look_at_transaction(struct sqlite_db *db)
{
    db->is_in_transaction = sqlite3_get_autocommit(db->handle) == 0;
}

/* The batches before it in the transaction stay. */
static void take_back(struct sqlite_db *db, bool is_first)
{
    look_at_transaction(db);
    if (!db->is_in_transaction)
        return;
    if (is_first) {
        (void)finish(db->statements[S_ROLLBACK]); /* what fails fails again at the next begin */
        look_at_transaction(db);
    } else {
        (void)finish(db->statements[S_ROLLBACK_TO]); /* at the commit */
        (void)finish(db->statements[S_RELEASE]);
    }
}

void sqlite_db_write(struct sqlite_db *db, struct batch *b)
{
    /* The transaction is a savepoint for its first batch; another would have SQLite copy each page
     * that it changes. */
    bool is_first = !db->is_in_transaction;
    int rc = finish(db->statements[is_first ? S_BEGIN : S_SAVEPOINT]);

    if (is_first)
        look_at_transaction(db);
    for (size_t i = 0; rc == SQLITE_OK && i < b->n; i++)
        rc = write_record(db, b, &b->records[i]);
    if (rc == SQLITE_OK && !is_first)
        rc = finish(db->statements[S_RELEASE]);
    b->status = status_of(rc);
    if (rc == SQLITE_OK)
        return;
    (void)snprintf(b->error, sizeof b->error, "%s", sqlite3_errmsg(db->handle));
    take_back(db, is_first);
}

enum store_status sqlite_db_commit(struct sqlite_db *db, char *error, size_t error_size)
{
    int rc;

    if (!db->is_in_transaction)
        return STORE_OK;
    rc = finish(db->statements[S_COMMIT]);
    if (rc != SQLITE_OK)
        (void)snprintf(error, error_size, "%s", sqlite3_errmsg(db->handle));
    look_at_transaction(db);
    return status_of(rc);
}

/* --- reading ---------------------------------------------------------------------------------- */

bool sqlite_db_read_value(struct sqlite_db *db, store_task_id task, struct rope *out)
{
    sqlite3_blob *blob = NULL;
    int left, at = 0;
    bool ok;

    rope_init(out);
    if (sqlite3_blob_open(db->handle, "main", "value", "pickle", (sqlite3_int64)task, 0, &blob) !=
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

int sqlite_db_log_pages(const struct sqlite_db *db)
{
    return db->log_pages;
}

void sqlite_db_checkpoint(struct sqlite_db *db)
{
    int in_log = 0, done = 0;

    /* Its failure loses nothing: the log stays, and the next write says what is wrong. */
    if (sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &done) ==
        SQLITE_OK)
        db->log_pages = in_log - done;
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

static struct payload *load_payload(struct sqlite_db *db, sqlite3_stmt *s, uint64_t *hot_left,
                                    uint64_t *cold_bytes)
{
    struct payload *p = calloc(1, sizeof *p);
    uint64_t bytes = (uint64_t)sqlite3_column_int64(s, 7);

    if (!p)
        return NULL;
    p->refs = 1;
    rope_init(&p->pickle);
    p->protocol = (uint8_t)sqlite3_column_int(s, 8);
    p->kind = (uint8_t)sqlite3_column_int(s, 9);
    p->flags = (uint32_t)sqlite3_column_int64(s, 10);
    p->cold_bytes = bytes;
    if (bytes <= *hot_left) {
        if (!sqlite_db_read_value(db, (store_task_id)sqlite3_column_int64(s, 0), &p->pickle) ||
            p->pickle.len != bytes) {
            payload_unref(p);
            return NULL;
        }
        p->cold_bytes = 0;
        *hot_left -= bytes;
    }
    *cold_bytes += p->cold_bytes;
    return p;
}

/* In the order of places, so that each queue's line is in order. */
static bool load_tasks(struct sqlite_db *db, struct tasks *tasks, uint64_t hot_left,
                       uint64_t now_ns, uint64_t *out_cold_bytes)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(db->handle,
                                 "SELECT id, queue, place, state, attempts_lost, may_be_repeat, "
                                 "has_failure_value, bytes, protocol, kind, flags, lease_epoch, "
                                 "lease_counter, lease_ms FROM task "
                                 "WHERE state <> 2 AND state <> 3 AND state <> 6 " /* task_alive */
                                 "ORDER BY queue, place",
                                 -1, &s, NULL) == SQLITE_OK;
    int rc = SQLITE_DONE;

    while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct tasks_saved t = {
            .task = (store_task_id)sqlite3_column_int64(s, 0),
            .queue = (store_queue_id)sqlite3_column_int64(s, 1),
            .place = (uint64_t)sqlite3_column_int64(s, 2),
            .state = (enum store_task_state)sqlite3_column_int(s, 3),
            .losses = (uint32_t)sqlite3_column_int64(s, 4),
            .may_be_repeat = sqlite3_column_int(s, 5) != 0,
            .has_failure_value = sqlite3_column_int(s, 6) != 0,
            .lease = {(uint64_t)sqlite3_column_int64(s, 11), (uint64_t)sqlite3_column_int64(s, 12)},
            .lease_ms = (uint32_t)sqlite3_column_int64(s, 13),
            .value = load_payload(db, s, &hot_left, out_cold_bytes),
        };

        ok = t.value && t.queue >= 1 && t.queue <= tasks_n_queues(tasks) &&
             tasks_restore(tasks, &t, now_ns) == STORE_OK;
        payload_unref(t.value);
    }
    return sqlite3_finalize(s) == SQLITE_OK && ok && rc == SQLITE_DONE;
}

enum platoon_status sqlite_db_load(struct sqlite_db *db, struct tasks *tasks, uint64_t hot_bytes,
                                   uint64_t now_ns, uint64_t *out_epoch, uint64_t *out_cold_bytes,
                                   struct platoon_err *err)
{
    int64_t epoch = 0, last_task = 0, last_place = 0;

    *out_cold_bytes = 0;
    if (!ask_number(db, "SELECT value FROM meta WHERE key='epoch'", &epoch) ||
        !ask_number(db,
                    "SELECT max(value, (SELECT coalesce(max(id), 0) FROM task)) FROM meta WHERE "
                    "key='last_task'",
                    &last_task) ||
        !ask_number(db,
                    "SELECT max(value, (SELECT coalesce(max(place), 0) FROM task)) FROM meta WHERE "
                    "key='last_place'",
                    &last_place) ||
        !load_queues(db, tasks))
        return fail_sql(db, "the store", err);
    tasks_restore_last(tasks, (store_task_id)last_task, (uint64_t)last_place);
    if (epoch)
        tasks_admit_epoch(tasks, 1);
    if (!load_tasks(db, tasks, hot_bytes, now_ns, out_cold_bytes))
        return platoon_fail(err, PLATOON_EIO, "cannot read the tasks of the store: %s",
                            sqlite3_errmsg(db->handle));
    *out_epoch = (uint64_t)epoch;
    return PLATOON_OK;
}
