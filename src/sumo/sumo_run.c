/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_run.c - a table of contents: start, drive or wait, judge, read, report. */
#include "sumo/sumo_run.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sumo/clean_text.h"
#include "sumo/command_line.h"
#include "sumo/drive.h"
#include "sumo/inputs/inputs.h"
#include "sumo/manifest.h"
#include "sumo/measure/collect.h"
#include "sumo/private_net.h"
#include "sumo/result.h"
#include "sumo/sumo_child.h"
#include "sumo/simulation_traci.h"
#include "sumo/xml_scan.h"

/* A SUMO that hung up on its TraCI client gets this long to end by itself, and to say why. */
#define LAST_WORDS_NS 10000000000u
/* What reached() writes. */
enum { REACHED_BYTES = 120 };
/* Less than this is a full disk. */
#define FULL_DISK_BYTES (64u << 10)

struct run {
    const struct sumo_plan *plan;
    const struct sumo_program *program;
    const struct sumo_run_options *options;
    struct sumo_child child;
    struct console console;
    uint64_t started_ns, ended_ns, told_ns;
    double time_s;           /* simulated; of the control loop, where there is one */
    double wanted_end_s;     /* < 0: none */
    double running, waiting; /* vehicles, as libsumo tells; < 0: not known */
    bool is_driven, is_in_library, loop_finished;
    struct stop_watch stop;          /* has fired: the rule ended the control loop */
    int64_t started_ms, finished_ms; /* wall clock, for people */
    struct inputs inputs;
    bool knows_inputs, inputs_changed; /* changed: while it ran, so nobody knows what SUMO read */
};

/* --- progress --------------------------------------------------------------------------------- */

static void tell_progress(struct run *run)
{
    uint64_t now = clock_mono_ns();
    struct sumo_progress progress;

    if (!run->options->on_progress ||
        (double)(now - run->told_ns) < run->options->progress_every_s * 1e9)
        return;
    run->told_ns = now;
    progress = (struct sumo_progress){
        .time_s = fmax(run->time_s, run->console.time_s),
        .begin_s = run->plan->begin_s,
        .end_s = run->wanted_end_s,
        .running = run->console.has_progress ? run->console.running : run->running,
        .waiting = run->console.has_progress ? run->console.waiting : run->waiting,
        .wall_s = (double)(now - run->started_ns) / 1e9,
    };
    run->options->on_progress(&progress, run->options->arg);
}

static void on_output(int stream, const char *data, size_t len, void *arg)
{
    struct run *run = arg;

    if (stream == 2) {
        console_feed_err(&run->console, data, len);
        return;
    }
    console_feed_out(&run->console, data, len);
    if (run->console.has_progress)
        tell_progress(run);
}

static void on_step(double time_s, void *arg)
{
    struct run *run = arg;

    run->time_s = time_s;
    tell_progress(run);
}

/* --- running ---------------------------------------------------------------------------------- */

/*   net   NULL: SUMO stays in our network */
static enum platoon_status start(struct run *run, unsigned port, struct private_net *net,
                                 struct platoon_err *err)
{
    char **argv = command_line(run->plan, run->program, run->options->task_dir, port);
    struct sumo_child_command command = {
        .argv = (const char *const *)argv,
        .envp = (const char *const *)run->program->envp,
        .cwd = run->options->task_dir,
        .in_child = net ? private_net_enter : NULL,
        .in_child_arg = net,
    };
    enum platoon_status st;

    if (!argv)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for SUMO's command line");
    st = sumo_child_start(&run->child, &command, err);
    argv_free(argv);
    return st;
}

/* SUMO hung up on its client: it is dead, or about to end. What it says and how it exits tells why,
 * so hear it out. ECLOSED once it has ended by itself. */
static enum platoon_status hear_out(struct run *run, struct platoon_err *err)
{
    uint64_t limit = clock_mono_ns() + LAST_WORDS_NS, *deadline = &run->child.deadline_mono_ns;
    bool is_ours = !*deadline || limit < *deadline;
    enum platoon_status st;

    if (is_ours)
        *deadline = limit;
    st = sumo_child_wait_end(&run->child, err);
    if (st == PLATOON_OK)
        return PLATOON_ECLOSED;
    if (st == PLATOON_ETIMEDOUT && is_ours)
        return platoon_fail(
            err, PLATOON_EPROTO,
            "SUMO closed its TraCI connection at simulated time %.2f s and did not end",
            run->time_s);
    return st;
}

