/* SPDX-License-Identifier: Apache-2.0 */
/* command_line.c - the task's options, what the result needs, and where outputs go. */
#include "sumo/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* SUMO writes its log in blocks of 4 KB, some 45 lines: one a step is what it costs to know how far it
 * is (0.1 s in a day of 86400 steps). */
enum { SUMMARY_PERIOD_S = 60, STEP_LOG_PERIOD_STEPS = 1 };

bool argv_push(char ***argv, size_t *n, char *text)
{
    char **grown = text ? realloc(*argv, (*n + 2) * sizeof *grown) : NULL;

    if (!grown) {
        free(text);
        return false;
    }
    *argv = grown;
    grown[(*n)++] = text;
    grown[*n] = NULL;
    return true;
}

void argv_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}

char *argv_number(double number)
{
    char text[NUM_DOUBLE_ROOM];
    size_t len = num_double_text(number, text);

    /* Where SUMO reads an int, "7.0" is an error. */
    if (len > 2 && strcmp(text + len - 2, ".0") == 0)
        len -= 2;
    return strndup(text, len);
}

struct argv_builder {
    char **argv;
    size_t n;
    bool failed;
};

static void add(struct argv_builder *b, const char *text)
{
    if (!argv_push(&b->argv, &b->n, strdup(text)))
        b->failed = true;
}

static void add_option(struct argv_builder *b, const char *name, const char *value)
{
    add(b, name);
    add(b, value);
}

static void add_number(struct argv_builder *b, const char *name, double value)
{
    add(b, name);
    if (!argv_push(&b->argv, &b->n, argv_number(value)))
        b->failed = true;
}

/* SUMO resolves the outputs that a configuration or a detector names against the folder of the file
 * that names them, and puts this prefix between that folder and the file's name. Enough "../" lead
 * from any folder to "/", and from there into the task's folder: so every output of a run lands
 * there, whoever asked for it. */
static void add_output_prefix(struct argv_builder *b, const char *task_dir)
{
    static const char up[] = "../../../../../../../../../../../../../../../../"
                             "../../../../../../../../../../../../../../../../"
                             "../../../../../../../../../../../../../../../../"
                             "../../../../../../../../../../../../../../../..";
    char *prefix;

    if (asprintf(&prefix, "%s%s/", up, task_dir) < 0)
        prefix = NULL;
    add(b, "--output-prefix");
    if (!argv_push(&b->argv, &b->n, prefix))
        b->failed = true;
}

static bool has_option(const struct sumo_plan *plan, const char *flag)
{
    for (size_t i = 0; i < plan->n_options; i += 2) {
        if (strcmp(plan->options[i], flag) == 0)
            return true;
    }
    return false;
}

/* What the result is made of: figures of all vehicles, also of those that did not arrive or
 * depart. */
static void add_measuring(struct argv_builder *b, const struct sumo_plan *plan,
                          const struct sumo_program *program)
{
    bool has_period = program->major > 1 || program->minor >= 15;

    if (!has_option(plan, "--statistic-output"))
        add_option(b, "--statistic-output", plan->statistic_file);
    if (!has_option(plan, "--summary-output"))
        add_option(b, "--summary-output", plan->summary_file);
    if (measure_needs_tripinfo(&plan->measure) && !has_option(plan, "--tripinfo-output"))
        add_option(b, "--tripinfo-output", plan->tripinfo_file);
    if (has_period && !plan->configured.sets_summary_period)
        add_number(b, "--summary-output.period", SUMMARY_PERIOD_S);
    add_option(b, "--duration-log.statistics", "true");
    add_option(b, "--tripinfo-output.write-unfinished", "true");
    add_option(b, "--tripinfo-output.write-undeparted", "true");
}

char **command_line(const struct sumo_plan *plan, const struct sumo_program *program,
                    const char *task_dir, unsigned port)
{
    struct argv_builder b = {0};

    add(&b, program->path);
    add_option(&b, "--configuration-file", plan->config);
    if (plan->sets_seed) {
        add_option(&b, "--random", "false"); /* or the configuration's "random" would win */
        add_number(&b, "--seed", (double)plan->seed);
    }
    if (plan->sets_begin)
        add_number(&b, "--begin", plan->begin_s);
    if (plan->sets_end)
        add_number(&b, "--end", plan->end_s);
    for (size_t i = 0; i < plan->n_options; i++)
        add(&b, plan->options[i]);
    add_measuring(&b, plan, program);
    add_output_prefix(&b, task_dir);
    add_option(&b, "--no-step-log", "false");
    add_number(&b, "--step-log.period", STEP_LOG_PERIOD_STEPS);
    if (!plan->configured.sets_validation)
        add_option(&b, "--xml-validation", "never");
    /* 0 is off: a configuration that names a port would wait for a client. */
    add_number(&b, "--remote-port", port);
    if (port)
        add_number(&b, "--num-clients", 1);
    if (b.failed) {
        argv_free(b.argv);
        return NULL;
    }
    return b.argv;
}
