/* SPDX-License-Identifier: Apache-2.0 */
/* redo_log.c - see redo_log.h.
 *
 * A frame that a kill cut off fails its checksum, and reading ends there: nobody was told that it
 * is kept. So does one that lost its power between two sectors. */
#include "store/redo_log.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <zlib.h>

#include "store/redo_record.h"

enum {
    VERSION = 1,
    HEAD_BYTES = 40,
    FRAME_HEAD_BYTES = 24,
    MAX_FRAME_BYTES = 16 * 1024 * 1024, /* of what is read; far above what is written */
    /* A file whose frames the database has is begun anew at this length: the same few pages are
     * written again and again, and stay in the cache. */
    REWIND_BYTES = 256 * 1024,
    REWIND_SHARE = 8 /* or at that part of its size */
};

static const char magic[8] = "PLTNREDO";

struct redo_file {
    char *path; /* lives as long as `handle` */
    sqlite3_file *handle;
    uint64_t salt;
    uint64_t last; /* number of its last frame; 0: none */
    int64_t end;   /* where the next frame goes */
};

struct redo_log {
    struct redo_file files[2];
    int active;
    bool is_on;
    int64_t file_bytes;
    uint64_t life, applied;
    struct buf frame; /* being made: room for its head, then records */
};

/* --- bytes ------------------------------------------------------------------------------------ */

static void put_le(uint8_t *to, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)from[i] << (8 * i);
    return n;
}

/* Of a frame but for its first eight bytes. */
static uint32_t frame_sum(uint64_t salt, const uint8_t *frame, size_t len)
{
    uint8_t bytes[8];
    uLong sum = crc32(0, NULL, 0);

    put_le(bytes, salt, sizeof bytes);
    sum = crc32(sum, bytes, sizeof bytes);
    return (uint32_t)crc32_z(sum, frame + 8, len - 8);
}

/* --- files ------------------------------------------------------------------------------------ */

static void close_file(struct redo_file *f)
{
    if (f->handle && f->handle->pMethods)
        (void)f->handle->pMethods->xClose(f->handle); /* nothing is left to be written */
    free(f->handle);
    f->handle = NULL;
}

static bool name_file(struct redo_file *f, const char *db_path, int which)
{
    size_t size = strlen(db_path) + sizeof "-redo0" + 1;

    /* SQLite wants two NULs at the end of a name. */
    f->path = calloc(1, size);
    if (f->path)
        (void)snprintf(f->path, size, "%s-redo%d", db_path, which);
    return f->path != NULL;
}

/* False: it is not there, or cannot be opened. */
static bool open_file(struct redo_file *f, int flags)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    f->handle = calloc(1, (size_t)vfs->szOsFile);
    if (f->handle &&
        vfs->xOpen(vfs, f->path, f->handle, flags | SQLITE_OPEN_WAL, NULL) == SQLITE_OK)
        return true;
    close_file(f);
    return false;
}

/* Its bytes up to `max`; zeros where it is shorter. */
static bool read_at(const struct redo_file *f, void *to, size_t n, int64_t at)
{
    int rc = f->handle->pMethods->xRead(f->handle, to, (int)n, at);

    return rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ;
}

