/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_client.c - <platoon/sumo.h>: one task for one `platoon _sumo-runner`, whose contract is
 * src/sumo/sumo_runner.h. Its descriptors 3 and 4 are one end of a socket pair. */
#include <platoon/sumo.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <platoon/pickle.h>

#include "base/remove_tree.h"

enum {
    FD_IN = 3,
    FD_OUT = 4,
    FD_FREE = 10, /* ours are placed from here on, out of the way of those two */
    MAX_ARGUMENTS = 16 + 2 * PLATOON_SUMO_MAX_CONTROLLERS,
    MAX_TIMEOUT_S = 366 * 86400, /* as of `platoon sumo`; nobody sees the difference */
    PICKLE_PROTOCOL = 4
};
#define MAX_ANSWER_BYTES (1u << 30)

extern char **environ;

struct client {
    const struct platoon_sumo_options *options;
    int fd; /* -1: no runner */
    pid_t pid;
    char task_dir[PATH_MAX];
    bool has_task_dir;
};

/* --- the runner ------------------------------------------------------------------------------- */

struct command_line {
    const char *argv[MAX_ARGUMENTS];
    size_t n;
    char timeout[40];
};

static void make_command_line(struct command_line *c, const struct platoon_sumo_options *options)
{
    c->argv[c->n++] = "platoon";
    c->argv[c->n++] = "_sumo-runner";
    c->argv[c->n++] = "--root";
    c->argv[c->n++] = options->root ? options->root : ".";
    if (options->sumo) {
        c->argv[c->n++] = "--sumo";
        c->argv[c->n++] = options->sumo;
    }
    if (options->allow_any_path)
        c->argv[c->n++] = "--allow-any-path";
    if (options->backend) {
        c->argv[c->n++] = "--sumo-backend";
        c->argv[c->n++] = options->backend;
    }
    for (size_t i = 0; i < options->n_controllers; i++) {
        c->argv[c->n++] = "--controller";
        c->argv[c->n++] = options->controllers[i];
    }
    if (options->timeout_s > 0.0) {
        double ms = ceil(fmin(options->timeout_s, MAX_TIMEOUT_S) * 1000.0);

        /* By hand: in the caller's locale "%f" may write a comma. */
        snprintf(c->timeout, sizeof c->timeout, "%lld.%03d", (long long)ms / 1000,
                 (int)((long long)ms % 1000));
        c->argv[c->n++] = "--timeout";
        c->argv[c->n++] = c->timeout;
    }
    c->argv[c->n] = NULL;
}

static enum platoon_status check_options(const struct platoon_sumo_options *options,
                                         struct platoon_err *err)
{
    static const char *const backends[] = {"auto", "libsumo", "traci"};
    bool is_known = !options->backend;

    for (size_t i = 0; i < sizeof backends / sizeof backends[0] && !is_known; i++)
        is_known = strcmp(options->backend, backends[i]) == 0;
    if (!is_known)
        return platoon_fail(err, PLATOON_EINVAL,
                            "options.backend is \"%.40s\"; there are auto, libsumo and traci",
                            options->backend);
    if (options->n_controllers > PLATOON_SUMO_MAX_CONTROLLERS)
        return platoon_fail(err, PLATOON_EINVAL, "options.n_controllers is %zu; there may be %d",
                            options->n_controllers, PLATOON_SUMO_MAX_CONTROLLERS);
    for (size_t i = 0; i < options->n_controllers; i++) {
        if (!options->controllers || !options->controllers[i])
            return platoon_fail(err, PLATOON_EINVAL, "options.controllers[%zu] is NULL", i);
    }
    return PLATOON_OK;
}

/* The program that was named, or NULL. */
static const char *named_program(const struct platoon_sumo_options *options)
{
    const char *named = options->program ? options->program : getenv("PLATOON_PROGRAM");

    return named && *named ? named : NULL;
}

/* posix_spawn() of whichever `platoon` there is; an errno. */
static int spawn_platoon(const struct platoon_sumo_options *options,
                         const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes, const struct command_line *c,
                         pid_t *out_pid)
{
    const char *named = named_program(options);
    char *const *argv = (char *const *)c->argv;
    int code;

    if (named)
        return posix_spawnp(out_pid, named, actions, attributes, argv, environ);
    code = posix_spawnp(out_pid, "platoon", actions, attributes, argv, environ);
    if (code == ENOENT)
        code =
            posix_spawn(out_pid, PLATOON_PREFIX "/bin/platoon", actions, attributes, argv, environ);
    return code;
}

