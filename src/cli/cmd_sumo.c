/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sumo.c - `platoon sumo`: one simulation, here, by the code that a worker's runner uses. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/remove_tree.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/guard.h"
#include "cli/options.h"
#include "cli/sumo_describe.h"
#include "cli/sumo_view.h"
#include "cli/talk.h"
#include "sumo/control/plugin.h"
#include "sumo/manifest.h"
#include "sumo/sumo_run.h"

enum {
    OPT_CONTROL = 1,
    OPT_CONTROLLER,
    OPT_SET,
    OPT_SEED,
    OPT_STOP_WHEN,
    OPT_JSON,
    OPT_ROOT,
    OPT_SUMO,
    OPT_SUMO_BACKEND,
    OPT_TIMEOUT,
    OPT_OUTPUT_DIR,
    OPT_DESCRIBE,
    OPT_WRITE,
    OPT_FORCE,

    MAX_SEED = INT32_MAX,
    MAX_TIMEOUT_S = 366 * 86400
};

static const struct cmd_option option_table[] = {
    {OPT_CONTROL, "control", "NAME|none",
     "the controller (alinea, fixed, or one of --controller),\n"
     "or none; without this, one runs if --set names a key\n"
     "of it"},
    {OPT_CONTROLLER, "controller", "FILE.so",
     "a controller of your own (docs/sumo.md); may be repeated"},
    {OPT_SET, "set", "KEY=VALUE",
     "a key of the controller (K_R, o_target, tls, ...), begin\n"
     "or end, or an option that tasks may set (scale,\n"
     "step-length, ...), measure.from or measure.to (figures\n"
     "of vehicles that depart in between), or metrics.NAME\n"
     "(SOURCE/ATTRIBUTE AGGREGATE, a figure of your own);\n"
     "A,B is a list; may be given often"},
    {OPT_SEED, "seed", "N", "seed of the run (default: the configuration's)"},
    {OPT_STOP_WHEN, "stop-when", "RULE",
     "end the run early where RULE holds, as in\n"
     "'waiting > 2000' or 'time > 900 and arrived < 5 for 60 s'\n"
     "(quantities: time, waiting, running, inserted, arrived,\n"
     "teleports, collided; none: no rule; docs/sumo.md)"},
    {OPT_JSON, "json", NULL, "for programs: the result as a worker gives it, as JSON"},
    {OPT_ROOT, "root", "DIR",
     "as for 'platoon work': FILE is relative to DIR, and no\n"
     "file may lie outside of it (default: any may)"},
    {OPT_SUMO, "sumo", "EXE", "the sumo to run (default: $SUMO_HOME/bin/sumo, then PATH)"},
    {OPT_SUMO_BACKEND, "sumo-backend", "auto|libsumo|traci",
     "what carries a controller (default: auto, which is\n"
     "libsumo where it can be had, else traci)"},
    {OPT_TIMEOUT, "timeout", "SECONDS", "stop it after so long"},
    {OPT_OUTPUT_DIR, "output-dir", "DIR",
     "keep SUMO's outputs and a manifest of the run there, in a\n"
     "new folder (default: they are removed)"},
    {OPT_DESCRIBE, "describe", NULL,
     "run nothing: list the network's signals, detectors and\n"
     "ramps, and what a ramp lacks to be metered"},
    {OPT_WRITE, "write", NULL,
     "with --describe: begin FILE.platoon.yaml, beside the\n"
     ".sumocfg, with a controller's settings for the best ramp"},
    {OPT_FORCE, "force", NULL, "with --write: replace that file if it is there"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_sumo = {
    .name = "sumo",
    .summary = "run one SUMO simulation here, or describe its network",
    .usage = "FILE.sumocfg [OPTION]...",
    .about = "Run a simulation as a worker would run it, with a controller or without, and print\n"
             "what a worker would send back. For trying a scenario and for finding faults in it.\n",
    .options = option_table,
    .after = "examples:\n"
             "  platoon sumo data/ramp_metering.sumocfg --seed 7\n"
             "  platoon sumo data/ramp_metering2.sumocfg --control alinea --set o_target=14\n"
             "  platoon sumo big.sumocfg --set end=3600 --set scale=0.5 --json\n"
             "  platoon sumo data/ramp_metering.sumocfg --set measure.from=900 \\\n"
             "      --set 'metrics.longest_queue_m=e2/ramp_queue/maxJamLengthInMeters max'\n"
             "  platoon sumo data/ramp_metering.sumocfg --set scale=2 --stop-when 'waiting > 200'\n"
             "  platoon sumo data/ramp_metering2.sumocfg --controller ./mine.so --control mine\n"
             "  platoon sumo big.sumocfg --describe --write\n"
             "\n"
             "Exit codes: 0 the run ended as it should (outcome ok); 1 it failed, or ended in a\n"
             "gridlock or early, by a rule; 2 wrong command line; 130 interrupted.\n",
    .run = run,
};

struct sumo_command {
    const char *file, *root, *sumo, *output_dir, *control, *stop_when;
    platoon_value *task;
    /* of the task; NULL until one of its keys is set */
    platoon_value *settings, *options, *measure, *metrics;
    const char *controllers[CONTROLLER_MAX_ADDED];
    size_t n_controllers;
    bool wants_json, has_seed, describes, writes, replaces;
    const char *run_option; /* the last that only a run has; NULL */
    int64_t seed;
    enum sumo_backend backend;
    double timeout_s;
};

/* --- Ctrl-C ----------------------------------------------------------------------------------- */

/* The run is given up when this pipe hangs up; closing it is all that a signal handler does. */
static int interrupt_pipe[2] = {-1, -1};
static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
    (void)number;
    if (!was_interrupted)
        (void)close(interrupt_pipe[1]); /* nothing was written */
    was_interrupted = 1;
}

static bool watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    if (pipe2(interrupt_pipe, O_CLOEXEC) < 0)
        return false;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0;
}

