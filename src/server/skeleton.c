/* SPDX-License-Identifier: Apache-2.0 */
/* skeleton.c - walks opcode by opcode; what is not cut is copied. */
#include "server/skeleton.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pickle/opcodes.h"

bool skeleton_init(struct skeleton *s)
{
    memset(s, 0, sizeof *s);
    buf_init(&s->bytes);
    return getrandom(s->tag, sizeof s->tag, 0) == (ssize_t)sizeof s->tag;
}

void skeleton_release(struct skeleton *s)
{
    buf_release(&s->bytes);
    free(s->cuts);
    s->cuts = NULL;
    s->n_cuts = s->cap_cuts = 0;
}

static uint64_t little_endian(const uint8_t *p, unsigned n)
{
    uint64_t x = 0;

    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

/* --- the walk -----------------------------------------------------------------------------------
 */

static bool cut(struct skeleton *s, uint64_t len)
{
    uint8_t token[2 + SKELETON_TOKEN_BYTES] = {OP_SHORT_BINBYTES, SKELETON_TOKEN_BYTES};

    if (s->n_cuts == s->cap_cuts) {
        size_t cap = s->cap_cuts ? s->cap_cuts * 2 : 8;
        struct skeleton_cut *grown = realloc(s->cuts, cap * sizeof *grown);

        if (!grown)
            return false;
        s->cuts = grown;
        s->cap_cuts = cap;
    }
    memcpy(token + 2, s->tag, sizeof s->tag);
    for (unsigned i = 0; i < 4; i++)
        token[2 + sizeof s->tag + i] = (uint8_t)(s->n_cuts >> (8 * i));
    s->cuts[s->n_cuts++] = (struct skeleton_cut){s->offset, s->offset + len};
    s->left = len;
    s->is_cutting = true;
    return buf_append(&s->bytes, token, sizeof token);
}

/* The opcode and its fixed bytes are in `head`; what follows? */
static bool begin_argument(struct skeleton *s)
{
    const struct opcode_info *op = opcode_info(s->head[0]);
    enum opcode_arg arg = op ? (enum opcode_arg)op->arg : OPARG_NONE;
    bool is_bytes =
        s->head[0] == OP_BINBYTES || s->head[0] == OP_BINBYTES8 || s->head[0] == OP_BYTEARRAY8;
    uint64_t len = little_endian(s->head + 1, s->head_len - 1u);

    s->head_need = 0;
    if (is_bytes && len >= SKELETON_CUT_BYTES)
        return cut(s, len);
    if (arg == OPARG_DATA1 || arg == OPARG_DATA4 || arg == OPARG_DATA4I || arg == OPARG_DATA8)
        s->left = len;
    else if (arg == OPARG_LINE || arg == OPARG_TWO_LINES)
        s->lines_left = arg == OPARG_LINE ? 1 : 2;
    return buf_append(&s->bytes, s->head, s->head_len);
}

/* One byte of an opcode or its fixed part. */
static bool take_head(struct skeleton *s, uint8_t byte)
{
    if (!s->head_need) {
        const struct opcode_info *op = opcode_info(byte);

        s->head_len = 0;
        s->head_need = (uint8_t)(1 + (op ? op->fixed_bytes : 0));
    }
    s->head[s->head_len++] = byte;
    s->offset++;
    return s->head_len < s->head_need || begin_argument(s);
}

/* Bytes of an argument, up to its end; returns how many. */
static size_t take_argument(struct skeleton *s, const uint8_t *data, size_t len)
{
    size_t n = len;

    if (s->lines_left) {
        const uint8_t *end = memchr(data, '\n', len);

        if (end) {
            n = (size_t)(end - data) + 1;
            s->lines_left--;
        }
    } else {
        if (n > s->left)
            n = (size_t)s->left;
        s->left -= n;
    }
    s->offset += n;
    return n;
}

bool skeleton_feed(struct skeleton *s, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t n = 1;

        if (s->left || s->lines_left) {
            bool is_cutting = s->is_cutting;

            n = take_argument(s, data, len);
            s->is_cutting = is_cutting && s->left;
            if (!is_cutting && !buf_append(&s->bytes, data, n))
                return false;
        } else if (!take_head(s, *data)) {
            return false;
        }
        data += n;
        len -= n;
    }
    return true;
}

/* --- tokens -------------------------------------------------------------------------------------
 */

const struct skeleton_cut *skeleton_find(const struct skeleton *s, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t i;

    if (!s->n_cuts || len != SKELETON_TOKEN_BYTES || memcmp(p, s->tag, sizeof s->tag) != 0)
        return NULL;
    i = little_endian(p + sizeof s->tag, 4);
    return i < s->n_cuts ? &s->cuts[i] : NULL;
}

bool skeleton_is_in(const struct skeleton *s, const void *bytes, size_t len)
{
    return s->n_cuts && memmem(bytes, len, s->tag, sizeof s->tag);
}
