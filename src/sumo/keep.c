/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - gzip, because SUMO and whatever reads its outputs read that too. */
#include "sumo/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/remove_tree.h"
#include "sumo/manifest.h"

enum { CHUNK_BYTES = 64 << 10, MAX_NAMESAKES = 1000 };

bool keep_policy_parse(const char *text, enum keep_policy *out)
{
    static const char *const names[] = {
        [KEEP_NONE] = "none",
        [KEEP_FAILED] = "failed",
        [KEEP_ALL] = "all",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum keep_policy)i;
            return true;
        }
    return false;
}

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to keep outputs");
}

/* --- one file --------------------------------------------------------------------------------- */

static enum platoon_status tell_write_error(const char *path, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EIO, "%s: %s", path,
                        errno ? strerror(errno) : "cannot be written");
}

static enum platoon_status compress_all(int from, const char *from_path, gzFile to,
                                        const char *to_path, struct platoon_err *err)
{
    char chunk[CHUNK_BYTES];

    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "%s: %s", from_path, strerror(errno));
        if (n == 0)
            return PLATOON_OK;
        errno = 0;
        if (gzwrite(to, chunk, (unsigned)n) != (int)n)
            return tell_write_error(to_path, err);
    }
}

static enum platoon_status compress_into(int from, const char *from_path, const char *to_path,
                                         struct platoon_err *err)
{
    gzFile to = gzopen(to_path, "wbe");
    enum platoon_status st;

    if (!to)
        return tell_write_error(to_path, err);
    st = compress_all(from, from_path, to, to_path, err);
    errno = 0;
    if (gzclose(to) != Z_OK && st == PLATOON_OK)
        st = tell_write_error(to_path, err);
    return st;
}

static enum platoon_status keep_file(const char *from_path, const char *to_path,
                                     struct platoon_err *err)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    enum platoon_status st = PLATOON_OK;
    struct stat info;

    if (from < 0 && errno == ELOOP)
        return PLATOON_OK; /* a link */
    if (from < 0)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", from_path, strerror(errno));
    if (fstat(from, &info) == 0 && S_ISREG(info.st_mode))
        st = compress_into(from, from_path, to_path, err);
    (void)close(from); /* only read from */
    return st;
}

/* --- a folder --------------------------------------------------------------------------------- */

static enum platoon_status keep_entry(const char *task_dir, const char *folder, const char *file,
                                      struct platoon_err *err)
{
    char *from = NULL, *to = NULL;
    enum platoon_status st;

    if (asprintf(&from, "%s/%s", task_dir, file) < 0)
        from = NULL;
    if (asprintf(&to, "%s/%s.gz", folder, file) < 0)
        to = NULL;
    st = from && to ? keep_file(from, to, err) : no_memory(err);
    free(from);
    free(to);
    return st;
}

static enum platoon_status keep_files(const char *task_dir, const char *folder,
                                      struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    const struct dirent *entry;
    DIR *dir = opendir(task_dir);

    if (!dir)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", task_dir, strerror(errno));
    while (st == PLATOON_OK && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            st = keep_entry(task_dir, folder, entry->d_name, err);
    closedir(dir);
    return st;
}

/* `partial` becomes `keep_dir`/`name`, or the first of its namesakes that is free. */
static enum platoon_status give_name(const char *partial, const char *keep_dir, const char *name,
                                     struct platoon_err *err)
{
    for (int i = 1; i <= MAX_NAMESAKES; i++) {
        char *path;
        int n = i == 1 ? asprintf(&path, "%s/%s", keep_dir, name)
                       : asprintf(&path, "%s/%s-%d", keep_dir, name, i);
        int rc, code;

        if (n < 0)
            return no_memory(err);
        rc = rename(partial, path);
        code = errno;
        if (rc < 0 && code != ENOTEMPTY && code != EEXIST && code != ENOTDIR)
            (void)platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(code));
        free(path);
        if (rc == 0)
            return PLATOON_OK;
        if (code != ENOTEMPTY && code != EEXIST && code != ENOTDIR)
            return PLATOON_EIO;
    }
    return platoon_fail(err, PLATOON_EIO, "%s holds %d folders of the name %s already", keep_dir,
                        MAX_NAMESAKES, name);
}

enum platoon_status keep_outputs(const char *task_dir, const char *keep_dir, const char *name,
                                 const platoon_value *manifest, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    char *partial;

    /* Of this process alone, which keeps one at a time: what stands there was cut off. */
    if (asprintf(&partial, "%s/.partial-%ld", keep_dir, (long)getpid()) < 0)
        return no_memory(err);
    (void)remove_tree(partial); /* mkdir() tells what is wrong */
    if (mkdir(partial, 0777) < 0)
        st = platoon_fail(err, PLATOON_EIO, "%s: %s", partial, strerror(errno));
    if (st == PLATOON_OK)
        st = keep_files(task_dir, partial, err);
    if (st == PLATOON_OK)
        st = manifest_write(manifest, partial, err);
    if (st == PLATOON_OK)
        st = give_name(partial, keep_dir, name, err);
    if (st != PLATOON_OK)
        (void)remove_tree(partial); /* that something is wrong is told already */
    free(partial);
    return st;
}