/* --- the task --------------------------------------------------------------------------------- */

static platoon_value *list_of(const char *text)
{
    platoon_value *list = platoon_list();

    while (list) {
        size_t len = strcspn(text, ",");

        if (platoon_append(list, platoon_str_n(text, len)) != PLATOON_OK) {
            platoon_value_unref(list);
            return NULL;
        }
        if (!text[len])
            break;
        text += len + 1;
    }
    return list;
}

/* What the text means to whom it is for: names stay text, also "17". */
static platoon_value *value_of(const char *text, bool is_name)
{
    double number;

    if (strchr(text, ','))
        return list_of(text);
    if (is_name)
        return platoon_str(text);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return platoon_bool(*text == 't');
    if (num_double_parse(text, strlen(text), &number))
        return platoon_float(number);
    return platoon_str(text);
}

/* Whether any controller has that key; then whether it names places of the network. */
static bool is_control_key(const char *key, bool *out_is_name)
{
    const struct platoon_controller *type;

    for (size_t i = 0; (type = controller_at(i)); i++) {
        for (size_t j = 0; j < type->n_places; j++)
            if (strcmp(type->places[j].key, key) == 0)
                return *out_is_name = true;
        for (size_t j = 0; j < type->n_parameters; j++)
            if (strcmp(type->parameters[j].name, key) == 0) {
                *out_is_name = false;
                return true;
            }
    }
    return false;
}

static bool put(platoon_value **dict, const char *key, platoon_value *value)
{
    if (!*dict)
        *dict = platoon_dict();
    if (*dict)
        return platoon_dict_set(*dict, key, value) == PLATOON_OK;
    platoon_value_unref(value);
    return false;
}

static int out_of_memory(struct options *o)
{
    talk_error("out of memory");
    o->exit_code = CMD_FAILED;
    return OPTION_EXIT;
}

/* KEY=VALUE; `control.` and `options.` before KEY say whose it is where that is in doubt. */
static int read_set(struct options *o, struct sumo_command *c)
{
    const char *equals = strchr(o->value, '='), *name;
    bool is_name = false, is_set;
    char key[128];

    if (!equals || equals == o->value || (size_t)(equals - o->value) >= sizeof key || !equals[1])
        return options_fail(o, "--set %s: write KEY=VALUE", o->value);
    snprintf(key, sizeof key, "%.*s", (int)(equals - o->value), o->value);
    name = key;
    if (strncmp(name, "control.", 8) == 0) {
        (void)is_control_key(name += 8, &is_name); /* an unknown one is told with those there are */
        is_set = put(&c->settings, name, value_of(equals + 1, is_name));
    } else if (is_control_key(name, &is_name)) {
        is_set = put(&c->settings, name, value_of(equals + 1, is_name));
    } else if (strcmp(name, "begin") == 0 || strcmp(name, "end") == 0) {
        is_set = put(&c->task, name, value_of(equals + 1, false));
    } else if (strncmp(name, "measure.", 8) == 0) {
        is_set = put(&c->measure, name + 8, value_of(equals + 1, false));
    } else if (strncmp(name, "metrics.", 8) == 0) {
        is_set = put(&c->metrics, name + 8, platoon_str(equals + 1));
    } else {
        if (strncmp(name, "options.", 8) == 0)
            name += 8;
        is_set = put(&c->options, name, value_of(equals + 1, false));
    }
    return is_set ? OPTION_END : out_of_memory(o);
}

