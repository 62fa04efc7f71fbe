/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c - `platoon run`, `submit`, `attach`: a campaign file becomes runs, and runs an answer.
 *
 * Without --server the command starts a server and a worker of its own for as long as it needs
 * them; what counts is the campaign's folder, so that the same command goes on where the last one
 * ended. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/campaign_drive.h"
#include "cli/campaign_view.h"
#include "cli/cmd.h"
#include "cli/crew.h"
#include "cli/options.h"
#include "cli/reach.h"
#include "cli/talk.h"
#include "sumo/control/controller.h"
#include "sumo/control/plugin.h"
#include "worker/cpus.h"

enum {
    OPT_FOLDER = 1,
    OPT_SLOTS,
    OPT_SERVER,
    OPT_KEY_FILE,
    OPT_QUEUE,
    OPT_DRY_RUN,
    OPT_KEEP_FAILED,
    OPT_METRIC,
    OPT_CONTROLLER,
    OPT_JSON
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

static const struct cmd_option run_options[] = {
    FOLDER_OPTION,
    {OPT_SLOTS, "slots", "N", "runs at a time on this machine (default: its CPUs)"},
    REACH_OPTIONS(OPT_SERVER, OPT_KEY_FILE),
    QUEUE_OPTION,
    KEEP_FAILED_OPTION,
    {OPT_CONTROLLER, "controller", "FILE.so",
     "SUMO, on this machine: a controller of your own\n"
     "(docs/sumo.md); may be repeated"},
    {OPT_DRY_RUN, "dry-run", NULL, "say what would be run, and run nothing"},
    SHOW_OPTIONS,
    {0},
};
static const struct cmd_option submit_options[] = {
    FOLDER_OPTION, REACH_OPTIONS(OPT_SERVER, OPT_KEY_FILE), QUEUE_OPTION, KEEP_FAILED_OPTION, {0},
};
static const struct cmd_option attach_options[] = {
    FOLDER_OPTION, REACH_OPTIONS(OPT_SERVER, OPT_KEY_FILE), QUEUE_OPTION, SHOW_OPTIONS, {0},
};

static int run(int argc, char **argv);
static int submit(int argc, char **argv);
static int attach(int argc, char **argv);

const struct cmd cmd_run = {
    .name = "run",
    .summary = "run a campaign, and say what it found",
    .usage = "FILE.yaml [OPTION]...",
    .about =
        "Run what a campaign file says (docs/campaigns.md): on this machine, or with --server on\n"
        "the workers of a server. Results are kept in the campaign's folder: run it again, and\n"
        "only what is missing or was changed is run. In the end it shows the verdict with its\n"
        "uncertainty, a table of means, and each arm compared with the first.\n\n"
        "Ctrl-C ends the running tasks and keeps what is done; with --server the campaign goes on\n"
        "without this command, and the same command comes back to it.\n",
    .options = run_options,
    .after = "examples:\n"
             "  platoon run examples/campaigns/ramp_metering.yaml\n"
             "  platoon run sweep.yaml --server 10.0.0.5:5000 --authkey-file key\n",
    .run = run,
};
const struct cmd cmd_submit = {
    .name = "submit",
    .summary = "put a campaign's tasks on a server, and do not wait",
    .usage = "FILE.yaml [OPTION]...",
    .about = "Put the tasks of a campaign that are missing on a server's task queue. 'platoon "
             "attach' or\n"
             "'platoon run --server' wait for the results.\n",
    .options = submit_options,
    .run = submit,
};
const struct cmd cmd_attach = {
    .name = "attach",
    .summary = "wait for a campaign that was submitted",
    .usage = "FILE.yaml [OPTION]...",
    .about = "Collect the results of a campaign's tasks that are at a server, until none is "
             "left, then show\n"
             "what 'platoon run' shows. Nothing is submitted.\n",
    .options = attach_options,
    .run = attach,
};

struct run_args {
    const struct cmd *cmd;
    const char *file, *folder, *server, *key_file, *metric;
    char *task_queue, *result_queue; /* one block, at task_queue */
    const char *controllers[CONTROLLER_MAX_ADDED];
    size_t n_controllers;
    int64_t slots;
    bool is_submitting, is_waiting, is_dry, keeps_failed, wants_json;
};

/* submit and attach are about a server; run is if one is named. */
static bool is_remote(const struct run_args *args)
{
    return args->server || args->cmd != &cmd_run;
}

/* --- signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (was_interrupted)
        _exit(CMD_INTERRUPTED); /* the children see it: a pipe that ends, SIGTERM from the kernel */
    was_interrupted = true;
}

static void watch_for_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- where it runs ---------------------------------------------------------------------------- */

static enum platoon_status check_crew(void *arg, struct platoon_err *err)
{
    return crew_check(arg, err);
}

