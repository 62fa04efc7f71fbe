/* SPDX-License-Identifier: Apache-2.0 */
/* put_keys.c - a ring of keys with a chained hash over it. */
#include "store/put_keys.h"

#include <stdlib.h>
#include <string.h>

struct put_key {
    struct store_key key;
    store_task_id task;
    uint32_t older; /* in its bucket: 1 + place in the ring, 0: none */
};

static size_t bucket_of(struct store_key key)
{
    uint64_t h = (key.counter ^ (key.epoch << 20)) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)((h ^ (h >> 32)) & (PUT_KEYS_MAX - 1));
}

/* The oldest is the last of its chain. */
static void forget_oldest(struct put_keys *k)
{
    uint32_t *at = &k->buckets[bucket_of(k->ring[k->first].key)];

    while (*at != (uint32_t)k->first + 1)
        at = &k->ring[*at - 1].older;
    *at = 0;
    k->first = (k->first + 1) & (PUT_KEYS_MAX - 1);
    k->n--;
}

void put_keys_release(struct put_keys *k)
{
    free(k->ring);
    free(k->buckets);
    memset(k, 0, sizeof *k);
}

bool put_keys_reserve(struct put_keys *k)
{
    if (k->ring)
        return true;
    k->ring = calloc(PUT_KEYS_MAX, sizeof *k->ring);
    k->buckets = calloc(PUT_KEYS_MAX, sizeof *k->buckets);
    if (k->ring && k->buckets)
        return true;
    put_keys_release(k);
    return false;
}

void put_keys_add(struct put_keys *k, struct store_key key, store_task_id task)
{
    uint32_t *bucket = &k->buckets[bucket_of(key)];
    size_t at;

    if (k->n == PUT_KEYS_MAX)
        forget_oldest(k);
    at = (k->first + k->n) & (PUT_KEYS_MAX - 1);
    k->ring[at] = (struct put_key){key, task, *bucket};
    *bucket = (uint32_t)at + 1;
    k->n++;
}

store_task_id put_keys_find(const struct put_keys *k, struct store_key key)
{
    if (!k->n)
        return 0;
    for (uint32_t at = k->buckets[bucket_of(key)]; at; at = k->ring[at - 1].older)
        if (k->ring[at - 1].key.counter == key.counter && k->ring[at - 1].key.epoch == key.epoch)
            return k->ring[at - 1].task;
    return 0;
}
