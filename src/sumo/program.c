/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - SUMO_HOME, PATH, and one run of `sumo --version`. */
#include "sumo/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sumo/sumo_child.h"

#define VERSION_TIME_LIMIT_NS 30000000000u
#define DEBIAN_SUMO_HOME      "/usr/share/sumo"

extern char **environ;

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static char *joined(const char *folder, size_t folder_len, const char *name)
{
    char *path;

    if (asprintf(&path, "%.*s/%s", (int)folder_len, folder, name) < 0)
        return NULL;
    return path;
}

/* The first program of that name in PATH, or NULL. An empty entry is the current folder, as for the
 * shell. */
static char *find_in_path(const char *name)
{
    const char *at = getenv("PATH");

    while (at) {
        size_t len = strcspn(at, ":");
        char *path = len ? joined(at, len, name) : joined(".", 1, name);

        if (path && is_program(path))
            return path;
        free(path);
        at = at[len] ? at + len + 1 : NULL;
    }
    return NULL;
}

/* SUMO starts in another folder than this one. Takes `path`. Links stay as they are: some programs
 * look at the name that they were called by. */
static char *absolute(char *path)
{
    char *here = getcwd(NULL, 0), *whole = here ? joined(here, strlen(here), path) : NULL;

    free(here);
    free(path);
    return whole;
}

static enum platoon_status find_path(const char *wanted, char **out, struct platoon_err *err)
{
    const char *home = getenv("SUMO_HOME");
    char *path = NULL;

    if (wanted && strchr(wanted, '/')) {
        if (!is_program(wanted))
            return platoon_fail(err, PLATOON_ENOTFOUND, "there is no program %s (--sumo)", wanted);
        path = strdup(wanted);
    } else if (wanted) {
        if (!(path = find_in_path(wanted)))
            return platoon_fail(err, PLATOON_ENOTFOUND, "there is no program %s in PATH (--sumo)",
                                wanted);
    } else {
        if (home && *home && (path = joined(home, strlen(home), "bin/sumo")) && !is_program(path)) {
            free(path);
            path = NULL;
        }
        if (!path && !(path = find_in_path("sumo")))
            return platoon_fail(
                err, PLATOON_ENOTFOUND,
                "SUMO is not on this machine: no program sumo in PATH%s%s; install it "
                "(Debian: apt-get install sumo) or name it with --sumo",
                home ? ", and none in SUMO_HOME/bin, SUMO_HOME being " : "", home ? home : "");
    }
    if (path && *path != '/')
        path = absolute(path);
    if (!path)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to look for SUMO");
    *out = path;
    return PLATOON_OK;
}

/* --- environment ------------------------------------------------------------------------------ */

static bool has_schemas(const char *home)
{
    char *path = joined(home, strlen(home), "data/xsd");
    bool has = path && access(path, F_OK) == 0;

    free(path);
    return has;
}

/* A SUMO_HOME for a program that stands in X/bin: X if it holds the data; else Debian's. NULL if
 * none. */
static char *guess_home(const char *program)
{
    char real[PATH_MAX];

    if (realpath(program, real)) {
        char *slash = strrchr(real, '/');

        *slash = '\0';
        slash = strrchr(real, '/');
        if (slash && strcmp(slash, "/bin") == 0) {
            *slash = '\0';
            if (has_schemas(real))
                return strdup(real);
        }
    }
    return has_schemas(DEBIAN_SUMO_HOME) ? strdup(DEBIAN_SUMO_HOME) : NULL;
}

static void free_environment(char **envp)
{
    for (size_t i = 0; envp && envp[i]; i++)
        free(envp[i]);
    free(envp);
}

/* LANGUAGE: what SUMO says is read (console.h), and later releases are translated. File names and
 * their character set are not touched by it. */
static char **make_environment(const char *program)
{
    const char *home = getenv("SUMO_HOME");
    char *guess = home && *home ? NULL : guess_home(program);
    size_t n = 0, used = 0;
    char **envp;
    bool failed = false;

    while (environ[n])
        n++;
    if (!(envp = calloc(n + 3, sizeof *envp))) {
        free(guess);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], "LANGUAGE=", 9) == 0 ||
            (guess && strncmp(environ[i], "SUMO_HOME=", 10) == 0))
            continue;
        if (!(envp[used++] = strdup(environ[i])))
            failed = true;
    }
    if (!(envp[used++] = strdup("LANGUAGE=en")))
        failed = true;
    if (guess && asprintf(&envp[used], "SUMO_HOME=%s", guess) < 0) {
        envp[used] = NULL;
        failed = true;
    }
    free(guess);
    if (failed) {
        for (size_t i = 0; i < n + 2; i++)
            free(envp[i]);
        free(envp);
        return NULL;
    }
    return envp;
}

/* --- version ---------------------------------------------------------------------------------- */

