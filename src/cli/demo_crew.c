/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/copy_tree.h"
#include "cli/share.h"

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- the folder ------------------------------------------------------------------------------- */

static enum platoon_status make_folder(struct demo_crew *c, struct platoon_err *err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;

    if (mkdir("platoon-data", 0777) != 0 && errno != EEXIST)
        return platoon_fail(err, PLATOON_EIO, "cannot make ./platoon-data: %s", strerror(errno));
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    for (int i = 1;; i++) { /* a second demo in the same second gets a number */
        char *path, again[16] = "";
        int made;

        if (i > 1)
            (void)snprintf(again, sizeof again, "-%d", i); /* fits */
        if (asprintf(&path, "platoon-data/demo-%s%s", stamp, again) < 0)
            return no_memory(err);
        made = mkdir(path, 0777);
        if (made == 0)
            c->folder = realpath(path, NULL);
        else if (errno != EEXIST)
            platoon_fail(err, PLATOON_EIO, "cannot make ./%s: %s", path, strerror(errno));
        free(path);
        if (made == 0)
            return c->folder ? PLATOON_OK : no_memory(err);
        if (errno != EEXIST)
            return PLATOON_EIO;
    }
}

static enum platoon_status build_scenario(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                          struct platoon_err *err)
{
    const char *argv[] = {"./build.sh", NULL};
    struct child_options options = {.argv = argv, .folder = c->scenario, .keep_fd = -1};
    enum platoon_status st;
    char *log;

    if (asprintf(&log, "%s/build.log", c->folder) < 0)
        return no_memory(err);
    options.log = log;
    st = child_start(&options, &c->builder, err);
    while (st == PLATOON_OK && !child_wait(&c->builder, -1))
        if (*stop)
            st = platoon_fail(err, PLATOON_EINTR, "interrupted");
    if (st == PLATOON_OK && c->builder.status != 0)
        st = crew_describe_end(c->folder, &c->builder, "building the scenario", "build.log", err);
    free(log);
    return st;
}

enum platoon_status demo_crew_prepare(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                      struct platoon_err *err)
{
    char *source = NULL;
    enum platoon_status st;

    *c = (struct demo_crew){.builder.stdin_fd = -1};
    st = share_find("scenarios/ramp_metering", &source, err);
    if (st == PLATOON_OK)
        st = make_folder(c, err);
    if (st == PLATOON_OK && asprintf(&c->scenario, "%s/ramp_metering", c->folder) < 0)
        c->scenario = NULL, st = no_memory(err);
    if (st == PLATOON_OK)
        st = copy_tree(source, c->scenario, err);
    if (st == PLATOON_OK)
        st = build_scenario(c, stop, err);
    free(source);
    return st;
}

/* --- server and workers ----------------------------------------------------------------------- */

enum platoon_status demo_crew_start(struct demo_crew *c, unsigned slots, struct platoon_err *err)
{
    platoon_value *words = platoon_tuple(4, platoon_str("--root"), platoon_str(c->scenario),
                                         platoon_str("--runner"), platoon_str("sumo"));
    enum platoon_status st = words ? PLATOON_OK : no_memory(err);

    if (st == PLATOON_OK)
        st = crew_start_server(&c->crew, c->folder, err);
    for (int i = 0; st == PLATOON_OK && i < DEMO_N_WORKERS; i++)
        st = crew_start_worker(&c->crew, slots, c->folder, words, err);
    platoon_value_unref(words);
    return st;
}

void demo_crew_release(struct demo_crew *c)
{
    child_stop(&c->builder, 1000);
    crew_stop(&c->crew);
    free(c->folder);
    free(c->scenario);
    *c = (struct demo_crew){.builder.stdin_fd = -1};
}
