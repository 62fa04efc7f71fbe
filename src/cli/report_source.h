/* SPDX-License-Identifier: Apache-2.0 */
/* report_source.h - what a report is made from, gathered from a campaign's folder and files. */
#ifndef PLATOON_CLI_REPORT_SOURCE_H
#define PLATOON_CLI_REPORT_SOURCE_H

#include "cli/campaign.h"
#include "report/report.h"

/* The first few different texts; an "…" at their end stands for more. */
enum { REPORT_MAX_TEXTS = 8 };
struct report_texts {
    char *texts[REPORT_MAX_TEXTS + 1];
    size_t n;
};

struct report_source {
    struct report report; /* everything in it belongs to this struct or to the campaign */
    struct report_run *runs;
    size_t runs_cap;
    char **workers;
    size_t n_workers, workers_cap;
    struct report_problem problems[REPORT_MAX_PROBLEMS];
    struct report_texts sumo_versions, hashes;
    platoon_value *inputs;
    char *file_text, *command;
    char file_hash[IDENTITY_FILE_TEXT];
};

/* `c` is borrowed and must live as long; `file` is the campaign file's path and `folder` the one
 * that was named, or NULL. Release `s` also after a failure. Blocks on the disk. */
enum platoon_status report_source_gather(struct report_source *s, const struct campaign *c,
                                         const char *file, const char *folder,
                                         struct platoon_err *err);
void report_source_release(struct report_source *s); /* zeroed is fine */

#endif