/* Default signals, an empty mask, and a process group of its own, so that it can be ended with all
 * that it started. */
static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int code;

    sigemptyset(&none);
    sigfillset(&all);
    if ((code = posix_spawnattr_setsigmask(attributes, &none)) != 0 ||
        (code = posix_spawnattr_setsigdefault(attributes, &all)) != 0 ||
        (code = posix_spawnattr_setpgroup(attributes, 0)) != 0)
        return code;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
}

static int start_with(struct client *client, int far_end)
{
    struct command_line c = {.n = 0};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code;

    make_command_line(&c, client->options);
    if ((code = posix_spawn_file_actions_init(&actions)) != 0)
        return code;
    if ((code = posix_spawnattr_init(&attributes)) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    if ((code = posix_spawn_file_actions_adddup2(&actions, far_end, FD_IN)) == 0 &&
        (code = posix_spawn_file_actions_adddup2(&actions, far_end, FD_OUT)) == 0 &&
        (code = prepare_attributes(&attributes)) == 0)
        code = spawn_platoon(client->options, &actions, &attributes, &c, &client->pid);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static enum platoon_status start_runner(struct client *client, struct platoon_err *err)
{
    int ends[2], far_end, code;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return platoon_fail(err, PLATOON_EIO, "cannot start a simulation: %s", strerror(errno));
    client->fd = ends[0];
    far_end = fcntl(ends[1], F_DUPFD_CLOEXEC, FD_FREE);
    code = far_end < 0 ? errno : start_with(client, far_end);
    if (far_end >= 0)
        (void)close(far_end);
    (void)close(ends[1]); /* nothing was written to it */
    if (code == 0)
        return PLATOON_OK;
    client->pid = -1;
    if (code == ENOENT)
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "there is no program %s, which runs simulations; is Platoon installed? "
                            "(PLATOON_PROGRAM names it)",
                            named_program(client->options) ? named_program(client->options)
                                                           : "platoon");
    return platoon_fail(err, PLATOON_EIO, "cannot start platoon: %s", strerror(code));
}

static enum platoon_status make_task_dir(struct client *client, struct platoon_err *err)
{
    const char *tmp = getenv("TMPDIR");
    char pattern[PATH_MAX];

    snprintf(pattern, sizeof pattern, "%s/platoon-sumo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(pattern))
        return platoon_fail(err, PLATOON_EIO, "cannot make a folder %s: %s", pattern,
                            strerror(errno));
    client->has_task_dir = true;
    if (!realpath(pattern, client->task_dir)) {
        strcpy(client->task_dir, pattern);
        return platoon_fail(err, PLATOON_EIO, "%s: %s", pattern, strerror(errno));
    }
    return PLATOON_OK;
}

/* Ends the runner, if it has not ended by itself, and all that it started. */
static void end_runner(struct client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd); /* its sign to end */
    if (client->pid > 0) {
        (void)kill(-client->pid, SIGKILL); /* not reaped yet, so the number is still its group's */
        while (waitpid(client->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (client->has_task_dir)
        (void)remove_tree(client->task_dir); /* in TMPDIR, where what is left does no harm */
}

/* --- frames ----------------------------------------------------------------------------------- */

/* The runner hung up, so it has ended or is about to. It stays unreaped: its number is still its
 * group's. */
static enum platoon_status ended_early(const struct client *client, struct platoon_err *err)
{
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    if (info.si_pid && info.si_code != CLD_EXITED)
        return platoon_fail(
            err, PLATOON_EPROTO, "the simulation's process was ended by signal %d (%s)%s",
            info.si_status, strsignal(info.si_status),
            client->options->n_controllers ? "; was it one of the controllers that it loads?" : "");
    return platoon_fail(
        err, PLATOON_EPROTO,
        "the simulation's process ended without an answer (exit code %d; stderr has "
        "its words)",
        info.si_status);
}

static enum platoon_status send_all(const struct client *client, const void *data, size_t len,
                                    struct platoon_err *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return ended_early(client, err);
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "the simulation's process: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
    return PLATOON_OK;
}

static enum platoon_status receive_all(const struct client *client, void *data, size_t len,
                                       struct platoon_err *err)
{
    char *at = data;

    while (len > 0) {
        ssize_t n = recv(client->fd, at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return ended_early(client, err);
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "the simulation's process: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
    return PLATOON_OK;
}

static enum platoon_status send_task(struct client *client, platoon_value *task,
                                     struct platoon_err *err)
{
    platoon_value *request = platoon_dict();
    void *body = NULL;
    size_t len = 0;
    unsigned char head[4];
    enum platoon_status st;

    st = platoon_dict_set(request, "task", platoon_value_ref(task));
    if (st == PLATOON_OK)
        st = platoon_dict_set(request, "task_dir", platoon_str(client->task_dir));
    if (st == PLATOON_OK)
        st = platoon_pickle_encode(request, PICKLE_PROTOCOL, &body, &len, err);
    else
        platoon_fail(err, st, "no memory for a task");
    platoon_value_unref(request);
    if (st == PLATOON_OK && len > MAX_ANSWER_BYTES)
        st = platoon_fail(err, PLATOON_ELIMIT, "a task of %zu bytes is too long", len);
    if (st == PLATOON_OK) {
        for (int i = 0; i < 4; i++)
            head[i] = (unsigned char)(len >> (24 - 8 * i));
        if ((st = send_all(client, head, sizeof head, err)) == PLATOON_OK)
            st = send_all(client, body, len, err);
    }
    free(body);
    return st;
}

static enum platoon_status receive_answer(struct client *client, platoon_value **out,
                                          struct platoon_err *err)
{
    unsigned char head[4];
    enum platoon_status st = receive_all(client, head, sizeof head, err);
    size_t len;
    void *body;

    if (st != PLATOON_OK)
        return st;
    len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len > MAX_ANSWER_BYTES)
        return platoon_fail(err, PLATOON_EPROTO, "an answer of %zu bytes is too long", len);
    if (!(body = malloc(len ? len : 1)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a result of %zu bytes", len);
    if ((st = receive_all(client, body, len, err)) == PLATOON_OK)
        st = platoon_pickle_decode(body, len, NULL, out, err);
    free(body);
    return st;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* {'platoon_error': ERROR, 'task': TASK}. */
static enum platoon_status make_failure(platoon_value *task, platoon_value *error,
                                        platoon_value **out, struct platoon_err *err)
{
    platoon_value *failure = platoon_dict();
    enum platoon_status st = platoon_dict_set(failure, "platoon_error", platoon_value_ref(error));

    if (st == PLATOON_OK)
        st = platoon_dict_set(failure, "task", platoon_value_ref(task));
    if (st == PLATOON_OK) {
        *out = failure;
        return PLATOON_OK;
    }
    platoon_value_unref(failure);
    return platoon_fail(err, st, "no memory for a failure");
}

/* Reads until the result or the failure. */
static enum platoon_status await_result(struct client *client, platoon_value *task,
                                        platoon_value **out, struct platoon_err *err)
{
    for (;;) {
        platoon_value *answer = NULL, *part;
        enum platoon_status st = receive_answer(client, &answer, err);

        if (st != PLATOON_OK)
            return st;
        if ((part = platoon_dict_get(answer, "progress"))) {
            if (client->options->on_progress)
                client->options->on_progress(part, client->options->arg);
            platoon_value_unref(answer);
            continue;
        }
        if ((part = platoon_dict_get(answer, "result")))
            *out = platoon_value_ref(part);
        else if ((part = platoon_dict_get(answer, "error")))
            st = make_failure(task, part, out, err);
        else if ((part = platoon_dict_get(answer, "failed")))
            st = platoon_fail(err, PLATOON_EINVAL, "%s", platoon_as_str(part, NULL));
        else
            st = platoon_fail(err, PLATOON_EPROTO, "the simulation's process answered nonsense");
        platoon_value_unref(answer);
        return st;
    }
}

enum platoon_status platoon_sumo_run(platoon_value *task,
                                     const struct platoon_sumo_options *options,
                                     platoon_value **out_result, struct platoon_err *err)
{
    static const struct platoon_sumo_options defaults;
    struct client client = {.options = options ? options : &defaults, .fd = -1, .pid = -1};
    enum platoon_status st;

    if ((st = check_options(client.options, err)) == PLATOON_OK &&
        (st = make_task_dir(&client, err)) == PLATOON_OK &&
        (st = start_runner(&client, err)) == PLATOON_OK &&
        (st = send_task(&client, task, err)) == PLATOON_OK)
        st = await_result(&client, task, out_result, err);
    end_runner(&client);
    return st;
}
