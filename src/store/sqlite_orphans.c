/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_orphans.c - see sqlite_orphans.h. */
#include "store/sqlite_orphans.h"

#include <stdlib.h>

#include "base/clock.h"

bool sqlite_orphans_note(struct sqlite_orphans *o, store_task_id task)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        sqlite3_int64 *grown = realloc(o->ids, cap * sizeof *grown);

        if (!grown)
            return false;
        o->ids = grown;
        o->cap = cap;
    }
    o->ids[o->n++] = (sqlite3_int64)task;
    return true;
}

/* `sql` for each task (?1), now (?2). */
static bool execute(const struct sqlite_orphans *o, sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(handle, sql, -1, &s, NULL) == SQLITE_OK;

    for (size_t i = 0; ok && i < o->n; i++)
        ok = sqlite3_bind_int64(s, 1, o->ids[i]) == SQLITE_OK &&
             sqlite3_bind_int64(s, 2, clock_wall_ms()) == SQLITE_OK &&
             sqlite_db_finish(s) == SQLITE_OK;
    (void)sqlite3_finalize(s); /* says what finish said */
    return ok;
}

void sqlite_orphans_write(const struct sqlite_orphans *o, struct sqlite_db *db)
{
    bool ok;

    if (!o->n || sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return;
    ok = execute(o, db->handle, "UPDATE task SET state=0, changed_ms=?2 WHERE id=?1") &&
         execute(o, db->handle,
                 "UPDATE attempt SET ended_ms=?2, ending='the server ended' "
                 "WHERE task=?1 AND ended_ms IS NULL") &&
         sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    if (!ok) /* fails where SQLite did it already */
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void sqlite_orphans_release(struct sqlite_orphans *o)
{
    free(o->ids);
    *o = (struct sqlite_orphans){0};
}
