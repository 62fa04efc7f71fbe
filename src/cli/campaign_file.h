/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_file.h - a campaign as people write it (docs/campaigns.md): the plan, what runs its
 * tasks, and the question it is to answer. */
#ifndef PLATOON_CLI_CAMPAIGN_FILE_H
#define PLATOON_CLI_CAMPAIGN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

#include "campaign/plan.h"
#include "campaign/tally.h"

enum { CAMPAIGN_MAX_TASKS = 1000000, CAMPAIGN_MAX_ATTEMPTS = 65535, CAMPAIGN_MAX_CPUS = 1024 };

/* Run until precise: `precision` and `replications` of the file. */
struct campaign_precision {
    bool is_wanted;
    size_t metric;      /* of the file's metrics */
    bool of_difference; /* of each arm from the baseline; else of each cell's mean */
    double half_width;  /* absolute, or a share of the (baseline's) mean */
    bool is_relative;
    size_t min_n; /* replications before the first look; the most there are is n_seeds */
};

struct campaign_file {
    struct campaign_plan *plan;
    int64_t *seeds; /* distinct, 0 to 2147483647, in the order of the file */
    size_t n_seeds, n_tasks;

    char *folder; /* the file's own; absolute */
    char *root;   /* where tasks run: absolute, or below `folder`'s path; need not exist yet */
    platoon_value *prepare; /* words of a command that makes the root ready; NULL: none */
    platoon_value *inputs;  /* files that decide results, relative to the root; NULL: none named */
    platoon_value *controllers; /* shared objects for SUMO: a list of absolute paths */
    const char *runner;         /* "sumo", "command", "python" */
    /* What `platoon work` needs to run the tasks, as a list of words, all but --root and
     * --controller. */
    platoon_value *worker_words;
    unsigned cpus; /* that one task keeps busy: how many run at a time on this machine; from 1 */
    uint32_t attempts; /* workers lost with a task before it is given up; 0: the server's limit */

    struct tally_metric metrics[TALLY_MAX_METRICS]; /* the first is the question */
    size_t n_metrics;                               /* 0: every number that results have */
    double max_failed_share;
    struct campaign_precision precision;
};

/* Read a file. EINVAL and ELIMIT begin FILE:LINE:COLUMN; EIO; ENOMEM. The number of tasks meets its
 * limit before any is made. Release `c` also after a failure. Blocks on the disk only. */
enum platoon_status campaign_file_read(const char *path, struct campaign_file *c,
                                       struct platoon_err *err);
void campaign_file_release(struct campaign_file *c); /* zeroed is fine */

#endif
