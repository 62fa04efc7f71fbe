/* SPDX-License-Identifier: Apache-2.0 */
/* spawner.c - start platoon-spawn, write requests, read ends. */
#include "worker/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- finding it ------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

enum platoon_status spawner_find(char *out, size_t out_size, struct platoon_err *err)
{
    const char *given = getenv("PLATOON_SPAWN");
    char self[PATH_MAX], *slash;
    ssize_t n;

    if (given && *given) {
        if (snprintf(out, out_size, "%s", given) < (int)out_size && is_program(out))
            return PLATOON_OK;
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "PLATOON_SPAWN names %s, which is no program that can be run", given);
    }
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
        if (snprintf(out, out_size, "%s/platoon-spawn", self) < (int)out_size && is_program(out))
            return PLATOON_OK;
        if (snprintf(out, out_size, "%s/../libexec/platoon/platoon-spawn", self) < (int)out_size &&
            is_program(out))
            return PLATOON_OK;
    }
    if (snprintf(out, out_size, "%s", PLATOON_PREFIX "/libexec/platoon/platoon-spawn") <
            (int)out_size &&
        is_program(out))
        return PLATOON_OK;
    return platoon_fail(err, PLATOON_ENOTFOUND,
                        "the program platoon-spawn, which starts tasks, is not installed: looked "
                        "in %s, %s/../libexec/platoon and " PLATOON_PREFIX "/libexec/platoon; set "
                        "PLATOON_SPAWN to its path, or install Platoon again",
                        n > 0 ? self : ".", n > 0 ? self : ".");
}

/* --- start and stop --------------------------------------------------------------------------- */

static enum platoon_status run_program(struct spawner *s, const char *program, int child_fd,
                                       struct platoon_err *err)
{
    char name[] = "platoon-spawn";
    char *argv[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return platoon_fail(err, PLATOON_ENOMEM, "starting %s: %s", program, strerror(error));
    error = posix_spawn_file_actions_adddup2(&actions, child_fd, SPAWN_SOCKET_FD);
    if (!error)
        error = posix_spawn(&s->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        s->pid = 0;
        return platoon_fail(err, PLATOON_EIO, "starting %s: %s", program, strerror(error));
    }
    return PLATOON_OK;
}

static enum platoon_status read_hello(struct spawner *s, const char *program,
                                      struct platoon_err *err)
{
    struct {
        struct spawn_header header;
        struct spawn_hello hello;
    } m;
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    int n;

    do
        n = poll(&p, 1, 10000);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return platoon_fail(err, PLATOON_ETIMEDOUT, "%s was started but says nothing", program);
    if (recv(s->fd, &m, sizeof m, MSG_WAITALL) != (ssize_t)sizeof m)
        return platoon_fail(err, PLATOON_EIO, "%s ended as soon as it was started", program);
    if (m.header.type != SPAWN_HELLO || m.hello.version != SPAWN_PROTOCOL_VERSION)
        return platoon_fail(err, PLATOON_EVERSION,
                            "%s speaks version %u of its protocol, this program version %u: they "
                            "are of different builds; install Platoon again",
                            program, m.header.type == SPAWN_HELLO ? m.hello.version : 0,
                            SPAWN_PROTOCOL_VERSION);
    return PLATOON_OK;
}

enum platoon_status spawner_start(struct spawner *s, const char *program, struct platoon_err *err)
{
    int pair[2], child_fd;
    enum platoon_status st;

