/* SPDX-License-Identifier: Apache-2.0 */
/* xml_source.c - read(), and zlib behind it where it is needed. */
#include "sumo/xml_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    RAW_BYTES = 64 << 10,
    EITHER_FORM = 15 + 32 /* for inflateInit2(): gzip or zlib, whatever the window */
};

struct xml_source {
    const char *path;
    int fd;
    bool is_packed;
    bool is_between; /* packed streams: none has begun, or one has ended */
    bool has_ended;  /* the file has no more bytes */
    size_t n_raw, raw_at;
    uint64_t unpacked, max_unpacked;
    z_stream z; /* of a packed one */
    unsigned char raw[RAW_BYTES];
};

static enum platoon_status read_raw(struct xml_source *s, void *data, size_t cap, size_t *out_n,
                                    struct platoon_err *err)
{
    ssize_t n;

    do {
        n = read(s->fd, data, cap);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", s->path, strerror(errno));
    *out_n = (size_t)n;
    return PLATOON_OK;
}

/* "x" begins no XML, so what looks like zlib's head is one. */
static bool is_packed_head(const unsigned char *head, size_t n)
{
    if (n < 2)
        return false;
    return (head[0] == 0x1f && head[1] == 0x8b) ||
           (head[0] == 0x78 && (head[0] << 8 | head[1]) % 31 == 0);
}

static enum platoon_status begin(struct xml_source *s, struct platoon_err *err)
{
    enum platoon_status st = read_raw(s, s->raw, sizeof s->raw, &s->n_raw, err);

    if (st != PLATOON_OK || !is_packed_head(s->raw, s->n_raw))
        return st;
    if (inflateInit2(&s->z, EITHER_FORM) != Z_OK)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to unpack %s", s->path);
    s->is_packed = s->is_between = true;
    s->z.next_in = s->raw;
    s->z.avail_in = (uInt)s->n_raw;
    return PLATOON_OK;
}

enum platoon_status xml_source_open(const char *path, uint64_t max_unpacked,
                                    struct xml_source **out, struct platoon_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct xml_source *s;
    enum platoon_status st;

    if (fd < 0)
        return platoon_fail(err, errno == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO, "%s: %s", path,
                            strerror(errno));
    if (!(s = calloc(1, sizeof *s))) {
        (void)close(fd); /* was not even read from */
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to read %s", path);
    }
    s->path = path;
    s->fd = fd;
    s->max_unpacked = max_unpacked;
    if ((st = begin(s, err)) == PLATOON_OK)
        *out = s;
    else
        xml_source_close(s);
    return st;
}

static enum platoon_status refill(struct xml_source *s, struct platoon_err *err)
{
    size_t n = 0;
    enum platoon_status st = read_raw(s, s->raw, sizeof s->raw, &n, err);

    s->has_ended = n == 0;
    s->z.next_in = s->raw;
    s->z.avail_in = (uInt)n;
    return st;
}

static enum platoon_status judge(struct xml_source *s, int code, struct platoon_err *err)
{
    switch (code) {
    case Z_OK:
    case Z_BUF_ERROR: /* no progress for want of input */
        return PLATOON_OK;
    case Z_STREAM_END: /* another may follow */
        s->is_between = true;
        (void)inflateReset(&s->z); /* fails for a state that is none */
        return PLATOON_OK;
    case Z_MEM_ERROR:
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to unpack %s", s->path);
    default:
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s is compressed, and damaged: %s (`gzip -t` checks such files)",
                            s->path, s->z.msg ? s->z.msg : "no such stream");
    }
}

static enum platoon_status unpack(struct xml_source *s, void *data, size_t cap, size_t *out_n,
                                  struct platoon_err *err)
{
    size_t n = 0;

    if (cap > UINT_MAX)
        cap = UINT_MAX;
    while (n == 0) {
        enum platoon_status st;

        if (s->z.avail_in == 0 && (st = refill(s, err)) != PLATOON_OK)
            return st;
        if (s->has_ended && s->is_between)
            break;
        if (s->has_ended)
            return platoon_fail(err, PLATOON_EPROTO,
                                "%s is compressed, and cut off: it ends in mid stream", s->path);
        s->is_between = false;
        s->z.next_out = data;
        s->z.avail_out = (uInt)cap;
        if ((st = judge(s, inflate(&s->z, Z_NO_FLUSH), err)) != PLATOON_OK)
            return st;
        n = cap - s->z.avail_out;
    }
    s->unpacked += n;
    if (s->unpacked > s->max_unpacked)
        return platoon_fail(err, PLATOON_ELIMIT,
                            "%s unpacks to more than the %" PRIu64 " bytes that are read of a "
                            "compressed file; unpack it, if it is meant to be so large",
                            s->path, s->max_unpacked);
    *out_n = n;
    return PLATOON_OK;
}

enum platoon_status xml_source_read(struct xml_source *s, void *data, size_t cap, size_t *out_n,
                                    struct platoon_err *err)
{
    size_t n = s->n_raw - s->raw_at;

    if (s->is_packed)
        return unpack(s, data, cap, out_n, err);
    if (n == 0)
        return read_raw(s, data, cap, out_n, err);
    if (n > cap)
        n = cap;
    memcpy(data, s->raw + s->raw_at, n);
    s->raw_at += n;
    *out_n = n;
    return PLATOON_OK;
}

bool xml_source_is_packed(const struct xml_source *s)
{
    return s->is_packed;
}

void xml_source_close(struct xml_source *s)
{
    if (!s)
        return;
    if (s->is_packed)
        (void)inflateEnd(&s->z); /* as inflateReset() */
    (void)close(s->fd);          /* only read from */
    free(s);
}
