/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c - `platoon run`, `submit`, `attach`: a campaign file becomes runs, and runs an answer.
 *
 * Without --server the command starts a server and a worker of its own for as long as it needs
 * them; what counts is the campaign's folder, so that the same command goes on where the last one
 * ended. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "campaign/verdict.h"
#include "cli/campaign_crew.h"
#include "cli/campaign_drive.h"
#include "cli/campaign_precision.h"
#include "cli/campaign_view.h"
#include "cli/cmd.h"
#include "cli/interrupt.h"
#include "cli/plan_view.h"
#include "cli/reach.h"
#include "cli/run_args.h"
#include "cli/talk.h"
#include "worker/cpus.h"

static int run(int argc, char **argv);
static int submit(int argc, char **argv);
static int attach(int argc, char **argv);

const struct cmd cmd_run = {
    .name = "run",
    .summary = "run a campaign, and say what it found",
    .usage = "FILE.yaml | --sumo FILE.sumocfg | --runner ... [OPTION]...",
    .about =
        "Run what a campaign file says (docs/campaigns.md): on this machine, or with --server on\n"
        "the workers of a server. Results are kept in the campaign's folder: run it again, and\n"
        "only what is missing or was changed is run. In the end it shows the verdict with its\n"
        "uncertainty, a table of means, and each arm compared with the first.\n\n"
        "Ctrl-C ends the running tasks and keeps what is done; with --server the campaign goes on\n"
        "without this command, and the same command comes back to it.\n",
    .options = run_args_of_run,
    .after = "examples:\n"
             "  platoon run examples/campaigns/ramp_metering.yaml\n"
             "  platoon run sweep.yaml --server 10.0.0.5:5000 --authkey-file key\n"
             "  platoon run --sumo data/ramp_metering2.sumocfg --set control_bool=false,true "
             "--seeds 1..20\n"
             "  platoon run --set rate=1..5 --seeds 1..3 --runner command -- ./simulate {rate} "
             "{seed}\n",
    .run = run,
};
const struct cmd cmd_submit = {
    .name = "submit",
    .summary = "put a campaign's tasks on a server, and do not wait",
    .usage = "FILE.yaml [OPTION]...",
    .about = "Put the tasks of a campaign that are missing on a server's task queue. 'platoon "
             "attach' or\n"
             "'platoon run --server' wait for the results.\n",
    .options = run_args_of_submit,
    .run = submit,
};
const struct cmd cmd_attach = {
    .name = "attach",
    .summary = "wait for a campaign that was submitted",
    .usage = "FILE.yaml [OPTION]...",
    .about =
        "Collect the results of a campaign's tasks that are at a server, until none is "
        "left, then show\n"
        "what 'platoon run' shows. Nothing is submitted, but for a campaign with 'precision': the\n"
        "replications that it still wants.\n",
    .options = run_args_of_attach,
    .run = attach,
};

/* submit and attach are about a server; run is if one is named. */
static bool is_remote(const struct run_args *args)
{
    return args->server || args->cmd != &cmd_run;
}

/* --- where it runs ---------------------------------------------------------------------------- */

static enum platoon_status check_crew(void *arg, struct platoon_err *err)
{
    return campaign_crew_check(arg, err);
}

static bool wind_down(void *arg)
{
    struct campaign_crew *crew = arg;

    if (!crew->asked_ns)
        talk(
            "no new tasks; those that run get 10 s to finish (once more Ctrl-C ends them at once)");
    return campaign_crew_wind_down(crew);
}

static enum platoon_status run_here(struct campaign *c, const struct run_args *args,
                                    struct drive_options *options, struct platoon_err *err)
{
    struct campaign_crew crew = {0};
    platoon_manager *m = NULL;
    enum platoon_status st =
        campaign_crew_start(&crew, c, c->folder.path, (unsigned)args->slots, err);

