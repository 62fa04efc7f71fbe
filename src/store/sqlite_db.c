/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_db.c - see sqlite_db.h.
 *
 * One connection, write-ahead log, no automatic checkpoints (they would stop the loop): whoever
 * owns the connection asks for one when the log is long and there is time. `process` is
 * synchronous=NORMAL, `power` FULL. */
#include "store/sqlite_db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_schema.h"

enum { CHECKED_BYTES = 64 * 1024 * 1024 }; /* a larger file is not checked whole at every start */

static const char *const statement_sql[N_STATEMENTS] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_NUMBER] = "UPDATE meta SET value=?1 WHERE key='redo'",
    [S_EPOCH] = "UPDATE meta SET value=?1 WHERE key='epoch'",
    [S_FIRST_EPOCH] = "UPDATE meta SET value=?1 WHERE key='first_epoch' AND value=0",
    [S_LAST_TASK] = "UPDATE meta SET value=?1 WHERE key='last_task'",
    [S_QUEUE] =
        "INSERT INTO queue(id,name,maxsize,result_queue,max_attempts) VALUES(?1,?2,?3,?4,?5)",
    [S_COUNTS] = "UPDATE queue SET unfinished=?2, done=?3, failed=?4, cancelled=?5 WHERE id=?1",
    [S_TASK] =
        "INSERT INTO task(id,queue,place,state,bytes,protocol,kind,flags,result_of,created_ms,"
        "changed_ms,max_attempts) VALUES(?1,?2,?3,0,?4,?5,?6,?7,?8,?9,?9,?10)",
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
    /* What an earlier life of the task ended with is over: after a retry it can end, or die,
     * again. */
    [S_STATE] =
        "UPDATE task SET state=?2, place=?3, attempts_lost=?4, may_be_repeat=?5, changed_ms=?6, "
        "has_failure_value=0, result=NULL WHERE id=?1",
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
    [S_REVIVE] = "UPDATE task SET state=0, attempts_lost=0, has_failure_value=0, result=NULL, "
                 "outcome=NULL, changed_ms=?2 WHERE id=?1",
    [S_ROW] = "SELECT queue, state, may_be_repeat, bytes, protocol, kind, flags, outcome, place, "
              "max_attempts FROM task WHERE id=?1",
    [S_EVENT] = "INSERT INTO event(task,at_ms,what,detail) VALUES(?1,?2,?3,?4)",
};

/* --- small steps ------------------------------------------------------------------------------ */

enum platoon_status sqlite_db_fail(sqlite3 *handle, const char *path, struct platoon_err *err)
{
    int code = sqlite3_errcode(handle);

    if (code == SQLITE_NOMEM)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open %s", path);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return platoon_fail(
            err, PLATOON_EIO,
            "%s is damaged or no store of Platoon's (%s). It was left as it is: move it "
            "away, or restore a backup",
            path, sqlite3_errmsg(handle));
    return platoon_fail(err, PLATOON_EIO, "cannot use %s: %s", path, sqlite3_errmsg(handle));
}

