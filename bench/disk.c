/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c - what the disk allows: rows of 110 bytes kept in groups, with nothing around them.
 *
 *     disk FOLDER
 *
 * A command a line on stdin, an answer a line on stdout, a JSON object with rows a second:
 *
 *     sqlite LEVEL N G   N rows into one SQLite table, G a transaction, write-ahead log; LEVEL is
 *                        `power` (synchronous=FULL) or `process` (NORMAL: nothing is synced)
 *     sync N G           the bytes of N rows appended to a file, G rows a write and fdatasync
 *
 * A failure is a sentence on stderr and exit 1. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timing.h"

enum { ROW_BYTES = 110, MOST_ROWS = 1000 };

static char rows[ROW_BYTES * MOST_ROWS];

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "disk: %s: %s\n", what, why);
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
}

static sqlite3 *open_table(const char *folder, const char *level)
{
    char path[4096];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/%s.db", folder, level);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        fail(path, sqlite3_errmsg(db));
    run(db, "PRAGMA journal_mode=WAL");
    run(db, strcmp(level, "power") == 0 ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    run(db, "CREATE TABLE IF NOT EXISTS row(id INTEGER PRIMARY KEY, value BLOB)");
    return db;
}

static void keep_in_sqlite(const char *folder, const char *level, long n, long group)
{
    sqlite3 *db = open_table(folder, level);
    sqlite3_stmt *insert = NULL;
    uint64_t start;

    if (sqlite3_prepare_v2(db, "INSERT INTO row(value) VALUES(?1)", -1, &insert, NULL) != SQLITE_OK)
        fail("INSERT", sqlite3_errmsg(db));
    start = now_ns();
    for (long done = 0; done < n; done += group) {
        run(db, "BEGIN");
        for (long i = 0; i < group; i++) {
            sqlite3_bind_blob(insert, 1, rows, ROW_BYTES, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE)
                fail("INSERT", sqlite3_errmsg(db));
            sqlite3_reset(insert);
        }
        run(db, "COMMIT");
    }
    printf("{\"per_s\": %.1f}\n", (double)n * 1e9 / (double)(now_ns() - start));
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

static void keep_in_file(const char *folder, long n, long group)
{
    char path[4096];
    uint64_t start;
    int fd;

    snprintf(path, sizeof path, "%s/rows", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(path, strerror(errno));
    start = now_ns();
    for (long done = 0; done < n; done += group)
        if (write(fd, rows, (size_t)group * ROW_BYTES) != group * ROW_BYTES || fdatasync(fd) < 0)
            fail(path, strerror(errno));
    printf("{\"per_s\": %.1f}\n", (double)n * 1e9 / (double)(now_ns() - start));
    close(fd);
}

int main(int argc, char **argv)
{
    char line[100], level[20];
    long n, group;

    if (argc != 2) {
        fprintf(stderr, "usage: disk FOLDER\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(rows, 'x', sizeof rows);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "sqlite %19s %ld %ld", level, &n, &group) == 3 && group >= 1 &&
            group <= MOST_ROWS) {
            keep_in_sqlite(argv[1], level, n, group);
        } else if (sscanf(line, "sync %ld %ld", &n, &group) == 2 && group >= 1 &&
                   group <= MOST_ROWS) {
            keep_in_file(argv[1], n, group);
        } else {
            fprintf(stderr, "disk: no command is `%s`\n", line);
            return 2;
        }
    }
    return 0;
}