/* With a network of its own, if it can have one. */
static enum platoon_status start_server(struct run *run, struct held_port *port,
                                        struct platoon_err *err)
{
    struct private_net net;
    enum platoon_status st;

    if (!simulation_traci_may_be_private(run->program->path))
        return start(run, port->number, NULL, err);
    if ((st = private_net_open(&net, port->number, err)) != PLATOON_OK)
        return st;
    if ((st = start(run, port->number, &net, err)) == PLATOON_OK)
        port->private_fd = private_net_take(&net);
    private_net_close(&net);
    return st;
}

static bool has_stop_rule(const struct run *run)
{
    return run->plan->stop.n_conditions > 0;
}

static enum platoon_status run_with_client(struct run *run, struct platoon_err *err)
{
    const struct drive_plan plan = {
        .control = run->plan->is_controlled ? &run->plan->control : NULL,
        .folder = run->options->task_dir,
        .stop = has_stop_rule(run) ? &run->stop : NULL,
        .on_step = on_step,
        .arg = run,
    };
    struct held_port port = {.fd = -1, .private_fd = -1};
    struct simulation *simulation = NULL;
    enum platoon_status st;

    if ((st = held_port_open(&port, err)) != PLATOON_OK)
        return st;
    if ((st = start_server(run, &port, err)) == PLATOON_OK)
        st = simulation_traci_open(&run->child, &run->console, &port, &simulation, err);
    held_port_close(&port);
    if (st == PLATOON_OK)
        st = drive(simulation, &plan, &run->time_s, err);
    run->loop_finished = st == PLATOON_OK;
    if (st == PLATOON_OK)
        st = sumo_child_wait_end(&run->child, err);
    else if (st == PLATOON_ECLOSED)
        st = hear_out(run, err);
    if (simulation)
        simulation->ops->free(simulation);
    return st;
}

/* One report of the child. ECLOSED when there are no more. */
static enum platoon_status read_report(struct run *run, int fd, struct libsumo_report *out,
                                       struct platoon_err *err)
{
    enum platoon_status st = sumo_child_wait_fd(&run->child, fd, POLLIN, err);
    ssize_t n;

    if (st != PLATOON_OK)
        return st;
    do {
        n = read(fd, out, sizeof *out);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *out ? PLATOON_OK : PLATOON_ECLOSED; /* reports are whole */
}

/* The control loop goes on in the child; this end hears how far it is and how it ended. */
static enum platoon_status follow_library(struct run *run, int fd, struct platoon_err *err)
{
    for (;;) {
        struct libsumo_report report;
        enum platoon_status st = read_report(run, fd, &report, err);

        if (st == PLATOON_ECLOSED)
            return hear_out(run, err);
        if (st != PLATOON_OK)
            return st;
        run->time_s = report.time_s;
        run->running = report.running;
        run->waiting = report.waiting;
        if (report.kind == REPORT_PROGRESS) {
            tell_progress(run);
            continue;
        }
        run->loop_finished = report.err.status == PLATOON_OK;
        run->stop.has_fired = report.was_stopped;
        memcpy(run->stop.values, report.stop_values, sizeof run->stop.values);
        if (run->loop_finished)
            return sumo_child_wait_end(&run->child, err);
        if (report.err.status == PLATOON_ECLOSED)
            return hear_out(run, err);
        *err = report.err;
        return report.err.status;
    }
}

static enum platoon_status run_in_library(struct run *run, struct platoon_err *err)
{
    struct libsumo_zygote *zygote = run->options->zygote;
    char **argv = command_line(run->plan, run->program, run->options->task_dir, 0);
    struct libsumo_request request = {
        .argv = (const char *const *)argv,
        .cwd = run->options->task_dir,
        .control = run->plan->is_controlled ? &run->plan->control : NULL,
        .stop = has_stop_rule(run) ? &run->plan->stop : NULL,
    };
    enum platoon_status st;
    int report_fd;

