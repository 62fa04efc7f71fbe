/* SPDX-License-Identifier: Apache-2.0 */
/* rope.h - a run of bytes in refcounted blocks: how big values travel without being copied.
 *
 * A block is memory that several ropes may point into; a rope is an array of segments of blocks. Bytes are
 * appended by copying (small) or by adopting a block that was read into (large), cut out by leaving gaps, and written
 * with writev(). Single-threaded counts. */
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
/* Append bytes [offset, offset+len) of `b`; counts a reference of its own; merges with a neighbouring last segment.
 * false when out of memory, the rope unchanged. */
bool rope_append_block(struct rope *r, struct block *b, size_t offset, size_t len);
/* Append a copy: into the spare room of the last block when this rope is its only owner, else in a new block. */
bool rope_append_copy(struct rope *r, const void *data, size_t len);
/* Append bytes [start, end) of `from`, sharing its blocks. */
bool rope_append_range(struct rope *r, const struct rope *from, uint64_t start, uint64_t end);
/* Copy bytes [start, start+len) out. The range must lie inside. */
void rope_copy_out(const struct rope *r, uint64_t start, void *dst, size_t len);
/* Copies everything into one block of exactly its size (so that a small value does not hold a large read buffer). */
bool rope_compact(struct rope *r);

#endif
