/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_store.h - the `sqlite` store from inside: shared by sqlite.c (opening, keeping) and
 * sqlite_tell.c (being told). For nobody else. */
#ifndef PLATOON_STORE_SQLITE_STORE_H
#define PLATOON_STORE_SQLITE_STORE_H

#include "store/batch.h"
#include "store/data_folder.h"
#include "store/redo_log.h"
#include "store/redo_syncer.h"
#include "store/sqlite.h"
#include "store/sqlite_db.h"
#include "store/sqlite_space.h"
#include "store/sqlite_writer.h"
#include "store/table_store.h"

enum { SQLITE_INLINE_BYTES = 256 * 1024 }; /* a larger value is read by the thread */

enum { DIRTY_FRAME = 1, DIRTY_BATCH = 2 }; /* who has yet to be told how many there are */

/* A task that came into the table in the step just made. It may have ended in the same step. */
struct sqlite_entered {
    store_task_id task;
    store_queue_id queue;
    uint64_t place;
};

struct sqlite_store {
    struct table_store table;     /* first */
    struct table_journal journal; /* sqlite_tell_journal, with keep, health, on_wake */
    struct sqlite_options options;
    struct data_folder folder;
    struct sqlite_db *db; /* the writer's, once it runs */
    struct redo_log *redo;
    struct redo_syncer syncer;    /* runs at `power` */
    struct sqlite_reader *reader; /* the loop's own, for cold values */
    struct sqlite_writer writer;
    struct sqlite_space space;

    struct batch *open;             /* being told; never NULL */
    uint64_t open_since_ns;         /* when its first record came */
    struct sqlite_entered *entered; /* of the step being told: their ids follow each other */
    size_t n_entered, cap_entered;
    store_task_id last_entered;
    uint8_t *dirty;      /* queues whose counts changed, by id - 1: DIRTY_... */
    bool *takes_results; /* queues that are some pair's result queue */
    size_t cap_queues;
    bool is_promised;      /* somebody waits for what `open` holds behind its last frame */
    uint64_t last_number;  /* of the last frame */
    uint64_t appended;     /* of the last one that the redo log took */
    uint64_t kept;         /* all up to this one is durable at the level of open */
    size_t n_direct;       /* batches on their way that are in no log */
    uint64_t first_direct; /* and no frame from this one on is kept before them; while n_direct */
    uint64_t cold_bytes;   /* of values that are only on disk, of tasks that have not ended */

    struct batch *stalled, **stalled_end; /* closed, and found no room */
    uint64_t retry_ns, resort_ns;         /* when to write it again; to try a checkpoint for it */
    struct batch *cooling;                /* kept, with values that may leave memory */

    enum store_status health; /* OK, or how the medium failed */
    bool is_over;             /* and nobody works on a batch any more */
};

/* --- sqlite_tell.c ---------------------------------------------------------------------------- */
/* The journal but for keep and health. */
extern const struct table_journal sqlite_tell_journal;
/* For tasks_on_change(). */
void sqlite_tell_change(const struct task *task, void *arg);
/* Room for what is known of `n` queues. False: out of memory. */
bool sqlite_tell_queues(struct sqlite_store *s, size_t n);
/* The counts of `queue` changed. */
void sqlite_mark_counts(struct sqlite_store *s, store_queue_id queue);
/* What was told since the last frame, into the next one of the redo log. False: it is nothing for
 * the log. */
bool sqlite_tell_frame(struct sqlite_store *s);
/* The counts that changed, as they are now, into the open batch. */
void sqlite_tell_counts(struct sqlite_store *s);
uint64_t sqlite_waiting_bytes(const struct sqlite_store *s); /* of tasks and results */

/* --- sqlite.c --------------------------------------------------------------------------------- */
void sqlite_say(const struct sqlite_store *s, int level, const char *line);
void sqlite_look_for_space(struct sqlite_store *s, uint64_t now_ns);

#endif
