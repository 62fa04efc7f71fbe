/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_args.h"

#include <stdlib.h>
#include <string.h>

#include "cli/campaign_file.h"
#include "cli/options.h"
#include "cli/reach.h"
#include "cli/talk.h"
#include "sumo/stop_rule.h"

enum {
    OPT_FOLDER = 1,
    OPT_SLOTS,
    OPT_SERVER,
    OPT_KEY_FILE,
    OPT_QUEUE,
    OPT_DRY_RUN,
    OPT_KEEP_FAILED,
    OPT_METRIC,
    OPT_JSON,
    OPT_SUMO,
    OPT_RUNNER,
    OPT_SET,
    OPT_SEEDS,
    OPT_NAME,
    OPT_CONTROLLER,
    OPT_STOP_WHEN,
    OPT_ATTEMPTS
};
enum { MAX_SLOTS = 1024 };

#define FOLDER_OPTION                                                                              \
    {                                                                                              \
        OPT_FOLDER, "folder", "DIR",                                                               \
            "where its runs are kept (default:\n"                                                  \
            "./platoon-data/NAME)"                                                                 \
    }
#define QUEUE_OPTION                                                                               \
    {                                                                                              \
        OPT_QUEUE, "queue", "TASK=RESULT",                                                         \
            "with --server: the pair of queues (default:\n"                                        \
            "get_task_queue=get_result_queue)"                                                     \
    }
#define SHOW_OPTIONS                                                                               \
    {OPT_METRIC, "metric", "NAME", "the metric that the verdict is about (default: the first)"},   \
    {                                                                                              \
        OPT_JSON, "json", NULL, "for programs: all means and differences as JSON"                  \
    }
#define KEEP_FAILED_OPTION                                                                         \
    {                                                                                              \
        OPT_KEEP_FAILED, "keep-failed", NULL,                                                      \
            "leave runs alone that failed before (else they are\n"                                 \
            "tried again)"                                                                         \
    }
#define ATTEMPTS_OPTION                                                                            \
    {                                                                                              \
        OPT_ATTEMPTS, "attempts", "N",                                                             \
            "give a task up when N workers were lost with it\n"                                    \
            "(default: what the file says, else 5)"                                                \
    }

const struct cmd_option run_args_of_run[] = {
    FOLDER_OPTION,
    {OPT_SLOTS, "slots", "N",
     "runs at a time on this machine (default: its CPUs,\n"
     "over those that a run keeps busy: limits, cpus)"},
    {OPT_SERVER, "server", "HOST:PORT",
     "run on the workers of this server (default: a server\n"
     "and a worker of its own, on this machine)"},
    {OPT_KEY_FILE, "authkey-file", "FILE",
     "with --server: the file that holds its key (default:\n"
     "PLATOON_AUTHKEY, else the key of a server on this\n"
     "machine, else a prompt); '-' is standard input"},
    QUEUE_OPTION,
    KEEP_FAILED_OPTION,
    ATTEMPTS_OPTION,
    {OPT_DRY_RUN, "dry-run", NULL, "list what would be run, and run nothing"},
    SHOW_OPTIONS,
    {OPT_SUMO, "sumo", "FILE.sumocfg", "a campaign of words: this configuration"},
    {OPT_RUNNER, "runner", "NAME",
     "a campaign of words: python FILE.py:FUNCTION, or\n"
     "command -- PROGRAM ARG..."},
    {OPT_SET, "set", "KEY=VALUE[,VALUE...]",
     "a parameter; with several values a factor (numbers,\n"
     "ranges) or the arms (the first of others); may be\n"
     "repeated"},
    {OPT_SEEDS, "seeds", "SEEDS", "as in 1..20 or 3,5,8 (default: 1)"},
    {OPT_CONTROLLER, "controller", "FILE.so",
     "with --sumo: a controller of your own (docs/sumo.md);\n"
     "may be repeated"},
    {OPT_STOP_WHEN, "stop-when", "RULE",
     "with --sumo: end runs early where RULE holds, as in\n"
     "'waiting > 2000' (docs/sumo.md)"},
    {OPT_NAME, "name", "NAME", "the campaign's (default: of the file that is run)"},
    {0},
};
const struct cmd_option run_args_of_submit[] = {
    FOLDER_OPTION,   REACH_OPTIONS(OPT_SERVER, OPT_KEY_FILE),
    QUEUE_OPTION,    KEEP_FAILED_OPTION,
    ATTEMPTS_OPTION, {0},
};
const struct cmd_option run_args_of_attach[] = {
    FOLDER_OPTION, REACH_OPTIONS(OPT_SERVER, OPT_KEY_FILE), QUEUE_OPTION, SHOW_OPTIONS, {0},
};

/* "TASK=RESULT", split. */
static bool set_queues(struct run_args *args, const char *text)
{
    char *equals;

    free(args->task_queue);
    args->task_queue = strdup(text);
    equals = args->task_queue ? strchr(args->task_queue, '=') : NULL;
    if (!equals || equals == args->task_queue || !equals[1])
        return false;
    *equals = '\0';
    args->result_queue = equals + 1;
    return true;
}

