/* SPDX-License-Identifier: Apache-2.0 */
/* runner_io.c - whole frames over blocking descriptors. */
#include "sumo/runner_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEAD_BYTES = 4, FIRST_BYTES = 64 << 10, PICKLE_PROTOCOL = 4 };

/* Reads until `len` bytes are there or the stream ends; *out_got says how many came. */
static enum platoon_status read_some(int fd, char *data, size_t len, size_t *out_got,
                                     struct platoon_err *err)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, data + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "reading a task: %s", strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *out_got = got;
    return PLATOON_OK;
}

static enum platoon_status cut_off(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EPROTO, "the stream of tasks ends within a frame");
}

/* Memory grows with what has come, not with what was announced. */
static enum platoon_status read_body(int fd, size_t len, char **out, struct platoon_err *err)
{
    size_t cap = 0, have = 0;
    enum platoon_status st = PLATOON_OK;
    char *body = NULL;

    while (have < len && st == PLATOON_OK) {
        size_t next = cap ? cap * 2 : FIRST_BYTES, got;
        char *grown = realloc(body, next < len ? next : len);

        if (!grown) {
            st = platoon_fail(err, PLATOON_ENOMEM, "no memory for a task of %zu bytes", len);
            break;
        }
        body = grown;
        cap = next < len ? next : len;
        st = read_some(fd, body + have, cap - have, &got, err);
        if (st == PLATOON_OK && got < cap - have)
            st = cut_off(err);
        have = cap;
    }
    if (st != PLATOON_OK) {
        free(body);
        return st;
    }
    *out = body;
    return PLATOON_OK;
}

enum platoon_status runner_read(int fd, platoon_value **out, struct platoon_err *err)
{
    unsigned char head[HEAD_BYTES];
    char *body = NULL;
    enum platoon_status st;
    size_t got, len;

    if ((st = read_some(fd, (char *)head, sizeof head, &got, err)) != PLATOON_OK)
        return st;
    if (got == 0)
        return platoon_fail(err, PLATOON_ECLOSED, "no more tasks");
    if (got < sizeof head)
        return cut_off(err);
    len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len > RUNNER_MAX_FRAME_BYTES)
        return platoon_fail(err, PLATOON_EPROTO, "a task's frame announces %zu bytes", len);
    if ((st = read_body(fd, len, &body, err)) == PLATOON_OK)
        st = platoon_pickle_decode(body, len, NULL, out, err);
    free(body);
    return st;
}

static enum platoon_status write_all(int fd, const struct iovec *parts, struct platoon_err *err)
{
    for (int i = 0; i < 2; i++) {
        const char *at = parts[i].iov_base;
        size_t left = parts[i].iov_len;

        while (left > 0) {
            ssize_t n = write(fd, at, left);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return platoon_fail(err, errno == EPIPE ? PLATOON_ECLOSED : PLATOON_EIO,
                                    "writing a result: %s", strerror(errno));
            at += n;
            left -= (size_t)n;
        }
    }
    return PLATOON_OK;
}

enum platoon_status runner_write(int fd, platoon_value *message, struct platoon_err *err)
{
    unsigned char head[HEAD_BYTES];
    struct iovec parts[2] = {{head, sizeof head}, {NULL, 0}};
    enum platoon_status st;

    if (!message)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a message");
    st =
        platoon_pickle_encode(message, PICKLE_PROTOCOL, &parts[1].iov_base, &parts[1].iov_len, err);
    if (st == PLATOON_OK && parts[1].iov_len > RUNNER_MAX_FRAME_BYTES)
        st = platoon_fail(err, PLATOON_ELIMIT, "a result of %zu bytes is too long",
                          parts[1].iov_len);
    if (st == PLATOON_OK) {
        for (int i = 0; i < HEAD_BYTES; i++)
            head[i] = (unsigned char)(parts[1].iov_len >> (24 - 8 * i));
        st = write_all(fd, parts, err);
    }
    free(parts[1].iov_base);
    platoon_value_unref(message);
    return st;
}
