/* SPDX-License-Identifier: Apache-2.0 */
/* hash_index.h - from a 64-bit number to the object that carries it; grows one bucket at a time.
 *
 * Linear hashing: every insert splits at most one bucket and every removal joins at most two, so
 * that no single call pays for a table of millions (a table that doubles stops the loop for 0.1 s
 * and more at that size). Nodes are embedded in the objects; a number may be there several times.
 * Keys come from counters of this program, never from a peer, so the hash needs no seed.
 *
 * Memory: 8 bytes a bucket, one bucket a node, beside the node itself. Nothing here fails: where a
 * segment cannot be allocated the chains grow longer instead. */
#ifndef PLATOON_STORE_HASH_INDEX_H
#define PLATOON_STORE_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_node {
    uint64_t key;
    struct hash_node *next; /* in its bucket */
};

struct hash_index {
    struct hash_node ***segments; /* each of HASH_SEGMENT buckets */
    size_t n_segments, cap_segments;
    size_t n_buckets; /* in use: the first `half` were split into up to twice as many */
    size_t half;      /* a power of two; half <= n_buckets < 2 * half */
    size_t n;         /* nodes */
};

/* The object around an embedded node. */
#define HASH_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* False when out of memory. */
bool hash_index_init(struct hash_index *ix);
void hash_index_release(struct hash_index *ix); /* the nodes are the caller's; zeroed is fine */
/* Make an empty index as large as `n` nodes will have it, so that adding them moves none. Out of
 * memory: as large as there was memory for. */
void hash_index_expect(struct hash_index *ix, size_t n);
/* Add `node` (its key set). A node added later is found before older ones with the same key. */
void hash_index_add(struct hash_index *ix, struct hash_node *node);
/* `node` must be in the index. */
void hash_index_remove(struct hash_index *ix, struct hash_node *node);
/* The chain of bucket i < n_buckets, to walk all nodes. */
struct hash_node *hash_index_bucket(const struct hash_index *ix, size_t i);
struct hash_node *hash_index_find(const struct hash_index *ix, uint64_t key); /* NULL: none */
struct hash_node *hash_index_again(const struct hash_node *node); /* the next of the same key */
/* Take nodes out one after another, in no order, to free what they are in: start with *cursor 0,
 * until NULL. Nothing else may be done with the index from then on but release it. */
struct hash_node *hash_index_drain(struct hash_index *ix, size_t *cursor);

#endif
