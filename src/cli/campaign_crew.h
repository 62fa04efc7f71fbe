/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_crew.h - a server and one worker for a campaign's tasks, on this machine.
 *
 * A worker that is killed (by the kernel for want of memory, by somebody) is no end of the campaign:
 * it is started again once its tasks have come back, and they have lost an attempt. One that ends by
 * itself has a reason that would end the next one too. */
#ifndef PLATOON_CLI_CAMPAIGN_CREW_H
#define PLATOON_CLI_CAMPAIGN_CREW_H

#include "cli/campaign.h"
#include "cli/crew.h"

struct campaign_crew {
    struct crew crew;
    const struct campaign *campaign;
    const char *folder;
    unsigned slots;
    platoon_value *words;   /* of the worker */
    uint64_t lost_ns;       /* when the worker was seen to have been killed; 0: it runs */
    uint64_t asked_ns;      /* when the worker was asked to end; 0: it was not */
    unsigned n_lost_in_row; /* since a run ended */
    size_t n_ended;         /* runs, when the worker was last lost */
};

/* Start both in `folder` (absolute; borrowed, as `c`); campaign_crew_stop() also after a failure. */
enum platoon_status campaign_crew_start(struct campaign_crew *crew, const struct campaign *c,
                                        const char *folder, unsigned slots,
                                        struct platoon_err *err);
/* Call it now and then. PLATOON_OK while both run, or a killed worker is about to be started again;
 * else who ended, and how. A worker that is killed more often in a row than a task has attempts,
 * without one run ended between, is not started again. */
enum platoon_status campaign_crew_check(struct campaign_crew *crew, struct platoon_err *err);
/* Ask the worker to end, at the first call: running tasks get its grace to finish. True while it may
 * still bring results. */
bool campaign_crew_wind_down(struct campaign_crew *crew);
void campaign_crew_stop(struct campaign_crew *crew); /* zeroed is fine */

#endif
