/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_runner.c - reads a task, runs it, writes what became of it. */
#include "sumo/sumo_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sumo/control/plugin.h"
#include "sumo/dict_of.h"
#include "sumo/keep.h"
#include "sumo/pace.h"
#include "sumo/runner_io.h"
#include "sumo/sumo_run.h"

#define PROGRESS_EVERY_S 1.0

struct runner {
    struct path_rules rules;
    const char *wanted_program; /* NULL: look for it */
    enum sumo_backend backend;
    struct libsumo_zygote zygote;
    struct sumo_program program;
    struct input_cache input_cache;
    struct pace pace; /* of the run that goes on */
    enum keep_policy keep;
    const char *keep_dir; /* absolute; NULL: nothing is kept */
    double timeout_s;     /* of a task that brings none of its own; 0: none */
    char root[PATH_MAX];
    char refusal[sizeof((struct platoon_err *)NULL)->message + 20]; /* "": ready for tasks */
};

/* --- messages --------------------------------------------------------------------------------- */

/* {key: child}. Takes `child`. NULL when out of memory. */
static platoon_value *message(const char *key, platoon_value *child)
{
    platoon_value *m = platoon_dict();

    if (!m) {
        platoon_value_unref(child);
        return NULL;
    }
    if (platoon_dict_set(m, key, child) == PLATOON_OK)
        return m;
    platoon_value_unref(m);
    return NULL;
}

static platoon_value *number_or_none(double number)
{
    return number >= 0.0 ? platoon_float(number) : platoon_none();
}

static void send_progress(const struct sumo_progress *p, void *arg)
{
    struct runner *r = arg;
    double took_s = p->time_s - p->begin_s, all_s = p->end_s - p->begin_s, factor;
    bool has_end = p->end_s >= 0.0 && all_s > 0.0;
    struct dict_entry entries[] = {
        {"time_s", platoon_float(p->time_s)},
        {"begin_s", platoon_float(p->begin_s)},
        {"end_s", number_or_none(p->end_s)},
        {"running", number_or_none(p->running)},
        {"waiting", number_or_none(p->waiting)},
        {"wall_s", platoon_float(p->wall_s)},
        {"done", has_end ? platoon_float(fmin(fmax(took_s / all_s, 0.0), 1.0)) : platoon_none()},
        {"real_time_factor", NULL},
        {"left_s", NULL},
    };
    const size_t n = sizeof entries / sizeof entries[0];

    pace_note(&r->pace, took_s, p->wall_s);
    factor = pace_real_time_factor(&r->pace);
    entries[n - 2].value = number_or_none(factor);
    entries[n - 1].value = has_end && factor > 0.0
                               ? platoon_float(fmax(all_s - took_s, 0.0) / factor)
                               : platoon_none();
    /* Nobody reads any more: the run is given up as soon as descriptor 3 hangs up too. */
    (void)runner_write(RUNNER_FD_OUT, message("progress", dict_of(entries, n)), NULL);
}

static void send_warning(const char *text)
{
    /* As above. */
    (void)runner_write(RUNNER_FD_OUT, message("warning", platoon_str(text)), NULL);
}

static enum platoon_status send_failure(const struct sumo_failure *f, struct platoon_err *err)
{
    return runner_write(RUNNER_FD_OUT, message("error", sumo_failure_value(f)), err);
}

/* --- one task --------------------------------------------------------------------------------- */

static enum platoon_status read_options(struct runner *r, const platoon_value *request,
                                        platoon_value **out_manifest, struct sumo_run_options *out,
                                        struct platoon_err *err)
{
    const char *dir = platoon_as_str(platoon_dict_get(request, "task_dir"), NULL);
    const platoon_value *timeout = platoon_dict_get(request, "timeout_s");
    enum platoon_status st;