/* --root, the controllers and the campaign's own words, which may end with a program's. */
static platoon_value *worker_words(const struct campaign_file *f, const struct run_args *args)
{
    platoon_value *words = platoon_list();
    bool is_fine = platoon_append(words, platoon_str("--root")) == PLATOON_OK &&
                   platoon_append(words, platoon_str(f->root)) == PLATOON_OK;

    for (size_t i = 0; is_fine && i < args->n_controllers; i++) {
        char path[PATH_MAX]; /* the worker stands in another folder */

        /* One that went away since it was tried is the worker's to tell. */
        const char *file = realpath(args->controllers[i], path) ? path : args->controllers[i];

        is_fine = platoon_append(words, platoon_str("--controller")) == PLATOON_OK &&
                  platoon_append(words, platoon_str(file)) == PLATOON_OK;
    }
    for (size_t i = 0; is_fine && i < platoon_len(f->worker_words); i++)
        is_fine = platoon_append(words, platoon_value_ref(platoon_item(f->worker_words, i))) ==
                  PLATOON_OK;
    if (is_fine)
        return words;
    platoon_value_unref(words);
    return NULL;
}

static enum platoon_status run_here(struct campaign *c, const struct run_args *args,
                                    struct drive_options *options, struct platoon_err *err)
{
    struct crew crew = {0};
    platoon_manager *m = NULL;
    platoon_value *words = worker_words(&c->file, args);
    enum platoon_status st = words ? crew_start_server(&crew, c->folder.path, err)
                                   : platoon_fail(err, PLATOON_ENOMEM, "out of memory");

    if (st == PLATOON_OK)
        st = crew_start_worker(&crew, (unsigned)args->slots, c->folder.path, words, err);
    if (st == PLATOON_OK)
        st = crew_connect(&crew, &m, err);
    if (st == PLATOON_OK) {
        talk("%lld slot%s on this machine; the server is at 127.0.0.1:%u, its log in %s",
             (long long)args->slots, args->slots == 1 ? "" : "s", (unsigned)crew.port,
             c->folder.path);
        options->check = check_crew;
        options->check_arg = &crew;
        st = campaign_drive(c, m, options, err);
    }
    if (st == PLATOON_EINTR)
        talk("ending the running tasks; once more Ctrl-C ends them at once");
    platoon_manager_close(m);
    crew_stop(&crew);
    platoon_value_unref(words);
    return st;
}

