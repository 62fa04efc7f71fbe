/* SPDX-License-Identifier: Apache-2.0 */
/* zygote.c - our side: find the module, fork the zygote, ask it for children. */
#include "sumo/libsumo/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sumo/fd_pass.h"
#include "sumo/libsumo/zygote_process.h"
#include "sumo/runner_io.h"

#define MODULE "platoon-libsumo.so"

enum { ANSWER_LIMIT_MS = 60000 };

/* --- the module ------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    return access(path, R_OK) == 0;
}

static enum platoon_status find_module(char out[PATH_MAX], struct platoon_err *err)
{
    const char *given = getenv("PLATOON_LIBSUMO");
    char self[PATH_MAX] = ".";
    ssize_t n;

    if (given && *given) {
        if (snprintf(out, PATH_MAX, "%s", given) < PATH_MAX && is_file(out))
            return PLATOON_OK;
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "PLATOON_LIBSUMO names %.300s, which is no file that can be read",
                            given);
    }
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0'; /* an absolute path */
        if (snprintf(out, PATH_MAX, "%s/" MODULE, self) < PATH_MAX && is_file(out))
            return PLATOON_OK;
        if (snprintf(out, PATH_MAX, "%s/../libexec/platoon/" MODULE, self) < PATH_MAX &&
            is_file(out))
            return PLATOON_OK;
    }
    if (snprintf(out, PATH_MAX, "%s", PLATOON_PREFIX "/libexec/platoon/" MODULE) < PATH_MAX &&
        is_file(out))
        return PLATOON_OK;
    return platoon_fail(err, PLATOON_ENOTFOUND,
                        "the module " MODULE " is not installed (looked in %.200s, its "
                        "../libexec/platoon and " PLATOON_PREFIX "/libexec/platoon); it is built "
                        "where SUMO's headers are. --sumo-backend traci does without",
                        self);
}

/* --- talking to it ---------------------------------------------------------------------------- */

