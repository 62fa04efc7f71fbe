/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copy_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum platoon_status fail(struct platoon_err *err, const char *what, const char *path)
{
    return platoon_fail(err, PLATOON_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

static enum platoon_status copy_bytes(int in, int out, const char *from, const char *to,
                                      struct platoon_err *err)
{
    char bytes[65536];
    ssize_t n;

    while ((n = read(in, bytes, sizeof bytes)) != 0) {
        if (n < 0)
            return fail(err, "read", from);
        for (ssize_t done = 0, m; done < n; done += m)
            if ((m = write(out, bytes + done, (size_t)(n - done))) < 0)
                return fail(err, "write", to);
    }
    return PLATOON_OK;
}

static enum platoon_status copy_file(const char *from, const char *to, mode_t mode,
                                     struct platoon_err *err)
{
    enum platoon_status st;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;

    if (in < 0)
        return fail(err, "read", from);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode & 0777) | 0600);
    if (out < 0)
        st = fail(err, "make", to);
    else
        st = copy_bytes(in, out, from, to, err);
    if (out >= 0 && close(out) != 0 && st == PLATOON_OK)
        st = fail(err, "write", to);
    close(in);
    return st;
}

/* As deep as the tree: it is one of ours, from the installed folder. */
static enum platoon_status copy_entry(const char *from, const char *to, struct platoon_err *err)
{
    struct stat about;

    if (lstat(from, &about) != 0)
        return fail(err, "read", from);
    if (S_ISDIR(about.st_mode))
        return copy_tree(from, to, err);
    return S_ISREG(about.st_mode) ? copy_file(from, to, about.st_mode, err) : PLATOON_OK;
}

enum platoon_status copy_tree(const char *from, const char *to, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    DIR *folder = opendir(from);
    struct dirent *entry;

    if (!folder)
        return fail(err, "read", from);
    if (mkdir(to, 0777) != 0) {
        st = fail(err, "make", to);
        closedir(folder);
        return st;
    }
    while (st == PLATOON_OK && (entry = readdir(folder))) {
        char *a = NULL, *b = NULL;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (asprintf(&a, "%s/%s", from, entry->d_name) < 0 ||
            asprintf(&b, "%s/%s", to, entry->d_name) < 0)
            st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        else
            st = copy_entry(a, b, err);
        free(a);
        free(b);
    }
    closedir(folder);
    return st;
}
