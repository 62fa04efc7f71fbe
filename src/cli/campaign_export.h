/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_export.h - a campaign's results for other programs: one row a run, and one row a design
 * point, arm and metric; full precision.
 *
 * Columns of a run: task, id, the factors by name, arm, seed, state, outcome, error, attempt,
 * worker, started, ended (seconds since 1970), then every number and text of the results that is no
 * parameter, in the order they are met. Columns of a point: the factors, arm, metric, unit, n,
 * n_failed, n_not_ok, mean, sd, half_width, min, q25, median, q75, max. */
#ifndef PLATOON_CLI_CAMPAIGN_EXPORT_H
#define PLATOON_CLI_CAMPAIGN_EXPORT_H

#include <stdio.h>

#include "cli/campaign.h"

enum export_rows { EXPORT_RUNS, EXPORT_POINTS };

/* CSV (RFC 4180) to `out`; its errors are the caller's to look at. */
enum platoon_status campaign_export_csv(const struct campaign *c, enum export_rows rows, FILE *out,
                                        struct platoon_err *err);
/* One JSON object a line: of a run what runs.jsonl has, with "index". */
enum platoon_status campaign_export_jsonl(const struct campaign *c, enum export_rows rows,
                                          FILE *out, struct platoon_err *err);
/* A SQLite file with tables `runs` and `points`, made anew: written beside `path` and moved there.
 * EIO. */
enum platoon_status campaign_export_sqlite(const struct campaign *c, const char *path,
                                           struct platoon_err *err);

#endif
