/* SPDX-License-Identifier: Apache-2.0 */
/* task.h - a task's dict into a checked plan of one SUMO run: decides, does nothing. Touches the
 * file system only to look whether the files that the task names are there and may be used, and to
 * read the configuration and `<name>.platoon.yaml`.
 *
 *     {'filename': 'data/x.sumocfg',   required; relative to the root
 *      'control_bool': True,           whether a controller runs; absent: whether 'control' is there
 *      'control': {...},               see control/settings.h
 *      'seed': 7,                      absent, as the next two: the configuration's
 *      'begin': 0, 'end': 3600,
 *      'options': {...},               those of SUMO's options that a task may set; see below
 *      'metrics': {...},               see measure/settings.h, as for the next
 *      'measure': {...},
 *      'stop_when': 'waiting > 2000',  see stop_rule.h
 *      ...}                            the task's own; comes back in the result
 *
 * options: scale, step-length, time-to-teleport, max-depart-delay (numbers), route-files,
 * additional-files (a path, or a list of paths, relative to the root), and any NAME-output, whose
 * value is a plain file name that ends in .xml: it is written into the task's folder, as is every
 * other output of the run. */
#ifndef PLATOON_SUMO_TASK_H
#define PLATOON_SUMO_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/value.h>

#include "sumo/config_file.h"
#include "sumo/control/settings.h"
#include "sumo/measure/settings.h"
#include "sumo/paths.h"
#include "sumo/stop_rule.h"

struct sumo_plan {
    platoon_value *task; /* counted */
    char *config;        /* absolute */
    struct config_file configured;
    bool knows_seed; /* false: the configuration cannot be read, so only SUMO knows */
    int64_t seed;    /* what SUMO will use */
    bool sets_seed;  /* else the configuration's stays */
    bool has_begin, has_end;
    double begin_s, end_s; /* the task's, else the configuration's, where has_ says so */
    bool sets_begin, sets_end;
    bool is_controlled;
    struct control_settings control; /* if is_controlled */
    char **options;                  /* "--scale", "1.2", ...; NULL-terminated */
    size_t n_options;
    char statistic_file[PATH_PLAIN_NAME_BYTES + 1]; /* plain names */
    char summary_file[PATH_PLAIN_NAME_BYTES + 1];
    char tripinfo_file[PATH_PLAIN_NAME_BYTES + 1]; /* is written if `measure` needs it */
    struct measure_settings measure;
    struct stop_rule stop; /* no conditions: none */
};

/* EINVAL (the task is wrong), ENOTFOUND (a file is not there), each with a sentence that names the
 * key; EIO, ENOMEM. On success `out` is to be released; it keeps `task`. */
enum platoon_status sumo_plan_make(platoon_value *task, const struct path_rules *rules,
                                   struct sumo_plan *out, struct platoon_err *err);
/* `dir/name.platoon.yaml` for `dir/name.sumocfg`; malloc()ed, NULL when out of memory. */
char *task_settings_path(const char *config);
void sumo_plan_release(struct sumo_plan *plan); /* a zeroed one is fine */

#endif
