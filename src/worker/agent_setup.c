/* SPDX-License-Identifier: Apache-2.0 */
/* agent_setup.c - what an agent needs before its loop begins, and how it is taken down after it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "worker/agent_internal.h"

extern char **environ;

void agent_note_trouble(struct agent *a, enum platoon_status status, const char *why)
{
    if (a->status == PLATOON_OK)
        a->status = platoon_fail(&a->err, status, "%s", why);
}

bool agent_start_spawner(struct agent *a)
{
    struct platoon_err err;

    if (spawner_start(&a->spawner, a->spawner_program, &err) != PLATOON_OK ||
        (a->work_dir[0] && spawner_folder(&a->spawner, a->work_dir, &err) != PLATOON_OK)) {
        agent_note_trouble(a, PLATOON_EIO, err.message);
        return false;
    }
    a->spawner_watch.fd = a->spawner.fd;
    if (!reactor_add(&a->reactor, &a->spawner_watch, EPOLLIN)) {
        agent_note_trouble(a, PLATOON_EIO, "the socket of platoon-spawn cannot be watched");
        return false;
    }
    return true;
}

/* A program as it will be looked for: with a slash from `root`, else in `path` (a PATH). */
static bool finds_program(const char *name, const char *root, const char *path)
{
    char full[PATH_MAX];

    if (strchr(name, '/')) {
        (void)snprintf(full, sizeof full, "%s%s%s", *name == '/' ? "" : root,
                       *name == '/' ? "" : "/", name);
        return access(full, X_OK) == 0;
    }
    for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin";; at++) {
        size_t len = strcspn(at, ":");
        struct stat st;

        (void)snprintf(full, sizeof full, "%.*s%s%s", (int)len, at, len ? "/" : "", name);
        if (access(full, X_OK) == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
            return true;
        at += len;
        if (*at == '\0')
            return false;
    }
}

static enum platoon_status find_root(struct agent *a, struct platoon_err *err)
{
    const char *given = a->options->runner_options.root;
    const char *root = given ? given : ".";
    struct stat st;

    if (!realpath(root, a->root) || stat(a->root, &st) != 0)
        return platoon_fail(err, PLATOON_EINVAL, "the folder %s (--root) cannot be used: %s", root,
                            strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return platoon_fail(err, PLATOON_EINVAL, "%s (--root) is no folder", root);
    return PLATOON_OK;
}

/* After the spawner was started: from the next call on it will remove the folder whatever becomes of
 * us. */
static enum platoon_status make_work_dir(struct agent *a, struct platoon_err *err)
{
    const char *given = a->options->work_dir;
    const char *base = given ? given : getenv("TMPDIR");
    char absolute[PATH_MAX];

    if (!base || !*base)
        base = "/tmp";
    if (given && mkdir(base, 0700) != 0 && errno != EEXIST)
        return platoon_fail(err, PLATOON_EINVAL, "the folder %s (--work-dir) cannot be made: %s",
                            base, strerror(errno));
    if (!realpath(base, absolute) ||
        snprintf(a->work_dir, sizeof a->work_dir, "%s/platoon-work-XXXXXX", absolute) >=
            (int)sizeof a->work_dir ||
        !mkdtemp(a->work_dir)) {
        a->work_dir[0] = '\0';
        return platoon_fail(err, PLATOON_EINVAL,
                            "no folder for tasks can be made in %s: %s; name another with "
                            "--work-dir",
                            base, strerror(errno));
    }
    return spawner_folder(&a->spawner, a->work_dir, err);
}

static enum platoon_status check_program(struct agent *a, struct platoon_err *err)
{
    struct run_plan plan = {.argv = NULL};
    const char *name = a->options->runner == &runner_command ? a->runner_options.args[0] : NULL;
    enum platoon_status st = PLATOON_OK;