    if (st == PLATOON_OK)
        st = crew_connect(&crew.crew, &m, err);
    if (st == PLATOON_OK) {
        talk("%lld slot%s on this machine; the server is at 127.0.0.1:%u, its log in %s",
             (long long)args->slots, args->slots == 1 ? "" : "s", (unsigned)crew.crew.port,
             c->folder.path);
        options->check = check_crew;
        options->wind_down = wind_down;
        options->arg = &crew;
        st = campaign_drive(c, m, options, err);
    }
    platoon_manager_close(m);
    campaign_crew_stop(&crew);
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

static void say_missing(const struct campaign *c, const struct run_args *args)
{
    size_t n_missing = c->file.n_tasks - c->n_done - c->n_failed;
    const char *them = n_missing == 1 ? "it" : "them", *are = n_missing == 1 ? " is" : "s are";

    if (c->n_failed)
        talk_warning("%zu run%s failed, the first one: %s", c->n_failed,
                     c->n_failed == 1 ? "" : "s", c->first_failure ? c->first_failure : "?");
    if (tally_n_stopped_early(c->tally))
        talk_warning("%zu run%s stopped early by a rule; what by is in the column stopped_by of "
                     "'platoon results'",
                     tally_n_stopped_early(c->tally),
                     tally_n_stopped_early(c->tally) == 1 ? " was" : "s were");
    if (!n_missing || c->file.precision.is_wanted)
        return;
    if (args->is_submitting)
        talk_warning("%zu run%s missing; the same command runs %s", n_missing, are, them);
    else
        talk_warning("%zu run%s missing, and not at the server; platoon submit %s puts %s there",
                     n_missing, are, args->file, them);
}

/* Is it as precise as it was wanted? Of all design points, the one that is furthest from it. */
static void say_precision(const struct campaign *c)
{
    struct campaign_replications r = {0};
    const struct precision_point *p;
    char has[VERDICT_NUMBER], wanted[VERDICT_NUMBER];
    bool unused;

    if (!c->file.precision.is_wanted || !replications_init(&r, c, 1))
        return;
    if (replications_look(&r, &unused) == PLATOON_OK && (p = replications_widest(&r, false))) {
        const char *unit = tally_metric(c->tally, c->file.precision.metric)->unit;
        const char *space = *unit ? " " : "";

        verdict_number(p->half_width, false, has);
        verdict_number(p->target, false, wanted);
        if (!p->is_settled)
            talk_warning("not precise yet: ±%s of ±%s%s%s after %zu replications", has, wanted,
                         space, unit, p->n_looked);
        else if (p->half_width > p->target)
            talk_warning("not as precise as wanted: ±%s of ±%s%s%s after all %zu replications", has,
                         wanted, space, unit, p->n_looked);
        else
            talk("precise: ±%s of ±%s%s%s after %zu replications", has, wanted, space, unit,
                 p->n_looked);
    }
    replications_release(&r);
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
    say_missing(c, args);
    say_precision(c);
    if (!args->wants_json)
        talk("runs: %s/runs.jsonl", c->folder.path);
    return c->n_failed ? CMD_FAILED : CMD_OK;
}

static void say_left(const struct campaign *c, const struct run_args *args)
{
    if (is_remote(args) && c->file.precision.is_wanted)
        talk("what was submitted goes on at the server; the campaign wants more until it is "
             "precise, "
             "and platoon attach %s goes on with that",
             args->file);
    else if (is_remote(args))
        talk("the campaign goes on at the server: platoon status shows how far, platoon attach %s "
             "comes back to it",
             args->file);
    else
        talk("%zu of %zu runs are done and kept; the same command goes on from there", c->n_done,
             c->file.n_tasks);
}

static bool is_missing(const struct campaign *c, size_t index)
{
    return tally_state_of(c->tally, index) == TALLY_MISSING && !campaign_is_repeat(c, index);
}

static size_t count_missing(const struct campaign *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->file.n_tasks; i++)
        n += is_missing(c, i);
    return n;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int dry_run(const struct campaign *c, bool wants_json)
{
    size_t *indexes = calloc(c->file.n_tasks, sizeof *indexes), n = 0;
    int exit_code;

    if (!indexes) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    for (size_t i = 0; i < c->file.n_tasks; i++)
        if (is_missing(c, i))
            indexes[n++] = i;
    if (!campaign_is_prepared(c))
        talk("'prepare' was not run yet; what it makes may change what is missing");
    if (wants_json) {
        exit_code = plan_view_json(&c->file, indexes, n);
    } else {
        printf("%s: %zu tasks, %zu done, %zu to run\n", plan_name(c->file.plan), c->file.n_tasks,
               c->n_done, n);
        if (c->file.precision.is_wanted)
            printf("until precise: %zu to %zu replications\n", c->file.precision.min_n,
                   c->file.n_seeds);
        exit_code = n ? plan_view_table(&c->file, indexes, n) : CMD_OK;
    }
    free(indexes);
    return exit_code;
}

static int drive(struct campaign *c, const struct run_args *args)
{
    struct drive_options options = {.task_queue = args->task_queue,
                                    .result_queue = args->result_queue,
                                    .slots = (unsigned)args->slots,
                                    .is_submitting =
                                        args->is_submitting || c->file.precision.is_wanted,
                                    .is_waiting = args->is_waiting,
                                    .stop = &interrupt_was_asked};
    struct platoon_err err = {0};
    int exit_code;

    interrupt_watch();
    if (is_remote(args)) {
        exit_code = run_there(c, args, &options, &err);
        if (exit_code != CMD_OK)
            return exit_code;
    } else {
        unsetenv("PLATOON_AUTHKEY"); /* the embedded server makes a key of its own */
        err.status = run_here(c, args, &options, &err);
    }
    if (err.status == PLATOON_EINTR || interrupt_was_asked) {
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

/* Write the campaign file of the words; its path, malloc()ed. */
static enum platoon_status write_words(const struct run_args *args, char **out,
                                       struct platoon_err *err)
{
    char *name = campaign_words_name(&args->words), *text = NULL, *path = NULL;
    struct campaign_folder folder = {.lock_fd = -1};
    enum platoon_status st = campaign_words_text(&args->words, &text, err);

    if (st == PLATOON_OK && !name)
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    if (st == PLATOON_OK)
        st = campaign_folder_named(&folder, args->folder, name, err);
    if (st == PLATOON_OK)
        st = campaign_folder_write(&folder, "campaign.yaml", text, &path, err);
    campaign_folder_release(&folder);
    free(name);
    free(text);
    if (st == PLATOON_OK)
        *out = path;
    return st;
}

static int run_campaign(struct run_args *args)
{
    struct campaign c = {0};
    struct platoon_err err;
    char *written = NULL;
    enum platoon_status st = PLATOON_OK;
    int exit_code = CMD_OK;

    if (!args->file && (st = write_words(args, &written, &err)) == PLATOON_OK) {
        talk("campaign: %s", written);
        args->file = written;
    }
    if (st == PLATOON_OK)
        st = campaign_open(&c, args->file, args->folder,
                           args->is_dry ? CAMPAIGN_PEEK : CAMPAIGN_WRITE, &err);
    if (st != PLATOON_OK) {
        talk_error("%s", err.message);
        campaign_release(&c);
        free(written);
        return CMD_FAILED;
    }
    if (!args->slots)
        args->slots = cpus_usable() > c.file.cpus ? cpus_usable() / c.file.cpus : 1;
    if (args->attempts)
        c.file.attempts = (uint32_t)args->attempts;
    if (!args->keeps_failed)
        campaign_forget_failures(&c);
    if (args->is_dry) {
        exit_code = dry_run(&c, args->wants_json);
    } else {
        if (count_missing(&c) == 0)
            talk("all %zu runs are there already", c.file.n_tasks);
        else
            exit_code = drive(&c, args);
        if (exit_code == CMD_OK && args->is_waiting)
            exit_code = show(&c, args);
        else if (exit_code == CMD_OK)
            talk("submitted; platoon attach %s waits for the results%s", args->file,
                 c.file.precision.is_wanted ? ", and adds replications until it is precise" : "");
    }
    campaign_release(&c);
    free(written);
    return exit_code;
}

static int run_with(struct run_args *args, int argc, char **argv)
{
    int exit_code = CMD_USAGE;

    if (run_args_read(args, argc, argv, &exit_code))
        exit_code = run_campaign(args);
    run_args_release(args);
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
