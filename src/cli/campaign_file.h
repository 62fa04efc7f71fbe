/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_file.h - a campaign as people write it (docs/campaigns.md), read into a plan and what
 * runs its tasks. */
#ifndef PLATOON_CLI_CAMPAIGN_FILE_H
#define PLATOON_CLI_CAMPAIGN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

#include "campaign/plan.h"

enum { CAMPAIGN_MAX_TASKS = 1000000 };

struct campaign_file {
    struct campaign_plan *plan;
    /* What `platoon work` needs to run the tasks, as a list of words: --runner and what follows. */
    platoon_value *worker_words;
    int64_t *seeds; /* distinct, 0 to 2147483647, in the order of the file */
    size_t n_seeds, n_tasks;
};

/* Read a file. EINVAL and ELIMIT begin FILE:LINE:COLUMN; EIO; ENOMEM. The number of tasks meets its
 * limit before any is made. Release `c` also after a failure. Blocks on the disk only. */
enum platoon_status campaign_file_read(const char *path, struct campaign_file *c,
                                       struct platoon_err *err);
void campaign_file_release(struct campaign_file *c); /* zeroed is fine */

#endif
