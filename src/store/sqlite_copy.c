/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_copy.c - by SQLite's backup calls, which restart when the file changes under them: so in
 * one step. What was acknowledged and is not in the file yet is read from the redo log before that,
 * and added to the copy: by then the file has all that the log forgot meanwhile. */
#include "store/sqlite_copy.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/redo_log.h"
#include "store/sqlite_db_internal.h"
#include "store/sqlite_schema.h"

enum { BUSY_MS = 10000 };

static enum platoon_status open_store(const char *path, sqlite3 **out, struct platoon_err *err)
{
    int64_t application = 0; /* a failure leaves that */

    if (access(path, F_OK) != 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "there is no store at %s: name the server's folder with --data", path);
    if (sqlite3_open_v2(path, out, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, sqlite3_errmsg(*out));
    (void)sqlite3_busy_timeout(*out, BUSY_MS);
    if (!sqlite_db_ask(*out, "PRAGMA application_id", &application) ||
        application != SQLITE_SCHEMA_APPLICATION_ID)
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
    int64_t life = 0, number = 0; /* of an older store, which has no log */
    enum platoon_status st;

    (void)sqlite_db_ask(source, "SELECT value FROM meta WHERE key='redo_life'", &life);
    (void)sqlite_db_ask(source, "SELECT value FROM meta WHERE key='redo'", &number);
    st = redo_log_read(from, (uint64_t)life, (uint64_t)number, &frames, err);
    if (st == PLATOON_OK)
        st = copy(source, to, err);
    if (st == PLATOON_OK && frames)
        st = add_frames(to, frames, err);
    batch_free_chain(frames);
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
