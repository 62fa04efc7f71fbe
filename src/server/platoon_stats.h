/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_stats.h - stats() of the `platoon` type: what `platoon status --json` shows. */
#ifndef PLATOON_SERVER_PLATOON_STATS_H
#define PLATOON_SERVER_PLATOON_STATS_H

struct request;

/* Ask the store, then reply. Ends the request. */
void platoon_stats_reply(struct request *rq);

#endif
