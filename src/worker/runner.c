/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c - the table of runners, and the plans they make. */
#include "worker/runner.h"

#include <stdlib.h>
#include <string.h>

const struct runner_ops *const runner_table[] = {&runner_sumo, &runner_python, &runner_command,
                                                 NULL};

const struct runner_ops *runner_find(const char *name)
{
    for (size_t i = 0; runner_table[i]; i++)
        if (strcmp(runner_table[i]->name, name) == 0)
            return runner_table[i];
    return NULL;
}

bool run_plan_take(struct run_plan *p, char *arg)
{
    char **grown = arg ? realloc(p->argv, (p->n_argv + 2) * sizeof *grown) : NULL;

    if (!grown) {
        free(arg);
        return false;
    }
    p->argv = grown;
    p->argv[p->n_argv++] = arg;
    p->argv[p->n_argv] = NULL;
    return true;
}

bool run_plan_add(struct run_plan *p, const char *arg)
{
    return run_plan_take(p, strdup(arg));
}

void run_plan_release(struct run_plan *p)
{
    for (size_t i = 0; i < p->n_argv; i++)
        free(p->argv[i]);
    free(p->argv);
    free(p->input);
    *p = (struct run_plan){.argv = NULL};
}
