/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_drive.h - a campaign's tasks put on a server's queue, and its results written down as
 * they come.
 *
 * Results are looked at, not taken: they stay at the server for others, and a command that is cut
 * off loses none. What was submitted is written down too, so that the next command finds its tasks
 * again; it asks the server whether they are still the same. */
#ifndef PLATOON_CLI_CAMPAIGN_DRIVE_H
#define PLATOON_CLI_CAMPAIGN_DRIVE_H

#include <signal.h>

#include <platoon/manager.h>

#include "cli/campaign.h"

struct drive_options {
    const char *task_queue, *result_queue;
    unsigned slots;     /* how many run at a time, as far as is known: how far to submit ahead */
    bool is_remote;     /* a server that outlives this command: earlier tasks may be there */
    bool is_submitting; /* else only wait for what was submitted */
    bool is_waiting;    /* else return when all is submitted */
    const volatile sig_atomic_t *stop;
    /* Called now and then while waiting; may be NULL. Anything but PLATOON_OK ends it. */
    enum platoon_status (*check)(void *arg, struct platoon_err *err);
    /* Called once *stop is set, and then after each look: true while what runs may still end with a
     * result that is worth waiting for. NULL: nothing is waited for. */
    bool (*wind_down)(void *arg);
    void *arg; /* of both */
};

/* Submit what is missing and wait until all that is wanted has ended, with progress on stderr.
 * EINTR when *stop is set; EREMOTE, ECLOSED, EUNKNOWN: the server's trouble; EIO: this folder's. */
enum platoon_status campaign_drive(struct campaign *c, platoon_manager *m,
                                   const struct drive_options *options, struct platoon_err *err);

/* Append to `list` (a list value) the numbers of the tasks that were submitted to `task_queue` and
 * wait or run at this server. Nothing is written. */
enum platoon_status campaign_unfinished(struct campaign *c, platoon_manager *m,
                                        const char *task_queue, platoon_value *list,
                                        struct platoon_err *err);

#endif
