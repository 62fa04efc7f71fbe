/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_crew.h - a server and one worker for a campaign's tasks, on this machine. */
#ifndef PLATOON_CLI_CAMPAIGN_CREW_H
#define PLATOON_CLI_CAMPAIGN_CREW_H

#include "cli/campaign.h"
#include "cli/crew.h"

/* Start both in `folder` (absolute; borrowed by the crew); crew_stop() also after a failure. */
enum platoon_status campaign_crew_start(struct crew *crew, const struct campaign *c,
                                        const char *folder, unsigned slots,
                                        struct platoon_err *err);

#endif
