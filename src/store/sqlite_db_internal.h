/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_db_internal.h - the database file from inside: shared by sqlite_db.c (opening, commits),
 * sqlite_write.c (records), sqlite_read.c (loading, values) and what they call, and sqlite_copy.c.
 * For nobody else. */
#ifndef PLATOON_STORE_SQLITE_DB_INTERNAL_H
#define PLATOON_STORE_SQLITE_DB_INTERNAL_H

#include <sqlite3.h>

#include "store/sqlite_db.h"

enum statement {
    S_BEGIN,
    S_COMMIT,
    S_NUMBER,
    S_EPOCH,
    S_FIRST_EPOCH,
    S_LAST_TASK,
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

struct sqlite_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[N_STATEMENTS];
    int log_pages;
};

/* --- sqlite_db.c ------------------------------------------------------------------------------ */
/* The sentence for what `handle` says went wrong. */
enum platoon_status sqlite_db_fail(sqlite3 *handle, const char *path, struct platoon_err *err);
/* The first column of the first row. False: it failed. */
bool sqlite_db_ask(sqlite3 *handle, const char *sql, int64_t *out);
/* Step to the end and reset; the result code. */
int sqlite_db_finish(sqlite3_stmt *s);

/* --- sqlite_write.c --------------------------------------------------------------------------- */
int sqlite_write_record(struct sqlite_db *db, const struct batch *b, struct record *r);

/* --- sqlite_read.c ---------------------------------------------------------------------------- */
/* Read a payload's bytes, however many. False: they are not there, or the medium failed. */
bool sqlite_read_value(sqlite3 *handle, store_task_id task, struct rope *out);

#endif
