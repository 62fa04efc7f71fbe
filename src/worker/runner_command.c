/* SPDX-License-Identifier: Apache-2.0 */
/* runner_command.c - a program for each task: its arguments from a template, the task as JSON on
 * stdin, the result from stdout: JSON if it parses (json_read.h), else text. */
#include <stdlib.h>
#include <string.h>

#include "config/json_read.h"
#include "worker/runner.h"
#include "worker/template.h"
#include "base/text.h"

struct command {
    struct template *args; /* the first is the program */
    size_t n_args;
    size_t n_before_dashes; /* arguments from this on stand behind a literal `--` */
};

static void command_close(void *runner)
{
    struct command *c = runner;

    if (!c)
        return;
    for (size_t i = 0; i < c->n_args; i++)
        template_release(&c->args[i]);
    free(c->args);
    free(c);
}

static enum platoon_status command_open(const struct runner_options *options, void **out_runner,
                                        struct platoon_err *err)
{
    struct command *c;
    enum platoon_status st = PLATOON_OK;

    if (options->n_args == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the command runner needs a program: --runner command -- PROGRAM "
                            "ARG..., for example: --runner command -- ./simulate --seed={seed}");
    c = calloc(1, sizeof *c);
    if (c)
        c->args = calloc(options->n_args, sizeof *c->args);
    if (!c || !c->args) {
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        goto fail;
    }
    c->n_before_dashes = options->n_args;
    for (; c->n_args < options->n_args; c->n_args++) {
        const char *text = options->args[c->n_args];

        st = template_parse(text, &c->args[c->n_args], err);
        if (st != PLATOON_OK)
            goto fail;
        if (c->n_args > 0 && strcmp(text, "--") == 0 && c->n_before_dashes == options->n_args)
            c->n_before_dashes = c->n_args + 1;
    }
    if (template_has_keys(&c->args[0])) {
        st = platoon_fail(
            err, PLATOON_EINVAL,
            "the program of the command runner is '%s', but what is run is for whoever "
            "starts the worker to say, not for a task: name the program, and put "
            "{keys} into its arguments",
            options->args[0]);
        goto fail;
    }
    *out_runner = c;
    return PLATOON_OK;

fail:
    command_close(c);
    return st;
}

static bool command_plan(void *runner, const struct task *task, struct run_plan *plan,
                         struct failure *out_failure)
{
    const struct command *c = runner;
    struct platoon_err err;
    char *json;
    size_t len;

    for (size_t i = 0; i < c->n_args; i++) {
        char *arg;
        enum platoon_status st =
            template_expand(&c->args[i], task->value, i >= c->n_before_dashes, &arg, &err);

        if (st != PLATOON_OK) {
            failure_set(out_failure, st == PLATOON_EINVAL ? FAILURE_BAD_TASK : FAILURE_INTERNAL,
                        "%s", err.message);
            return false;
        }
        if (!run_plan_take(plan, arg))
            goto no_memory;
    }
    json = platoon_json(task->value);
    if (!json)
        goto no_memory;
    len = strlen(json);
    json[len] = '\n'; /* in place of its NUL */
    plan->input = (uint8_t *)json;
    plan->input_len = len + 1;
    return true;

no_memory:
    failure_set(out_failure, FAILURE_INTERNAL, "out of memory");
    return false;
}

static void command_collect(void *runner, const uint8_t *output, size_t output_len,
                            struct outcome *out)
{
    const char *text = output_len ? (const char *)output : "";
    size_t valid = text_valid_prefix(text, output_len);
    platoon_value *value;
    enum platoon_status st;

    (void)runner;
    if (valid < output_len) {
        outcome_fail(
            out, FAILURE_BAD_OUTPUT,
            "what it printed is neither JSON nor text: byte %zu of its stdout (0x%02x) is not "
            "UTF-8",
            valid, output[valid]);
        return;
    }
    st = json_read(text, output_len, &value, NULL);
    if (st == PLATOON_EINVAL) {
        if (output_len > 0 && text[output_len - 1] == '\n')
            output_len--;
        value = platoon_str_n(text, output_len);
        st = value ? PLATOON_OK : PLATOON_ENOMEM;
    }
    if (st == PLATOON_OK)
        outcome_take_value(out, value, output_len);
    else
        outcome_fail(out, FAILURE_INTERNAL, "out of memory for its output of %zu bytes",
                     output_len);
}

const struct runner_ops runner_command = {
    .name = "command",
    .summary = "command -- PROGRAM ARG...",
    .shape = RUNNER_PER_TASK,
    .open = command_open,
    .close = command_close,
    .plan = command_plan,
    .collect = command_collect,
};
