/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_schema.h - what makes each version of the schema of the one before, as
 * docs/store-format.md describes it. */
#ifndef PLATOON_STORE_SQLITE_SCHEMA_H
#define PLATOON_STORE_SQLITE_SCHEMA_H

/* "PLTN": tells a file of ours from any other SQLite file. */
#define SQLITE_SCHEMA_APPLICATION_ID 0x504c544e

static const char sqlite_schema_v1[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('epoch', 0), ('first_epoch', 0), ('last_task', 0);"
    "CREATE TABLE queue("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, maxsize INTEGER NOT NULL,"
    "  result_queue INTEGER NOT NULL, max_attempts INTEGER NOT NULL,"
    "  unfinished INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,"
    "  failed INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0);"
    /* One row a task, and one an entry of a result queue. */
    "CREATE TABLE task("
    "  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL REFERENCES queue(id), place INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, attempts_lost INTEGER NOT NULL DEFAULT 0,"
    "  may_be_repeat INTEGER NOT NULL DEFAULT 0, has_failure_value INTEGER NOT NULL DEFAULT 0,"
    "  bytes INTEGER NOT NULL, protocol INTEGER NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT "
    "NULL,"
    "  result_of INTEGER, result INTEGER, outcome TEXT,"
    "  lease_epoch INTEGER, lease_counter INTEGER, lease_ms INTEGER,"
    "  created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
    /* Not NOT IN (2, 3, 6): SQLite makes a table of its own for such a list, at each write of a
     * row. */
    "CREATE INDEX task_alive ON task(queue, place) WHERE state <> 2 AND state <> 3 AND state <> 6;"
    "CREATE INDEX task_result_of ON task(result_of) WHERE result_of IS NOT NULL;"
    /* Apart from the rows, so that looking at a million tasks does not read a million values. */
    "CREATE TABLE value(task INTEGER PRIMARY KEY, pickle BLOB NOT NULL);"
    "CREATE TABLE attempt("
    "  task INTEGER NOT NULL, number INTEGER NOT NULL, lease_epoch INTEGER NOT NULL,"
    "  lease_counter INTEGER NOT NULL, client TEXT, worker TEXT, taken_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER, ending TEXT,"
    "  PRIMARY KEY(task, lease_epoch, lease_counter)) WITHOUT ROWID;"
    "CREATE TABLE metric(task INTEGER NOT NULL, name TEXT NOT NULL, value REAL,"
    "  PRIMARY KEY(task, name)) WITHOUT ROWID;"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, task INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  what TEXT NOT NULL, detail TEXT);"
    "CREATE INDEX event_task ON event(task);"
    /* For people with the sqlite3 shell. */
    "CREATE VIEW tasks AS SELECT task.id, queue.name AS queue,"
    "  CASE task.state WHEN 0 THEN 'queued' WHEN 1 THEN 'leased' WHEN 2 THEN 'done' WHEN 3 THEN "
    "'failed'"
    "    WHEN 4 THEN 'abandoned' WHEN 5 THEN 'dead' ELSE 'cancelled' END AS state,"
    "  task.attempts_lost, task.outcome, task.result, task.bytes,"
    "  datetime(task.created_ms / 1000, 'unixepoch') AS created,"
    "  datetime(task.changed_ms / 1000, 'unixepoch') AS changed"
    "  FROM task JOIN queue ON queue.id = task.queue;";

/* A task may have a limit of attempts of its own; NULL: its queue's. */
static const char sqlite_schema_v2[] = "ALTER TABLE task ADD COLUMN max_attempts INTEGER;";

/* Which life of the redo log (redo_log.h) goes with this file, and the number of its last frame
 * that is in here. An older program would not read that log. */
static const char sqlite_schema_v3[] = "INSERT INTO meta VALUES('redo_life', 0), ('redo', 0);";

/* [n] makes version n + 1 of version n; 0 is an empty file. */
static const char *const sqlite_schema_steps[] = {sqlite_schema_v1, sqlite_schema_v2,
                                                  sqlite_schema_v3};

#endif