    *s = (struct spawner){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return platoon_fail(err, PLATOON_EIO, "making a socket pair: %s", strerror(errno));
    s->fd = pair[0];
    /* dup2(3, 3) would leave close-on-exec set: the child's end must not be number 3 here. */
    child_fd = fcntl(pair[1], F_DUPFD_CLOEXEC, SPAWN_SOCKET_FD + 1);
    close(pair[1]);
    if (child_fd < 0) {
        st = platoon_fail(err, PLATOON_EIO, "making a socket pair: %s", strerror(errno));
    } else {
        st = run_program(s, program, child_fd, err);
        close(child_fd);
        if (st == PLATOON_OK)
            st = read_hello(s, program, err);
    }
    if (st != PLATOON_OK)
        spawner_stop(s);
    return st;
}

void spawner_stop(struct spawner *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->pid > 0)
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    free(s->in);
    *s = (struct spawner){.fd = -1};
}

/* --- requests --------------------------------------------------------------------------------- */

static enum platoon_status send_whole(struct spawner *s, struct msghdr *msg,
                                      struct platoon_err *err)
{
    while (msg->msg_iovlen > 0) {
        ssize_t n = sendmsg(s->fd, msg, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "platoon-spawn does not answer: %s",
                                strerror(errno));
        msg->msg_control = NULL; /* the descriptors went with the first byte */
        msg->msg_controllen = 0;
        while (msg->msg_iovlen > 0 && (size_t)n >= msg->msg_iov->iov_len) {
            n -= (ssize_t)msg->msg_iov->iov_len;
            msg->msg_iov++;
            msg->msg_iovlen--;
        }
        if (msg->msg_iovlen > 0) {
            msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + n;
            msg->msg_iov->iov_len -= (size_t)n;
        }
    }
    return PLATOON_OK;
}

static enum platoon_status send_simple(struct spawner *s, enum spawn_message type, const void *body,
                                       size_t body_bytes, struct platoon_err *err)
{
    struct spawn_header header = {type, (uint32_t)body_bytes};
    struct iovec iov[2] = {{&header, sizeof header}, {(void *)body, body_bytes}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

    if (s->fd < 0)
        return platoon_fail(err, PLATOON_EIO, "platoon-spawn is not running");
    return send_whole(s, &msg, err);
}

enum platoon_status spawner_folder(struct spawner *s, const char *path, struct platoon_err *err)
{
    return send_simple(s, SPAWN_FOLDER, path, strlen(path) + 1, err);
}

void spawner_kill(struct spawner *s, uint64_t id, int signal)
{
    struct spawn_kill request = {.id = id, .signal = (uint32_t)signal};

    (void)send_simple(s, SPAWN_KILL, &request, sizeof request,
                      NULL); /* if it is gone, so are they */
}

static size_t strings_bytes(char *const *strings, uint32_t *out_n)
{
    size_t bytes = 0;
    uint32_t n = 0;

    for (; strings[n]; n++)
        bytes += strlen(strings[n]) + 1;
    *out_n = n;
    return bytes;
}

static char *copy_strings(char *at, char *const *strings)
{
    for (; *strings; strings++) {
        size_t len = strlen(*strings) + 1;

        memcpy(at, *strings, len);
        at += len;
    }
    return at;
}

enum platoon_status spawner_request(struct spawner *s, const struct spawn_request *request,
                                    struct platoon_err *err)
{
    struct {
        struct spawn_header header;
        struct spawn_start start;
    } head = {.start = {.id = request->id,
                        .mark = (uint32_t)request->mark,
                        .n_fds = (uint32_t)request->n_fds,
                        .n_limits = (uint32_t)request->n_limits}};
    union {
        char space[CMSG_SPACE(sizeof(int) * SPAWN_MAX_FDS)];
        struct cmsghdr align;
    } control;
    size_t folder_bytes = strlen(request->folder) + 1;
    size_t text_bytes = folder_bytes + strings_bytes(request->argv, &head.start.n_argv) +
                        strings_bytes(request->env, &head.start.n_env);
    struct iovec iov[2] = {{&head, sizeof head}, {NULL, text_bytes}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    enum platoon_status st;
    char *text;

    if (s->fd < 0)
        return platoon_fail(err, PLATOON_EIO, "platoon-spawn is not running");
    if (text_bytes > SPAWN_MAX_BODY - sizeof head.start)
        return platoon_fail(err, PLATOON_ELIMIT,
                            "its arguments and environment are %zu bytes long, more than a program "
                            "can be given",
                            text_bytes);
    text = malloc(text_bytes);
    if (!text)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    memcpy(text, request->folder, folder_bytes);
    copy_strings(copy_strings(text + folder_bytes, request->argv), request->env);
    iov[1].iov_base = text;
    head.header = (struct spawn_header){SPAWN_START, (uint32_t)(sizeof head.start + text_bytes)};
    for (size_t i = 0; i < request->n_fds; i++)
        head.start.fd_target[i] = (uint32_t)request->fd_targets[i];
    memcpy(head.start.limits, request->limits, request->n_limits * sizeof request->limits[0]);
    if (request->n_fds > 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * request->n_fds);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * request->n_fds);
        memcpy(CMSG_DATA(c), request->fds, sizeof(int) * request->n_fds);
    }
    st = send_whole(s, &msg, err);
    free(text);
    return st;
}

/* --- ends ------------------------------------------------------------------------------------- */

static bool read_more(struct spawner *s, bool *out_is_open)
{
    ssize_t n;

    if (s->in_cap - s->in_len < 4096) {
        size_t cap = s->in_cap ? s->in_cap * 2 : 8192;
        char *grown = realloc(s->in, cap);

        if (!grown)
            return false;
        s->in = grown;
        s->in_cap = cap;
    }
    do
        n = recv(s->fd, s->in + s->in_len, s->in_cap - s->in_len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *out_is_open = n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    if (n > 0)
        s->in_len += (size_t)n;
    return n > 0;
}

bool spawner_read(struct spawner *s, void (*on_ended)(const struct spawn_ended *ended, void *arg),
                  void *arg)
{
    struct {
        struct spawn_header header;
        struct spawn_ended ended;
    } m;
    bool is_open = false;
    size_t at = 0;

    (void)read_more(s, &is_open);
    while (s->in_len - at >= sizeof m) {
        memcpy(&m, s->in + at, sizeof m);
        if (m.header.type != SPAWN_ENDED || m.header.body_bytes != sizeof m.ended)
            return false; /* not a program of ours */
        at += sizeof m;
        on_ended(&m.ended, arg);
    }
    s->in_len -= at;
    memmove(s->in, s->in + at, s->in_len);
    return is_open;
}

const char *spawn_step_text(enum spawn_step step)
{
    switch (step) {
    case SPAWN_STEP_NONE:
    case SPAWN_STEP_REQUEST:
        return "asking for it";
    case SPAWN_STEP_FORK:
        return "making a process";
    case SPAWN_STEP_SESSION:
        return "making a session";
    case SPAWN_STEP_LIMITS:
        return "setting its limits";
    case SPAWN_STEP_FOLDER:
        return "changing to its folder";
    case SPAWN_STEP_REDIRECT:
        return "connecting its input and output";
    case SPAWN_STEP_EXEC:
        return "running the program";
    }
    return "starting it";
}
