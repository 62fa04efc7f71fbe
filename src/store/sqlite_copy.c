/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_copy.c - by SQLite's backup calls, which restart when the file changes under them: so in
 * one step. What was acknowledged and is not in the file yet is read from the redo log before that,
 * and added to the copy: by then the file has all that the log forgot meanwhile. */
#include "store/sqlite_copy.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/redo_log.h"
#include "store/sqlite_db.h"
#include "store/sqlite_schema.h"

enum { BUSY_MS = 10000 };

static enum platoon_status open_store(const char *path, sqlite3 **out, struct platoon_err *err)
{
    sqlite3_stmt *s = NULL;
    int application = 0;

    if (access(path, F_OK) != 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "there is no store at %s: name the server's folder with --data", path);
    if (sqlite3_open_v2(path, out, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, sqlite3_errmsg(*out));
    (void)sqlite3_busy_timeout(*out, BUSY_MS);
    if (sqlite3_prepare_v2(*out, "PRAGMA application_id", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        application = sqlite3_column_int(s, 0);
    (void)sqlite3_finalize(s); /* a failure leaves 0 */
    if (application != SQLITE_SCHEMA_APPLICATION_ID)
        return platoon_fail(err, PLATOON_EINVAL, "%s is no store of Platoon's", path);
    return PLATOON_OK;
}

static enum platoon_status copy(sqlite3 *from, const char *to, struct platoon_err *err)
{
    sqlite3 *copy_of = NULL;
    sqlite3_backup *backup = NULL;
    enum platoon_status st = PLATOON_OK;

    if (sqlite3_open_v2(to, &copy_of, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
        SQLITE_OK)
        backup = sqlite3_backup_init(copy_of, "main", from, "main");
    if (!backup || sqlite3_backup_step(backup, -1) != SQLITE_DONE)
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", to, sqlite3_errmsg(copy_of));
    if (backup && sqlite3_backup_finish(backup) != SQLITE_OK && st == PLATOON_OK)
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", to, sqlite3_errmsg(copy_of));
    if (sqlite3_close(copy_of) != SQLITE_OK && st == PLATOON_OK)
        st = platoon_fail(err, PLATOON_EIO, "cannot finish %s", to);
    return st;
}

static uint64_t ask(sqlite3 *db, const char *key)
{
    sqlite3_stmt *s = NULL;
    uint64_t value = 0;

    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key=?1", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        value = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s); /* a failure leaves 0: a store of version 1 has no log */
    return value;
}

/* The frames that the copy has not. */
static enum platoon_status add_frames(const char *to, struct batch *frames, struct platoon_err *err)
{
    struct sqlite_db *db = NULL;
    uint64_t life, number;
    enum platoon_status st = sqlite_db_open(to, true, &db, err);

    if (st == PLATOON_OK)
        st = sqlite_db_redo(db, &life, &number, err);
    if (st == PLATOON_OK) {
        while (frames && frames->number <= number)
            frames = frames->next;
        if (frames)
            sqlite_db_write_group(db, frames);
        for (; frames && st == PLATOON_OK; frames = frames->next)
            if (frames->status != STORE_OK)
                st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", to, frames->error);
    }
    sqlite_db_close(db);
    return st;
}

static enum platoon_status copy_all(const char *from, sqlite3 *source, const char *to,
                                    struct platoon_err *err)
{
    struct batch *frames = NULL;
    enum platoon_status st =
        redo_log_read(from, ask(source, "redo_life"), ask(source, "redo"), &frames, err);

    if (st == PLATOON_OK)
        st = copy(source, to, err);
    if (st == PLATOON_OK && frames)
        st = add_frames(to, frames, err);
    while (frames) {
        struct batch *next = frames->next;

        batch_free(frames);
        frames = next;
    }
    return st;
}

enum platoon_status sqlite_copy(const char *from, const char *to, struct platoon_err *err)
{
    sqlite3 *source = NULL;
    enum platoon_status st;

    if (access(to, F_OK) == 0)
        return platoon_fail(err, PLATOON_EINVAL, "%s is there already: choose a new name", to);
    st = open_store(from, &source, err);
    if (st == PLATOON_OK) {
        st = copy_all(from, source, to, err);
        if (st == PLATOON_OK)
            (void)chmod(to, 0600); /* values are the user's own */
        else
            (void)unlink(to); /* half a copy is worse than none */
    }
    (void)sqlite3_close(source); /* was only read */
    return st;
}
