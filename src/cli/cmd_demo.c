/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_demo.c - `platoon demo`: the whole system on this machine, on real input. The tutorial's two
 * tasks (ramp metering off and on) and the same two for some seeds go on the task queue of a
 * server; two workers run them in SUMO. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/demo_crew.h"
#include "cli/demo_results.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/talk.h"

enum { OPT_SEEDS = 1, OPT_SLOTS, DEFAULT_SEEDS = 6, MAX_SEEDS = 1000 };

static const struct cmd_option option_table[] = {
    {OPT_SEEDS, "seeds", "N",
     "runs of each arm beside the tutorial's two tasks\n"
     "(default 6)"},
    {OPT_SLOTS, "slots", "N",
     "simulations at a time in each of the two workers\n"
     "(default: half the CPUs)"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_demo = {
    .name = "demo",
    .summary = "see the whole system work on this machine: server, two workers, SUMO",
    .usage = "[OPTION]...",
    .about =
        "Start a server and two workers as processes of their own, queue the two tasks of the\n"
        "ramp-metering tutorial and the same two for some seeds, run them in SUMO, and compare\n"
        "no control with ALINEA. Takes one to three minutes on two cores. Everything goes to\n"
        "./platoon-data/demo-DATE-TIME: the scenario, results.csv, results.jsonl, logs.\n",
    .options = option_table,
    .run = run,
};

static bool is_in_path(const char *name)
{
    const char *path = getenv("PATH"), *end;
    char candidate[4096];

    for (; path; path = *end ? end + 1 : NULL) {
        end = path + strcspn(path, ":");
        if (snprintf(candidate, sizeof candidate, "%.*s/%s", (int)(end - path), path, name) <
                (int)sizeof candidate &&
            access(candidate, X_OK) == 0)
            return true;
    }
    return false;
}

static bool sumo_is_here(void)
{
    static const char *const names[] = {"sumo", "netconvert"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_in_path(names[i])) {
            talk_error("%s was not found in PATH; the demo runs real simulations in SUMO",
                       names[i]);
            talk_hint(
                "on Debian: apt-get install sumo (in a source tree: tools/install-deps demo)");
            return false;
        }
    }
    return true;
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* What the tutorial's server puts on its queue, with a seed of its own unless `seed` is 0. */
static platoon_value *make_task(bool is_controlled, int64_t seed)
{
    platoon_value *task = platoon_dict();
    enum platoon_status st = platoon_dict_set(
        task, "filename",
        platoon_str(is_controlled ? "data/ramp_metering2.sumocfg" : "data/ramp_metering.sumocfg"));

    if (st == PLATOON_OK)
        st = platoon_dict_set(task, "control_bool", platoon_bool(is_controlled));
    if (st == PLATOON_OK && seed)
        st = platoon_dict_set(task, "seed", platoon_int(seed));
    if (st == PLATOON_OK)
        return task;
    platoon_value_unref(task);
    return NULL;
}

/* Both arms of each seed follow each other, so that pairs are complete however far it gets. */
static enum platoon_status put_tasks(platoon_queue *tasks, int64_t n_seeds, struct platoon_err *err)
{
    for (int64_t seed = 0; seed <= n_seeds; seed++) {
        for (int arm = 0; arm < 2; arm++) {
            platoon_value *task = make_task(arm == 1, seed);
            enum platoon_status st = task ? platoon_queue_put(tasks, task, PLATOON_FOREVER, err)
                                          : platoon_fail(err, PLATOON_ENOMEM, "out of memory");

            platoon_value_unref(task);
            if (st != PLATOON_OK)
                return st;
        }
    }
    return PLATOON_OK;
}

/* --- running ---------------------------------------------------------------------------------- */

/* Take results until all are there, showing how far it is. EINTR when interrupted. */
static enum platoon_status collect(struct demo_crew *crew, platoon_queue *results,
                                   struct demo_results *r, uint64_t n_tasks,
                                   struct platoon_err *err)
{
    struct progress progress;
    enum platoon_status st = PLATOON_OK;
    uint64_t n_done = 0;

    progress_init(&progress, "demo", n_tasks, clock_mono_ns());
    while (st == PLATOON_OK && n_done < n_tasks) {
        platoon_value *result = NULL;

        st = interrupt_was_asked ? platoon_fail(err, PLATOON_EINTR, "interrupted")
                                 : platoon_queue_get(results, 0.2, &result, err);
        if (st == PLATOON_EEMPTY) {
            st = crew_check(&crew->crew, err);
        } else if (st == PLATOON_OK) {
            st = demo_results_add(r, result, err);
            n_done++;
        }
        platoon_value_unref(result);
        progress_update(&progress, n_done, r->n_failed, DEMO_N_WORKERS, clock_mono_ns());
    }
    progress_end(&progress);
    return st;
}

static enum platoon_status run_campaign(struct demo_crew *crew, int64_t n_seeds,
                                        struct demo_results *r, struct platoon_err *err)
{
    platoon_manager *m = NULL;
    platoon_queue *tasks, *results;
    enum platoon_status st = crew_connect(&crew->crew, &m, err);

    if (st == PLATOON_OK)
        st = platoon_manager_queue(m, "get_task_queue", NULL, &tasks, err);
    if (st == PLATOON_OK)
        st = platoon_manager_queue(m, "get_result_queue", NULL, &results, err);
    if (st == PLATOON_OK)
        st = put_tasks(tasks, n_seeds, err);
    if (st == PLATOON_OK)
        st = collect(crew, results, r, 2 * ((uint64_t)n_seeds + 1), err);
    platoon_manager_close(m);
    return st;
}

static void say_results(const struct demo_crew *crew, const struct demo_results *r)
{
    fflush(stdout); /* the table first, also where both go to one file */
    if (r->n_failed)
        talk_warning("%zu runs failed, the first one: %s", r->n_failed,
                     r->first_failure ? r->first_failure : "out of memory");
    if (r->n_not_ok)
        talk_warning("%zu runs did not end as planned; see the column outcome", r->n_not_ok);
    talk("results: %s/results.csv", crew->folder);
    talk("         %s/results.jsonl", crew->folder);
}

static void say_two_machines(const struct demo_crew *crew)
{
    talk("\n"
         "the same on two machines:\n"
         "  here:   platoon serve --listen 0.0.0.0:5000\n"
         "          (it names its key file, and the worker's whole command)\n"
         "  there:  copy the key file and %s, then\n"
         "          platoon work HERE:5000 --authkey-file platoon.authkey --root ramp_metering\n"
         "  tasks:  any Python program that puts them on get_task_queue, or examples/sumo_master.c",
         crew->scenario);
}

/* The demo from the folder to the table. */
static enum platoon_status demo(struct demo_crew *crew, int64_t n_seeds, unsigned slots,
                                struct platoon_err *err)
{
    struct demo_results results = {0};
    enum platoon_status st = demo_crew_prepare(crew, &interrupt_was_asked, err);

    if (st == PLATOON_OK)
        st = demo_results_open(&results, crew->folder, err);
    if (st == PLATOON_OK)
        st = demo_crew_start(crew, slots, err);
    if (st == PLATOON_OK) {
        talk("server on 127.0.0.1:%u, %d workers with %u slot%s each; %lld runs of SUMO",
             (unsigned)crew->crew.port, DEMO_N_WORKERS, slots, slots == 1 ? "" : "s",
             2 * ((long long)n_seeds + 1));
        st = run_campaign(crew, n_seeds, &results, err);
    }
    if (results.n_runs && !demo_results_print(&results, stdout) && st == PLATOON_OK)
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    if (results.n_runs || results.n_failed)
        say_results(crew, &results);
    if (st == PLATOON_OK && results.n_failed)
        st = platoon_fail(err, PLATOON_EREMOTE, "not every run succeeded");
    demo_results_release(&results);
    return st;
}

static unsigned half_the_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 2 ? 1 : (unsigned)n / 2;
}

static int run(int argc, char **argv)
{
    int64_t n_seeds = DEFAULT_SEEDS, slots = half_the_cpus();
    struct demo_crew crew = {0};
    struct platoon_err err;
    enum platoon_status st;
    struct options o;

    options_init(&o, &cmd_demo, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        switch (id) {
        case OPTION_EXIT:
            return o.exit_code;
        case OPTION_OPERAND:
            options_fail(&o, "'%s' is not an option", o.value);
            return o.exit_code;
        case OPT_SEEDS:
            if (!options_integer(&o, 0, MAX_SEEDS, &n_seeds))
                return o.exit_code;
            break;
        case OPT_SLOTS:
            if (!options_integer(&o, 1, 1024, &slots))
                return o.exit_code;
            break;
        }
    }
    if (!sumo_is_here())
        return CMD_FAILED;
    interrupt_watch();
    unsetenv("PLATOON_AUTHKEY"); /* the demo's server makes a key of its own */
    st = demo(&crew, n_seeds, (unsigned)slots, &err);
    if (st == PLATOON_OK)
        say_two_machines(&crew);
    else if (st == PLATOON_EINTR || interrupt_was_asked)
        talk_warning("interrupted; ending the workers and the server");
    else
        talk_error("%s", err.message);
    demo_crew_release(&crew);
    if (st != PLATOON_OK && interrupt_was_asked)
        return CMD_INTERRUPTED;
    return st == PLATOON_OK ? CMD_OK : CMD_FAILED;
}
