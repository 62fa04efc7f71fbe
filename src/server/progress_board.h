/* SPDX-License-Identifier: Apache-2.0 */
/* progress_board.h - how far running tasks are, as their workers told with renew(): for people to look at,
 * in memory alone, never decided by.
 *
 * The board is bounded: PROGRESS_MAX tasks of a fixed size each; beyond that the one that was told
 * of longest ago gives way. An entry goes when its lease ends, and, where nobody notices that, when
 * nothing was told for longer than progress_board_expire() is asked to keep. */
#ifndef PLATOON_SERVER_PROGRESS_BOARD_H
#define PLATOON_SERVER_PROGRESS_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/list.h"
#include "store/store.h"
#include "value/task_progress.h"

enum { PROGRESS_MAX = 10000, PROGRESS_MAX_WORKER = 200 /* bytes; longer names are cut */ };

struct progress_entry {
    struct list by_start, by_age;
    struct store_lease_ref ref;
    uint64_t first_ns, told_ns; /* monotonic */
    struct task_progress progress;
    char worker[PROGRESS_MAX_WORKER + 1];
};

struct progress_board {
    struct idmap by_task;
    struct list by_start; /* struct progress_entry; in the order in which they were first told of */
    struct list by_age;   /* told of longest ago first */
};

void progress_board_init(struct progress_board *b);
void progress_board_release(struct progress_board *b);

/* Without memory it is not kept. `worker` is UTF-8. */
void progress_board_tell(struct progress_board *b, struct store_lease_ref ref, const char *worker,
                         const struct task_progress *p, uint64_t now_ns);
/* The lease has ended. Another lease of the same task stays. */
void progress_board_forget(struct progress_board *b, struct store_lease_ref ref);
/* Forget what was told before. */
void progress_board_expire(struct progress_board *b, uint64_t before_ns);
/* NULL: nothing was told. */
const struct progress_entry *progress_board_find(const struct progress_board *b,
                                                 store_task_id task);
/* {'task', 'worker', 'since_s' (since it was first told of), 'told_s' (ago), 'progress': as
 * task_progress.h has it}, yours; NULL when out of memory. */
platoon_value *progress_entry_value(const struct progress_entry *e, uint64_t now_ns);

#endif
