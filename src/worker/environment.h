/* SPDX-License-Identifier: Apache-2.0 */
/* environment.h - what runners' processes see of our environment: a list, never all of it. */
#ifndef PLATOON_WORKER_ENVIRONMENT_H
#define PLATOON_WORKER_ENVIRONMENT_H

#include <stddef.h>

#include <platoon/status.h>

#include "worker/task.h"

struct environment {
    char **entries; /* "NAME=VALUE", owned; the part that all processes share */
    size_t n_entries;
};

/* Take from `from` (ends with NULL) the names that pass (PATH, HOME, LC_*, ... see environment.c),
 * and add `extra`: "NAME=VALUE", or "NAME" for the value it has in `from`. EINVAL: an extra entry
 * that is malformed, not set, or names what a task must not see or what the agent sets itself. */
enum platoon_status environment_init(struct environment *e, char *const *from,
                                     const char *const *extra, size_t n_extra,
                                     struct platoon_err *err);
void environment_release(struct environment *e);
/* The value of a name; NULL if it does not pass. Borrowed. */
const char *environment_get(const struct environment *e, const char *name);

/* One process's: the shared part and PLATOON_SLOT; with a task also PLATOON_TASK_ID,
 * PLATOON_TASK_DIR, PLATOON_ATTEMPT. One allocation, free() it; the shared part is borrowed.
 * *out_mark is the index of PLATOON_SLOT. NULL when out of memory. */
char **environment_for(const struct environment *e, unsigned slot, const struct task *task,
                       const char *task_dir, size_t *out_mark);

#endif
