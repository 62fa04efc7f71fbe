/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_work.c - `platoon work`: options to struct agent_options; the work is src/worker's. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/log_sink.h"
#include "cli/options.h"
#include "cli/reach.h"
#include "cli/talk.h"
#include "sumo/control/plugin.h"
#include "sumo/keep.h"
#include "sumo/sumo_run.h"
#include "worker/agent.h"

enum {
    OPT_SERVER = 1,
    OPT_AUTHKEY_FILE,
    OPT_SLOTS,
    OPT_QUEUE,
    OPT_RUNNER,
    OPT_ROOT,
    OPT_WORK_DIR,
    OPT_ENV,
    OPT_TIMEOUT,
    OPT_MEMORY,
    OPT_MAX_OUTPUT,
    OPT_PYTHON,
    OPT_UNSAFE_PICKLE,
    OPT_SUMO,
    OPT_SUMO_BACKEND,
    OPT_CONTROLLER,
    OPT_ALLOW_ANY_PATH,
    OPT_KEEP,
    OPT_KEEP_DIR,
    OPT_IDLE_EXIT,
    OPT_STOP_GRACE,
    OPT_DRAIN,
    OPT_LOG_FORMAT,
    OPT_VERBOSE,
    OPT_QUIET,

    MAX_SLOTS = 4096,
    DEFAULT_GRACE_S = 10
};