/* The operand that follows --runner python is its function, not a campaign file. */
static bool takes_function(const struct run_args *args)
{
    return args->words.runner && strcmp(args->words.runner, "python") == 0 &&
           args->words.n_words == 0;
}

/* An option of a campaign of words. False: reported. */
static bool take_word(struct campaign_words *w, struct options *o, int id)
{
    struct stop_rule rule;
    struct platoon_err err;

    if (id == OPT_SUMO)
        w->sumo = o->value;
    else if (id == OPT_NAME)
        w->name = o->value;
    else if (id == OPT_SEEDS)
        w->seeds = o->value;
    else if (id == OPT_RUNNER)
        w->runner = o->value;
    else if (id == OPT_STOP_WHEN && stop_rule_parse(o->value, "--stop-when", &rule, &err))
        return options_fail(o, "%s", err.message), false;
    else if (id == OPT_STOP_WHEN)
        w->stop_when = o->value;
    else if (id == OPT_CONTROLLER && w->n_controllers == CAMPAIGN_WORDS_MAX_CONTROLLERS)
        return options_fail(o, "more than %d controllers", CAMPAIGN_WORDS_MAX_CONTROLLERS), false;
    else if (id == OPT_CONTROLLER)
        w->controllers[w->n_controllers++] = o->value;
    else if (id == OPT_SET && w->n_sets == CAMPAIGN_WORDS_MAX_SETS)
        return options_fail(o, "more than %d times --set", CAMPAIGN_WORDS_MAX_SETS), false;
    else if (id == OPT_SET)
        w->sets[w->n_sets++] = o->value;
    return true;
}

/* A file, or words that make a campaign; not both. False: reported. */
static bool check_words(const struct run_args *args, struct options *o)
{
    const struct campaign_words *w = &args->words;

    if (args->file && (w->sumo || w->runner || w->n_sets || w->seeds || w->name ||
                       w->n_controllers || w->stop_when))
        options_fail(o, "the file says what to run; --sumo, --runner, --set, --seeds, --name, "
                        "--controller and --stop-when are for a campaign without one");
    else if (args->file && w->n_words)
        options_fail(o, "one campaign at a time, not also '%s'", w->words[0]);
    else if (w->sumo && w->runner)
        options_fail(o, "--sumo is a runner itself: leave --runner out");
    else if (w->runner && w->stop_when)
        options_fail(o, "--stop-when is of --sumo; a runner of your own ends by itself");
    else if (w->runner && strcmp(w->runner, "python") != 0 && strcmp(w->runner, "command") != 0)
        options_fail(o, "--runner is python or command here, not '%s'; for SUMO: --sumo FILE",
                     w->runner);
    else if (w->runner && w->n_words == 0)
        options_fail(o, "--runner %s needs %s", w->runner,
                     strcmp(w->runner, "python") == 0 ? "FILE.py:FUNCTION" : "-- PROGRAM ARG...");
    else if (!args->file && !w->sumo && !w->runner)
        options_fail(o, "name a campaign file; examples are in examples/campaigns");
    else
        return true;
    return false;
}

bool run_args_read(struct run_args *args, int argc, char **argv, int *out_exit_code)
{
    struct options o;

    if (!set_queues(args, "get_task_queue=get_result_queue")) {
        talk_error("out of memory");
        *out_exit_code = CMD_FAILED;
        return false;
    }

    options_init(&o, args->cmd, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        bool is_fine = id != OPTION_EXIT;

        if (id == OPTION_OPERAND && (o.after_dashes || takes_function(args))) {
            if (args->words.n_words++ == 0)
                args->words.words = (const char *const *)argv + o.at - 1;
        } else if (id == OPTION_OPERAND && args->file)
            is_fine = (options_fail(&o, "one campaign at a time, not also '%s'", o.value), false);
        else if (id == OPTION_OPERAND)
            args->file = o.value;
        else if (id == OPT_FOLDER)
            args->folder = o.value;
        else if (id == OPT_SLOTS)
            is_fine = options_integer(&o, 1, MAX_SLOTS, &args->slots);
        else if (id == OPT_ATTEMPTS)
            is_fine = options_integer(&o, 1, CAMPAIGN_MAX_ATTEMPTS, &args->attempts);
        else if (id == OPT_SERVER)
            args->server = o.value;
        else if (id == OPT_KEY_FILE)
            args->key_file = o.value;
        else if (id == OPT_METRIC)
            args->metric = o.value;
        else if (id == OPT_QUEUE && !set_queues(args, o.value))
            is_fine = (options_fail(&o, "--queue is TASK=RESULT, not '%s'", o.value), false);
        else
            is_fine = is_fine && take_word(&args->words, &o, id);
        args->is_dry |= id == OPT_DRY_RUN;
        args->keeps_failed |= id == OPT_KEEP_FAILED;
        args->wants_json |= id == OPT_JSON;
        *out_exit_code = o.exit_code;
        if (!is_fine)
            return false;
    }
    args->words.attempts = args->attempts;
    if (!check_words(args, &o)) {
        *out_exit_code = o.exit_code;
        return false;
    }
    return true;
}

void run_args_release(struct run_args *args)
{
    free(args->task_queue);
    args->task_queue = NULL;
}
