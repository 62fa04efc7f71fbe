/* SPDX-License-Identifier: Apache-2.0 */
/* put_keys.c - a ring of keys with a chained hash over it; chains are places in the ring, so
 * growing copies them anew. */
#include "store/put_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

struct put_key {
    struct store_key key;
    store_task_id task;
    uint32_t older; /* in its bucket: 1 + place in the ring, 0: none */
};

static size_t bucket_of(const struct put_keys *k, struct store_key key)
{
    uint64_t h = (key.counter ^ (key.epoch << 20)) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)((h ^ (h >> 32)) & (k->cap - 1));
}

static void append(struct put_keys *k, struct store_key key, store_task_id task)
{
    size_t at = (k->first + k->n) & (k->cap - 1);
    uint32_t *bucket = &k->buckets[bucket_of(k, key)];

    k->ring[at] = (struct put_key){key, task, *bucket};
    *bucket = (uint32_t)at + 1;
    k->n++;
}

/* The oldest is the last of its chain. */
static void forget_oldest(struct put_keys *k)
{
    uint32_t *at = &k->buckets[bucket_of(k, k->ring[k->first].key)];

    while (*at != (uint32_t)k->first + 1)
        at = &k->ring[*at - 1].older;
    *at = 0;
    k->first = (k->first + 1) & (k->cap - 1);
    k->n--;
}

void put_keys_release(struct put_keys *k)
{
    free(k->ring);
    free(k->buckets);
    memset(k, 0, sizeof *k);
}

bool put_keys_reserve(struct put_keys *k, size_t n)
{
    struct put_keys grown = {0};

    if (k->n + n <= k->cap || k->cap == PUT_KEYS_MAX)
        return true;
    grown.cap = k->cap ? k->cap : FIRST_CAP;
    while (grown.cap < k->n + n && grown.cap < PUT_KEYS_MAX)
        grown.cap *= 2;
    grown.ring = malloc(grown.cap * sizeof *grown.ring);
    grown.buckets = calloc(grown.cap, sizeof *grown.buckets);
    if (!grown.ring || !grown.buckets) {
        put_keys_release(&grown);
        return false;
    }
    for (size_t i = 0; i < k->n; i++) {
        const struct put_key *old = &k->ring[(k->first + i) & (k->cap - 1)];

        append(&grown, old->key, old->task);
    }
    put_keys_release(k);
    *k = grown;
    return true;
}

void put_keys_add(struct put_keys *k, struct store_key key, store_task_id task)
{
    assert(k->cap);
    if (k->n == k->cap)
        forget_oldest(k);
    append(k, key, task);
}

store_task_id put_keys_find(const struct put_keys *k, struct store_key key)
{
    if (!k->n)
        return 0;
    for (uint32_t at = k->buckets[bucket_of(k, key)]; at; at = k->ring[at - 1].older)
        if (k->ring[at - 1].key.counter == key.counter && k->ring[at - 1].key.epoch == key.epoch)
            return k->ring[at - 1].task;
    return 0;
}