static const struct cmd_option option_table[] = {
    REACH_OPTIONS(OPT_SERVER, OPT_AUTHKEY_FILE),
    {OPT_SLOTS, "slots", "N",
     "tasks at a time (default: the CPUs that this process\n"
     "may use, by affinity and cgroup quota)"},
    {OPT_QUEUE, "queue", "TASK=RESULT",
     "the pair of queues to work for (default:\n"
     "get_task_queue=get_result_queue)"},
    {OPT_RUNNER, "runner", "NAME",
     "what runs a task: sumo (default);\n"
     "python FILE.py:FUNCTION (or MODULE:FUNCTION);\n"
     "command -- PROGRAM ARG..., where {key} in an ARG is\n"
     "that key of a dict task, {task} the task as JSON"},
    {OPT_ROOT, "root", "DIR",
     "where tasks run, and what their relative paths mean\n"
     "(default: the current folder)"},
    {OPT_WORK_DIR, "work-dir", "DIR",
     "where each task gets a folder of its own, removed\n"
     "after it: PLATOON_TASK_DIR (default: TMPDIR or /tmp)"},
    {OPT_ENV, "env", "NAME[=VALUE]",
     "let tasks see this variable, beside PATH, HOME, LANG,\n"
     "PYTHONPATH, SUMO_HOME and their like; may be repeated"},
    {OPT_TIMEOUT, "timeout", "SECONDS", "kill a task that runs longer (default: no limit)"},
    {OPT_MEMORY, "memory", "SIZE", "limit of each process's address space (4G, 512M)"},
    {OPT_MAX_OUTPUT, "max-output", "SIZE",
     "most that a command may print as its result\n"
     "(default: 64M)"},
    {OPT_PYTHON, "python", "EXE", "python: the interpreter (default: python3)"},
    {OPT_UNSAFE_PICKLE, "unsafe-pickle", NULL,
     "python: load tasks that are objects of classes too;\n"
     "whoever fills the queue can then run code here"},
    {OPT_SUMO, "sumo", "EXE", "sumo: the program (default: in SUMO_HOME, then PATH)"},
    {OPT_SUMO_BACKEND, "sumo-backend", "NAME",
     "sumo: what carries a controller: libsumo, traci, or\n"
     "auto (default), libsumo where it can be had"},
    {OPT_CONTROLLER, "controller", "FILE.so",
     "sumo: a controller of your own that tasks may name as\n"
     "their control.type (docs/sumo.md); may be repeated"},
    {OPT_ALLOW_ANY_PATH, "allow-any-path", NULL, "sumo: tasks may name files outside --root"},
    {OPT_KEEP, "keep", "none|failed|all",
     "sumo: keep what runs wrote, compressed, with a manifest:\n"
     "of all, or of those that failed (default: none)"},
    {OPT_KEEP_DIR, "keep-dir", "DIR",
     "sumo: where, in folders TASK-ATTEMPT (default:\n"
     "platoon-kept)"},
    {OPT_IDLE_EXIT, "idle-exit", "SECONDS", "end after so long without a task (default: never)"},
    {OPT_STOP_GRACE, "stop-grace", "SECONDS",
     "what running tasks get to finish after Ctrl-C or\n"
     "SIGTERM, before they are killed and go back to the\n"
     "queue (default: 10); a second signal: at once"},
    {OPT_DRAIN, "drain", NULL,
     "after Ctrl-C or SIGTERM finish the running tasks,\n"
     "however long they take"},
    {OPT_LOG_FORMAT, "log-format", "FORMAT", "text (default) or json"},
    {OPT_VERBOSE, "verbose", NULL, "show what tasks print, too"},
    {OPT_QUIET, "quiet", NULL, "show only failures and trouble"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_work = {
    .name = "work",
    .summary = "work for a server: run its tasks on this machine",
    .usage = "[HOST:PORT] [OPTION]... [-- PROGRAM ARG...]",
    .about =
        "Take tasks from a server's queue, run several at a time, send back results. A task that\n"
        "fails is a result too: a dict with 'platoon_error'. Servers that are not there (yet) are\n"
        "waited for. Works for Python's own managers as well, without leases.\n",
    .options = option_table,
    .after =
        "examples:\n"
        "  platoon work 10.0.0.5:5000 --authkey-file key --root scenarios/ramp_metering\n"
        "  platoon work 10.0.0.5:5000 --runner python worker.py:run_subprocess\n"
        "  platoon work 10.0.0.5:5000 --slots 4 --runner command -- ./simulate --seed={seed}\n"
        "\n"
        "Exit codes: 0 ended as asked (a signal, --idle-exit), everything delivered; 1 something\n"
        "on this machine failed, or results could not be delivered; 2 wrong command line; 3 the\n"
        "server refused the key, the queue or the version; 130 running tasks were cut off.\n",
    .run = run,
};

/* --- what is said ----------------------------------------------------------------------------- */

/* A person sees sentences, a file or a journal lines with time and level. */
static void say(int level, const char *line, void *arg)
{
    struct log_sink *sink = arg;

    if (sink)
        log_sink_write(level, line, sink);
    else if (level <= AGENT_ERROR)
        talk_error("%s", line);
    else
        talk("%s", line);
}

/* --- options ---------------------------------------------------------------------------------- */

struct work {
    struct agent_options agent;
    const char *server, *key_file;
    const char **env;   /* as many as there are arguments */
    char **controllers; /* as many; absolute, since runners start in --root; owned */
    char *task_queue, *result_queue;
    const char *keep_dir; /* as given; NULL: not */
    char keep_path[PATH_MAX];
    struct reach reach;
    struct log_sink sink;
    bool has_log_format, is_verbose, is_quiet;
    bool awaits_target; /* `--runner python` was read, its FILE.py:FUNCTION not yet */
};

static void *must(void *memory)
{
    if (!memory) {
        talk_error("out of memory");
        exit(CMD_FAILED);
    }
    return memory;
}

/* TASK=RESULT, or TASK: the result queue of get_task_queue is get_result_queue. */
static int read_queue(struct options *o, struct work *w)
{
    const char *equals = strchr(o->value, '='), *task;
    size_t len = equals ? (size_t)(equals - o->value) : strlen(o->value);

    if (len == 0 || (equals && (equals[1] == '\0' || strchr(equals + 1, '='))))
        return options_fail(o, "--queue %s: write TASK=RESULT, two names of queues", o->value);
    free(w->task_queue);
    free(w->result_queue);
    w->task_queue = must(strndup(o->value, len));
    w->result_queue = NULL;
    if (equals) {
        w->result_queue = must(strdup(equals + 1));
    } else if ((task = strstr(w->task_queue, "task"))) {
        int n = asprintf(&w->result_queue, "%.*sresult%s", (int)(task - w->task_queue),
                         w->task_queue, task + 4);

        must(n < 0 ? NULL : w->result_queue);
    }
    w->agent.task_queue = w->task_queue;
    w->agent.result_queue = w->result_queue;
    return OPTION_END;
}

static int read_runner(struct options *o, struct work *w)
{
    w->agent.runner = runner_find(o->value);
    if (!w->agent.runner)
        return options_fail(o, "there is no runner '%s'; there are sumo, python and command",
                            o->value);
    w->awaits_target = w->agent.runner == &runner_python;
    return OPTION_END;
}

static int read_operand(struct options *o, struct work *w)
{
    struct runner_options *r = &w->agent.runner_options;

    if (o->after_dashes) {
        if (w->agent.runner != &runner_command)
            return options_fail(o, "'-- %s': only --runner command takes a program", o->value);
        r->args = (const char *const *)&o->argv[o->at - 1];
        r->n_args = (size_t)o->argc - (size_t)o->at + 1;
        o->at = o->argc;
    } else if (w->awaits_target) {
        r->args = (const char *const *)&o->argv[o->at - 1];
        r->n_args = 1;
        w->awaits_target = false;
    } else if (!w->server) {
        w->server = o->value;
    } else {
        return options_fail(o, "'%s' is one argument too many; the server is %s already", o->value,
                            w->server);
    }
    return OPTION_END;
}

static int read_controller(struct options *o, struct work *w)
{
    char *path = realpath(o->value, NULL);

    if (!path)
        return options_fail(o, "--controller %s: %s; name a shared object", o->value,
                            strerror(errno));
    w->controllers[w->agent.runner_options.n_controllers++] = path;
    return OPTION_END;
}

/* NOLINTNEXTLINE(readability-function-size): a table, a line or two an option */
static int read_option(struct options *o, struct work *w, int id)
{
    struct agent_options *a = &w->agent;
    int64_t n;
    uint64_t bytes;
    double s;

    switch (id) {
    case OPTION_EXIT:
        return OPTION_EXIT;
    case OPTION_OPERAND:
        return read_operand(o, w);
    case OPT_SERVER:
        w->server = o->value;
        break;
    case OPT_AUTHKEY_FILE:
        w->key_file = o->value;
        break;
    case OPT_SLOTS:
        if (!options_integer(o, 1, MAX_SLOTS, &n))
            return OPTION_EXIT;
        a->n_slots = (unsigned)n;
        break;
    case OPT_QUEUE:
        return read_queue(o, w);
    case OPT_RUNNER:
        return read_runner(o, w);
    case OPT_ROOT:
        a->runner_options.root = o->value;
        break;
    case OPT_WORK_DIR:
        a->work_dir = o->value;
        break;
    case OPT_ENV:
        w->env[a->n_env++] = o->value;
        break;
    case OPT_TIMEOUT:
        if (!options_seconds(o, 366 * 86400.0, &s))
            return OPTION_EXIT;
        if (s == 0)
            return options_fail(o, "--timeout 0 would leave no time for anything");
        a->runner_options.timeout_s = s;
        break;
    case OPT_MEMORY:
        if (!options_bytes(o, 1u << 20, INT64_MAX, &bytes))
            return OPTION_EXIT;
        a->memory_bytes = bytes;
        break;
    case OPT_MAX_OUTPUT:
        if (!options_bytes(o, 1024, 1u << 30, &bytes))
            return OPTION_EXIT;
        a->max_output_bytes = (size_t)bytes;
        break;
    case OPT_PYTHON:
        a->runner_options.python = o->value;
        break;
    case OPT_UNSAFE_PICKLE:
        a->runner_options.unsafe_pickle = true;
        break;
    case OPT_SUMO:
        a->runner_options.sumo = o->value;
        break;
    case OPT_SUMO_BACKEND:
        if (!sumo_backend_parse(o->value, &(enum sumo_backend){0}))
            return options_fail(o, "--sumo-backend %s: there are auto, libsumo and traci",
                                o->value);
        a->runner_options.sumo_backend = o->value;
        break;
    case OPT_CONTROLLER:
        return read_controller(o, w);
    case OPT_ALLOW_ANY_PATH:
        a->runner_options.allow_any_path = true;
        break;
    case OPT_KEEP:
        if (!keep_policy_parse(o->value, &(enum keep_policy){0}))
            return options_fail(o, "--keep %s: there are none, failed and all", o->value);
        a->runner_options.keep = o->value;
        break;
    case OPT_KEEP_DIR:
        w->keep_dir = o->value;
        break;
    case OPT_IDLE_EXIT:
        if (!options_seconds(o, 366 * 86400.0, &a->idle_exit_s))
            return OPTION_EXIT;
        break;
    case OPT_STOP_GRACE:
        if (!options_seconds(o, 366 * 86400.0, &a->stop_grace_s))
            return OPTION_EXIT;
        break;
    case OPT_DRAIN:
        a->drains = true;
        break;
    case OPT_LOG_FORMAT:
        if (!log_sink_format_of(o->value, &w->sink.format))
            return options_fail(o, "--log-format %s: there are text and json", o->value);
        w->has_log_format = true;
        break;
    case OPT_VERBOSE:
        w->is_verbose = true;
        break;
    case OPT_QUIET:
        w->is_quiet = true;
        break;
    }
    return OPTION_END;
}

/* Absolute, since runners start in --root. Found out now that it cannot be made. */
static int make_keep_dir(struct options *o, struct work *w)
{
    const char *dir = w->keep_dir ? w->keep_dir : "platoon-kept";
    struct runner_options *ro = &w->agent.runner_options;

    if (ro->keep && strcmp(ro->keep, "none") == 0)
        ro->keep = NULL;
    if (!ro->keep)
        return w->keep_dir ? options_fail(o,
                                          "--keep-dir %s: without --keep failed or all nothing "
                                          "would be kept there",
                                          dir)
                           : OPTION_END;
    if ((mkdir(dir, 0777) < 0 && errno != EEXIST) || !realpath(dir, w->keep_path) ||
        access(w->keep_path, W_OK | X_OK) < 0)
        return options_fail(o, "--keep-dir %s: %s", dir, strerror(errno));
    ro->keep_dir = w->keep_path;
    return OPTION_END;
}

/* What can be said before a server is looked for. */
static int check_options(struct options *o, struct work *w)
{
    const struct runner_ops *r = w->agent.runner;
    const struct runner_options *ro = &w->agent.runner_options;
    struct platoon_err err;

    if (r != &runner_python && (ro->python || ro->unsafe_pickle))
        return options_fail(o, "--%s is for --runner python",
                            ro->python ? "python" : "unsafe-pickle");
    if (r != &runner_sumo && (ro->sumo || ro->sumo_backend || ro->n_controllers > 0 || ro->keep ||
                              w->keep_dir || ro->allow_any_path))
        return options_fail(o, "--%s is for --runner sumo",
                            ro->sumo                ? "sumo"
                            : ro->sumo_backend      ? "sumo-backend"
                            : ro->n_controllers > 0 ? "controller"
                            : ro->keep              ? "keep"
                            : w->keep_dir           ? "keep-dir"
                                                    : "allow-any-path");
    /* Found out now, before a task is taken: each would be a failure. */
    if (plugin_probe(ro->controllers, ro->n_controllers, &err) != PLATOON_OK)
        return options_fail(o, "--controller %s", err.message);
    if (make_keep_dir(o, w) == OPTION_EXIT)
        return OPTION_EXIT;
    w->agent.log = (struct agent_log){.write = say};
    w->agent.log.level = w->is_verbose ? AGENT_DEBUG : w->is_quiet ? AGENT_WARNING : AGENT_INFO;
    w->sink.level = w->agent.log.level;
    if (w->has_log_format || !isatty(STDERR_FILENO))
        w->agent.log.arg = &w->sink;
    return OPTION_END;
}

/* --- running ---------------------------------------------------------------------------------- */

static int work(struct options *o, struct work *w)
{
    struct reach *reach = &w->reach;
    struct platoon_err err;
    enum platoon_status st;

    w->agent.host = reach->address.host;
    w->agent.port = reach->address.port;
    w->agent.address = reach->name;
    w->agent.authkey = reach->key.bytes;
    w->agent.authkey_len = reach->key.len;
    st = agent_run(&w->agent, &err);
    switch (st) {
    case PLATOON_OK:
        return CMD_OK;
    case PLATOON_EINVAL:
        options_fail(o, "%s", err.message);
        return CMD_USAGE;
    case PLATOON_EINTR:
        say(AGENT_WARNING, err.message, w->agent.log.arg);
        return CMD_INTERRUPTED;
    case PLATOON_EAUTH:
        return reach_report(reach, &err);
    case PLATOON_EVERSION:
    case PLATOON_ENOTFOUND:
    case PLATOON_EREMOTE:
        say(AGENT_ERROR, err.message, w->agent.log.arg);
        return CMD_UNREACHABLE;
    default:
        say(AGENT_ERROR, err.message, w->agent.log.arg);
        return CMD_FAILED;
    }
}

static int run(int argc, char **argv)
{
    /* Static: a thread that hangs in the network may outlive this call, and it knows the address
     * and the log. */
    static struct work w = {.agent = {.task_queue = "get_task_queue",
                                      .result_queue = "get_result_queue",
                                      .runner = &runner_sumo,
                                      .idle_exit_s = -1,
                                      .stop_grace_s = DEFAULT_GRACE_S,
                                      .max_output_bytes = 64u << 20}};
    struct options o;
    int exit_code;

    log_sink_init(&w.sink);
    w.env = must(calloc((size_t)argc, sizeof *w.env));
    w.agent.env = w.env;
    w.controllers = must(calloc((size_t)argc, sizeof *w.controllers));
    w.agent.runner_options.controllers = (const char *const *)w.controllers;
    options_init(&o, &cmd_work, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;)
        if (read_option(&o, &w, id) == OPTION_EXIT)
            goto usage;
    if (check_options(&o, &w) == OPTION_EXIT)
        goto usage;
    exit_code = reach_init(&w.reach, &cmd_work, w.server, w.key_file);
    if (exit_code == CMD_OK) {
        exit_code = work(&o, &w);
        reach_release(&w.reach);
    }
    goto out;

usage:
    exit_code = o.exit_code;
out:
    free(w.env);
    for (size_t i = 0; i < w.agent.runner_options.n_controllers; i++)
        free(w.controllers[i]);
    free(w.controllers);
    free(w.task_queue);
    free(w.result_queue);
    return exit_code;
}
