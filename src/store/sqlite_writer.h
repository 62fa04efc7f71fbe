/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_writer.h - the thread of the `sqlite` store that has the database.
 *
 * Batches that are handed over are written in that order, as many in one transaction as wait, and
 * come back by sqlite_writer_take(). After a batch that could not be written, those handed over
 * behind it come back unwritten with the same status, until all have been taken back: nothing
 * overtakes. */
#ifndef PLATOON_STORE_SQLITE_WRITER_H
#define PLATOON_STORE_SQLITE_WRITER_H

#include <pthread.h>

#include "store/batch.h"
#include "store/data_folder.h"
#include "store/sqlite_db.h"

struct sqlite_writer {
    struct sqlite_db *db;             /* borrowed */
    const struct data_folder *folder; /* borrowed: where the room is */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work, idle;
    struct batch *jobs, **jobs_end;         /* to be written */
    struct batch *finished, **finished_end; /* written, or not */
    bool wants_checkpoint, is_last_resort, is_ending;
    size_t n_handed;              /* jobs, finished, and a checkpoint under way */
    enum store_status blocked_by; /* OK, or why nothing is written now */
    void (*wake)(void *arg);      /* called with the lock; may be NULL */
    void *wake_arg;
};

/* False when out of memory. */
bool sqlite_writer_start(struct sqlite_writer *w, struct sqlite_db *db,
                         const struct data_folder *folder);
/* `wake` is called by the thread when something came back. NULL ends that: once this returned the
 * old one is not called any more. */
void sqlite_writer_on_wake(struct sqlite_writer *w, void (*wake)(void *arg), void *arg);
/* Writes what was handed over, and ends the thread; what is finished is dropped. Fine on a zeroed
 * one. */
void sqlite_writer_stop(struct sqlite_writer *w);

void sqlite_writer_hand(struct sqlite_writer *w, struct batch *b);
/* Copy the log into the file, by the thread, if the log is long, there is room for it, and the
 * thread has nothing to do (when it has, it sees by itself). `is_last_resort`: whatever room there
 * is, for the log is what cannot grow. */
void sqlite_writer_checkpoint(struct sqlite_writer *w, bool is_last_resort);
bool sqlite_writer_is_busy(struct sqlite_writer *w);
/* What came back, oldest first, chained by next; yours. */
struct batch *sqlite_writer_take(struct sqlite_writer *w);
/* Block until something came back or the thread is idle. */
void sqlite_writer_wait(struct sqlite_writer *w);

#endif