static bool run_sql(struct sqlite_db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool sqlite_db_ask(sqlite3 *handle, const char *sql, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    bool ok =
        sqlite3_prepare_v2(handle, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;

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

/* Step to the end and reset; the result code. */
int sqlite_db_finish(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    (void)sqlite3_reset(s); /* says again what step said */
    (void)sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Did its last user leave this file of SQLite's beside it: "-wal", or "-journal" of a store that
 * was being made? */
static bool has_beside(const char *path, const char *ending)
{
    char name[4200];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s%s", path, ending); /* cut: does not exist */
    return stat(name, &st) == 0 && st.st_size > 0;
}

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
    if (n == 0 || has_beside(path, "-journal"))
        return PLATOON_OK; /* new, or cut off while it was made: SQLite undoes that */
    if (n < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", sizeof head) != 0)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s is no store of Platoon's. It was left as it is: choose another folder "
            "with --data",
            path);
    return PLATOON_OK;
}

/* Is it ours, and of which version? 0: it is new. */
static enum platoon_status check_version(struct sqlite_db *db, const char *path,
                                         int64_t *out_version, struct platoon_err *err)
{
    int64_t application = 0, version = 0, pages = 0;

    *out_version = 0;
    if (!sqlite_db_ask(db->handle, "PRAGMA page_count", &pages) ||
        !sqlite_db_ask(db->handle, "PRAGMA application_id", &application) ||
        !sqlite_db_ask(db->handle, "PRAGMA user_version", &version))
        return sqlite_db_fail(db->handle, path, err);
    if (pages == 0)
        return PLATOON_OK;
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
    if (version < 1)
        return platoon_fail(err, PLATOON_EIO, "%s is damaged (schema %lld)", path,
                            (long long)version);
    *out_version = version;
    return PLATOON_OK;
}

/* SQLite reports in lines; a sentence has one. */
static enum platoon_status fail_damaged(const char *path, const char *said, struct platoon_err *err)
{
    char line[256];

    (void)snprintf(line, sizeof line, "%s", said); /* cut to fit */
    for (char *end = strchr(line, '\n'); end; end = strchr(end, '\n'))
        *end = ' ';
    return platoon_fail(err, PLATOON_EIO,
                        "%s is damaged (%s). It was left as it is: move it away, or restore a "
                        "backup",
                        path, line);
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
        st = sqlite_db_fail(db->handle, path, err);
    } else {
        said = (const char *)sqlite3_column_text(s, 0);
        if (!said || strcmp(said, "ok") != 0)
            st = fail_damaged(path, said ? said : "no memory", err);
    }
    (void)sqlite3_finalize(s); /* its failure was reported by step */
    return st;
}

/* All steps in one transaction: who is cut off leaves the version that was there. */
static enum platoon_status migrate(struct sqlite_db *db, const char *path, int64_t version,
                                   struct platoon_err *err)
{
    char sql[96];
    bool is_fine;

    if (version == SQLITE_DB_VERSION)
        return PLATOON_OK;
    is_fine = run_sql(db, "BEGIN IMMEDIATE");
    for (; is_fine && version < SQLITE_DB_VERSION; version++)
        is_fine = run_sql(db, sqlite_schema_steps[version]);
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                   SQLITE_SCHEMA_APPLICATION_ID, SQLITE_DB_VERSION);
    return is_fine && run_sql(db, sql) && run_sql(db, "COMMIT")
               ? PLATOON_OK
               : sqlite_db_fail(db->handle, path, err);
}

static enum platoon_status set_up(struct sqlite_db *db, const char *path, bool is_synced,
                                  struct platoon_err *err)
{
    if (!run_sql(db, "PRAGMA journal_mode=WAL") || !run_sql(db, "PRAGMA wal_autocheckpoint=0") ||
        !run_sql(db, "PRAGMA journal_size_limit=67108864") ||
        !run_sql(db, "PRAGMA foreign_keys=OFF") || !run_sql(db, "PRAGMA temp_store=MEMORY") ||
        !run_sql(db, is_synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"))
        return sqlite_db_fail(db->handle, path, err);
    (void)sqlite3_wal_hook(db->handle, on_log_written, db);
    for (int i = 0; i < N_STATEMENTS; i++)
        if (sqlite3_prepare_v3(db->handle, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK)
            return sqlite_db_fail(db->handle, path, err);
    return PLATOON_OK;
}

enum platoon_status sqlite_db_open(const char *path, bool is_synced, struct sqlite_db **out,
                                   struct platoon_err *err)
{
    struct sqlite_db *db = calloc(1, sizeof *db);
    enum platoon_status st;
    int64_t size = 0, version = 0;

    if (!db)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open %s", path);
    st = look_at_file(path, &size, err);
    if (st != PLATOON_OK)
        goto fail;
    /* One thread at a time uses it, handing over with locks of ours: no mutexes of SQLite's. */
    if (sqlite3_open_v2(path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        st = sqlite_db_fail(db->handle, path, err);
        goto fail;
    }
    (void)sqlite3_extended_result_codes(db->handle, 1);
    /* What is refused below is left as it is, its log too. */
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_beside(path, "-wal"),
                            NULL);
    st = check_version(db, path, &version, err);
    if (st == PLATOON_OK)
        st = check_health(db, path, size, err);
    if (st == PLATOON_OK)
        st = migrate(db, path, version, err);
    if (st == PLATOON_OK)
        st = set_up(db, path, is_synced, err);
    if (st != PLATOON_OK)
        goto fail;
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    (void)chmod(path, 0600); /* values are the user's own; the folder is 0700 anyway */
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

/* --- committing ------------------------------------------------------------------------------ */

static bool is_full_disk(const struct sqlite_db *db, int rc)
{
    int cause = sqlite3_system_errno(db->handle);

    return rc == SQLITE_IOERR_SHMSIZE || cause == ENOSPC || cause == EDQUOT;
}

static enum store_status status_of(const struct sqlite_db *db, int rc)
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
        /* A full disk may show as a failed write or growth of the log or its index. */
        return is_full_disk(db, rc) ? STORE_NOSPACE : STORE_DOWN;
    default:
        return STORE_DOWN;
    }
}

static void undo(struct sqlite_db *db)
{
    (void)run_sql(db, "ROLLBACK"); /* fails where SQLite has ended the transaction by itself */
}

/* `b`, up to and without `end`, in one transaction. SQLITE_OK, or nothing of it is there. */
static int write_chain(struct sqlite_db *db, struct batch *b, const struct batch *end)
{
    int rc = sqlite_db_finish(db->statements[S_BEGIN]);
    uint64_t last = 0;

    for (; rc == SQLITE_OK && b != end; b = b->next) {
        for (size_t i = 0; rc == SQLITE_OK && i < b->n; i++)
            rc = sqlite_write_record(db, b, &b->records[i]);
        last = b->number;
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(db->statements[S_NUMBER], 1, (sqlite3_int64)last);
        rc = sqlite_db_finish(db->statements[S_NUMBER]);
    }
    return rc == SQLITE_OK ? sqlite_db_finish(db->statements[S_COMMIT]) : rc;
}

/* What became of the chain, `end` not in it. What failed is undone. */
static enum store_status end_chain(struct sqlite_db *db, struct batch *b, const struct batch *end,
                                   int rc)
{
    enum store_status st = status_of(db, rc);

    for (; b != end; b = b->next) {
        b->status = st;
        if (st == STORE_OK)
            continue;
        (void)snprintf(b->error, sizeof b->error, "%s", sqlite3_errmsg(db->handle));
        batch_forget_read(b);
    }
    if (st != STORE_OK)
        undo(db);
    return st;
}

void sqlite_db_write_group(struct sqlite_db *db, struct batch *first)
{
    enum store_status st = end_chain(db, first, NULL, write_chain(db, first, NULL));

    if (!first->next || (st != STORE_NOSPACE && st != STORE_NOMEM))
        return;
    st = STORE_OK;
    for (struct batch *b = first; b; b = b->next) {
        if (st == STORE_OK)
            st = end_chain(db, b, b->next, write_chain(db, b, b->next));
        else
            b->status = st; /* nothing overtakes one that was not written */
    }
}

enum platoon_status sqlite_db_redo(struct sqlite_db *db, uint64_t *out_life, uint64_t *out_number,
                                   struct platoon_err *err)
{
    int64_t life = 0, number = 0;

    if (!sqlite_db_ask(db->handle, "SELECT value FROM meta WHERE key='redo_life'", &life) ||
        !sqlite_db_ask(db->handle, "SELECT value FROM meta WHERE key='redo'", &number))
        return sqlite_db_fail(db->handle, "the store", err);
    *out_life = (uint64_t)life;
    *out_number = (uint64_t)number;
    return PLATOON_OK;
}

enum platoon_status sqlite_db_set_life(struct sqlite_db *db, uint64_t life, struct platoon_err *err)
{
    char sql[80];

    (void)snprintf(sql, sizeof sql, "UPDATE meta SET value=%lld WHERE key='redo_life'",
                   (long long)life);
    return run_sql(db, sql) ? PLATOON_OK : sqlite_db_fail(db->handle, "the store", err);
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
