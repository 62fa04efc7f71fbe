/* SPDX-License-Identifier: Apache-2.0 */
/* put_keys.h - which task a put's key made, so that a repeated put is a DUP.
 *
 * Only the newest PUT_KEYS_MAX keys are remembered: a repeat follows a lost answer within seconds,
 * while keys kept as long as their tasks would cost more memory than the tasks. */
#ifndef PLATOON_STORE_PUT_KEYS_H
#define PLATOON_STORE_PUT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { PUT_KEYS_MAX = 256 * 1024 };

struct put_key;
struct put_keys {
    struct put_key *ring; /* PUT_KEYS_MAX of them, NULL before the first reserve */
    uint32_t *buckets;    /* as many: 1 + place in the ring of the newest, 0: none */
    size_t first, n;
};

void put_keys_release(struct put_keys *k); /* zeroed is as after init */
/* Make room, so that put_keys_add() cannot fail. Address space for all of the ring (9 MB), memory
 * only as it is used. False when out of memory. */
bool put_keys_reserve(struct put_keys *k);
/* Remember `key` (not {0,0}); the oldest is forgotten when there are PUT_KEYS_MAX. Room must have
 * been reserved. */
void put_keys_add(struct put_keys *k, struct store_key key, store_task_id task);
/* The task that `key` made; 0: never seen, or forgotten. */
store_task_id put_keys_find(const struct put_keys *k, struct store_key key);

#endif