/* Before the other options are read: they may name a controller or its keys. */
static int load_controllers(struct options *o, struct sumo_command *c)
{
    struct platoon_err err;

    for (int id; (id = options_next(o)) != OPTION_END;) {
        if (id == OPTION_EXIT)
            return id;
        if (id != OPT_CONTROLLER)
            continue;
        if (c->n_controllers == CONTROLLER_MAX_ADDED)
            return options_fail(o, "--controller %s: there may be %d", o->value,
                                CONTROLLER_MAX_ADDED);
        c->controllers[c->n_controllers++] = o->value;
    }
    if (plugin_probe(c->controllers, c->n_controllers, &err) != PLATOON_OK)
        return options_fail(o, "--controller %s", err.message);
    for (size_t i = 0; i < c->n_controllers; i++) {
        if (plugin_load(c->controllers[i], &err) != PLATOON_OK)
            return options_fail(o, "--controller %s", err.message);
    }
    return OPTION_END;
}

static int read_option(struct options *o, struct sumo_command *c, int id)
{
    struct stop_rule rule;
    struct platoon_err err;

    if (id == OPT_CONTROL || id == OPT_CONTROLLER || id == OPT_SET || id == OPT_SEED ||
        id == OPT_STOP_WHEN || id == OPT_SUMO || id == OPT_SUMO_BACKEND || id == OPT_TIMEOUT ||
        id == OPT_OUTPUT_DIR)
        c->run_option = o->name;
    switch (id) {
    case OPTION_EXIT:
        return OPTION_EXIT;
    case OPTION_OPERAND:
        if (c->file)
            return options_fail(o, "'%s' is one argument too many; one simulation at a time",
                                o->value);
        c->file = o->value;
        break;
    case OPT_CONTROL:
        if (strcmp(o->value, "none") != 0 && !controller_find(o->value))
            return options_fail(o,
                                "--control %s: there are alinea, fixed and none, and those of "
                                "--controller FILE.so",
                                o->value);
        c->control = o->value;
        break;
    case OPT_CONTROLLER: /* was loaded before */
        break;
    case OPT_SET:
        return read_set(o, c);
    case OPT_SEED:
        if (!options_integer(o, 0, MAX_SEED, &c->seed))
            return OPTION_EXIT;
        c->has_seed = true;
        break;
    case OPT_STOP_WHEN:
        if (stop_rule_parse(o->value, "--stop-when", &rule, &err) != PLATOON_OK)
            return options_fail(o, "%s", err.message);
        c->stop_when = o->value;
        break;
    case OPT_JSON:
        c->wants_json = true;
        break;
    case OPT_ROOT:
        c->root = o->value;
        break;
    case OPT_SUMO:
        c->sumo = o->value;
        break;
    case OPT_SUMO_BACKEND:
        if (!sumo_backend_parse(o->value, &c->backend))
            return options_fail(o, "--sumo-backend %s: there are auto, libsumo and traci",
                                o->value);
        break;
    case OPT_TIMEOUT:
        if (!options_seconds(o, MAX_TIMEOUT_S, &c->timeout_s))
            return OPTION_EXIT;
        if (c->timeout_s == 0)
            return options_fail(o, "--timeout 0 would leave no time for anything");
        break;
    case OPT_OUTPUT_DIR:
        c->output_dir = o->value;
        break;
    case OPT_DESCRIBE:
        c->describes = true;
        break;
    case OPT_WRITE:
        c->writes = true;
        break;
    case OPT_FORCE:
        c->replaces = true;
        break;
    }
    return OPTION_END;
}

static int check_describe(struct options *o, const struct sumo_command *c)
{
    if (c->replaces && !c->writes)
        return options_fail(o, "--force replaces what --write writes; without it there is nothing");
    if (c->writes && !c->describes)
        return options_fail(o, "--write goes with --describe");
    if (c->describes && c->run_option)
        return options_fail(o, "--describe runs nothing, so --%s has no meaning", c->run_option);
    return OPTION_END;
}

static bool take_child(platoon_value **dict, const char *key, platoon_value **child)
{
    platoon_value *value = *child;

    *child = NULL;
    return !value || put(dict, key, value);
}

