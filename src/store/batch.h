/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - what a journal has been told and has not kept yet: records in order, with what they
 * refer to.
 *
 * The loop thread fills a batch; then the store thread writes it, and only reads it; then the loop
 * frees it. Payload counts are touched by the loop alone.
 * */
#ifndef PLATOON_STORE_BATCH_H
#define PLATOON_STORE_BATCH_H

#include "store/look.h"
#include "store/store.h"
#include "store/tasks.h"

enum record_kind {
    RECORD_EPOCH,  /* lease.epoch */
    RECORD_QUEUE,  /* queue: its options, in `options` and `text` (name) */
    RECORD_COUNTS, /* queue: `counts` */
    RECORD_PUT, /* task, queue, place, value; attempt: its own limit of them, or 0; other: the task
                    * whose result it is, or 0 */
    RECORD_CLAIM,  /* task, lease, lease_ms, attempt; text: client, detail: worker */
    RECORD_STATE,  /* task is in `state` now: place, attempt (losses), may_be_repeat; text: why */
    RECORD_END,    /* task ended: state, lease; text: outcome; entry: on the result queue, or 0 */
    RECORD_METRIC, /* task: text is the name, number the value */
    RECORD_LOAD,   /* read `value` back: `loaded` is filled */
    RECORD_PURGE, /* task: that one; 0: all of `queue` in the states of `attempt` that have ended */
    RECORD_REVIVE, /* task, again: the ended task waits again; `saved` and `value` are made */
    RECORD_LOOK    /* fill `look` */
};

struct record {
    enum record_kind kind;
    bool may_be_repeat;
    bool was_lost; /* RECORD_LOAD: the value could not be read */
    bool again;    /* RECORD_REVIVE: also one that is done for certain */
    bool is_done;  /* RECORD_REVIVE: it is one, and was not asked for again */
    enum store_task_state state;
    store_queue_id queue;
    uint32_t attempt, lease_ms;
    store_task_id task, other; /* other: result_of, entry */
    uint64_t place;
    struct store_lease_id lease;
    struct payload *value; /* counted by the batch */
    int64_t wall_ms;       /* of its frame, for people */
    size_t text, detail;   /* offsets into the batch's text; 0: "" */
    union {
        double number;              /* RECORD_METRIC */
        struct rope loaded;         /* RECORD_LOAD */
        struct look *look;          /* RECORD_LOOK: borrowed */
        struct store_counts counts; /* RECORD_COUNTS */
        struct store_queue options; /* RECORD_QUEUE: .name is not set, it is `text` */
        struct {                    /* RECORD_REVIVE */
            struct tasks_saved saved;
            enum store_task_state was;        /* the state it was in */
            enum store_retry_status *retried; /* borrowed; to be set by the loop */
        };
    };
};

struct batch {
    struct batch *next;
    uint64_t number; /* of the last frame in it (redo_log.h) */
    bool is_direct;  /* that frame is in no redo log: it is kept when the batch is written */
    struct record *records;
    size_t n, cap;
    size_t n_framed; /* of the records: those that belong to a frame */
    char *text;      /* strings one after another; the first is "" */
    size_t text_len, text_cap;
    uint64_t bytes;           /* of payloads to write or read */
    uint64_t framed_bytes;    /* of these, in frames */
    enum store_status status; /* set by who wrote it */
    char error[256];          /* for the log, where status is not OK */
};

/* NULL when out of memory. */
struct batch *batch_new(void);
void batch_free(struct batch *b);           /* NULL is fine */
void batch_free_chain(struct batch *first); /* and all behind it; NULL is fine */
/* Drop what a failed write had already filled in, so that it can be written again. */
void batch_forget_read(struct batch *b);
/* Room for `n` records with up to `text_bytes` of text each, so that adding cannot fail. */
bool batch_reserve(struct batch *b, size_t n, size_t text_bytes);
/* A zeroed record at the end; the room must have been reserved. */
struct record *batch_add(struct batch *b, enum record_kind kind);
/* Copy `text` (cut to what was reserved), to be named by the offset. NULL: 0. */
enum { BATCH_MAX_TEXT = 511 };
size_t batch_text(struct batch *b, const char *text);
const char *batch_text_at(const struct batch *b, size_t offset);

#endif
