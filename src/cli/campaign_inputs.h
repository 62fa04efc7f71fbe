/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_inputs.h - what decides a task's result beside the task: what runs it, which version of
 * this program, and the contents of its files.
 *
 * Files are those that the campaign names (`inputs`), the program of a command and the file of a
 * Python function where they are below the root, and of SUMO whatever the run reads
 * (sumo/inputs/inputs.h).
 * Hashing is done once for each set of files. A file that is not there counts as absent: a worker
 * elsewhere may have it. */
#ifndef PLATOON_CLI_CAMPAIGN_INPUTS_H
#define PLATOON_CLI_CAMPAIGN_INPUTS_H

#include "cli/campaign_file.h"
#include "sumo/inputs/inputs.h"

struct campaign_inputs {
    const struct campaign_file *file;
    platoon_value *shared;     /* the recipe of every task: runner, version, files */
    platoon_value *by_reading; /* dict: what a SUMO task reads, as JSON, to its recipe */
    struct input_cache cache;
};

enum platoon_status campaign_inputs_init(struct campaign_inputs *in,
                                         const struct campaign_file *file, struct platoon_err *err);
void campaign_inputs_release(struct campaign_inputs *in); /* zeroed is fine */
/* The recipe of a task, borrowed until release. */
enum platoon_status campaign_inputs_of(struct campaign_inputs *in, const platoon_value *task,
                                       const platoon_value **out, struct platoon_err *err);
/* Is `path` (absolute, or below the root) a file here? */
bool campaign_inputs_has(const struct campaign_file *file, const char *path);

#endif
