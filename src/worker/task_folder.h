/* SPDX-License-Identifier: Apache-2.0 */
/* task_folder.h - the folder that a task has to itself: empty when it begins, gone when it has
 * ended.
 *
 * Most commands never touch it, and making and removing a folder costs ten times what looking into
 * one does (120 us with the journal of ext4, as much as a third of a short task). So a folder that
 * was left untouched serves the slot's next task; one that anything was put into is removed, and
 * its name is not used again. */
#ifndef PLATOON_WORKER_TASK_FOLDER_H
#define PLATOON_WORKER_TASK_FOLDER_H

#include <stdint.h>

struct task_folder {
    char *path; /* owned; NULL: there is none at present */
    uint64_t inode;
    unsigned n_made;
};

/* An empty folder of `slot` in `work_dir`. 0, or errno. */
int task_folder_open(struct task_folder *f, const char *work_dir, unsigned slot);
/* The task has ended: keep the folder if it is as it was, else remove it and all in it. 0, or the
 * errno of what could not be removed. */
int task_folder_settle(struct task_folder *f);
void task_folder_release(struct task_folder *f);

#endif
