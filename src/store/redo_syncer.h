/* SPDX-License-Identifier: Apache-2.0 */
/* redo_syncer.h - the thread that has the redo log on the medium, at `power`: while it syncs, the
 * loop appends what the next sync will hold, so that many clients share one. */
#ifndef PLATOON_STORE_REDO_SYNCER_H
#define PLATOON_STORE_REDO_SYNCER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/redo_log.h"

struct redo_syncer {
    struct redo_log *log; /* borrowed */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    uint64_t wanted, synced; /* numbers of frames */
    bool is_dirty[2];        /* files with frames up to `wanted` that no sync has seen */
    bool is_ending, has_failed;
    void (*wake)(void *arg); /* called with the lock; may be NULL */
    void *wake_arg;
};

/* `synced`: the number of the last frame that needs no sync. False when out of memory. */
bool redo_syncer_start(struct redo_syncer *y, struct redo_log *log, uint64_t synced);
/* As sqlite_writer_on_wake(). */
void redo_syncer_on_wake(struct redo_syncer *y, void (*wake)(void *arg), void *arg);
/* Fine on a zeroed one. */
void redo_syncer_stop(struct redo_syncer *y);

/* Frame `number` was appended to the log's file `file`. */
void redo_syncer_want(struct redo_syncer *y, uint64_t number, int file);
/* The last frame that is on the medium, with all before it. *has_failed: and it will stay the
 * last. */
uint64_t redo_syncer_synced(struct redo_syncer *y, bool *has_failed);

#endif
