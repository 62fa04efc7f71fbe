/* SPDX-License-Identifier: Apache-2.0 */
/* rope.c - see rope.h. */
#include "base/rope.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { FIRST_COPY_BLOCK = 512, LARGEST_COPY_BLOCK = 1024 * 1024 };

/* Large blocks are pages of their own, so that the memory of a large value goes back to the
 * system when the value goes, whatever small things were allocated meanwhile. (malloc() maps
 * large blocks too, but only until the first of them was freed: then it keeps them in its heap.)
 * The sanitizers must see every block. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAPPED_BYTES SIZE_MAX
#else
#define MAPPED_BYTES ((size_t)256 * 1024)
#endif

struct block *block_new(size_t size)
{
    struct block *b;

    if (size > SIZE_MAX - sizeof *b)
        return NULL;
    if (size >= MAPPED_BYTES) {
        b = mmap(NULL, sizeof *b + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0);
        if (b == MAP_FAILED)
            return NULL;
    } else {
        b = mem_alloc(sizeof *b + size);
        if (!b)
            return NULL;
    }
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
    if (!b || --b->refs > 0)
        return;
    if (b->size >= MAPPED_BYTES)
        munmap(b, sizeof *b + b->size);
    else
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
    grown = mem_realloc(r->segments, cap * sizeof *grown);
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
    /* Twice the room of our own block that is full; a shared one says nothing about what will
     * come. */
    size = last && last->block->refs == 1 ? 2 * last->block->size : FIRST_COPY_BLOCK;
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

void rope_cursor_init(struct rope_cursor *c, const struct rope *r)
{
    *c = (struct rope_cursor){.rope = r};
}

/* Move to the segment that holds byte `at`, and return it. */
static const struct rope_segment *seek(struct rope_cursor *c, uint64_t at)
{
    while (at - c->segment_start >= c->rope->segments[c->segment].len)
        c->segment_start += c->rope->segments[c->segment++].len;
    return &c->rope->segments[c->segment];
}

bool rope_cursor_append(struct rope_cursor *c, uint64_t start, uint64_t end, struct rope *to)
{
    while (start < end) {
        const struct rope_segment *s = seek(c, start);
        size_t skip = (size_t)(start - c->segment_start);
        size_t n = s->len - skip < end - start ? s->len - skip : (size_t)(end - start);

        if (!rope_append_block(to, s->block, s->offset + skip, n))
            return false;
        start += n;
    }
    return true;
}

void rope_cursor_copy(struct rope_cursor *c, uint64_t start, uint64_t end, void *dst)
{
    uint8_t *to = dst;

    while (start < end) {
        const struct rope_segment *s = seek(c, start);
        size_t skip = (size_t)(start - c->segment_start);
        size_t n = s->len - skip < end - start ? s->len - skip : (size_t)(end - start);

        memcpy(to, s->block->data + s->offset + skip, n);
        to += n;
        start += n;
    }
}

bool rope_append_range(struct rope *r, const struct rope *from, uint64_t start, uint64_t end)
{
    struct rope_cursor c;

    rope_cursor_init(&c, from);
    return rope_cursor_append(&c, start, end, r);
}

void rope_copy_out(const struct rope *r, uint64_t start, void *dst, size_t len)
{
    struct rope_cursor c;

    rope_cursor_init(&c, r);
    rope_cursor_copy(&c, start, start + len, dst);
}

void rope_truncate(struct rope *r, uint64_t len)
{
    while (r->len > len) {
        struct rope_segment *last = &r->segments[r->n_segments - 1];
        size_t cut = last->len < r->len - len ? last->len : (size_t)(r->len - len);

        last->len -= cut;
        r->len -= cut;
        if (last->len == 0) {
            block_unref(last->block);
            r->n_segments--;
        }
    }
}

const void *rope_flat(const struct rope *r)
{
    if (r->n_segments == 0)
        return "";
    return r->n_segments == 1 ? r->segments[0].block->data + r->segments[0].offset : NULL;
}

bool rope_equal(const struct rope *a, const struct rope *b)
{
    struct rope_cursor at_a, at_b;
    uint64_t at = 0;

    if (a->len != b->len)
        return false;
    rope_cursor_init(&at_a, a);
    rope_cursor_init(&at_b, b);
    while (at < a->len) {
        const struct rope_segment *x = seek(&at_a, at), *y = seek(&at_b, at);
        size_t skip_x = (size_t)(at - at_a.segment_start),
               skip_y = (size_t)(at - at_b.segment_start);
        size_t n = x->len - skip_x < y->len - skip_y ? x->len - skip_x : y->len - skip_y;
        const uint8_t *p = x->block->data + x->offset + skip_x;
        const uint8_t *q = y->block->data + y->offset + skip_y;

        if (p != q && memcmp(p, q, n) != 0)
            return false;
        at += n;
    }
    return true;
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
