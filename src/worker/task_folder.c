/* SPDX-License-Identifier: Apache-2.0 */
/* task_folder.c - make, look, keep or remove. */
#include "worker/task_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"

enum { MODE = 0700 };

int task_folder_open(struct task_folder *f, const char *work_dir, unsigned slot)
{
    struct stat st;
    char *path;
    int error;

    if (f->path)
        return 0;
    if (asprintf(&path, "%s/slot-%u.%u", work_dir, slot, ++f->n_made) < 0)
        return ENOMEM;
    /* Whatever the umask: fstat() compares it. */
    if (mkdir(path, MODE) != 0 || chmod(path, MODE) != 0 || stat(path, &st) != 0) {
        error = errno;
        free(path);
        return error;
    }
    f->path = path;
    f->inode = st.st_ino;
    return 0;
}

/* The same folder, with nothing in it, as open as it was. Times say nothing: they are coarser than
 * a short task. */
static bool is_untouched(const struct task_folder *f)
{
    _Alignas(struct dirent64) char entries[512];
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t first, second;
    bool is;

    if (fd < 0)
        return false;
    first = getdents64(fd, entries, sizeof entries);
    is = first > 0 && fstat(fd, &st) == 0 && st.st_ino == f->inode && (st.st_mode & 07777) == MODE;
    if (is) {
        unsigned n = 0; /* "." and ".." are there */

        for (ssize_t at = 0; at < first; n++)
            at += ((struct dirent64 *)(void *)(entries + at))->d_reclen;
        second = getdents64(fd, entries, sizeof entries);
        is = n == 2 && second == 0;
    }
    close(fd);
    return is;
}

int task_folder_settle(struct task_folder *f)
{
    int error;

    if (!f->path || is_untouched(f))
        return 0;
    error = remove_tree(f->path);
    free(f->path);
    f->path = NULL;
    return error;
}

void task_folder_release(struct task_folder *f)
{
    if (f->path)
        (void)remove_tree(f->path); /* the folder around it is removed next, and that is told */
    free(f->path);
    f->path = NULL;
}
