/* SPDX-License-Identifier: Apache-2.0 */
/* runner_sumo.c - SUMO simulations, in processes of this same program (`platoon _sumo-runner`,
 * src/sumo). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/runner.h"

struct sumo {
    const struct runner_options *options;
    char program[PATH_MAX]; /* our own */
};

static enum platoon_status sumo_open(const struct runner_options *options, void **out_runner,
                                     struct platoon_err *err)
{
    struct sumo *s;
    ssize_t n;

    if (options->n_args > 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the sumo runner takes no arguments ('%s'): each task names its file",
                            options->args[0]);
    s = calloc(1, sizeof *s);
    if (!s)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    s->options = options;
    n = readlink("/proc/self/exe", s->program, sizeof s->program - 1);
    if (n < 0) {
        free(s);
        return platoon_fail(err, PLATOON_EIO, "/proc/self/exe cannot be read; is /proc mounted?");
    }
    *out_runner = s;
    return PLATOON_OK;
}

static bool sumo_command(void *runner, struct run_plan *plan)
{
    const struct sumo *s = runner;
    const struct runner_options *options = s->options;
    char timeout[32];

    if (!run_plan_add(plan, s->program) || !run_plan_add(plan, "_sumo-runner"))
        return false;
    if (options->allow_any_path && !run_plan_add(plan, "--allow-any-path"))
        return false;
    if (options->sumo && (!run_plan_add(plan, "--sumo") || !run_plan_add(plan, options->sumo)))
        return false;
    if (options->sumo_backend &&
        (!run_plan_add(plan, "--sumo-backend") || !run_plan_add(plan, options->sumo_backend)))
        return false;
    for (size_t i = 0; i < options->n_controllers; i++)
        if (!run_plan_add(plan, "--controller") || !run_plan_add(plan, options->controllers[i]))
            return false;
    if (options->keep &&
        (!run_plan_add(plan, "--keep") || !run_plan_add(plan, options->keep) ||
         !run_plan_add(plan, "--keep-dir") || !run_plan_add(plan, options->keep_dir)))
        return false;
    if (options->timeout_s > 0) {
        (void)snprintf(timeout, sizeof timeout, "%.3f", options->timeout_s);
        if (!run_plan_add(plan, "--timeout") || !run_plan_add(plan, timeout))
            return false;
    }
    return true;
}

const struct runner_ops runner_sumo = {
    .name = "sumo",
    .summary = "sumo",
    .shape = RUNNER_PERSISTENT,
    .limits_itself = true,
    .open = sumo_open,
    .close = free,
    .command = sumo_command,
};
