/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_space.c - see sqlite_space.h. */
#include "store/sqlite_space.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_RESERVE_BYTES (UINT64_C(64) << 20)
#define CHECK_NS              UINT64_C(200000000)

static void path_of(const struct sqlite_space *s, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/reserve", s->folder->path); /* the lock's path is as long: fits */
}

static bool make_reserve(struct sqlite_space *s)
{
    char path[4200];
    bool ok;
    int fd;

    path_of(s, path, sizeof path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    /* One that an earlier server left may have another size. */
    ok = posix_fallocate(fd, 0, (off_t)s->reserve_bytes) == 0 &&
         ftruncate(fd, (off_t)s->reserve_bytes) == 0;
    (void)close(fd); /* holds no data */
    if (!ok)
        (void)unlink(path);
    return ok;
}

bool sqlite_space_open(struct sqlite_space *s, const struct data_folder *folder,
                       uint64_t reserve_bytes)
{
    uint64_t free_bytes = data_folder_free_bytes(folder);
    char path[4200];
    struct stat st;

    *s = (struct sqlite_space){.folder = folder, .reserve_bytes = reserve_bytes};
    path_of(s, path, sizeof path);
    if (lstat(path, &st) == 0)
        free_bytes += (uint64_t)st.st_size; /* an earlier server's */
    if (!reserve_bytes)
        s->reserve_bytes =
            free_bytes / 16 < DEFAULT_RESERVE_BYTES ? free_bytes / 16 : DEFAULT_RESERVE_BYTES;
    if (s->reserve_bytes < 4096)
        s->reserve_bytes = 4096;
    s->is_full = !make_reserve(s);
    return !s->is_full;
}

bool sqlite_space_spend(struct sqlite_space *s)
{
    char path[4200];
    bool was_full = s->is_full;

    path_of(s, path, sizeof path);
    (void)unlink(path); /* if it was not there, there is nothing to spend */
    s->is_full = true;
    return !was_full;
}

bool sqlite_space_look(struct sqlite_space *s, uint64_t now_ns)
{
    if (!s->is_full || now_ns < s->check_ns)
        return false;
    s->check_ns = now_ns + CHECK_NS;
    if (data_folder_free_bytes(s->folder) < 2 * s->reserve_bytes || !make_reserve(s))
        return false;
    s->is_full = false;
    return true;
}
