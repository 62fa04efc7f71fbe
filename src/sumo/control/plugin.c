/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - dlopen() and what is looked at before and after it. */
#include "sumo/control/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sumo/control/controller.h"
#include "sumo/control/validate.h"

#define SYMBOL "platoon_controller_plugin"

/* --- loading ---------------------------------------------------------------------------------- */

static enum platoon_status find_file(const char *file, char out[PATH_MAX], struct platoon_err *err)
{
    struct stat info;

    if (!realpath(file, out) || stat(out, &info) < 0)
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "%.300s: %s; --controller names a shared object", file,
                            strerror(errno));
    if (!S_ISREG(info.st_mode))
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "%.300s is no file; --controller names a shared object", file);
    return PLATOON_OK;
}

/* The table, once the symbol is known to be an object of that size: a function or a pointer of that
 * name would be read as one. */
static const struct platoon_controller *find_table(void *handle, const char *path,
                                                   struct platoon_err *err)
{
    const void *address = dlsym(handle, SYMBOL);
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;

    if (!address) {
        (void)platoon_fail(err, PLATOON_EINVAL,
                           "%.300s exports no " SYMBOL "; include <platoon/controller.h> and "
                           "define `const struct platoon_controller " SYMBOL " = {...};`",
                           path);
        return NULL;
    }
    if (!dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
        (symbol->st_info & 0xf) != STT_OBJECT ||
        symbol->st_size < sizeof(struct platoon_controller_abi)) {
        (void)platoon_fail(err, PLATOON_EINVAL,
                           "%.300s: " SYMBOL " is not a struct platoon_controller (a pointer or a "
                           "function, perhaps); export the struct itself",
                           path);
        return NULL;
    }
    return address;
}

/* `path` becomes the controller's origin if it is taken. */
static enum platoon_status load_path(const char *path, bool *out_taken, struct platoon_err *err)
{
    const struct platoon_controller *table;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct platoon_err why;
    enum platoon_status st;

    if (!handle)
        return platoon_fail(err, PLATOON_ENOTFOUND,
                            "%.300s cannot be loaded: %.400s; build it with cc -shared -fPIC", path,
                            dlerror());
    if (!(table = find_table(handle, path, err)))
        return err->status;
    if ((st = controller_validate(table, &why)) != PLATOON_OK)
        return platoon_fail(err, st, "%.300s: %s", path, why.message);
    st = controller_add(table, path, err);
    *out_taken = st == PLATOON_OK;
    return st;
}

enum platoon_status plugin_load(const char *file, struct platoon_err *err)
{
    char path[PATH_MAX], *kept;
    struct platoon_err here;
    bool is_taken = false;
    enum platoon_status st;

    if (!err)
        err = &here;
    if ((st = find_file(file, path, err)) != PLATOON_OK)
        return st;
    if (!(kept = strdup(path)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to load a controller");
    st = load_path(kept, &is_taken, err);
    if (!is_taken)
        free(kept);
    return st;
}

/* --- trying it elsewhere ---------------------------------------------------------------------- */

/* What the trying process tells before each file, when one is refused, and at the end; in single
 * writes. */
struct news {
    size_t at; /* of the files; their number: all are well */
    struct platoon_err err;
};

static void tell(int fd, const struct news *news)
{
    if (write(fd, news, sizeof *news) != (ssize_t)sizeof *news)
        _exit(0); /* nobody listens */
}

static _Noreturn void try_all(int fd, const char *const *files, size_t n)
{
    struct news news = {.err = {.status = PLATOON_OK}};

    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);      /* the few that cannot be changed are at default */
    (void)unsetenv("PLATOON_AUTHKEY"); /* no code but our own has a use for it */
    (void)alarm(PLUGIN_PROBE_LIMIT_S);
    for (; news.at < n; news.at++) {
        tell(fd, &news);
        if (plugin_load(files[news.at], &news.err) != PLATOON_OK)
            break;
    }
    tell(fd, &news);
    _exit(0);
}

/* The last news: where it ended. */
static struct news listen(int fd)
{
    struct news last = {.err = {.status = PLATOON_OK}}, news;
    ssize_t n;

    while ((n = read(fd, &news, sizeof news)) == (ssize_t)sizeof news || (n < 0 && errno == EINTR))
        if (n > 0)
            last = news;
    return last;
}

static enum platoon_status judge(const struct news *last, const char *const *files, size_t n,
                                 int wait_status, struct platoon_err *err)
{
    const char *file;

    if (last->err.status != PLATOON_OK) {
        *err = last->err;
        return err->status;
    }
    if (last->at >= n)
        return PLATOON_OK;
    file = files[last->at];
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM)
        return platoon_fail(err, PLATOON_EIO, "%.300s: loading it did not end within %d s", file,
                            PLUGIN_PROBE_LIMIT_S);
    if (WIFSIGNALED(wait_status))
        return platoon_fail(err, PLATOON_EIO,
                            "%.300s: loading it ended the process that did it, by signal %d (%s); "
                            "look at the pointers in its table",
                            file, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return platoon_fail(err, PLATOON_EIO,
                        "%.300s: loading it ended the process that did it, with exit code %d", file,
                        WEXITSTATUS(wait_status));
}

enum platoon_status plugin_probe(const char *const *files, size_t n, struct platoon_err *err)
{
    int pipe_fds[2], wait_status = 0;
    struct platoon_err here;
    struct news last;
    pid_t pid;

    if (n == 0)
        return PLATOON_OK;
    if (!err)
        err = &here;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return platoon_fail(err, PLATOON_EIO, "pipe: %s", strerror(errno));
    pid = fork();
    if (pid == 0)
        try_all(pipe_fds[1], files, n);
    (void)close(pipe_fds[1]);
    if (pid < 0) {
        (void)close(pipe_fds[0]);
        return platoon_fail(err, PLATOON_EIO, "fork: %s", strerror(errno));
    }
    last = listen(pipe_fds[0]);
    (void)close(pipe_fds[0]);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    return judge(&last, files, n, wait_status, err);
}