    /* What is missing now would make every task of the queue a failure. */
    if (!name && a->options->runner->command(a->setup.runner, &plan))
        name = plan.argv[0];
    if (name && !finds_program(name, a->root, environment_get(&a->environment, "PATH")))
        st =
            platoon_fail(err, PLATOON_EINVAL, "the program %s of the %s runner is not %s%s%s", name,
                         a->options->runner->name, strchr(name, '/') ? "there (from " : "in PATH",
                         strchr(name, '/') ? a->root : "", strchr(name, '/') ? ")" : "");
    run_plan_release(&plan);
    return st;
}

static enum platoon_status watch_signals(struct agent *a, const sigset_t *signals,
                                         struct platoon_err *err)
{
    a->wake_watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->signal_watch.fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (a->wake_watch.fd < 0 || a->signal_watch.fd < 0 ||
        !reactor_add(&a->reactor, &a->wake_watch, EPOLLIN) ||
        !reactor_add(&a->reactor, &a->signal_watch, EPOLLIN))
        return platoon_fail(err, PLATOON_EIO, "setting up the loop: %s", strerror(errno));
    return PLATOON_OK;
}

/* Three descriptors a slot and a few for each start: what the system allows. After the spawner was
 * started, so that tasks keep the limit they are used to. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* too few shows when a slot cannot start */
    }
}

enum platoon_status agent_set_up(struct agent *a, const sigset_t *signals, struct platoon_err *err)
{
    const struct agent_options *o = a->options;
    enum platoon_status st;

    if ((st = spawner_find(a->spawner_program, sizeof a->spawner_program, err)) != PLATOON_OK ||
        (st = find_root(a, err)) != PLATOON_OK ||
        (st = environment_init(&a->environment, environ, o->env, o->n_env, err)) != PLATOON_OK ||
        (st = reactor_init(&a->reactor, err)) != PLATOON_OK ||
        (st = watch_signals(a, signals, err)) != PLATOON_OK)
        return st;
    a->runner_options = o->runner_options;
    a->runner_options.root = a->root;
    st = o->runner->open(&a->runner_options, &a->setup.runner, err);
    if (st != PLATOON_OK || (st = check_program(a, err)) != PLATOON_OK)
        return st;
    if (!agent_start_spawner(a)) {
        *err = a->err;
        return a->status;
    }
    st = make_work_dir(a, err);
    if (st != PLATOON_OK)
        return st;
    raise_descriptor_limit();
    a->setup.reactor = &a->reactor;
    a->setup.spawner = &a->spawner;
    a->setup.ops = o->runner;
    a->setup.options = &a->runner_options;
    a->setup.environment = &a->environment;
    a->setup.log = &o->log;
    a->setup.work_dir = a->work_dir;
    a->setup.max_output_bytes = o->max_output_bytes;
    a->setup.memory_bytes = o->memory_bytes;
    a->slots = calloc(a->n_slots, sizeof *a->slots);
    if (!a->slots)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for %u slots", a->n_slots);
    for (unsigned i = 0; i < a->n_slots; i++)
        slot_init(&a->slots[i], &a->setup, i + 1);
    return PLATOON_OK;
}

/* --- taking down ------------------------------------------------------------------------- */

/* Nothing runs after this. Normally nothing did before. */
void agent_end_slots(struct agent *a)
{
    if (a->spawner_watch.fd >= 0)
        reactor_remove(&a->reactor, &a->spawner_watch);
    spawner_stop(&a->spawner); /* kills all that it started */
    for (unsigned i = 0; a->slots && i < a->n_slots; i++) {
        slot_close(&a->slots[i]);
        slot_spawner_lost(&a->slots[i]);
        slot_release(&a->slots[i]);
    }
    free(a->slots);
    a->slots = NULL;
}

void agent_tear_down(struct agent *a)
{
    if (a->setup.runner)
        a->options->runner->close(a->setup.runner);
    if (a->reactor.epoll_fd >= 0) {
        reactor_close(&a->reactor, &a->signal_watch);
        reactor_close(&a->reactor, &a->wake_watch);
        reactor_release(&a->reactor);
    }
    environment_release(&a->environment);
    if (a->work_dir[0]) {
        int error = remove_tree(a->work_dir);

        if (error)
            agent_log(&a->options->log, AGENT_WARNING, "cannot remove %s: %s", a->work_dir,
                      strerror(error));
    }
    free(a);
}
