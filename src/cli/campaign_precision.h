/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_precision.h - how many replications each design point gets: all that the file says, or,
 * with `precision`, as many as it takes.
 *
 * With `precision` a point is looked at after each replication that all its arms have ended, from
 * the least number on, over exactly the replications up to that one; two precise looks in a row end
 * it (stats_look()). Some replications are submitted ahead of the looks, so that no slot waits. */
#ifndef PLATOON_CLI_CAMPAIGN_PRECISION_H
#define PLATOON_CLI_CAMPAIGN_PRECISION_H

#include "cli/campaign.h"

struct precision_point {
    size_t n_wanted; /* replications */
    size_t n_looked; /* the replications of the last look; 0: none yet */
    unsigned precise_looks;
    bool is_settled;
    double half_width, target; /* of the last look, in the metric's unit: it has this, wants that */
};

struct campaign_replications {
    const struct campaign *campaign;
    unsigned slots;
    struct precision_point *points;
    size_t n_open;
};

/* False: out of memory. */
bool replications_init(struct campaign_replications *r, const struct campaign *c, unsigned slots);
void replications_release(struct campaign_replications *r); /* zeroed is fine */
/* Look at what has ended; true if more replications are wanted now than before. ENOMEM. */
enum platoon_status replications_look(struct campaign_replications *r, bool *out_more);
/* The design point that is furthest from its target, of those that have a half-width (`only_open`:
 * and are not settled); NULL: none. */
const struct precision_point *replications_widest(const struct campaign_replications *r,
                                                  bool only_open);
/* Is this run wanted? */
bool replications_want(const struct campaign_replications *r, size_t index);

#endif
