/* SPDX-License-Identifier: Apache-2.0 */
/* crash_vfs.c - see crash_vfs.h. Around the default file system. Files are known by their path,
 * since two connections have two handles of one file and must see the same unsynced bytes. */
#include "support/crash_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILES = 16, SECTOR = 512 };

struct unsynced {
    struct unsynced *next;
    sqlite3_int64 at;
    int n;
    unsigned char data[];
};

struct disk_file {
    char path[512];
    sqlite3_file *real; /* the handle that wrote what is unsynced */
    struct unsynced *first, **end;
};

struct crash_file {
    sqlite3_file base;
    struct disk_file *disk;
    /* the real handle follows */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs crash_vfs;
static struct disk_file files[MAX_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned steps_left;
static bool loses_power;
static uint64_t random_state;

static uint32_t pick(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return (sqlite3_file *)(void *)((struct crash_file *)(void *)f + 1);
}

static struct disk_file *disk_of(sqlite3_file *f)
{
    return ((struct crash_file *)(void *)f)->disk;
}

/* --- unsynced bytes --------------------------------------------------------------------------- */

static void drop_all(struct disk_file *d)
{
    while (d->first) {
        struct unsynced *u = d->first;

        d->first = u->next;
        free(u);
    }
    d->end = &d->first;
}

static int write_all(struct disk_file *d, sqlite3_file *real)
{
    int rc = SQLITE_OK;

    for (struct unsynced *u = d->first; u && rc == SQLITE_OK; u = u->next)
        rc = real->pMethods->xWrite(real, u->data, u->n, u->at);
    drop_all(d);
    return rc;
}

/* What a disk may keep of what was not synced. */
static void keep_some(struct disk_file *d)
{
    uint32_t mood = pick(4); /* nothing; all; a mixture */

    for (struct unsynced *u = d->first; u; u = u->next) {
        int n = u->n;

        if (mood == 0 || (mood > 1 && pick(2)))
            continue;
        if (mood > 1 && pick(4) == 0 && n > SECTOR)
            n = SECTOR * (int)(1 + pick((uint32_t)(n / SECTOR)));
        if (n > u->n)
            n = u->n;
        (void)d->real->pMethods->xWrite(d->real, u->data, n, u->at); /* may be lost anyway */
    }
}

static void crash(void)
{
    for (int i = 0; loses_power && i < MAX_FILES; i++)
        if (files[i].path[0] && files[i].real)
            keep_some(&files[i]);
    _exit(CRASH_EXIT_CODE);
}

/* With the lock. */
static void take_step(void)
{
    if (--steps_left == 0)
        crash();
}

/* --- files ------------------------------------------------------------------------------------ */

static int close_file(sqlite3_file *f)
{
    struct disk_file *d = disk_of(f);
    int rc;

    pthread_mutex_lock(&lock);
    if (d->real == real_of(f)) {
        (void)write_all(d, real_of(f)); /* the end of a run is no crash */
        d->real = NULL;
    }
    rc = real_of(f)->pMethods->xClose(real_of(f));
    pthread_mutex_unlock(&lock);
    return rc;
}

static int read_file(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    int rc;
    sqlite3_int64 size = 0;

    pthread_mutex_lock(&lock);
    rc = real_of(f)->pMethods->xRead(real_of(f), to, n, at);
    (void)real_of(f)->pMethods->xFileSize(real_of(f), &size);
    for (const struct unsynced *u = disk_of(f)->first; u; u = u->next) {
        sqlite3_int64 from = u->at > at ? u->at : at;
        sqlite3_int64 until = u->at + u->n < at + n ? u->at + u->n : at + n;

        if (u->at + u->n > size)
            size = u->at + u->n;
        if (from < until)
            memcpy((char *)to + (from - at), u->data + (from - u->at), (size_t)(until - from));
    }
    if (rc == SQLITE_IOERR_SHORT_READ && size >= at + n)
        rc = SQLITE_OK;
    pthread_mutex_unlock(&lock);
    return rc;
}

static int write_file(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    struct disk_file *d = disk_of(f);
    struct unsynced *u;
    int rc = SQLITE_OK;

    pthread_mutex_lock(&lock);
    take_step();
    if (!loses_power) {
        rc = real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
    } else {
        u = malloc(sizeof *u + (size_t)n);
        if (!u)
            abort();
        u->next = NULL;
        u->at = at;
        u->n = n;
        memcpy(u->data, from, (size_t)n);
        d->real = real_of(f);
        *d->end = u;
        d->end = &u->next;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int truncate_file(sqlite3_file *f, sqlite3_int64 size)
{
    int rc;

    pthread_mutex_lock(&lock);
    take_step();
    rc = write_all(disk_of(f), real_of(f));
    if (rc == SQLITE_OK)
        rc = real_of(f)->pMethods->xTruncate(real_of(f), size);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int sync_file(sqlite3_file *f, int flags)
{
    int rc;

    (void)flags;
    pthread_mutex_lock(&lock);
    take_step();
    rc = write_all(disk_of(f), real_of(f)); /* the medium is this machine's memory */
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
    int rc;

    pthread_mutex_lock(&lock);
    rc = real_of(f)->pMethods->xFileSize(real_of(f), out);
    for (const struct unsynced *u = disk_of(f)->first; u; u = u->next)
        if (u->at + u->n > *out)
            *out = u->at + u->n;
    pthread_mutex_unlock(&lock);
    return rc;
}

#define PASS(name, parameters, ...)                                                                \
    static int pass_##name parameters                                                              \
    {                                                                                              \
        return real_of(f)->pMethods->name(real_of(f), __VA_ARGS__);                                \
    }
PASS(xLock, (sqlite3_file * f, int level), level)
PASS(xUnlock, (sqlite3_file * f, int level), level)
PASS(xCheckReservedLock, (sqlite3_file * f, int *out), out)
PASS(xFileControl, (sqlite3_file * f, int op, void *arg), op, arg)
PASS(xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **out), page, size,
     extend, out)
PASS(xShmLock, (sqlite3_file * f, int offset, int n, int flags), offset, n, flags)
PASS(xShmUnmap, (sqlite3_file * f, int is_deleted), is_deleted)

static void pass_xShmBarrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

/* Nothing that lets SQLite trust more than a plain disk. */
static int sector_size(sqlite3_file *f)
{
    (void)f;
    return SECTOR;
}

static int characteristics(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = pass_xLock,
    .xUnlock = pass_xUnlock,
    .xCheckReservedLock = pass_xCheckReservedLock,
    .xFileControl = pass_xFileControl,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = pass_xShmMap,
    .xShmLock = pass_xShmLock,
    .xShmBarrier = pass_xShmBarrier,
    .xShmUnmap = pass_xShmUnmap,
};

static struct disk_file *find_disk(const char *path)
{
    struct disk_file *empty = NULL;

    for (int i = 0; i < MAX_FILES; i++) {
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
        if (!empty && !files[i].path[0])
            empty = &files[i];
    }
    if (!empty)
        abort();
    strncpy(empty->path, path, sizeof empty->path - 1);
    empty->end = &empty->first;
    return empty;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    int rc;

    (void)vfs;
    pthread_mutex_lock(&lock);
    rc = real_vfs->xOpen(real_vfs, name, real_of(f), flags, out_flags);
    f->pMethods = rc == SQLITE_OK ? &methods : NULL;
    if (rc == SQLITE_OK) {
        struct disk_file *d = find_disk(name ? name : "temporary");

        ((struct crash_file *)(void *)f)->disk = d;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    int rc;

    (void)vfs;
    pthread_mutex_lock(&lock);
    take_step();
    drop_all(find_disk(name));
    rc = real_vfs->xDelete(real_vfs, name, is_synced);
    pthread_mutex_unlock(&lock);
    return rc;
}

void crash_vfs_start(unsigned steps, bool is_power, uint64_t seed)
{
    steps_left = steps;
    loses_power = is_power;
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    real_vfs = sqlite3_vfs_find(NULL);
    crash_vfs = *real_vfs;
    crash_vfs.zName = "crash";
    crash_vfs.szOsFile = (int)sizeof(struct crash_file) + real_vfs->szOsFile;
    crash_vfs.xOpen = open_file;
    crash_vfs.xDelete = delete_file;
    if (sqlite3_vfs_register(&crash_vfs, 1) != SQLITE_OK)
        abort();
}
