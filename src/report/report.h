/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - a campaign as one HTML file that needs nothing else: the question, the verdict,
 * tables, charts, what went wrong, how to do it again.
 *
 * No scripts, no links to other files; light and dark, screen and paper, English or Chinese. The
 * same runs make the same bytes. Its size is bounded whatever the campaign's is: the limits below,
 * and a sentence wherever one has left something out. */
#ifndef PLATOON_REPORT_REPORT_H
#define PLATOON_REPORT_REPORT_H

#include "base/buf.h"
#include "campaign/tally.h"
#include "campaign/verdict.h"

enum {
    REPORT_MAX_TABLE_ROWS = 400,
    REPORT_MAX_CHART_ROWS = 60, /* of means, of differences */
    REPORT_MAX_MARKS = 3000,    /* runs in one chart */
    REPORT_MAX_PANELS = 6,      /* of a swept factor */
    REPORT_MAX_FACTORS = 4,     /* swept, with charts of their own */
    REPORT_MAX_PANEL_POINTS = 400,
    REPORT_MAX_PROBLEMS = 100,
    REPORT_MAX_WORKERS = 64,
    REPORT_MAX_FILE_BYTES = 64 * 1024 /* of the campaign file that are shown */
};

/* A run as it was: seconds since 1970, NAN where it is not known. */
struct report_run {
    double started_s, ended_s;
    size_t place;  /* in the plan */
    size_t worker; /* of report.workers */
    bool is_failed;
};

/* A run that failed, or that is done but with an outcome other than ok. */
struct report_problem {
    size_t place;
    bool is_failed;
    const char *reason;
};

struct report {
    const struct campaign_plan *plan;
    const struct tally *tally;
    const int64_t *seeds; /* by replication */
    size_t n_seeds;
    size_t metric; /* that the question is about */
    enum verdict_language language;
    double max_failed_share;

    /* Everything below is borrowed and may be empty. */
    struct report_run *runs; /* put in another order */
    size_t n_runs;
    const char *const *workers;
    size_t n_workers;
    const struct report_problem *problems; /* the first of them */
    size_t n_problems, n_failed, n_not_ok, n_done;

    const char *file_path, *file_text, *file_sha256;
    const char *command;              /* that does it again */
    const char *const *sumo_versions; /* that results name */
    size_t n_sumo_versions;
    const char *const *hashes; /* of what runs read, as their results say */
    size_t n_hashes;
    size_t n_input_points;       /* design points whose files are in `inputs` */
    const platoon_value *inputs; /* dict: name of a file to its SHA-256; "": it is not here */
};

/* Append the file to `out`. ENOMEM only. `r->runs` is sorted. */
enum platoon_status report_write(const struct report *r, struct buf *out);

#endif