/* The dict that a master would have put into the queue. */
static int complete_task(struct options *o, struct sumo_command *c)
{
    bool is_controlled = c->control ? strcmp(c->control, "none") != 0 : c->settings != NULL;

    if (!c->file)
        return options_fail(o, "which simulation? name a FILE.sumocfg");
    if (c->settings && !is_controlled)
        return options_fail(o, "--control none leaves nothing for --set to set in a controller");
    if (!put(&c->task, "filename", platoon_str(c->file)) ||
        (c->control && !put(&c->task, "control_bool", platoon_bool(is_controlled))) ||
        (c->control && is_controlled && !put(&c->settings, "type", platoon_str(c->control))) ||
        (c->has_seed && !put(&c->task, "seed", platoon_int(c->seed))) ||
        (c->stop_when && !put(&c->task, "stop_when", platoon_str(c->stop_when))) ||
        !take_child(&c->task, "control", &c->settings) ||
        !take_child(&c->task, "options", &c->options) ||
        !take_child(&c->task, "measure", &c->measure) ||
        !take_child(&c->task, "metrics", &c->metrics))
        return out_of_memory(o);
    return OPTION_END;
}

/* --- running ---------------------------------------------------------------------------------- */

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/tmp";
}

/* The folder that SUMO writes into, absolute. */
static bool make_folder(const struct sumo_command *c, char out[PATH_MAX])
{
    char path[PATH_MAX];

    if (c->output_dir) {
        if (mkdir(c->output_dir, 0777) < 0) {
            talk_error("--output-dir %s: %s", c->output_dir, strerror(errno));
            if (errno == EEXIST)
                talk_hint("name a folder that is not there yet, so that nothing is overwritten");
            return false;
        }
        snprintf(path, sizeof path, "%s", c->output_dir);
    } else if (snprintf(path, sizeof path, "%s/platoon-sumo-XXXXXX", temporary_folder()) >=
                   (int)sizeof path ||
               !mkdtemp(path)) {
        talk_error("cannot make a folder for SUMO's outputs in %s: %m", temporary_folder());
        return false;
    }
    if (realpath(path, out))
        return true;
    talk_error("%s: %m", path);
    return false;
}

static enum platoon_status simulate(const struct sumo_command *c, const char *root,
                                    const char *folder, struct sumo_view *view,
                                    platoon_value **out_result, struct sumo_failure *out_failure)
{
    struct libsumo_zygote zygote = {.pid = 0};
    struct input_cache cache = {.n = 0};
    platoon_value *manifest = NULL;
    struct path_rules rules = {.root = root, .allow_any = !c->root};
    struct sumo_run_options options = {
        .task_dir = folder,
        .backend = c->backend,
        .zygote = sumo_wants_library(c->backend, c->sumo) ? &zygote : NULL,
        .timeout_s = c->timeout_s,
        .abort_fd = interrupt_pipe[0],
        .on_progress = sumo_view_progress,
        .arg = view,
        .progress_every_s = SUMO_VIEW_EVERY_S,
        .input_cache = &cache,
        .out_manifest = c->output_dir ? &manifest : NULL,
    };
    struct sumo_program program = {0};
    struct sumo_plan plan = {0};
    struct platoon_err err;
    enum platoon_status st;

    if ((st = sumo_task_dir_check(folder, &err)) != PLATOON_OK ||
        (st = sumo_plan_make(c->task, &rules, &plan, &err)) != PLATOON_OK ||
        (st = sumo_program_find(&program, c->sumo, &err)) != PLATOON_OK) {
        sumo_failure_before_run(out_failure, &err);
    } else {
        sumo_view_begin(view, c->file);
        st = sumo_run(&plan, &program, &options, out_result, out_failure);
        sumo_view_end(view);
        if (c->output_dir && (!manifest || manifest_write(manifest, folder, &err) != PLATOON_OK))
            talk_warning("the run has no manifest: %s", manifest ? err.message : "out of memory");
    }
    platoon_value_unref(manifest);
    input_cache_release(&cache);
    libsumo_zygote_stop(&zygote);
    sumo_plan_release(&plan);
    sumo_program_release(&program);
    return st;
}

/* As a worker sends it: {'platoon_error': {...}, 'task': {...}}. */
static int print_failure_json(const struct sumo_command *c, const struct sumo_failure *failure)
{
    platoon_value *dict = NULL;
    int exit_code = CMD_FAILED;

    if (put(&dict, "platoon_error", sumo_failure_value(failure)) &&
        put(&dict, "task", platoon_value_ref(c->task)))
        (void)ask_print_json(dict); /* reports its own failure; this command failed anyway */
    else
        talk_error("out of memory");
    platoon_value_unref(dict);
    return exit_code;
}

static void warn_of_outcome(const char *outcome, const char *stopped_by)
{
    if (stopped_by)
        talk_warning("the run was stopped early: %s; its figures are of the time until then, and "
                     "hold the vehicles that were left",
                     stopped_by);
    else
        talk_warning("the run is %s; its figures hold the vehicles that were left", outcome);
}

