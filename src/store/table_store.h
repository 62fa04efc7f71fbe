/* SPDX-License-Identifier: Apache-2.0 */
/* table_store.h - the verbs of store.h over the task table: what `memory` and `sqlite` share. A
 * journal, where there is one, is told of every step, and answers that promise something wait until
 * it has kept what it was told. */
#ifndef PLATOON_STORE_TABLE_STORE_H
#define PLATOON_STORE_TABLE_STORE_H

#include "store/answers.h"
#include "store/look.h"
#include "store/store.h"
#include "store/tasks.h"

/* What a journal does. All calls on the loop thread; none blocks for longer than a small write.
 * Arrays and payloads are borrowed. */
struct table_journal {
    /* Before a step of `n` items: make room to be told, so that telling cannot fail. A put names
     * its queue (else 0) and its bytes. Anything but OK refuses the call: NOMEM; NOSPACE, TOOBIG
     * for puts; DOWN. */
    enum store_status (*begin)(void *arg, store_queue_id put_on, size_t n, uint64_t bytes);
    /* After a step, in the order of the steps. `lease_ms` of `claimed`: 0 for a holder that ends
     * with this server. */
    void (*attached)(void *arg, uint64_t epoch);
    void (*queue_made)(void *arg, const struct store_queue *q);
    void (*put)(void *arg, const struct store_put_item *items,
                const struct store_put_answer *answers, size_t n);
    void (*claimed)(void *arg, const struct store_claimed *claimed, size_t n,
                    const struct store_holder *holder, uint32_t lease_ms);
    void (*done)(void *arg, const struct store_done_item *items,
                 const struct store_done_answer *answers, size_t n);
    void (*failed)(void *arg, const struct store_fail_item *items,
                   const enum store_fail_status *answers, size_t n);
    void (*released)(void *arg, const struct store_release_item *items,
                     const enum store_release_status *answers, size_t n);
    void (*swept)(void *arg, const struct store_swept *swept, size_t n);
    void (*retried)(void *arg, store_task_id task);
    void (*cancelled)(void *arg, const struct store_cancel_item *items,
                      const struct store_done_answer *answers, size_t n);
    void (*purged)(void *arg, store_queue_id queue, uint32_t states, const store_task_id *ids,
                   size_t n);
    /* A task that has ended is to wait again at `place`: read it back; *out is set when kept. */
    void (*revive)(void *arg, store_task_id task, bool again, enum store_retry_status *out);
    /* Fill it; `l` lives until kept. */
    void (*look)(void *arg, struct look *l);
    void (*unfinished)(void *arg, store_queue_id queue);
    /* A cold value is about to be handed out: have it read. True: by the time that all told so far
     * is kept; false: it is there now. Room is there if a step of so many items was begun. */
    bool (*wanted)(void *arg, store_task_id task, struct payload *value);
    /* The number that `kept` must reach before what was told so far may be promised. */
    uint64_t (*told)(void *arg);
    /* Begin or go on keeping; how far it is. */
    uint64_t (*keep)(void *arg);
    /* See store_due_ns(). */
    uint64_t (*due_ns)(void *arg);
    /* Who to wake from another thread; see store_on_wake(). */
    void (*on_wake)(void *arg, void (*wake)(void *arg), void *wake_arg);
    /* STORE_OK, or what every answer says from now on (the medium failed). */
    enum store_status (*health)(void *arg);
};

struct table_store {
    struct store store; /* first: a struct store * is a struct table_store * */
    struct tasks *tasks;
    struct answers answers;
    uint64_t last_epoch;
    uint64_t mono_ns; /* of the turn before */
    uint64_t now_ns;  /* the table's clock, as of the last turn; never 0 */
    uint64_t (*clock)(void *arg);
    void *clock_arg;
    void (*ready)(store_queue_id queue, void *arg);
    void (*room)(store_queue_id queue, void *arg);
    void *watch_arg;
    bool is_in_turn;
    void (*end)(struct table_store *t);  /* store_close(): the owner's, frees what it is part of */
    const struct table_journal *journal; /* NULL: nothing is kept */
    void *journal_arg;
};

/* False when out of memory; `t` is zeroed before. `end` is called by store_close(). */
bool table_store_init(struct table_store *t, void (*end)(struct table_store *t));
void table_store_release(struct table_store *t);

/* Read the time from `mono_ns` instead of the monotonic clock. Before the first turn; for tests. */
void table_store_set_clock(struct store *s, uint64_t (*mono_ns)(void *arg), void *arg);

#endif
