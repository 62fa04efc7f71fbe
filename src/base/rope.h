/* SPDX-License-Identifier: Apache-2.0 */
/* rope.h - a run of bytes in refcounted blocks: how big values travel without being copied.
 *
 * A block is memory that several ropes may point into; a rope is an array of segments of blocks.
 * Bytes are appended by copying (small) or by adopting a block that was read into (large), cut
 * out by leaving gaps, and written with writev(). Single-threaded counts. */
#ifndef PLATOON_BASE_ROPE_H
#define PLATOON_BASE_ROPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct block {
    size_t refs;
    size_t size; /* bytes allocated in data */
    uint8_t data[];
};

/* NULL when out of memory. One reference, yours. */
struct block *block_new(size_t size);
struct block *block_ref(struct block *b);
void block_unref(struct block *b); /* NULL is fine */

struct rope_segment {
    struct block *block; /* counted */
    size_t offset, len;
};

struct rope {
    struct rope_segment *segments;
    size_t n_segments, cap_segments;
    uint64_t len; /* all bytes */
};

void rope_init(struct rope *r);
void rope_release(struct rope *r); /* drops the blocks; `r` is as after init */
/* Append bytes [offset, offset+len) of `b`; counts a reference of its own; merges with a
 * neighbouring last segment. false when out of memory, the rope unchanged. */
bool rope_append_block(struct rope *r, struct block *b, size_t offset, size_t len);
/* Append a copy: into the spare room of the last block when this rope is its only owner, else in
 * a new block. */
bool rope_append_copy(struct rope *r, const void *data, size_t len);
/* Append bytes [start, end) of `from`, sharing its blocks. On failure a part may have been
 * appended. */
bool rope_append_range(struct rope *r, const struct rope *from, uint64_t start, uint64_t end);
/* Copy bytes [start, start+len) out. The range must lie inside. */
void rope_copy_out(const struct rope *r, uint64_t start, void *dst, size_t len);
/* Keep the first `len` bytes (at most r->len). */
void rope_truncate(struct rope *r, uint64_t len);
/* Are the bytes equal, however they are cut into blocks? */
bool rope_equal(const struct rope *a, const struct rope *b);
/* All bytes in one place, if they lie in one segment (or there are none: ""); else NULL. */
const void *rope_flat(const struct rope *r);
/* Copies everything into one block of exactly its size (so that a small value does not hold a
 * large read buffer). */
bool rope_compact(struct rope *r);

/* A place in a rope that only moves forward: for taking many ranges out of a long one without
 * looking for each from the beginning. Valid while the rope is not changed. */
struct rope_cursor {
    const struct rope *rope;
    size_t segment;
    uint64_t segment_start; /* offset of that segment's first byte in the rope */
};

void rope_cursor_init(struct rope_cursor *c, const struct rope *r);
/* As rope_append_range() and rope_copy_out(); `start` must not be before that of the last call. */
bool rope_cursor_append(struct rope_cursor *c, uint64_t start, uint64_t end, struct rope *to);
void rope_cursor_copy(struct rope_cursor *c, uint64_t start, uint64_t end, void *dst);

#endif
