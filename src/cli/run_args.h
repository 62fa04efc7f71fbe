/* SPDX-License-Identifier: Apache-2.0 */
/* run_args.h - the command lines of `platoon run`, `submit` and `attach`. */
#ifndef PLATOON_CLI_RUN_ARGS_H
#define PLATOON_CLI_RUN_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/campaign_words.h"
#include "cli/cmd.h"

extern const struct cmd_option run_args_of_run[], run_args_of_submit[], run_args_of_attach[];

struct run_args {
    const struct cmd *cmd;
    const char *file, *folder, *server, *key_file, *metric;
    char *task_queue, *result_queue; /* one block, at task_queue */
    struct campaign_words words;     /* in place of a file, if there are any */
    int64_t slots, attempts;         /* 0: not said */
    bool is_submitting, is_waiting, is_dry, keeps_failed, wants_json;
};

/* Read the options into `args`, whose cmd, is_submitting and is_waiting are set. False: it was
 * reported, or help was shown, and *out_exit_code is the end. run_args_release() either way. */
bool run_args_read(struct run_args *args, int argc, char **argv, int *out_exit_code);
void run_args_release(struct run_args *args);

#endif
