/* SPDX-License-Identifier: Apache-2.0 */
/* config_file.h - what a .sumocfg says about things that a run needs to know beforehand.
 *
 * SUMO is the judge of its own file: one that cannot be read here (malformed, or in a character set
 * that expat does not know) is left to SUMO, which says what is wrong with it better. */
#ifndef PLATOON_SUMO_CONFIG_FILE_H
#define PLATOON_SUMO_CONFIG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "sumo/paths.h"

struct config_file {
    bool was_read; /* to its end; otherwise the rest is what was seen until there */
    bool has_seed;
    int64_t seed;
    bool is_random; /* <random value="true"/>: a seed from the clock */
    bool has_begin, has_end;
    double begin_s, end_s;
    bool sets_validation; /* any of xml-validation, .net, .routes */
    bool sets_summary_period;
    /* File names of these outputs without their folders, if they are plain .xml names; else "" */
    char statistic_file[PATH_PLAIN_NAME_BYTES + 1], summary_file[PATH_PLAIN_NAME_BYTES + 1];
    char tripinfo_file[PATH_PLAIN_NAME_BYTES + 1];
};

void config_file_read(const char *path, struct config_file *out);

/* A time as SUMO writes and reads it: seconds, or [days:]hours:minutes:seconds. False if it is
 * neither. */
bool config_time_parse(const char *text, double *out_s);

#endif