    if (!argv)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for SUMO's command line");
    st = libsumo_zygote_fork(zygote, &request, &run->child, &report_fd, err);
    if (st != PLATOON_OK && zygote->pid == 0) { /* somebody killed it since the last run */
        st = libsumo_zygote_start(zygote, run->program, err);
        if (st == PLATOON_OK)
            st = libsumo_zygote_fork(zygote, &request, &run->child, &report_fd, err);
    }
    argv_free(argv);
    if (st != PLATOON_OK)
        return st;
    st = follow_library(run, report_fd, err);
    (void)close(report_fd); /* was only read from */
    if (zygote->clock)      /* reports come five times a second only */
        run->time_s = fmax(run->time_s, zygote->clock->time_s);
    return st;
}

/* Whether this run is libsumo's. It is an error only where nothing else may be taken. */
static enum platoon_status choose_library(struct run *run, struct platoon_err *err)
{
    const struct sumo_run_options *options = run->options;
    enum platoon_status st;

    run->is_driven = run->plan->is_controlled ||
                     has_stop_rule(run) || /* it is looked at in steps */
                     options->backend != SUMO_BACKEND_AUTO;
    if (!run->is_driven || !options->zygote || options->backend == SUMO_BACKEND_TRACI)
        return PLATOON_OK;
    st = libsumo_zygote_start(options->zygote, run->program, err);
    run->is_in_library = st == PLATOON_OK;
    return options->backend == SUMO_BACKEND_LIBSUMO ? st : PLATOON_OK;
}

static enum platoon_status run_alone(struct run *run, struct platoon_err *err)
{
    enum platoon_status st = start(run, 0, NULL, err);

    return st == PLATOON_OK ? sumo_child_wait_end(&run->child, err) : st;
}

static enum platoon_status run_simulation(struct run *run, struct platoon_err *err)
{
    const struct sumo_run_options *options = run->options;
    enum platoon_status st;

    console_init(&run->console);
    sumo_child_init(&run->child, on_output, run);
    if ((st = choose_library(run, err)) != PLATOON_OK)
        return st;
    run->child.abort_fd = options->abort_fd;
    run->started_ns = run->told_ns = clock_mono_ns();
    if (options->timeout_s > 0.0)
        run->child.deadline_mono_ns = run->started_ns + (uint64_t)(options->timeout_s * 1e9);
    if (run->is_in_library)
        st = run_in_library(run, err);
    else
        st = run->is_driven ? run_with_client(run, err) : run_alone(run, err);
    sumo_child_end(&run->child);
    console_finish(&run->console);
    run->ended_ns = clock_mono_ns();
    return st;
}

/* --- failures --------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 4, 5)))
describe(struct sumo_failure *f, const char *kind, enum run_outcome outcome, const char *format,
         ...)
{
    va_list args;

    f->kind = kind;
    f->outcome = outcome;
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof f->message, format, args); /* cut to fit */
    va_end(args);
    clean_text(f->message);
}

static void begin_failure(struct sumo_failure *f)
{
    *f = (struct sumo_failure){.kind = "internal", .outcome = OUTCOME_FAILED};
}

/* What a status of ours means to whoever sent the task. */
static const char *kind_of_status(enum platoon_status st)
{
    switch (st) {
    case PLATOON_EINVAL:
    case PLATOON_ETYPE:
    case PLATOON_ELIMIT:
        return "bad-task";
    case PLATOON_ENOTFOUND:
    case PLATOON_EVERSION:
        return "not-found";
    case PLATOON_ETIMEDOUT:
        return "timeout";
    case PLATOON_EPROTO:
    case PLATOON_EREMOTE:
    case PLATOON_ECLOSED:
        return "bad-output";
    default:
        return "internal";
    }
}

void sumo_failure_before_run(struct sumo_failure *failure, const struct platoon_err *err)
{
    begin_failure(failure);
    describe(failure, kind_of_status(err->status), OUTCOME_FAILED, "%s", err->message);
}

void sumo_failure_by_signal(struct sumo_failure *failure, int signal_number, double timeout_s)
{
    begin_failure(failure);
    if (timeout_s > 0.0 && signal_number == SIGKILL) {
        describe(failure, "timeout", OUTCOME_TIMED_OUT,
                 "the time limit of %g s is over, and the controller did not return; the "
                 "simulation was killed",
                 timeout_s);
        return;
    }
    failure->has_exit = true;
    failure->exit = -signal_number;
    describe(failure, "signal", OUTCOME_FAILED,
             "the process of the control loop was ended by signal %d (%s); the controller ran in "
             "it",
             signal_number, strsignal(signal_number));
}

/* SUMO's own words about what went wrong: its error lines, else its last ones. */
static const char *last_words(const struct console *c)
{
    if (*c->errors)
        return c->errors;
    return *c->tail ? c->tail : "it gave no reason";
}

