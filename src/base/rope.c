/* SPDX-License-Identifier: Apache-2.0 */
/* rope.c - see rope.h. */
#include "base/rope.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_COPY_BLOCK = 512,
    LARGEST_COPY_BLOCK = 1024 * 1024
};

struct block *block_new(size_t size)
{
    struct block *b = malloc(sizeof *b + size);

    if (!b)
        return NULL;
    b->refs = 1;
    b->size = size;
    return b;
}

struct block *block_ref(struct block *b)
{
    b->refs++;
    return b;
}

void block_unref(struct block *b)
{
    if (b && --b->refs == 0)
        free(b);
}

void rope_init(struct rope *r)
{
    memset(r, 0, sizeof *r);
}

void rope_release(struct rope *r)
{
    for (size_t i = 0; i < r->n_segments; i++)
        block_unref(r->segments[i].block);
    free(r->segments);
    rope_init(r);
}

static bool reserve_segment(struct rope *r)
{
    size_t cap;
    struct rope_segment *grown;

    if (r->n_segments < r->cap_segments)
        return true;
    cap = r->cap_segments ? r->cap_segments * 2 : 2;
    grown = realloc(r->segments, cap * sizeof *grown);
    if (!grown)
        return false;
    r->segments = grown;
    r->cap_segments = cap;
    return true;
}

bool rope_append_block(struct rope *r, struct block *b, size_t offset, size_t len)
{
    struct rope_segment *last = r->n_segments ? &r->segments[r->n_segments - 1] : NULL;

    if (len == 0)
        return true;
    if (last && last->block == b && last->offset + last->len == offset) {
        last->len += len;
    } else {
        if (!reserve_segment(r))
            return false;
        r->segments[r->n_segments++] = (struct rope_segment){block_ref(b), offset, len};
    }
    r->len += len;
    return true;
}

bool rope_append_copy(struct rope *r, const void *data, size_t len)
{
    struct rope_segment *last = r->n_segments ? &r->segments[r->n_segments - 1] : NULL;
    struct block *b;
    size_t size;
    bool ok;

    if (len == 0)
        return true;
    if (last && last->block->refs == 1 && last->block->size - last->offset - last->len >= len) {
        memcpy(last->block->data + last->offset + last->len, data, len);
        last->len += len;
        r->len += len;
        return true;
    }
    size = r->len < FIRST_COPY_BLOCK ? FIRST_COPY_BLOCK : (size_t)r->len;
    if (size > LARGEST_COPY_BLOCK)
        size = LARGEST_COPY_BLOCK;
    if (size < len)
        size = len;
    b = block_new(size);
    if (!b)
        return false;
    memcpy(b->data, data, len);
    ok = rope_append_block(r, b, 0, len);
    block_unref(b); /* the rope counts its own */
    return ok;
}

/* The segment that holds byte `at`, and where in it. */
static size_t find_segment(const struct rope *r, uint64_t at, size_t *out_skip)
{
    size_t i = 0;

    while (i < r->n_segments && at >= r->segments[i].len)
        at -= r->segments[i++].len;
    *out_skip = (size_t)at;
    return i;
}

bool rope_append_range(struct rope *r, const struct rope *from, uint64_t start, uint64_t end)
{
    size_t skip, i = find_segment(from, start, &skip);
    uint64_t left = end - start;

    for (; left > 0; i++, skip = 0) {
        const struct rope_segment *s = &from->segments[i];
        size_t n = s->len - skip < left ? s->len - skip : (size_t)left;

        if (!rope_append_block(r, s->block, s->offset + skip, n))
            return false;
        left -= n;
    }
    return true;
}

void rope_copy_out(const struct rope *r, uint64_t start, void *dst, size_t len)
{
    size_t skip, i = find_segment(r, start, &skip);
    uint8_t *to = dst;

    for (; len > 0; i++, skip = 0) {
        const struct rope_segment *s = &r->segments[i];
        size_t n = s->len - skip < len ? s->len - skip : len;

        memcpy(to, s->block->data + s->offset + skip, n);
        to += n;
        len -= n;
    }
}

bool rope_compact(struct rope *r)
{
    struct rope fresh;
    struct block *b = block_new((size_t)r->len);
    bool ok;

    if (!b)
        return false;
    rope_copy_out(r, 0, b->data, (size_t)r->len);
    rope_init(&fresh);
    ok = rope_append_block(&fresh, b, 0, (size_t)r->len);
    block_unref(b);
    if (!ok)
        return false;
    rope_release(r);
    *r = fresh;
    return true;
}