    *out = (struct sumo_run_options){
        .task_dir = dir,
        .backend = r->backend,
        .zygote = sumo_wants_library(r->backend, r->wanted_program) ? &r->zygote : NULL,
        .timeout_s = r->timeout_s,
        .abort_fd = RUNNER_FD_IN,
        .on_progress = send_progress,
        .arg = r,
        .progress_every_s = PROGRESS_EVERY_S,
        .input_cache = &r->input_cache,
        .out_manifest = out_manifest,
    };
    if ((st = sumo_task_dir_check(dir, err)) != PLATOON_OK)
        return st;
    if (timeout && !platoon_is_none(timeout) &&
        (platoon_as_float(timeout, &out->timeout_s) != PLATOON_OK || !(out->timeout_s >= 0.0)))
        return platoon_fail(err, PLATOON_EIO, "the request's timeout_s is no number of seconds");
    return PLATOON_OK;
}

static int64_t number_of(const platoon_value *request, const char *key)
{
    int64_t number;

    return platoon_as_int(platoon_dict_get(request, key), &number) == PLATOON_OK ? number : 0;
}

/* A run is as good without its outputs: that they could not be kept is no failure of the task. */
static void keep_run(const struct runner *r, const platoon_value *request,
                     const platoon_value *manifest)
{
    struct platoon_err err;
    char name[64], text[sizeof err.message + 100];

    if (!manifest)
        return; /* there was no run */
    (void)snprintf(name, sizeof name, "%" PRId64 "-%" PRId64, number_of(request, "task_id"),
                   number_of(request, "attempt"));
    if (keep_outputs(platoon_as_str(platoon_dict_get(request, "task_dir"), NULL), r->keep_dir, name,
                     manifest, &err) == PLATOON_OK)
        return;
    (void)snprintf(text, sizeof text, "the outputs of %s are not kept: %s", name, err.message);
    send_warning(text);
}

static enum platoon_status run_task(struct runner *r, const platoon_value *request,
                                    platoon_value **out_result, struct sumo_failure *out_failure)
{
    struct sumo_run_options options;
    platoon_value *manifest = NULL;
    struct sumo_plan plan = {0};
    struct platoon_err err;
    enum platoon_status st;

    r->pace = (struct pace){.n = 0};
    if ((st = read_options(r, request, r->keep_dir ? &manifest : NULL, &options, &err)) !=
            PLATOON_OK ||
        (st = sumo_plan_make(platoon_dict_get(request, "task"), &r->rules, &plan, &err)) !=
            PLATOON_OK ||
        (st = sumo_program_find(&r->program, r->wanted_program, &err)) != PLATOON_OK)
        sumo_failure_before_run(out_failure, &err);
    else
        st = sumo_run(&plan, &r->program, &options, out_result, out_failure);
    if (st != PLATOON_EINTR && (r->keep == KEEP_ALL || st != PLATOON_OK))
        keep_run(r, request, manifest);
    platoon_value_unref(manifest);
    sumo_plan_release(&plan);
    return st;
}

/* PLATOON_OK when the task was answered, with its result or its failure. */
static enum platoon_status serve_task(struct runner *r, const platoon_value *request,
                                      struct platoon_err *err)
{
    struct sumo_failure *failure = malloc(sizeof *failure);
    platoon_value *result = NULL;
    enum platoon_status st;

    if (!failure)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to run a task");
    st = run_task(r, request, &result, failure);
    if (st == PLATOON_EINTR)
        st = platoon_fail(err, PLATOON_ECLOSED, "the agent is gone");
    else if (st == PLATOON_OK)
        st = runner_write(RUNNER_FD_OUT, message("result", result), err);
    else
        st = send_failure(failure, err);
    free(failure);
    return st;
}

