/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_db.h - the database file of the `sqlite` store: schema, opening, writing a batch, reading
 * back. Knows SQL and nothing of callbacks, threads or turns. One thread uses it at a time.
 *
 * The schema is documented in docs/store-format.md; PRAGMA user_version is its number. */
#ifndef PLATOON_STORE_SQLITE_DB_H
#define PLATOON_STORE_SQLITE_DB_H

#include "store/batch.h"
#include "store/tasks.h"

enum { SQLITE_DB_VERSION = 1 };

struct sqlite_db;

/* Open or make `path`. `is_synced`: commits reach the medium (power loss), else only the kernel
 * (kill -9). EINVAL: not a file of ours, or of a newer Platoon; EIO; ENOMEM. A file that is not
 * ours is never written to. */
enum platoon_status sqlite_db_open(const char *path, bool is_synced, struct sqlite_db **out,
                                   struct platoon_err *err);
void sqlite_db_close(struct sqlite_db *db); /* NULL is fine; checkpoints */

/* Queues, counts, and every task that has not ended, into an empty table. Values of more than
 * `hot_bytes` in all stay on the medium (cold payloads). *out_epoch: the last one given. */
enum platoon_status sqlite_db_load(struct sqlite_db *db, struct tasks *tasks, uint64_t hot_bytes,
                                   uint64_t now_ns, uint64_t *out_epoch, uint64_t *out_cold_bytes,
                                   struct platoon_err *err);

/* Write what a batch holds into the open transaction (one is begun if there is none). b->status:
 * OK; NOSPACE: nothing of it was written, and the transaction was undone to before it; DOWN: the
 * medium failed. */
void sqlite_db_write(struct sqlite_db *db, struct batch *b);
/* End the transaction, durably at the level of open. NOSPACE: still open, try again; DOWN: the
 * medium failed. */
enum store_status sqlite_db_commit(struct sqlite_db *db, char *error, size_t error_size);
/* Read a payload's bytes. False: it is not there, or the medium failed. */
bool sqlite_db_read_value(struct sqlite_db *db, store_task_id task, struct rope *out);
/* Pages in the write-ahead log since the last checkpoint, and a checkpoint that waits for nobody.
 * */
int sqlite_db_log_pages(const struct sqlite_db *db);
void sqlite_db_checkpoint(struct sqlite_db *db);

#endif
