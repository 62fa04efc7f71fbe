/* SPDX-License-Identifier: Apache-2.0 */
/* runner_python.c - a function of the user's, called in an interpreter that stays. What speaks to
 * us there is python_driver.py, which the build puts into this program. */
#include <stdlib.h>
#include <string.h>

#include "worker/runner.h"

extern const char python_driver[]; /* made by cmake/embed.cmake */

/* The driver comes as the first frame, so that `ps` shows a line and not all of it. */
static const char bootstrap[] =
    "import os, struct, sys\n"
    "def read(n):\n"
    "    data = b''\n"
    "    while len(data) < n:\n"
    "        data += os.read(3, n - len(data)) or sys.exit(1)\n"
    "    return data\n"
    "exec(compile(read(struct.unpack('>I', read(4))[0]), 'platoon python runner', 'exec'))\n";

static enum platoon_status python_open(const struct runner_options *options, void **out_runner,
                                       struct platoon_err *err)
{
    const char *target = options->n_args ? options->args[0] : "";
    const char *colon = strrchr(target, ':');

    if (options->n_args != 1 || !colon || colon == target || colon[1] == '\0')
        return platoon_fail(err, PLATOON_EINVAL,
                            "the python runner needs a function: --runner python FILE.py:FUNCTION "
                            "or --runner python MODULE:FUNCTION%s%s",
                            options->n_args ? "; given was " : "", target);
    *out_runner = (void *)options;
    return PLATOON_OK;
}

static void python_close(void *runner)
{
    (void)runner; /* borrowed options */
}

static bool python_command(void *runner, struct run_plan *plan)
{
    const struct runner_options *options = runner;
    const size_t len = strlen(python_driver);

    plan->input = malloc(4 + len);
    if (!plan->input)
        return false;
    for (int i = 0; i < 4; i++)
        plan->input[i] = (uint8_t)(len >> (24 - 8 * i));
    memcpy(plan->input + 4, python_driver, len);
    plan->input_len = 4 + len;
    /* -u: what it prints arrives in order with what its children print, also when it is killed. */
    return run_plan_add(plan, options->python ? options->python : "python3") &&
           run_plan_add(plan, "-u") && run_plan_add(plan, "-c") && run_plan_add(plan, bootstrap) &&
           run_plan_add(plan, options->args[0]);
}

const struct runner_ops runner_python = {
    .name = "python",
    .summary = "python FILE.py:FUNCTION",
    .shape = RUNNER_PERSISTENT,
    .says_ready = true,
    .takes_opaque = true,
    .open = python_open,
    .close = python_close,
    .command = python_command,
};
