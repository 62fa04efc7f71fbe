/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - see buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b)
{
    memset(b, 0, sizeof *b);
}

void buf_release(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->has_failed = false;
    b->is_full = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    size_t want, cap;
    uint8_t *grown;

    if (b->has_failed)
        return false;
    if (more <= b->cap - b->len)
        return true;
    if (more > PTRDIFF_MAX - b->len || (b->max && more > b->max - b->len)) {
        b->has_failed = true;
        b->is_full = true;
        return false;
    }
    want = b->len + more;
    cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < want)
        cap = cap > PTRDIFF_MAX / 2 ? want : cap * 2;
    if (b->max && cap > b->max)
        cap = b->max;
    grown = mem_realloc(b->data, cap);
    if (!grown) {
        b->has_failed = true;
        return false;
    }
    b->data = grown;
    b->cap = cap;
    return true;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
    if (!buf_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return true;
}

bool buf_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int n;
    bool ok = false;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, format,
                        again); /* measured above */
        b->len += (size_t)n;
        ok = true;
    } else {
        b->has_failed = true;
    }
    va_end(again);
    va_end(args);
    return ok;
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (n > 0 && b->len > 0)
        memmove(b->data, b->data + n, b->len);
}

char *buf_take_text(struct buf *b, size_t *out_len)
{
    char *text = NULL;

    if (buf_byte(b, '\0')) {
        text = (char *)b->data;
        if (out_len)
            *out_len = b->len - 1;
        buf_init(b);
    } else {
        buf_release(b);
    }
    return text;
}
