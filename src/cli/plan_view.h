/* SPDX-License-Identifier: Apache-2.0 */
/* plan_view.h - tasks of a campaign's plan on stdout. */
#ifndef PLATOON_CLI_PLAN_VIEW_H
#define PLATOON_CLI_PLAN_VIEW_H

#include "cli/campaign_file.h"

/* Those with the `n` places in `indexes` (NULL: the first n). An exit code, after reporting.
 *
 * A JSON object a line: {"index", "point", "arm", "seed", "task"}. A full disk is told by main(). */
int plan_view_json(const struct campaign_file *c, const size_t *indexes, size_t n);
/* The first 20 as a table, and how many more there are. */
int plan_view_table(const struct campaign_file *c, const size_t *indexes, size_t n);

#endif
