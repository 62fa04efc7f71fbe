/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_view.h - what a campaign found, on stdout: the verdict and tables for people, JSON for
 * programs. */
#ifndef PLATOON_CLI_CAMPAIGN_VIEW_H
#define PLATOON_CLI_CAMPAIGN_VIEW_H

#include "cli/campaign.h"

/* The verdict on the first metric (or on `metric`, if it is not NULL), a table of means and one of
 * differences. False when out of memory. */
bool campaign_print(const struct campaign *c, const char *metric);
/* The same as one JSON object, full precision: see docs/campaigns.md. */
bool campaign_print_json(const struct campaign *c);

#endif
