/* SPDX-License-Identifier: Apache-2.0 */
/* zygote_process.c - loads the module, clones children, and is such a child. */
#include "sumo/libsumo/zygote_process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "sumo/drive.h"
#include "sumo/fd_pass.h"
#include "sumo/libsumo/simulation_libsumo.h"
#include "sumo/libsumo/zygote.h"
#include "sumo/runner_io.h"

#define REPORT_EVERY_NS 200000000u

enum { CHILD_REPORT_FD = 3 };

extern char **environ;

static bool write_whole(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* --- the child -------------------------------------------------------------------------------- */

struct job {
    const struct libsumo_table *libsumo;
    struct libsumo_clock *clock;
    const char **argv;
    const char *cwd;
    struct control_settings control;
    bool is_controlled;
    struct stop_rule stop;
};

struct reporter {
    struct simulation *simulation;
    struct libsumo_clock *clock;
    uint64_t told_ns;
    struct libsumo_report report;
};

static void report_step(double time_s, void *arg)
{
    struct reporter *r = arg;
    uint64_t now = clock_mono_ns();

    r->report.time_s = time_s;
    r->clock->time_s = time_s;
    if (now - r->told_ns < REPORT_EVERY_NS)
        return;
    r->told_ns = now;
    simulation_libsumo_vehicles(r->simulation, &r->report.running, &r->report.waiting);
    if (!write_whole(CHILD_REPORT_FD, &r->report, sizeof r->report))
        _exit(1); /* nobody reads: nobody wants this simulation */
}

static _Noreturn void run_job(const struct job *job)
{
    struct reporter r = {
        .clock = job->clock,
        .report = {.kind = REPORT_PROGRESS, .running = -1.0, .waiting = -1.0},
    };
    struct stop_watch stop = {.rule = &job->stop};
    const struct drive_plan plan = {
        .control = job->is_controlled ? &job->control : NULL,
        .folder = job->cwd,
        .stop = job->stop.n_conditions > 0 ? &stop : NULL,
        .on_step = report_step,
        .arg = &r,
    };
    struct platoon_err err = {.status = PLATOON_OK};
    bool has_failed = true;
    enum platoon_status st;

    st = simulation_libsumo_open(job->libsumo, job->argv, &r.simulation, &err);
    if (st == PLATOON_OK)
        st = drive(r.simulation, &plan, &r.report.time_s, &err);
    if (r.simulation)
        has_failed = simulation_libsumo_has_failed(r.simulation);
    r.report.kind = REPORT_END;
    r.report.err = err;
    r.report.err.status = st;
    r.report.was_stopped = stop.has_fired;
    memcpy(r.report.stop_values, stop.values, sizeof stop.values);
    (void)fflush(NULL); /* pipes; whoever reads them is told the rest by the exit code */
    (void)write_whole(CHILD_REPORT_FD, &r.report, sizeof r.report);
    /* Not exit(): SUMO's destructors have nothing left to do, and are not made for a forked
     * process. */
    _exit(has_failed ? 1 : 0);
}

/* The same things that sumo_child.c arranges for a SUMO program. */
static _Noreturn void become_child(const struct job *job, const int *fds, pid_t parent)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* Above the numbers that are dealt out below. */
    int out = fcntl(fds[ZYGOTE_FD_OUT], F_DUPFD, 10),
        errors = fcntl(fds[ZYGOTE_FD_ERR], F_DUPFD, 10),
        report = fcntl(fds[ZYGOTE_FD_REPORT], F_DUPFD, 10);

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(127);
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &by_default, NULL); /* the few that cannot be changed are at default */
    (void)signal(SIGPIPE, SIG_IGN);            /* as for a SUMO whose reader is gone */
    if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0 ||
        dup2(report, CHILD_REPORT_FD) < 0)
        _exit(127);
    (void)close_range(CHILD_REPORT_FD + 1, UINT_MAX, 0); /* the zygote's; harmless if left open */
    if (chdir(job->cwd) < 0) {
        fprintf(stderr, "Error: cannot enter the folder %s: %s\n", job->cwd, strerror(errno));
        _exit(1);
    }
    run_job(job);
}

/* --- requests --------------------------------------------------------------------------------- */

static void release_job(struct job *job)
{
    free(job->argv);
    if (job->is_controlled)
        control_settings_release(&job->control);
}

/* Parameters and places come in the order of the controller's tables: both ends are this program. */
static enum platoon_status read_control(const platoon_value *from, struct job *job,
                                        struct platoon_err *err)
{
    struct control_settings *s = &job->control;
    const platoon_value *parameters = platoon_dict_get(from, "parameters");
    const platoon_value *places = platoon_dict_get(from, "places");
    const platoon_value *presets = platoon_dict_get(from, "presets");

