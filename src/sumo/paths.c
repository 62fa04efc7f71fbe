/* SPDX-License-Identifier: Apache-2.0 */
/* paths.c - the check is made on the resolved path, so what a link points to is what counts. */
#include "sumo/paths.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_NEIGHBOURS = 5 };

static bool is_inside(const char *root, const char *path)
{
    size_t len = strlen(root);

    if (strcmp(root, "/") == 0)
        return true;
    return strncmp(path, root, len) == 0 && path[len] == '/';
}

/* Whether "..", taken literally, climbs above where the name starts. */
static bool climbs_out(const char *name)
{
    int depth = 0;

    while (*name) {
        size_t len = strcspn(name, "/");

        if (len == 2 && strncmp(name, "..", 2) == 0)
            depth--;
        else if (len > 0 && !(len == 1 && *name == '.'))
            depth++;
        if (depth < 0)
            return true;
        name += len;
        name += *name == '/';
    }
    return false;
}

static int is_config(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 8 && strcmp(entry->d_name + len - 8, ".sumocfg") == 0;
}

/* "; that folder holds a.sumocfg, b.sumocfg" for the folder of `path`, or "". */
static void list_neighbours(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    struct dirent **found;
    size_t used = 0;
    int n;

    out[0] = '\0';
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
    if ((n = scandir(folder, &found, is_config, alphasort)) < 0)
        return;
    for (int i = 0; i < n; i++) {
        if (i < MAX_NEIGHBOURS && used + strlen(found[i]->d_name) + 24 < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s",
                                     used ? ", " : "; that folder holds ", found[i]->d_name);
        free(found[i]);
    }
    free(found);
}

static enum platoon_status tell_missing(const struct path_rules *rules, const char *what,
                                        const char *name, const char *path, struct platoon_err *err)
{
    int code = errno;
    char neighbours[400];

    if (code != ENOENT && code != ENOTDIR)
        return platoon_fail(err, PLATOON_EIO, "%s \"%.200s\": %s", what, name, strerror(code));
    list_neighbours(path, neighbours, sizeof neighbours);
    return platoon_fail(err, PLATOON_ENOTFOUND,
                        "%s \"%.200s\": there is no such file under the worker's --root %.200s%s",
                        what, name, rules->root, neighbours);
}

static enum platoon_status resolve(const struct path_rules *rules, const char *name,
                                   const char *what, char **out, struct platoon_err *err)
{
    char whole[PATH_MAX], real[PATH_MAX];
    struct stat info;
    int len;

    if (!rules->allow_any && *name != '/' && climbs_out(name))
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s \"%.200s\" leads out of the worker's --root; --allow-any-path on the "
            "worker permits that",
            what, name);
    if (*name == '/')
        len = snprintf(whole, sizeof whole, "%s", name);
    else
        len = snprintf(whole, sizeof whole, "%s/%s", rules->root, name);
    if (len < 0 || (size_t)len >= sizeof whole)
        return platoon_fail(err, PLATOON_EINVAL, "%s is too long for a path", what);
    if (!realpath(whole, real))
        return tell_missing(rules, what, name, whole, err);
    if (!rules->allow_any && !is_inside(rules->root, real))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s \"%.200s\" is %.300s, outside the worker's --root %.200s; "
                            "--allow-any-path on the worker permits that",
                            what, name, real, rules->root);
    if (stat(real, &info) < 0 || !S_ISREG(info.st_mode))
        return platoon_fail(err, PLATOON_EINVAL, "%s \"%.200s\" is no file", what, name);
    if (strpbrk(real, ",;"))
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s is %.400s: SUMO splits file names at commas and semicolons, rename the "
            "file or folder",
            what, real);
    if (!(*out = strdup(real)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a path");
    return PLATOON_OK;
}

enum platoon_status path_resolve(const struct path_rules *rules, const platoon_value *name,
                                 const char *what, char **out, struct platoon_err *err)
{
    enum platoon_status st;
    size_t len;
    const char *text = platoon_as_str(name, &len);
    char *slashed;

    if (!text)
        return platoon_fail(err, PLATOON_EINVAL, "%s must be a text, not a %s", what,
                            platoon_kind_name(platoon_value_kind(name)));
    if (len == 0 || strlen(text) != len)
        return platoon_fail(err, PLATOON_EINVAL, "%s is %s", what,
                            len ? "no path: it holds a NUL character" : "empty");
    if (!(slashed = strdup(text)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a path");
    for (char *at = slashed; *at; at++) {
        if (*at == '\\')
            *at = '/';
    }
    st = resolve(rules, slashed, what, out, err);
    free(slashed);
    return st;
}

bool path_is_plain_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > PATH_PLAIN_NAME_BYTES || *name == '.' || *name == '-')
        return false;
    for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
        if (*at < 0x20 || *at == 0x7f || strchr("/\\:;,*?\"'<>|$%`~ ", *at))
            return false;
    }
    return true;
}