/* How far the simulation was when it ended, or was ended, for a sentence. The control loop counts
 * steps; without one only SUMO's log tells, of which a SUMO that is killed has up to 4 KB unwritten. */
static const char *reached(const struct run *run, char text[REACHED_BYTES])
{
    if (run->is_driven || run->console.has_ended)
        snprintf(text, REACHED_BYTES, "simulated time %.2f s",
                 fmax(run->time_s, run->console.ended_s));
    else if (run->console.has_progress)
        snprintf(text, REACHED_BYTES,
                 "simulated time %.2f s or some 45 steps more (its log comes in blocks)",
                 run->console.time_s);
    else
        snprintf(text, REACHED_BYTES, "less than some 45 steps (its log had told none)");
    return text;
}

static void note_exit(const struct run *run, struct sumo_failure *f)
{
    int status = run->child.wait_status;

    f->has_exit = true;
    f->exit = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void note_stderr(const struct run *run, struct sumo_failure *f)
{
    (void)snprintf(f->stderr_tail, sizeof f->stderr_tail, "%s", run->console.tail);
    clean_text(f->stderr_tail);
}

/* A run that `st` cut short, by our doing: SUMO still ran and was killed, or never started. */
static void describe_cut_short(const struct run *run, enum platoon_status st,
                               const struct platoon_err *err, struct sumo_failure *f)
{
    const char *kind = kind_of_status(st);
    char where[REACHED_BYTES];

    if (st == PLATOON_ETIMEDOUT)
        describe(f, kind, OUTCOME_TIMED_OUT,
                 "the time limit of %g s is over; the simulation had reached %s and was killed",
                 run->options->timeout_s, reached(run, where));
    else
        describe(f, kind, OUTCOME_FAILED, "%s", err->message);
}

/* SUMO ended by itself, and not well. */
static void describe_bad_end(const struct run *run, enum run_outcome outcome,
                             struct sumo_failure *f)
{
    int status = run->child.wait_status;
    bool suspect = run->is_in_library && run->plan->is_controlled &&
                   controller_origin(run->plan->control.type);
    char where[REACHED_BYTES];

    note_exit(run, f);
    reached(run, where);
    if (outcome == OUTCOME_INTERRUPTED)
        describe(f, "signal", outcome,
                 "SUMO was told to stop (by SIGTERM or SIGINT) at %s; its outputs end there",
                 where);
    else if (WIFSIGNALED(status))
        describe(f, "signal", outcome, "SUMO was ended by signal %d (%s) after %s%s%s%s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)), where,
                 suspect ? "; the controller " : "", suspect ? run->plan->control.type->name : "",
                 suspect ? " ran in its process" : "");
    else if (outcome == OUTCOME_INCOMPLETE)
        describe(f, "bad-output", outcome, "SUMO exited with 0 in mid run, after %s; it said: %s",
                 where,
                 *run->console.reason_text ? run->console.reason_text : last_words(&run->console));
    else
        describe(f, "exit", outcome, "SUMO ended with exit code %d: %s", WEXITSTATUS(status),
                 last_words(&run->console));
}

static void describe_bad_outputs(const struct run *run, const struct platoon_err *err,
                                 struct sumo_failure *f)
{
    struct statvfs disk;
    bool is_full = statvfs(run->options->task_dir, &disk) == 0 &&
                   (double)disk.f_bavail * (double)disk.f_frsize < FULL_DISK_BYTES;

    note_exit(run, f);
    describe(f, "bad-output", OUTCOME_INCOMPLETE, "%s%s", err->message,
             is_full ? "; the disk of the task's folder is full, which SUMO does not notice" : "");
}

/* The run is whole, but what was to be measured is not in its outputs. */
static void describe_bad_measure(const struct run *run, enum platoon_status st,
                                 const struct platoon_err *err, struct sumo_failure *f)
{
    note_exit(run, f);
    describe(f, kind_of_status(st), OUTCOME_FAILED, "%s", err->message);
}

/* --- outputs ---------------------------------------------------------------------------------- */

static enum platoon_status in_task_dir(const struct run *run, const char *name, char **out,
                                       struct platoon_err *err)
{
    if (asprintf(out, "%s/%s", run->options->task_dir, name) < 0)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a path");
    return PLATOON_OK;
}

static enum platoon_status read_figures(const struct run *run, struct figures *out,
                                        struct platoon_err *err)
{
    char *statistic = NULL, *summary = NULL;
    enum platoon_status st;

    if ((st = in_task_dir(run, run->plan->statistic_file, &statistic, err)) == PLATOON_OK)
        st = in_task_dir(run, run->plan->summary_file, &summary, err);
    if (st == PLATOON_OK)
        st = outputs_read_statistics(statistic, &out->statistics, err);
    if (st == PLATOON_OK)
        st = outputs_read_last_minutes(summary, GRIDLOCK_WINDOW_S, &out->last, err);
    free(statistic);
    free(summary);
    return st;
}

static bool is_xml(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".xml") == 0;
}

