/* SPDX-License-Identifier: Apache-2.0 */
/* remove_tree.c - removal relative to open folders, so that nobody can swap a folder for a link
 * under us. */
#include "base/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process that is being killed may still write into the folder: look again this often. */
enum { MAX_ROUNDS = 4, MAX_DEPTH = 512 };

static int remove_at(int parent, const char *name, int depth);

static int empty_folder(int fd, int depth, bool *out_was_empty)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int first_error = 0;

    *out_was_empty = true;
    if (!dir) {
        first_error = errno;
        close(fd);
        return first_error;
    }
    while ((entry = readdir(dir))) {
        int error;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *out_was_empty = false;
        error = remove_at(dirfd(dir), entry->d_name, depth + 1);
        if (error && !first_error)
            first_error = error;
    }
    closedir(dir);
    return first_error;
}

static int open_folder(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);

    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, flags);
    return fd;
}

static int remove_at(int parent, const char *name, int depth)
{
    int first_error = 0;

    /* Most entries are files. */
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return errno;
    if (depth > MAX_DEPTH)
        return ELOOP;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        bool was_empty;
        int fd = open_folder(parent, name);

        if (fd < 0)
            return errno == ENOENT ? 0 : errno;
        if (round > 0)
            (void)fchmod(fd, 0700); /* if that was not the reason, the next failure says what is */
        first_error = empty_folder(fd, depth, &was_empty);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (!first_error)
            first_error = errno;
    }
    return first_error;
}

int remove_tree(const char *path)
{
    /* Most often an empty folder. */
    if (unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return remove_at(AT_FDCWD, path, 0);
}
