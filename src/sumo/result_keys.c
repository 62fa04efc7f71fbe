/* SPDX-License-Identifier: Apache-2.0 */
/* result_keys.c - the list; result.c fills the first part of it, task.c reads the second. */
#include "sumo/result_keys.h"

#include <stddef.h>
#include <string.h>

static const char *const ours[] = {
    "seed",
    "total_time_spent_h",
    "total_travel_time_h",
    "mean_delay_s",
    "mean_speed_kmh",
    "vehicles_inserted",
    "vehicles_arrived",
    "vehicles_running",
    "vehicles_waiting",
    "teleports",
    "collisions",
    "measure_from_s",
    "measure_to_s",
    "end_time_s",
    "wall_s",
    "sumo_version",
    "inputs_sha256",
    "outcome",
    "stopped_by",
    "platoon_error",

    "filename",
    "control_bool",
    "control",
    "begin",
    "end",
    "options",
    "metrics",
    "measure",
    "stop_when",
    "task",
};

bool result_key_is_ours(const char *key)
{
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(ours[i], key) == 0)
            return true;
    return false;
}