/* An exit code; CMD_OK also when it failed with `err` filled. */
static int run_there(struct campaign *c, const struct run_args *args, struct drive_options *options,
                     struct platoon_err *err)
{
    struct reach reach;
    platoon_manager *m;
    int exit_code = reach_init(&reach, args->cmd, args->server, args->key_file);

    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = reach_connect(&reach, &m);
    if (exit_code == CMD_OK) {
        options->is_remote = true;
        err->status = campaign_drive(c, m, options, err);
        platoon_manager_close(m);
    }
    reach_release(&reach);
    return exit_code;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void say_missing(const struct campaign *c)
{
    size_t n_missing = c->file.n_tasks - c->n_done - c->n_failed;

    if (c->n_failed)
        talk_warning("%zu run%s failed, the first one: %s", c->n_failed,
                     c->n_failed == 1 ? "" : "s", c->first_failure ? c->first_failure : "?");
    if (n_missing && !c->file.precision.is_wanted)
        talk_warning("%zu run%s missing; the same command runs %s", n_missing,
                     n_missing == 1 ? " is" : "s are", n_missing == 1 ? "it" : "them");
}

static int show(const struct campaign *c, const struct run_args *args)
{
    bool is_shown;

    if (args->metric && tally_find_metric(c->tally, args->metric) == TALLY_MAX_METRICS) {
        talk_error("no run has the metric '%s'", args->metric);
        return CMD_FAILED;
    }
    is_shown = args->wants_json ? campaign_print_json(c) : campaign_print(c, args->metric);
    if (!is_shown) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    fflush(stdout); /* the tables first, also where both go to one file */
    say_missing(c);
    if (!args->wants_json)
        talk("runs: %s/runs.jsonl", c->folder.path);
    return c->n_failed ? CMD_FAILED : CMD_OK;
}

static void say_left(const struct campaign *c, const struct run_args *args)
{
    if (is_remote(args))
        talk("the campaign goes on at the server: platoon status shows how far, platoon attach %s "
             "comes back to it",
             args->file);
    else
        talk("%zu of %zu runs are done and kept; the same command goes on from there", c->n_done,
             c->file.n_tasks);
}

static size_t count_missing(const struct campaign *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->file.n_tasks; i++)
        n += tally_state_of(c->tally, i) == TALLY_MISSING && !campaign_is_repeat(c, i);
    return n;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int dry_run(const struct campaign *c)
{
    size_t n_missing = count_missing(c);

    printf("%s: %zu tasks, %zu done, %zu to run\n", plan_name(c->file.plan), c->file.n_tasks,
           c->n_done, n_missing);
    if (c->file.precision.is_wanted)
        printf("until precise: %zu to %zu replications\n", c->file.precision.min_n,
               c->file.n_seeds);
    talk_hint("platoon plan shows the tasks");
    return CMD_OK;
}

static int drive(struct campaign *c, const struct run_args *args)
{
    struct drive_options options = {.task_queue = args->task_queue,
                                    .result_queue = args->result_queue,
                                    .slots = (unsigned)args->slots,
                                    .is_submitting = args->is_submitting,
                                    .is_waiting = args->is_waiting,
                                    .stop = &was_interrupted};
    struct platoon_err err = {0};
    int exit_code;

    watch_for_interrupts();
    if (is_remote(args)) {
        exit_code = run_there(c, args, &options, &err);
        if (exit_code != CMD_OK)
            return exit_code;
    } else {
        unsetenv("PLATOON_AUTHKEY"); /* the embedded server makes a key of its own */
        err.status = run_here(c, args, &options, &err);
    }
    if (err.status == PLATOON_EINTR || was_interrupted) {
        say_left(c, args);
        return CMD_INTERRUPTED;
    }
    if (err.status == PLATOON_OK)
        return CMD_OK;
    talk_error("%s", err.message);
    if (is_remote(args))
        talk_hint("what was submitted goes on; the same command comes back to it");
    return CMD_FAILED;
}

static int run_campaign(const struct run_args *args)
{
    struct campaign c = {0};
    struct platoon_err err;
    int exit_code = CMD_OK;

    if (campaign_open(&c, args->file, args->folder, true, &err) != PLATOON_OK) {
        talk_error("%s", err.message);
        campaign_release(&c);
        return CMD_FAILED;
    }
    if (!args->keeps_failed)
        campaign_forget_failures(&c);
    if (args->is_dry) {
        exit_code = dry_run(&c);
    } else {
        if (count_missing(&c) == 0)
            talk("all %zu runs are there already", c.file.n_tasks);
        else
            exit_code = drive(&c, args);
        if (exit_code == CMD_OK && args->is_waiting)
            exit_code = show(&c, args);
        else if (exit_code == CMD_OK)
            talk("submitted; platoon attach %s waits for the results", args->file);
    }
    campaign_release(&c);
    return exit_code;
}

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

/* Read the options; false: *out_exit_code is the end. */
static bool read_args(struct run_args *args, int argc, char **argv, int *out_exit_code)
{
    struct platoon_err err;
    struct options o;

    options_init(&o, args->cmd, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        bool is_fine = id != OPTION_EXIT;

        if (id == OPTION_OPERAND && args->file)
            is_fine = (options_fail(&o, "one campaign at a time, not also '%s'", o.value), false);
        else if (id == OPTION_OPERAND)
            args->file = o.value;
        else if (id == OPT_FOLDER)
            args->folder = o.value;
        else if (id == OPT_SLOTS)
            is_fine = options_integer(&o, 1, MAX_SLOTS, &args->slots);
        else if (id == OPT_SERVER)
            args->server = o.value;
        else if (id == OPT_KEY_FILE)
            args->key_file = o.value;
        else if (id == OPT_METRIC)
            args->metric = o.value;
        else if (id == OPT_CONTROLLER && args->n_controllers == CONTROLLER_MAX_ADDED)
            is_fine = (options_fail(&o, "--controller %s: there may be %d", o.value,
                                    CONTROLLER_MAX_ADDED),
                       false);
        else if (id == OPT_CONTROLLER)
            args->controllers[args->n_controllers++] = o.value;
        else if (id == OPT_QUEUE && !set_queues(args, o.value))
            is_fine = (options_fail(&o, "--queue is TASK=RESULT, not '%s'", o.value), false);
        args->is_dry |= id == OPT_DRY_RUN;
        args->keeps_failed |= id == OPT_KEEP_FAILED;
        args->wants_json |= id == OPT_JSON;
        *out_exit_code = o.exit_code;
        if (!is_fine)
            return false;
    }
    if (!args->file)
        options_fail(&o, "name a campaign file; examples are in examples/campaigns");
    else if (args->n_controllers > 0 && args->server)
        options_fail(&o,
                     "--controller is for the worker of this machine; give it to 'platoon work' "
                     "where the runs are");
    else if (plugin_probe(args->controllers, args->n_controllers, &err) != PLATOON_OK)
        options_fail(&o, "--controller %s", err.message);
    else
        return true;
    *out_exit_code = o.exit_code;
    return false;
}

static int run_with(struct run_args *args, int argc, char **argv)
{
    int exit_code = CMD_USAGE;

    args->slots = (int64_t)cpus_usable();
    if (!set_queues(args, "get_task_queue=get_result_queue")) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    if (read_args(args, argc, argv, &exit_code))
        exit_code = run_campaign(args);
    free(args->task_queue);
    return exit_code;
}

static int run(int argc, char **argv)
{
    struct run_args args = {.cmd = &cmd_run, .is_submitting = true, .is_waiting = true};

    return run_with(&args, argc, argv);
}

static int submit(int argc, char **argv)
{
    struct run_args args = {.cmd = &cmd_submit, .is_submitting = true};

    return run_with(&args, argc, argv);
}

static int attach(int argc, char **argv)
{
    struct run_args args = {.cmd = &cmd_attach, .is_waiting = true};

    return run_with(&args, argc, argv);
}