/* Every XML file in the task's folder must be whole: what a configuration or a detector had written
 * lands there too. */
static enum platoon_status check_outputs(const struct run *run, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    const struct dirent *entry;
    DIR *dir = opendir(run->options->task_dir);

    if (!dir)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", run->options->task_dir, strerror(errno));
    while (st == PLATOON_OK && (entry = readdir(dir))) {
        char *path;

        if (!is_xml(entry->d_name))
            continue;
        if ((st = in_task_dir(run, entry->d_name, &path, err)) != PLATOON_OK)
            break;
        st = xml_check_end(path, err);
        free(path);
    }
    closedir(dir);
    return st;
}

/* --- measuring -------------------------------------------------------------------------------- */

static enum platoon_status measure(const struct run *run, struct figures *figures,
                                   struct platoon_err *err)
{
    const struct measure_files files = {
        .folder = run->options->task_dir,
        .tripinfo = run->plan->tripinfo_file,
        .summary = run->plan->summary_file,
    };

    figures->measured = figures->statistics;
    return measure_collect(&run->plan->measure, &files, run->console.ended_s, &figures->measured,
                           figures->metrics, err);
}

/* What ended a run that was stopped early. */
static const char *stop_text(const struct run *run, char out[STOP_EVENT_TEXT_BYTES])
{
    if (!run->stop.has_fired)
        return "max-num-teleports"; /* the configuration's rule, which is SUMO's own */
    stop_watch_text(&run->stop, out);
    return out;
}

/* --- all of it -------------------------------------------------------------------------------- */

static enum platoon_status conclude(struct run *run, platoon_value **out_result,
                                    struct sumo_failure *f)
{
    struct run_end end = {
        .wait_status = run->child.wait_status,
        .reason = run->console.reason,
        .has_ended = run->console.has_ended,
        .ended_s = run->console.ended_s,
        .is_driven = run->is_driven,
        .loop_finished = run->loop_finished,
        .was_stopped = run->stop.has_fired,
    };
    char stopped_by[STOP_EVENT_TEXT_BYTES];
    enum run_outcome outcome;
    struct result_facts facts;
    struct figures figures;
    struct platoon_err err;
    enum platoon_status st;

    /* libsumo goes on after some errors of its input that end a SUMO program. */
    if (run->is_in_library && WIFEXITED(end.wait_status) && *run->console.errors)
        end.wait_status = run->child.wait_status = 1 << 8;
    outcome = outcome_of_end(&end);
    if (outcome != OUTCOME_OK) {
        describe_bad_end(run, outcome, f);
        return PLATOON_EIO;
    }
    if ((st = read_figures(run, &figures, &err)) != PLATOON_OK ||
        (st = check_outputs(run, &err)) != PLATOON_OK) {
        describe_bad_outputs(run, &err, f);
        return st;
    }
    outcome = outcome_of_figures(&end, run->wanted_end_s, &figures.statistics, &figures.last);
    if (!outcome_is_done(outcome)) {
        note_exit(run, f);
        describe(
            f, "bad-output", outcome,
            "SUMO ended at simulated time %.2f s with %g vehicles left, before the end that was "
            "asked for; it said: %s",
            end.ended_s, figures.statistics.running + figures.statistics.waiting,
            run->console.reason_text);
        return PLATOON_EPROTO;
    }
    if ((st = measure(run, &figures, &err)) != PLATOON_OK) {
        describe_bad_measure(run, st, &err, f);
        return st;
    }
    facts = (struct result_facts){
        .ended_s = run->console.ended_s,
        .wall_s = (double)(run->ended_ns - run->started_ns) / 1e9,
        .sumo_version = run->program->version,
        .inputs_sha256 = run->knows_inputs && !run->inputs_changed ? run->inputs.sha256 : NULL,
        .outcome = outcome,
        .stopped_by = outcome == OUTCOME_STOPPED_EARLY ? stop_text(run, stopped_by) : NULL,
    };
    if ((st = result_make(run->plan, &figures, &facts, out_result)) != PLATOON_OK)
        describe(f, "internal", OUTCOME_FAILED, "no memory for the result");
    return st;
}

