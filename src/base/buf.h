/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - a growable run of bytes, with a sticky failure so that a writer checks once, at its end.
 *
 * Once an append has failed (no memory, or `max` would be passed) the buffer keeps what it has,
 * every further append is a no-op that answers false, and `has_failed` stays true until buf_reset()
 * or buf_release(). */
#ifndef PLATOON_BASE_BUF_H
#define PLATOON_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

struct buf {
    uint8_t *data; /* `len` bytes; NULL while nothing was appended */
    size_t len, cap;
    size_t max;      /* never grow beyond this many bytes; 0: no limit */
    bool has_failed; /* sticky */
    bool is_full;    /* it failed because of `max` */
};

void buf_init(struct buf *b);
void buf_release(struct buf *b); /* frees; `b` is as after init */
void buf_reset(struct buf *b);   /* empty, not failed; keeps its memory */
/* Room for `more` bytes without another allocation. */
bool buf_reserve(struct buf *b, size_t more);
bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_text(struct buf *b, const char *text);
bool buf_printf(struct buf *b, const char *format, ...) PLATOON_PRINTF(2, 3);
/* Forget the first `n` (at most `len`) bytes. */
void buf_drop(struct buf *b, size_t n);
/* Append a NUL that is not counted in `len`, and give the text away: malloc()ed, yours; NULL if `b`
 * has failed. `b` is as after init. */
char *buf_take_text(struct buf *b, size_t *out_len);

static inline bool buf_byte(struct buf *b, uint8_t byte)
{
    if ((b->len == b->cap || b->has_failed) && !buf_reserve(b, 1))
        return false;
    b->data[b->len++] = byte;
    return true;
}

#endif
