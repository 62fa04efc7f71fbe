/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - from a request to a running program.
 *
 * The child shares our memory until it execs (CLONE_VM | CLONE_VFORK), as posix_spawn() does it: no
 * page table is copied, we sleep until the exec is done, and a failure is told through memory
 * instead of a pipe. So what the child runs is written for that: it touches nothing but its own
 * stack and `struct plan`, allocates nothing, and calls only plain system calls. */
#include "spawn/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the request ------------------------------------------------------------------------------ */

static char **take_strings(char **at, const char *end, size_t n)
{
    char **strings = calloc(n + 1, sizeof *strings);

    for (size_t i = 0; strings && i < n; i++) {
        if (*at >= end) {
            free(strings);
            return NULL;
        }
        strings[i] = *at;
        *at += strlen(*at) + 1; /* the body ends with a NUL of its own */
    }
    return strings;
}

bool start_parse(const char *body, size_t body_bytes, const int *fds, size_t n_fds,
                 struct start_request *out)
{
    struct start_request r = {.fds = fds};
    char *at, *end = (char *)body + body_bytes;

    if (body_bytes < sizeof r.head)
        return false;
    memcpy(&r.head, body, sizeof r.head);
    if (r.head.n_argv < 1 || r.head.n_argv > body_bytes || r.head.n_env > body_bytes ||
        r.head.n_fds != n_fds || r.head.n_limits > SPAWN_MAX_LIMITS ||
        (r.head.n_env > 0 && r.head.mark >= r.head.n_env))
        return false;
    for (size_t i = 0; i < n_fds; i++)
        if (r.head.fd_target[i] > SPAWN_MAX_TARGET_FD)
            return false;
    at = (char *)body + sizeof r.head;
    if (at >= end)
        return false;
    r.folder = at;
    at += strlen(at) + 1;
    r.argv = take_strings(&at, end, r.head.n_argv);
    r.env = r.argv ? take_strings(&at, end, r.head.n_env) : NULL;
    if (!r.env || at != end) {
        start_release(&r);
        return false;
    }
    *out = r;
    return true;
}

void start_release(struct start_request *r)
{
    free(r->argv);
    free(r->env);
    r->argv = r->env = NULL;
}

/* --- the child, in our memory ----------------------------------------------------------------- */

struct plan {
    const struct start_request *request;
    pid_t parent;
    char path[PATH_MAX]; /* where a candidate of the PATH search is put together */
    volatile enum spawn_step step;
    volatile int error;
};

static bool set_limits(const struct spawn_start *head)
{
    for (size_t i = 0; i < head->n_limits; i++) {
        struct rlimit limit = {head->limits[i].value, head->limits[i].value};

        if (setrlimit((__rlimit_resource_t)head->limits[i].resource, &limit) != 0)
            return false;
    }
    return true;
}

static bool redirect(const struct start_request *r)
{
    bool has[3] = {false, false, false};

    for (size_t i = 0; i < r->head.n_fds; i++) {
        if (dup2(r->fds[i], (int)r->head.fd_target[i]) < 0)
            return false;
        if (r->head.fd_target[i] < 3)
            has[r->head.fd_target[i]] = true;
    }
    for (int fd = 0; fd < 3; fd++) {
        int null = has[fd] ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

        if (!has[fd] && (null < 0 || dup2(null, fd) < 0))
            return false;
    }
    return true;
}

static const char *path_of(char **env)
{
    for (; *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return "/usr/local/bin:/usr/bin:/bin";
}

/* Never returns on success; the errno that describes the failure best otherwise, as execvp() would
 * choose it. */
static int exec_program(struct plan *plan)
{
    const struct start_request *r = plan->request;
    const char *name = r->argv[0], *at = path_of(r->env);
    size_t name_len = strlen(name);
    int error = ENOENT;

    if (name_len == 0)
        return ENOENT;
    if (strchr(name, '/')) {
        execve(name, r->argv, r->env);
        return errno;
    }
    for (;;) {
        size_t len = strcspn(at, ":");

        if (len + 1 + name_len < sizeof plan->path) {
            memcpy(plan->path, at, len);
            if (len > 0) /* an empty entry is the working folder */
                plan->path[len] = '/';
            memcpy(plan->path + len + (len > 0), name, name_len + 1);
            execve(plan->path, r->argv, r->env);
            if (errno == EACCES)
                error = EACCES; /* found, but not ours to run; a later entry may do */
            else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENODEV)
                return errno;
        }
        if (at[len] == '\0')
            return error;
        at += len + 1;
    }
}

static int fail_step(struct plan *plan, enum spawn_step step, int error)
{
    plan->error = error;
    plan->step = step;
    return 127;
}

static int child_main(void *arg)
{
    struct plan *plan = arg;
    const struct start_request *r = plan->request;
    sigset_t none;

    if (setsid() < 0)
        return fail_step(plan, SPAWN_STEP_SESSION, errno);
    /* The signal comes when our parent's thread ends; if it ended before we asked, we have another
     * parent already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return fail_step(plan, SPAWN_STEP_SESSION, errno);
    if (getppid() != plan->parent)
        return fail_step(plan, SPAWN_STEP_SESSION, ESRCH);
    if (!set_limits(&r->head))
        return fail_step(plan, SPAWN_STEP_LIMITS, errno);
    if (chdir(r->folder) != 0)
        return fail_step(plan, SPAWN_STEP_FOLDER, errno);
    if (!redirect(r))
        return fail_step(plan, SPAWN_STEP_REDIRECT, errno);
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        return fail_step(plan, SPAWN_STEP_EXEC, errno);
    return fail_step(plan, SPAWN_STEP_EXEC, exec_program(plan));
}

/* --- the parent ------------------------------------------------------------------------------- */

enum { STACK_BYTES = 64 * 1024 };

static char *child_stack(void)
{
    static char *stack;

    if (!stack) {
        void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

        if (memory != MAP_FAILED)
            stack = memory;
    }
    return stack;
}

pid_t start_process(const struct start_request *r, struct start_failure *out)
{
    static struct plan plan; /* one at a time: we sleep until the child has execed */
    static pid_t self;
    char *stack = child_stack();
    pid_t pid;

    plan.request = r;
    if (!self)
        self = getpid();
    plan.parent = self;
    plan.step = SPAWN_STEP_NONE;
    plan.error = 0;
    pid = stack ? clone(child_main, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &plan)
                : -1;
    if (pid < 0) {
        *out = (struct start_failure){SPAWN_STEP_FORK, errno};
        return -1;
    }
    if (plan.step != SPAWN_STEP_NONE) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        *out = (struct start_failure){plan.step, plan.error};
        return -1;
    }
    return pid;
}