bool sumo_version_parse(const char *line, char version[32], int *out_major, int *out_minor)
{
    const char *at = strstr(line, "Version ");
    int major, minor, len = 0;

    if (!strstr(line, "SUMO") || !at)
        return false;
    at += strlen("Version ");
    if (*at == 'v') /* builds between releases: "v1_19_0+0123-abcdef" */
        at++;
    if (sscanf(at, "%d%*1[._]%d", &major, &minor) != 2 || major < 0 || minor < 0)
        return false;
    len = (int)strcspn(at, " \r\n");
    snprintf(version, 32, "%.*s", len > 31 ? 31 : len, at);
    *out_major = major;
    *out_minor = minor;
    return true;
}

struct first_bytes {
    char text[512];
    size_t len;
};

static void keep_first_bytes(int stream, const char *data, size_t len, void *arg)
{
    struct first_bytes *first = arg;
    size_t room = sizeof first->text - 1 - first->len;

    (void)stream; /* what a wrong program says on stderr goes into the message too */
    if (len > room)
        len = room;
    memcpy(first->text + first->len, data, len);
    first->len += len;
}

static enum platoon_status ask_version(struct sumo_program *program, struct platoon_err *err)
{
    struct first_bytes answer = {.len = 0};
    const char *argv[] = {program->path, "--version", NULL};
    struct sumo_child_command command = {.argv = argv, .envp = (const char *const *)program->envp};
    struct sumo_child p;
    enum platoon_status st;

    sumo_child_init(&p, keep_first_bytes, &answer);
    p.deadline_mono_ns = clock_mono_ns() + VERSION_TIME_LIMIT_NS;
    if ((st = sumo_child_start(&p, &command, err)) != PLATOON_OK)
        return st;
    st = sumo_child_wait_end(&p, err);
    sumo_child_end(&p);
    if (st == PLATOON_ETIMEDOUT)
        return platoon_fail(err, st, "%s --version did not answer within %u s", program->path,
                            (unsigned)(VERSION_TIME_LIMIT_NS / 1000000000u));
    if (st != PLATOON_OK)
        return st;
    if (WIFSIGNALED(p.wait_status))
        return platoon_fail(err, PLATOON_EPROTO, "%s --version was ended by signal %d",
                            program->path, WTERMSIG(p.wait_status));
    answer.text[answer.len] = '\0';
    answer.text[strcspn(answer.text, "\r\n")] = '\0';
    if (!sumo_version_parse(answer.text, program->version, &program->major, &program->minor))
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s --version does not answer like SUMO: \"%.200s\" (exit code %d)",
                            program->path, answer.text,
                            WIFEXITED(p.wait_status) ? WEXITSTATUS(p.wait_status) : -1);
    if (program->major < SUMO_MIN_MAJOR ||
        (program->major == SUMO_MIN_MAJOR && program->minor < SUMO_MIN_MINOR))
        return platoon_fail(err, PLATOON_EVERSION,
                            "%s is SUMO %s; Platoon needs %d.%d or later (--sumo names another)",
                            program->path, program->version, SUMO_MIN_MAJOR, SUMO_MIN_MINOR);
    return PLATOON_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool is_same_file(const struct sumo_program *program, const struct stat *info)
{
    return program->device == info->st_dev && program->inode == info->st_ino &&
           program->size == info->st_size && program->changed.tv_sec == info->st_ctim.tv_sec &&
           program->changed.tv_nsec == info->st_ctim.tv_nsec;
}

enum platoon_status sumo_program_find(struct sumo_program *program, const char *wanted,
                                      struct platoon_err *err)
{
    struct sumo_program found = {0};
    struct stat info;
    enum platoon_status st = find_path(wanted, &found.path, err);

    if (st != PLATOON_OK)
        return st;
    if (stat(found.path, &info) < 0) {
        st = platoon_fail(err, PLATOON_ENOTFOUND, "%s: %s", found.path, strerror(errno));
        goto fail;
    }
    if (program->path && strcmp(program->path, found.path) == 0 && is_same_file(program, &info)) {
        free(found.path);
        return PLATOON_OK;
    }
    found.device = info.st_dev;
    found.inode = info.st_ino;
    found.size = info.st_size;
    found.changed = info.st_ctim;
    if (!(found.envp = make_environment(found.path))) {
        st = platoon_fail(err, PLATOON_ENOMEM, "no memory for SUMO's environment");
        goto fail;
    }
    if ((st = ask_version(&found, err)) != PLATOON_OK)
        goto fail;
    sumo_program_release(program);
    *program = found;
    return PLATOON_OK;

fail:
    sumo_program_release(&found);
    return st;
}

void sumo_program_release(struct sumo_program *program)
{
    free(program->path);
    free_environment(program->envp);
    *program = (struct sumo_program){0};
}
