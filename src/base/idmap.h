/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.h - a map from 64-bit ids of our own making to pointers; open addressing, O(1).
 *
 * Ids come from counters of this program, never from a peer, so the hash needs no seed. Id 0 is
 * not allowed. */
#ifndef PLATOON_BASE_IDMAP_H
#define PLATOON_BASE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
    uint64_t id; /* 0: free */
    void *value;
};

struct idmap {
    struct idmap_slot *slots;
    size_t n, cap; /* cap: 0 or a power of two */
};

void idmap_init(struct idmap *m);
void idmap_release(struct idmap *m); /* the values are the caller's */
/* Make room for one more entry, so that the next idmap_set() cannot fail. False when out of
 * memory. */
bool idmap_reserve(struct idmap *m);
/* Set or replace. False when out of memory (never after idmap_reserve()). */
bool idmap_set(struct idmap *m, uint64_t id, void *value);
void *idmap_get(const struct idmap *m, uint64_t id); /* NULL: absent */
void *idmap_remove(struct idmap *m, uint64_t id);    /* what was there, or NULL */

#endif
