/* SPDX-License-Identifier: Apache-2.0 */
/* row_sink.h - tables for other programs, written row by row: CSV, JSON lines, a SQLite file.
 *
 *     struct row_sink s = row_sink_csv(stdout);
 *     s.begin(&s, "runs", names); s.row(&s, values); ...
 *
 * `names` is a list of texts and `values` one of as many values, both borrowed; `names` until the
 * next begin. Both answer false when memory ran out, or SQLite failed. Errors of a stream are its
 * owner's to look at. */
#ifndef PLATOON_CLI_ROW_SINK_H
#define PLATOON_CLI_ROW_SINK_H

#include <stdbool.h>
#include <stdio.h>

#include <platoon/value.h>

struct sqlite3;
struct sqlite3_stmt;

struct row_sink {
    bool (*begin)(struct row_sink *s, const char *table, const platoon_value *names);
    bool (*row)(struct row_sink *s, const platoon_value *values);
    FILE *out;                  /* CSV, JSON lines; borrowed */
    const platoon_value *names; /* JSON lines */
    struct sqlite3 *db;         /* SQLite */
    struct sqlite3_stmt *insert;
};

struct row_sink row_sink_csv(FILE *out);
/* Each row an object. */
struct row_sink row_sink_jsonl(FILE *out);
/* Begin a transaction in the file at `path`; close `s` also after a failure. EIO. */
enum platoon_status row_sink_open_sqlite(struct row_sink *s, const char *path,
                                         struct platoon_err *err);
/* End it: commit if `st` is PLATOON_OK. Returns `st`, or EIO with SQLite's words in place of an
 * earlier failure that was SQLite's. */
enum platoon_status row_sink_close(struct row_sink *s, enum platoon_status st,
                                   struct platoon_err *err);

#endif
