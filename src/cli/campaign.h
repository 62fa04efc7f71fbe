/* SPDX-License-Identifier: Apache-2.0 */
/* campaign.h - a campaign as a whole: its file, its folder, and which of its runs are done.
 *
 * A run is known by the identity of its task (campaign/identity.h): by the runner's words, the task,
 * the contents of its input files and the version of this program. So a line of runs.jsonl is
 * used whenever it fits, whatever the file said when it was written. */
#ifndef PLATOON_CLI_CAMPAIGN_H
#define PLATOON_CLI_CAMPAIGN_H

#include "campaign/identity.h"
#include "campaign/tally.h"
#include "cli/campaign_file.h"
#include "cli/campaign_folder.h"

struct campaign {
    struct campaign_file file;
    struct campaign_folder folder;
    struct tally *tally;
    struct identity *ids; /* n_tasks */
    size_t *by_id;        /* n_tasks places in the plan, in the order of their identities */
    double *seconds;      /* points x arms: mean duration of the runs known; 0: none */
    size_t *n_timed;
    char *first_failure; /* what the first failed run says; NULL: none */
    size_t n_done, n_failed;
};

enum campaign_use {
    CAMPAIGN_READ,  /* its folder must be there */
    CAMPAIGN_PEEK,  /* its folder may be there */
    CAMPAIGN_WRITE, /* its folder is made, and locked; `prepare` runs, if that was not done yet */
};

/* Read FILE, open the folder (`folder` NULL: ./platoon-data/NAME), look at the input files, and read
 * the runs that are there. EINVAL, ENOTFOUND, EBUSY, EIO, ENOMEM; release `c` all the same. */
enum platoon_status campaign_open(struct campaign *c, const char *file, const char *folder,
                                  enum campaign_use use, struct platoon_err *err);
/* Has `prepare` been run, or is there none? */
bool campaign_is_prepared(const struct campaign *c);
void campaign_release(struct campaign *c); /* zeroed is fine */

/* The run with this place has ended: `line` (borrowed) is one of runs.jsonl. All places with the
 * same identity have their run then. */
enum platoon_status campaign_take(struct campaign *c, const platoon_value *line,
                                  struct platoon_err *err);
/* Failed runs are to be tried again: they count as missing from now on. */
void campaign_forget_failures(struct campaign *c);
/* The first place with this identity; n_tasks: none. */
size_t campaign_find(const struct campaign *c, const struct identity *id);
/* The next place after this one with the same identity; n_tasks: none. */
size_t campaign_next(const struct campaign *c, size_t index);
/* Does another place before this one have the same identity? */
bool campaign_is_repeat(const struct campaign *c, size_t index);

#endif