    s->type = controller_find(platoon_as_str(platoon_dict_get(from, "type"), NULL));
    job->is_controlled = true;
    for (size_t i = 0; i < s->type->n_parameters; i++)
        (void)platoon_as_float(platoon_item(parameters, i), &s->parameters[i]);
    for (size_t i = 0; i < s->type->n_places; i++) {
        const platoon_value *names = platoon_item(places, i);
        size_t n = platoon_len(names);

        if (n == 0)
            continue;
        if (!(s->places[i].names = calloc(n + 1, sizeof *s->places[i].names)))
            return platoon_fail(err, PLATOON_ENOMEM, "no memory for a simulation");
        for (size_t j = 0; j < n; j++)
            if (!(s->places[i].names[j] = strdup(platoon_as_str(platoon_item(names, j), NULL))))
                return platoon_fail(err, PLATOON_ENOMEM, "no memory for a simulation");
        s->places[i].n = n;
        (void)platoon_as_bool(platoon_item(presets, i), &s->places[i].is_preset);
    }
    return PLATOON_OK;
}

static enum platoon_status read_job(const platoon_value *request, struct job *job,
                                    struct platoon_err *err)
{
    const platoon_value *argv = platoon_dict_get(request, "argv");
    const platoon_value *control = platoon_dict_get(request, "control");
    const char *stop = platoon_as_str(platoon_dict_get(request, "stop"), NULL);
    size_t n = platoon_len(argv);
    enum platoon_status st;

    job->cwd = platoon_as_str(platoon_dict_get(request, "cwd"), NULL);
    if (!(job->argv = calloc(n + 1, sizeof *job->argv)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a simulation");
    for (size_t i = 0; i < n; i++)
        job->argv[i] = platoon_as_str(platoon_item(argv, i), NULL);
    if (stop && (st = stop_rule_parse(stop, "stop_when", &job->stop, err)) != PLATOON_OK)
        return st;
    return platoon_is_none(control) ? PLATOON_OK : read_control(control, job, err);
}

/* A fork whose child is our parent's. Without glibc's fork(), which cannot do that: this process
 * has one thread, so that no lock can be held by another, and no handler of pthread_atfork() has
 * work to do. */
static pid_t clone_for_parent(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

static bool serve_one(int fd, const struct libsumo_table *libsumo, pid_t parent,
                      struct libsumo_clock *clock)
{
    struct job job = {.libsumo = libsumo, .clock = clock};
    struct zygote_answer answer = {.pid = -1};
    platoon_value *request = NULL;
    int fds[ZYGOTE_N_FDS];
    bool is_well;

    if (!fd_pass_receive(fd, fds, ZYGOTE_N_FDS, 0) ||
        runner_read(fd, &request, &answer.err) != PLATOON_OK)
        return false;
    if (read_job(request, &job, &answer.err) == PLATOON_OK) {
        answer.pid = clone_for_parent();
        if (answer.pid == 0)
            become_child(&job, fds, parent);
        if (answer.pid < 0)
            (void)platoon_fail(&answer.err, PLATOON_EIO, "cannot start a simulation: fork: %s",
                               strerror(errno));
    }
    for (int i = 0; i < ZYGOTE_N_FDS; i++)
        (void)close(fds[i]); /* pipes' ends that the child has copies of */
    is_well = write_whole(fd, &answer, sizeof answer);
    release_job(&job);
    platoon_value_unref(request);
    return is_well;
}

/* --- the zygote ------------------------------------------------------------------------------- */

static const struct libsumo_table *load(const char *module, struct zygote_hello *hello)
{
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    const struct libsumo_table *table = handle ? dlsym(handle, LIBSUMO_TABLE_NAME) : NULL;

    if (!table) {
        (void)platoon_fail(&hello->err, PLATOON_ENOTFOUND, "libsumo cannot be loaded: %.600s",
                           dlerror());
        return NULL;
    }
    if (table->version != LIBSUMO_TABLE_VERSION) {
        (void)platoon_fail(&hello->err, PLATOON_EVERSION,
                           "%.600s belongs to another version of Platoon; install Platoon again",
                           module);
        return NULL;
    }
    snprintf(hello->version, sizeof hello->version, "%s", table->sumo_version());
    return table;
}

_Noreturn void zygote_process(int fd, const char *module, char **envp, pid_t parent,
                              struct libsumo_clock *clock)
{
    struct zygote_hello hello = {.err = {.status = PLATOON_OK}};
    const struct libsumo_table *libsumo;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(0);
    (void)prctl(PR_SET_NAME, "platoon-zygote"); /* only for people who look at processes */
    (void)signal(SIGINT, SIG_IGN);              /* Ctrl-C is for whoever started us */
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    /* A copy of a pipe's end here would keep its other end from seeing that it was closed. */
    if (fd != CHILD_REPORT_FD && (dup2(fd, CHILD_REPORT_FD) < 0))
        _exit(1);
    fd = CHILD_REPORT_FD;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || close_range((unsigned)fd + 1, UINT_MAX, 0) < 0)
        _exit(1);
    environ = envp;
    libsumo = load(module, &hello);
    if (!write_whole(fd, &hello, sizeof hello) || !libsumo)
        _exit(0);
    while (serve_one(fd, libsumo, parent, clock))
        ;
    _exit(0);
}