static int serve(struct runner *r)
{
    for (;;) {
        struct platoon_err err;
        platoon_value *request;
        enum platoon_status st = runner_read(RUNNER_FD_IN, &request, &err);

        if (st == PLATOON_OK && *r->refusal) {
            platoon_value_unref(request);
            fprintf(stderr, "sumo runner: %s\n", r->refusal);
            /* Nobody reads any more: then nobody needs to know. */
            (void)runner_write(RUNNER_FD_OUT, message("failed", platoon_str(r->refusal)), NULL);
            return 2;
        }
        if (st == PLATOON_OK) {
            st = serve_task(r, request, &err);
            platoon_value_unref(request);
        }
        if (st == PLATOON_ECLOSED)
            return 0;
        if (st != PLATOON_OK) {
            fprintf(stderr, "sumo runner: %s\n", err.message);
            return 1;
        }
    }
}

/* --- command line ----------------------------------------------------------------------------- */

static int usage(void)
{
    fprintf(stderr, "usage: platoon _sumo-runner [--root DIR] [--sumo EXE] [--allow-any-path] "
                    "[--sumo-backend auto|libsumo|traci] [--controller FILE.so]... "
                    "[--keep none|failed|all --keep-dir DIR] [--timeout SECONDS]\n"
                    "Started by platoon work, with tasks on descriptor 3 and results on 4.\n");
    return 2;
}

static int read_command_line(struct runner *r, int argc, char **argv)
{
    static const struct option known[] = {
        {"root", required_argument, NULL, 'r'},
        {"sumo", required_argument, NULL, 's'},
        {"allow-any-path", no_argument, NULL, 'a'},
        {"sumo-backend", required_argument, NULL, 'b'},
        {"timeout", required_argument, NULL, 't'},
        {"controller", required_argument, NULL, 'c'},
        {"keep", required_argument, NULL, 'k'},
        {"keep-dir", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    const char *root = ".";
    struct platoon_err err;
    int c;

    optind = 0; /* this is not the first use of getopt in the program */
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'r':
            root = optarg;
            break;
        case 's':
            r->wanted_program = optarg;
            break;
        case 'a':
            r->rules.allow_any = true;
            break;
        case 'b':
            if (!sumo_backend_parse(optarg, &r->backend))
                return usage();
            break;
        case 'c':
            if (!*r->refusal && plugin_load(optarg, &err) != PLATOON_OK)
                snprintf(r->refusal, sizeof r->refusal, "--controller %s", err.message);
            break;
        case 'k':
            if (!keep_policy_parse(optarg, &r->keep))
                return usage();
            break;
        case 'd':
            r->keep_dir = optarg;
            break;
        case 't':
            if (!num_double_parse(optarg, strlen(optarg), &r->timeout_s) || !(r->timeout_s >= 0.0))
                return usage();
            break;
        default:
            return usage();
        }
    }
    if (optind != argc || (r->keep != KEEP_NONE && (!r->keep_dir || *r->keep_dir != '/')))
        return usage();
    if (r->keep == KEEP_NONE)
        r->keep_dir = NULL;
    if (!realpath(root, r->root)) {
        fprintf(stderr, "sumo runner: --root %s: %s\n", root, strerror(errno));
        return 2;
    }
    r->rules.root = r->root;
    return 0;
}

/* Ours alone, and blocking, however the starter made it. */
static bool prepare_descriptor(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int sumo_runner_main(int argc, char **argv)
{
    struct runner r = {.rules = {.root = NULL}};
    int code = read_command_line(&r, argc, argv);

    if (code != 0)
        return code;
    if (!prepare_descriptor(RUNNER_FD_IN) || !prepare_descriptor(RUNNER_FD_OUT)) {
        fprintf(stderr, "sumo runner: descriptors 3 and 4 are not open; see platoon work\n");
        return usage();
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a write that nobody reads is an error of the write */
    (void)signal(SIGCHLD, SIG_DFL); /* ignored, it would eat SUMO's exit code */
    code = serve(&r);
    libsumo_zygote_stop(&r.zygote);
    sumo_program_release(&r.program);
    input_cache_release(&r.input_cache);
    return code;
}
