/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_db.h - the database file of the `sqlite` store: schema, opening, writing a batch, reading
 * back. Knows SQL and nothing of callbacks, threads or turns. One thread uses it at a time.
 *
 * The schema is documented in docs/store-format.md; PRAGMA user_version is its number. */
#ifndef PLATOON_STORE_SQLITE_DB_H
#define PLATOON_STORE_SQLITE_DB_H

#include "store/batch.h"
#include "store/tasks.h"

enum { SQLITE_DB_VERSION = 3, SQLITE_DB_PAGE_BYTES = 4096 };

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

/* Write a chain of batches, in order, in one transaction that is durable at the level of open;
 * where that fails for want of room, in one each. Each one's status: OK: kept; NOSPACE, NOMEM: not
 * kept, nor any behind it, and may be written again; DOWN, CORRUPT: the medium failed. A batch is
 * whole or absent, and the file says which number it has last. */
void sqlite_db_write_group(struct sqlite_db *db, struct batch *first);
/* Which redo log goes with the file, and the number of the last batch that was written; 0: none. */
enum platoon_status sqlite_db_redo(struct sqlite_db *db, uint64_t *out_life, uint64_t *out_number,
                                   struct platoon_err *err);
/* From now on it is this one. What was written before is durable then, at the level of open. */
enum platoon_status sqlite_db_set_life(struct sqlite_db *db, uint64_t life,
                                       struct platoon_err *err);
/* Pages in the write-ahead log since the last checkpoint, and a checkpoint that waits for nobody.
 * */
int sqlite_db_log_pages(const struct sqlite_db *db);
void sqlite_db_checkpoint(struct sqlite_db *db);

/* A second connection that only reads, for another thread than the one that writes. It sees what
 * was committed. */
struct sqlite_reader;
enum platoon_status sqlite_reader_open(const char *path, struct sqlite_reader **out,
                                       struct platoon_err *err);
void sqlite_reader_close(struct sqlite_reader *r); /* NULL is fine */
/* The value's bytes into an empty rope. False: not there, not `bytes` long, or it failed. */
bool sqlite_reader_value(struct sqlite_reader *r, store_task_id task, uint64_t bytes,
                         struct rope *out);

#endif