static void remove_file(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    (void)vfs->xDelete(vfs, path,
                       0); /* absent is what was wanted; anything else shows at the open */
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Batches in the order of their numbers. */
struct chain {
    struct batch *first, **end;
};

static struct batch *decode_frame(const uint8_t *frame, size_t len)
{
    struct batch *b = batch_new();
    int64_t wall_ms = (int64_t)get_le(frame + 16, 8);
    size_t at = FRAME_HEAD_BYTES;

    if (!b)
        return NULL;
    b->number = get_le(frame + 8, 8);
    while (at < len) {
        if (!redo_record_decode(frame, len, &at, b)) {
            batch_free(b);
            return NULL;
        }
        b->records[b->n - 1].wall_ms = wall_ms;
    }
    return b;
}

/* The frame at f->end into *frame, its length, or 0: there is no whole one, or it could not be
 * read. */
static size_t read_frame(const struct redo_file *f, struct buf *frame)
{
    uint8_t head[8];
    size_t len;

    if (!read_at(f, head, sizeof head, f->end))
        return 0;
    len = (size_t)get_le(head, 4);
    buf_reset(frame);
    if (len < FRAME_HEAD_BYTES || len > MAX_FRAME_BYTES || !buf_reserve(frame, len) ||
        !read_at(f, frame->data, len, f->end) ||
        get_le(frame->data + 4, 4) != frame_sum(f->salt, frame->data, len))
        return 0;
    return len;
}

static enum platoon_status read_frames(struct redo_file *f, struct chain *out,
                                       struct platoon_err *err)
{
    struct buf frame;
    enum platoon_status st = PLATOON_OK;
    size_t len;

    buf_init(&frame);
    while (st == PLATOON_OK && (len = read_frame(f, &frame)) > 0) {
        struct batch *b = decode_frame(frame.data, len);

        if (!b) {
            st = platoon_fail(err, PLATOON_EIO,
                              "%s holds a frame that cannot be read, or there is no memory for it. "
                              "It was left as it is: restore a backup",
                              f->path);
        } else if (f->last && b->number <= f->last) {
            batch_free(b); /* cannot be: of no run of ours */
            break;
        } else {
            f->last = b->number;
            f->end += (int64_t)len;
            *out->end = b;
            out->end = &b->next;
        }
    }
    buf_release(&frame);
    return st;
}

/* A head that a crash cut off is an empty file: what it held before was in the database. */
static enum platoon_status read_file(struct redo_file *f, uint64_t life, struct chain *out,
                                     struct platoon_err *err)
{
    uint8_t head[HEAD_BYTES] = {0}, zeros[HEAD_BYTES] = {0};

    if (!open_file(f, SQLITE_OPEN_READONLY))
        return access(f->path, F_OK) != 0
                   ? PLATOON_OK
                   : platoon_fail(err, PLATOON_EIO, "cannot read %s", f->path);
    if (!read_at(f, head, sizeof head, 0))
        return platoon_fail(err, PLATOON_EIO, "cannot read %s", f->path);
    if (memcmp(head, zeros, sizeof head) == 0)
        return PLATOON_OK;
    if (memcmp(head, magic, sizeof magic) != 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s is no file of Platoon's. It was left as it is: choose another "
                            "folder with --data",
                            f->path);
    if (get_le(head + 36, 4) != crc32_z(0, head, 36))
        return PLATOON_OK;
    if (get_le(head + 8, 4) > VERSION)
        return platoon_fail(
            err, PLATOON_EVERSION,
            "%s was written by a newer Platoon (version %u; this one knows %d): use "
            "that version, or another folder with --data",
            f->path, (unsigned)get_le(head + 8, 4), VERSION);
    if (get_le(head + 16, 8) != life)
        return PLATOON_OK;
    f->salt = get_le(head + 24, 8);
    f->end = HEAD_BYTES;
    return read_frames(f, out, err);
}

/* Both files' frames as one chain, the older file's first. */
static enum platoon_status read_files(struct redo_log *l, struct batch **out,
                                      struct platoon_err *err)
{
    struct chain each[2] = {{NULL, NULL}, {NULL, NULL}};
    enum platoon_status st = PLATOON_OK;
    int older;

    for (int i = 0; i < 2 && st == PLATOON_OK; i++) {
        each[i].end = &each[i].first;
        st = read_file(&l->files[i], l->life, &each[i], err);
        close_file(&l->files[i]);
    }
    if (st != PLATOON_OK) {
        batch_free_chain(each[0].first);
        batch_free_chain(each[1].first);
        return st;
    }
    older =
        each[0].first && (!each[1].first || each[0].first->number < each[1].first->number) ? 0 : 1;
    *out = each[older].first;
    if (each[older].first)
        *each[older].end = each[1 - older].first;
    else
        *out = each[1 - older].first;
    return PLATOON_OK;
}

/* Without what the database has, and without what stands behind a gap: where a loss of power took
 * the frame before it. */
static struct batch *only_new(struct batch *b, uint64_t applied)
{
    struct batch *first, **end = &first;

    while (b && b->number <= applied) {
        struct batch *next = b->next;

        batch_free(b);
        b = next;
    }
    first = b;
    while (*end && (*end)->number == applied + 1) {
        applied++;
        end = &(*end)->next;
    }
    batch_free_chain(*end);
    *end = NULL;
    return first;
}

static struct redo_log *new_log(const char *db_path, uint64_t life)
{
    struct redo_log *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->life = life;
    buf_init(&l->frame);
    if (name_file(&l->files[0], db_path, 0) && name_file(&l->files[1], db_path, 1))
        return l;
    redo_log_close(l, false);
    return NULL;
}

enum platoon_status redo_log_read(const char *db_path, uint64_t life, uint64_t applied,
                                  struct batch **out, struct platoon_err *err)
{
    struct redo_log *l = new_log(db_path, life);
    enum platoon_status st;

    *out = NULL;
    if (!l)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to read the store");
    st = read_files(l, out, err);
    redo_log_close(l, false);
    if (st == PLATOON_OK)
        *out = only_new(*out, applied);
    return st;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum store_status write_at(const struct redo_file *f, const void *from, size_t n, int64_t at)
{
    int rc = f->handle->pMethods->xWrite(f->handle, from, (int)n, at);

    if (rc == SQLITE_OK)
        return STORE_OK;
    return rc == SQLITE_FULL ? STORE_NOSPACE : STORE_DOWN;
}

/* Nothing that it held counts any more. */
static enum store_status begin_file(struct redo_file *f, uint64_t life)
{
    uint8_t head[HEAD_BYTES] = {0};
    uint64_t salt;

    if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return STORE_DOWN;
    memcpy(head, magic, sizeof magic);
    put_le(head + 8, VERSION, 4);
    put_le(head + 16, life, 8);
    put_le(head + 24, salt, 8);
    put_le(head + 36, crc32_z(0, head, 36), 4);
    f->salt = salt;
    f->last = 0;
    f->end = HEAD_BYTES;
    return write_at(f, head, sizeof head, 0);
}

/* With room for all of it, so that a disk that fills up later does not matter. */
static bool make_file(struct redo_file *f, uint64_t life, int64_t bytes)
{
    int chunk = (int)bytes;
    sqlite3_int64 size = bytes;

    if (!open_file(f, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE))
        return false;
    (void)f->handle->pMethods->xFileControl(f->handle, SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    if (f->handle->pMethods->xFileControl(f->handle, SQLITE_FCNTL_SIZE_HINT, &size) == SQLITE_OK &&
        begin_file(f, life) == STORE_OK)
        return true;
    close_file(f);
    remove_file(f->path); /* half of the room is none */
    return false;
}

struct redo_log *redo_log_start(const char *db_path, uint64_t life, uint64_t applied,
                                uint64_t file_bytes)
{
    struct redo_log *l = new_log(db_path, life);

    if (!l)
        return NULL;
    l->applied = applied;
    l->file_bytes = (int64_t)file_bytes;
    remove_file(l->files[0].path); /* one of an earlier server may have another size */
    remove_file(l->files[1].path);
    l->is_on = file_bytes > 0 && make_file(&l->files[0], life, l->file_bytes) &&
               make_file(&l->files[1], life, l->file_bytes);
    return l;
}

bool redo_log_is_on(const struct redo_log *l)
{
    return l->is_on;
}

void redo_log_close(struct redo_log *l, bool is_done)
{
    if (!l)
        return;
    for (int i = 0; i < 2; i++) {
        close_file(&l->files[i]);
        if (is_done)
            remove_file(l->files[i].path);
        free(l->files[i].path);
    }
    buf_release(&l->frame);
    free(l);
}

void redo_log_remove(const char *db_path)
{
    redo_log_close(new_log(db_path, 0), true);
}

void redo_log_begin(struct redo_log *l)
{
    static const uint8_t head[FRAME_HEAD_BYTES];

    buf_reset(&l->frame);
    (void)buf_append(&l->frame, head, sizeof head); /* a failure sticks to the buffer */
}

void redo_log_add(struct redo_log *l, const struct batch *b, const struct record *r)
{
    (void)redo_record_encode(b, r, &l->frame); /* as above */
}

/* Make `which` the one that is written, from its beginning. */
static struct redo_file *begin_again(struct redo_log *l, int which)
{
    l->active = which;
    l->is_on =
        begin_file(&l->files[which], l->life) == STORE_OK; /* else a frame would have no head */
    return l->is_on ? &l->files[which] : NULL;
}

/* The file with room for `len` more bytes, or NULL. */
static struct redo_file *find_room(struct redo_log *l, size_t len)
{
    struct redo_file *f = &l->files[l->active], *other = &l->files[1 - l->active];
    bool has_room = f->end + (int64_t)len <= l->file_bytes;

    if (!l->is_on || HEAD_BYTES + (int64_t)len > l->file_bytes)
        return NULL;
    if (f->last <= l->applied &&
        (f->end > REWIND_BYTES || f->end > l->file_bytes / REWIND_SHARE || !has_room))
        return begin_again(l, l->active);
    if (has_room)
        return f;
    return other->last <= l->applied ? begin_again(l, 1 - l->active) : NULL;
}

enum store_status redo_log_end(struct redo_log *l, uint64_t number, int64_t wall_ms)
{
    struct redo_file *f;
    enum store_status st;
    size_t len = l->frame.len;
    uint8_t *frame = l->frame.data;

    if (l->frame.has_failed)
        return STORE_NOMEM;
    f = find_room(l, len);
    if (!f)
        return STORE_NOSPACE;
    put_le(frame, len, 4);
    put_le(frame + 8, number, 8);
    put_le(frame + 16, (uint64_t)wall_ms, 8);
    put_le(frame + 4, frame_sum(f->salt, frame, len), 4);
    st = write_at(f, frame, len, f->end);
    if (st != STORE_OK) {
        l->is_on = false; /* what the file holds now is not known: no frame must follow it */
        return st;
    }
    f->end += (int64_t)len;
    f->last = number;
    return STORE_OK;
}

void redo_log_has_applied(struct redo_log *l, uint64_t number)
{
    l->applied = number;
}

int redo_log_file(const struct redo_log *l)
{
    return l->active;
}

bool redo_log_sync(struct redo_log *l, int file)
{
    sqlite3_file *f = l->files[file].handle;

    return f->pMethods->xSync(f, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) == SQLITE_OK;
}
