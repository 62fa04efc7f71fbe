/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sumo_runner.c - `platoon _sumo-runner`: the process of a slot that runs SUMO tasks. */
#include "cli/cmd.h"
#include "sumo/sumo_runner.h"

const struct cmd cmd_sumo_runner = {
    .name = "_sumo-runner",
    .summary = "run SUMO tasks for a slot",
    .usage = "[--root DIR] [--sumo EXE] [--allow-any-path] "
             "[--sumo-backend auto|libsumo|traci] [--controller FILE.so]... "
             "[--keep none|failed|all --keep-dir DIR] [--timeout SECONDS]",
    .about = "Started by `platoon work`, with tasks on descriptor 3 and results on 4.\n",
    .options = (const struct cmd_option[]){{0}},
    .is_hidden = true,
    .run = sumo_runner_main,
};