static int report(const struct sumo_command *c, enum platoon_status st, platoon_value *result,
                  const struct sumo_failure *failure)
{
    const char *outcome;
    int exit_code;

    if (was_interrupted || st == PLATOON_EINTR) {
        talk_error("interrupted; the simulation was stopped");
        return CMD_INTERRUPTED;
    }
    if (st != PLATOON_OK) {
        sumo_view_failure(failure);
        return c->wants_json ? print_failure_json(c, failure) : CMD_FAILED;
    }
    sumo_view_warnings(failure);
    outcome = platoon_as_str(platoon_dict_get(result, "outcome"), NULL);
    if (c->wants_json)
        exit_code = ask_print_json(result);
    else
        exit_code = sumo_view_table(result, c->task) ? CMD_OK : CMD_FAILED;
    if (exit_code != CMD_OK || strcmp(outcome, outcome_text(OUTCOME_OK)) == 0)
        return exit_code;
    warn_of_outcome(outcome, platoon_as_str(platoon_dict_get(result, "stopped_by"), NULL));
    return CMD_FAILED;
}

struct sumo_job {
    const struct sumo_command *command;
    const char *root, *folder;
    struct sumo_failure failure;
};

static int simulate_and_report(void *arg)
{
    struct sumo_job *job = arg;
    platoon_value *result = NULL;
    struct sumo_view view = {0};
    enum platoon_status st =
        simulate(job->command, job->root, job->folder, &view, &result, &job->failure);
    int exit_code = report(job->command, st, result, &job->failure);

    platoon_value_unref(result);
    return exit_code;
}

/* With code of the user's own in it, whose crash or hang must not keep the folder from being
 * removed. The run minds its time limit itself; this is for a controller that does not return. */
static int guarded(struct sumo_job *job)
{
    double timeout_s = job->command->timeout_s;
    struct guard guard = {
        .work = simulate_and_report,
        .arg = job,
        .not_its_own = interrupt_pipe[1],
        .is_asked = &was_interrupted,
        .limit_s = timeout_s > 0.0 ? timeout_s + GUARD_GRACE_S : 0.0,
    };
    int signal_number, exit_code = guard_run(&guard, &signal_number);

    if (signal_number == 0)
        return exit_code;
    sumo_failure_by_signal(&job->failure, signal_number, timeout_s);
    return report(job->command, PLATOON_EIO, NULL, &job->failure);
}

static int run_and_report(const struct sumo_command *c)
{
    struct sumo_job *job = calloc(1, sizeof *job);
    char root[PATH_MAX], folder[PATH_MAX];
    int exit_code = CMD_FAILED, code;

    if (!job) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    job->command = c;
    job->root = root;
    job->folder = folder;
    if (!realpath(c->root ? c->root : ".", root)) {
        talk_error("--root %s: %m", c->root ? c->root : ".");
        exit_code = CMD_USAGE;
    } else if (!watch_signals()) {
        talk_error("cannot watch for Ctrl-C: %m");
    } else if (make_folder(c, folder)) {
        exit_code = c->n_controllers > 0 ? guarded(job) : simulate_and_report(job);
        if (c->output_dir)
            talk("SUMO's outputs are in %s", folder);
        else if ((code = remove_tree(folder)) != 0)
            talk_warning("%s is left behind: %s", folder, strerror(code));
    }
    free(job);
    return exit_code;
}

static int describe(const struct sumo_command *c)
{
    return sumo_describe(&(struct sumo_describe){.file = c->file,
                                                 .root = c->root,
                                                 .wants_json = c->wants_json,
                                                 .writes = c->writes,
                                                 .replaces = c->replaces});
}

static int run(int argc, char **argv)
{
    struct sumo_command c = {0};
    struct options o;
    int exit_code;

    options_init(&o, &cmd_sumo, argc, argv);
    if (load_controllers(&o, &c) == OPTION_EXIT)
        goto usage;
    options_init(&o, &cmd_sumo, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;)
        if (read_option(&o, &c, id) == OPTION_EXIT)
            goto usage;
    if (check_describe(&o, &c) == OPTION_EXIT || complete_task(&o, &c) == OPTION_EXIT)
        goto usage;
    exit_code = c.describes ? describe(&c) : run_and_report(&c);
    goto out;

usage:
    exit_code = o.exit_code;
out:
    platoon_value_unref(c.task);
    platoon_value_unref(c.settings);
    platoon_value_unref(c.options);
    platoon_value_unref(c.measure);
    platoon_value_unref(c.metrics);
    return exit_code;
}