/* The zygote answers at once or is broken; a broken one is stopped. */
static bool read_answer(struct libsumo_zygote *z, void *out, size_t len)
{
    char *at = out;

    while (len > 0) {
        struct pollfd p = {.fd = z->fd, .events = POLLIN};
        int ready = poll(&p, 1, ANSWER_LIMIT_MS);
        ssize_t n = ready > 0 ? read(z->fd, at, len) : -1;

        if ((ready < 0 || (ready > 0 && n < 0)) && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

void libsumo_zygote_stop(struct libsumo_zygote *z)
{
    if (z->clock)
        (void)munmap(z->clock, sizeof *z->clock); /* is a mapping of ours */
    z->clock = NULL;
    if (z->pid <= 0)
        return;
    (void)close(z->fd);
    (void)kill(z->pid, SIGKILL); /* not reaped yet, so the id is still the zygote's */
    while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    z->pid = 0;
    z->fd = -1;
}

static enum platoon_status fork_zygote(struct libsumo_zygote *z, const char *module, char **envp,
                                       struct platoon_err *err)
{
    pid_t self = getpid();
    int pair[2];

    if (!z->clock) {
        void *page =
            mmap(NULL, sizeof *z->clock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
            return platoon_fail(err, PLATOON_ENOMEM, "mmap: %s", strerror(errno));
        z->clock = page;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return platoon_fail(err, PLATOON_EIO, "socketpair: %s", strerror(errno));
    (void)fflush(NULL); /* or the copy might write it again; errors stay with the streams */
    z->pid = fork();
    if (z->pid == 0)
        zygote_process(pair[1], module, envp, self, z->clock);
    (void)close(pair[1]);
    if (z->pid < 0) {
        z->pid = 0;
        (void)close(pair[0]);
        return platoon_fail(err, PLATOON_EIO, "fork: %s", strerror(errno));
    }
    z->fd = pair[0];
    return PLATOON_OK;
}

static enum platoon_status load(struct libsumo_zygote *z, char **envp, struct platoon_err *err)
{
    struct zygote_hello hello;
    char module[PATH_MAX];
    enum platoon_status st;

    if ((st = find_module(module, err)) != PLATOON_OK ||
        (st = fork_zygote(z, module, envp, err)) != PLATOON_OK)
        return st;
    if (!read_answer(z, &hello, sizeof hello))
        st = platoon_fail(err, PLATOON_ENOTFOUND,
                          "loading libsumo (%.300s) ended the process that did it", module);
    else if ((st = hello.err.status) != PLATOON_OK)
        *err = hello.err;
    if (st != PLATOON_OK)
        libsumo_zygote_stop(z);
    else
        memcpy(z->version, hello.version, sizeof z->version);
    return st;
}

enum platoon_status libsumo_zygote_start(struct libsumo_zygote *z,
                                         const struct sumo_program *program,
                                         struct platoon_err *err)
{
    if (z->pid > 0 && waitpid(z->pid, NULL, WNOHANG) != 0) { /* somebody ended it: make another */
        (void)close(z->fd);
        z->pid = 0;
    }
    if (z->pid == 0 && z->why.status == PLATOON_OK)
        (void)load(z, program->envp, &z->why);
    if (z->pid == 0) {
        *err = z->why;
        return z->why.status;
    }
    if (strcmp(z->version, program->version) != 0)
        return platoon_fail(err, PLATOON_EVERSION,
                            "libsumo is of SUMO %s, but %s is SUMO %s; --sumo-backend traci runs "
                            "the latter",
                            z->version, program->path, program->version);
    return PLATOON_OK;
}

/* --- requests --------------------------------------------------------------------------------- */

static platoon_value *texts(const char *const *list)
{
    platoon_value *v = platoon_list();

    for (size_t i = 0; v && list && list[i]; i++)
        if (platoon_append(v, platoon_str(list[i])) != PLATOON_OK) {
            platoon_value_unref(v);
            return NULL;
        }
    return v;
}

static platoon_value *control_value(const struct control_settings *s)
{
    platoon_value *dict = platoon_dict(), *parameters = platoon_list(), *places = platoon_list();
    platoon_value *presets = platoon_list(); /* which places nobody named: messages tell */
    bool ok = dict && parameters && places && presets;

    for (size_t i = 0; ok && i < s->type->n_parameters; i++)
        ok = platoon_append(parameters, platoon_float(s->parameters[i])) == PLATOON_OK;
    for (size_t i = 0; ok && i < s->type->n_places; i++)
        ok = platoon_append(places, texts((const char *const *)s->places[i].names)) == PLATOON_OK &&
             platoon_append(presets, platoon_bool(s->places[i].is_preset)) == PLATOON_OK;
    if (!ok) {
        platoon_value_unref(parameters);
        platoon_value_unref(places);
        platoon_value_unref(presets);
    } else {
        ok = platoon_dict_set(dict, "type", platoon_str(s->type->name)) == PLATOON_OK;
        ok = platoon_dict_set(dict, "parameters", parameters) == PLATOON_OK && ok;
        ok = platoon_dict_set(dict, "places", places) == PLATOON_OK && ok;
        ok = platoon_dict_set(dict, "presets", presets) == PLATOON_OK && ok;
    }
    if (ok)
        return dict;
    platoon_value_unref(dict);
    return NULL;
}

static platoon_value *request_value(const struct libsumo_request *r)
{
    platoon_value *dict = platoon_dict();

    if (!dict)
        return NULL;
    if (platoon_dict_set(dict, "argv", texts(r->argv)) == PLATOON_OK &&
        platoon_dict_set(dict, "cwd", platoon_str(r->cwd)) == PLATOON_OK &&
        platoon_dict_set(dict, "control",
                         r->control ? control_value(r->control) : platoon_none()) == PLATOON_OK &&
        platoon_dict_set(dict, "stop", r->stop ? platoon_str(r->stop->text) : platoon_none()) ==
            PLATOON_OK)
        return dict;
    platoon_value_unref(dict);
    return NULL;
}

static enum platoon_status ask(struct libsumo_zygote *z, const struct libsumo_request *request,
                               const int fds[ZYGOTE_N_FDS], pid_t *out_pid, struct platoon_err *err)
{
    struct zygote_answer answer;
    enum platoon_status st;

    z->clock->time_s = -1.0;
    if (!fd_pass_send(z->fd, fds, ZYGOTE_N_FDS))
        st = PLATOON_ECLOSED;
    else
        st = runner_write(z->fd, request_value(request), err);
    if (st == PLATOON_OK && !read_answer(z, &answer, sizeof answer))
        st = PLATOON_ECLOSED;
    if (st == PLATOON_OK && answer.pid < 0) {
        *err = answer.err;
        return err->status;
    }
    if (st == PLATOON_OK) {
        *out_pid = answer.pid;
        return PLATOON_OK;
    }
    libsumo_zygote_stop(z); /* in the middle of a request: the next run gets a new one */
    if (st == PLATOON_ENOMEM)
        return st;
    return platoon_fail(err, PLATOON_EIO, "the process that has libsumo loaded ended");
}

enum platoon_status libsumo_zygote_fork(struct libsumo_zygote *z,
                                        const struct libsumo_request *request,
                                        struct sumo_child *child, int *out_report_fd,
                                        struct platoon_err *err)
{
    int pipes[ZYGOTE_N_FDS][2], n_pipes = 0, theirs[ZYGOTE_N_FDS];
    enum platoon_status st = PLATOON_OK;
    pid_t pid = -1;

    for (; n_pipes < ZYGOTE_N_FDS && st == PLATOON_OK; n_pipes++) {
        if (pipe2(pipes[n_pipes], O_CLOEXEC) < 0) {
            st = platoon_fail(err, PLATOON_EIO, "pipe: %s", strerror(errno));
            break;
        }
        theirs[n_pipes] = pipes[n_pipes][1];
        if (fcntl(pipes[n_pipes][0], F_SETFL, O_NONBLOCK) < 0)
            st = platoon_fail(err, PLATOON_EIO, "fcntl: %s", strerror(errno));
    }
    if (st == PLATOON_OK)
        st = ask(z, request, theirs, &pid, err);
    for (int i = 0; i < n_pipes; i++) {
        (void)close(pipes[i][1]);
        if (st != PLATOON_OK)
            (void)close(pipes[i][0]);
    }
    if (st != PLATOON_OK)
        return st;
    sumo_child_adopt(child, pid, pipes[ZYGOTE_FD_OUT][0], pipes[ZYGOTE_FD_ERR][0]);
    *out_report_fd = pipes[ZYGOTE_FD_REPORT][0];
    return PLATOON_OK;
}
