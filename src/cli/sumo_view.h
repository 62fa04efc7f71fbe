/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_view.h - what `platoon sumo` shows: how far the run is, its figures, what went wrong. */
#ifndef PLATOON_CLI_SUMO_VIEW_H
#define PLATOON_CLI_SUMO_VIEW_H

#include <stdbool.h>

#include "sumo/sumo_run.h"

#define SUMO_VIEW_EVERY_S 0.2

/* A line on stderr that redraws itself; nothing where stderr is no terminal. Must stay where it is
 * until sumo_view_end(). */
struct sumo_view {
    const char *label; /* borrowed */
    bool is_live, is_up;
};

void sumo_view_begin(struct sumo_view *view, const char *label);
/* For sumo_run_options.on_progress; `arg` is the view. */
void sumo_view_progress(const struct sumo_progress *progress, void *arg);
void sumo_view_end(struct sumo_view *view); /* erases the line */

/* The result's figures as a table with units, on stdout: ours, then the metrics that are the user's
 * own (what is neither ours nor the task's). False: reported. */
bool sumo_view_table(const platoon_value *result, const platoon_value *task);
/* What SUMO warned of in a run that went well, on stderr. */
void sumo_view_warnings(const struct sumo_failure *from_run);
/* Why there is no result, in SUMO's own words, on stderr. */
void sumo_view_failure(const struct sumo_failure *failure);

#endif
