/* SPDX-License-Identifier: Apache-2.0 */
/* hash_index.c - linear hashing over segments of buckets (W. Litwin, 1980). */
#include "store/hash_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH_SEGMENT = 1024, /* buckets a segment; also the smallest table */
    HASH_RUN = 64        /* keys in turn that share a run of buckets: 8 cache lines of them */
};

static uint64_t hash_key(uint64_t key)
{
    /* Keys that follow one another stay in one run of buckets: whoever adds or walks a million in
     * order misses the cache once a run, not once a key. Which run, and in what order, is mixed.
     * Multiplication mixes upwards only; the upper half is folded back to where buckets are
     * chosen. */
    uint64_t run = key / HASH_RUN * UINT64_C(0x9E3779B97F4A7C15);

    return run ^ (run >> 32) ^ (key % HASH_RUN);
}

static struct hash_node **bucket_at(const struct hash_index *ix, size_t i)
{
    return &ix->segments[i / HASH_SEGMENT][i % HASH_SEGMENT];
}

static struct hash_node **bucket_of(const struct hash_index *ix, uint64_t key)
{
    uint64_t h = hash_key(key);
    size_t i = (size_t)(h & (2 * ix->half - 1));

    if (i >= ix->n_buckets) /* not split yet */
        i = (size_t)(h & (ix->half - 1));
    return bucket_at(ix, i);
}

static bool add_segment(struct hash_index *ix)
{
    if (ix->n_segments == ix->cap_segments) {
        size_t cap = ix->cap_segments ? ix->cap_segments * 2 : 4;
        struct hash_node ***grown = realloc(ix->segments, cap * sizeof *grown);

        if (!grown)
            return false;
        ix->segments = grown;
        ix->cap_segments = cap;
    }
    ix->segments[ix->n_segments] = calloc(HASH_SEGMENT, sizeof **ix->segments);
    if (!ix->segments[ix->n_segments])
        return false;
    ix->n_segments++;
    return true;
}

bool hash_index_init(struct hash_index *ix)
{
    memset(ix, 0, sizeof *ix);
    if (!add_segment(ix)) {
        free(ix->segments);
        ix->segments = NULL;
        return false;
    }
    ix->n_buckets = ix->half = HASH_SEGMENT;
    return true;
}

void hash_index_release(struct hash_index *ix)
{
    for (size_t i = 0; i < ix->n_segments; i++)
        free(ix->segments[i]);
    free(ix->segments);
    memset(ix, 0, sizeof *ix);
}

/* One more bucket: it takes from the bucket it was split from what belongs to it. */
static void split_one(struct hash_index *ix)
{
    size_t to = ix->n_buckets;
    struct hash_node **from, **into;

    if (to / HASH_SEGMENT == ix->n_segments && !add_segment(ix))
        return;
    from = bucket_at(ix, to - ix->half);
    into = bucket_at(ix, to);
    ix->n_buckets++;
    while (*from) {
        struct hash_node *node = *from;

        if ((hash_key(node->key) & (2 * ix->half - 1)) == to) {
            *from = node->next;
            *into = node;
            into = &node->next;
        } else {
            from = &node->next;
        }
    }
    *into = NULL;
    if (ix->n_buckets == 2 * ix->half)
        ix->half *= 2;
}

/* One bucket fewer: the last goes back to where it was split from. */
static void join_one(struct hash_index *ix)
{
    struct hash_node **last, **at;

    if (ix->n_buckets == ix->half)
        ix->half /= 2;
    ix->n_buckets--;
    last = bucket_at(ix, ix->n_buckets);
    at = bucket_at(ix, ix->n_buckets - ix->half);
    while (*at)
        at = &(*at)->next;
    *at = *last;
    *last = NULL;
    /* Keep one spare segment, so that a size at the edge does not allocate and free all the
     * time. */
    if (ix->n_segments > ix->n_buckets / HASH_SEGMENT + 2)
        free(ix->segments[--ix->n_segments]);
}

void hash_index_expect(struct hash_index *ix, size_t n)
{
    assert(ix->n == 0);
    while (ix->n_segments * HASH_SEGMENT < n && add_segment(ix))
        ;
    if (n > ix->n_segments * HASH_SEGMENT)
        n = ix->n_segments * HASH_SEGMENT;
    if (n > ix->n_buckets)
        ix->n_buckets = n;
    while (2 * ix->half <= ix->n_buckets)
        ix->half *= 2;
}

void hash_index_add(struct hash_index *ix, struct hash_node *node)
{
    struct hash_node **bucket = bucket_of(ix, node->key);

    node->next = *bucket;
    *bucket = node;
    ix->n++;
    if (ix->n > ix->n_buckets)
        split_one(ix);
}

void hash_index_remove(struct hash_index *ix, struct hash_node *node)
{
    struct hash_node **at = bucket_of(ix, node->key);

    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    ix->n--;
    /* Two for one, or a table that empties would stay at half its size. */
    for (int i = 0; i < 2; i++)
        if (ix->n < ix->n_buckets / 2 && ix->n_buckets > HASH_SEGMENT)
            join_one(ix);
}

static struct hash_node *first_with(struct hash_node *node, uint64_t key)
{
    while (node && node->key != key)
        node = node->next;
    return node;
}

struct hash_node *hash_index_find(const struct hash_index *ix, uint64_t key)
{
    return first_with(*bucket_of(ix, key), key);
}

struct hash_node *hash_index_again(const struct hash_node *node)
{
    return first_with(node->next, node->key);
}

struct hash_node *hash_index_drain(struct hash_index *ix, size_t *cursor)
{
    for (; *cursor < ix->n_buckets; (*cursor)++) {
        struct hash_node **bucket = bucket_at(ix, *cursor);
        struct hash_node *node = *bucket;

        if (node) {
            *bucket = node->next;
            ix->n--;
            return node;
        }
    }
    return NULL;
}

struct hash_node *hash_index_bucket(const struct hash_index *ix, size_t i)
{
    return *bucket_at(ix, i);
}