/* --- what the run was ------------------------------------------------------------------------- */

/* Without them the run is as good; it only cannot say what it was made of. */
static void learn_inputs(struct run *run)
{
    struct input_cache *cache = run->options->input_cache;

    run->knows_inputs = cache && inputs_collect(run->plan, cache, &run->inputs, NULL) == PLATOON_OK;
}

/* The manifest; `result` is NULL for a run that has a failure instead. */
static platoon_value *describe_run(const struct run *run, const platoon_value *result,
                                   const struct sumo_failure *failure)
{
    const struct manifest_facts facts = {
        .plan = run->plan,
        .program = run->program,
        .inputs = run->knows_inputs ? &run->inputs : NULL,
        .inputs_changed = run->inputs_changed,
        .carrier = run->is_in_library ? "libsumo"
                   : run->is_driven   ? "traci"
                                      : "sumo",
        .task_dir = run->options->task_dir,
        .started_ms = run->started_ms,
        .ended_ms = run->finished_ms,
        .wall_s = (double)(run->ended_ns - run->started_ns) / 1e9,
        .stopped_by = platoon_as_str(platoon_dict_get(result, "stopped_by"), NULL),
        .outcome = result ? platoon_as_str(platoon_dict_get(result, "outcome"), NULL)
                          : outcome_text(failure->outcome),
        .failure = result ? NULL : failure->message,
        .stderr_tail = failure->stderr_tail,
    };

    return manifest_make(&facts);
}

bool sumo_backend_parse(const char *text, enum sumo_backend *out)
{
    static const char *const names[] = {
        [SUMO_BACKEND_AUTO] = "auto",
        [SUMO_BACKEND_LIBSUMO] = "libsumo",
        [SUMO_BACKEND_TRACI] = "traci",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum sumo_backend)i;
            return true;
        }
    return false;
}

bool sumo_wants_library(enum sumo_backend backend, const char *wanted_program)
{
    return backend == SUMO_BACKEND_LIBSUMO || (backend == SUMO_BACKEND_AUTO && !wanted_program);
}

enum platoon_status sumo_task_dir_check(const char *dir, struct platoon_err *err)
{
    struct stat info;

    if (!dir || *dir != '/' || stat(dir, &info) < 0 || !S_ISDIR(info.st_mode))
        return platoon_fail(err, PLATOON_EIO,
                            "the request's task_dir is no absolute path of a folder: %.300s",
                            dir ? dir : "(none)");
    if (strstr(dir, "TIME") || strstr(dir, "${"))
        return platoon_fail(
            err, PLATOON_EIO,
            "the task's folder is %.300s; SUMO cannot write where TIME or ${ stands in "
            "the path, so choose another folder for tasks (--work-dir)",
            dir);
    return PLATOON_OK;
}

enum platoon_status sumo_run(const struct sumo_plan *plan, const struct sumo_program *program,
                             const struct sumo_run_options *options, platoon_value **out_result,
                             struct sumo_failure *out_failure)
{
    struct run *run = calloc(1, sizeof *run);
    struct platoon_err err = {.message = ""};
    enum platoon_status st;

    begin_failure(out_failure);
    if (!run) {
        describe(out_failure, "internal", OUTCOME_FAILED, "no memory for a run");
        return PLATOON_ENOMEM;
    }
    run->plan = plan;
    run->program = program;
    run->options = options;
    run->running = run->waiting = -1.0;
    run->stop.rule = &plan->stop;
    run->wanted_end_s = plan->has_end ? plan->end_s : -1.0;
    learn_inputs(run);
    run->started_ms = clock_wall_ms();
    st = run_simulation(run, &err);
    run->finished_ms = clock_wall_ms();
    run->inputs_changed = run->knows_inputs && !inputs_are_unchanged(&run->inputs);
    if (st == PLATOON_OK || st == PLATOON_ECLOSED)
        st = conclude(run, out_result, out_failure);
    else
        describe_cut_short(run, st, &err, out_failure);
    note_stderr(run, out_failure);
    if (options->out_manifest)
        *options->out_manifest =
            describe_run(run, st == PLATOON_OK ? *out_result : NULL, out_failure);
    inputs_release(&run->inputs);
    free(run);
    return st;
}
