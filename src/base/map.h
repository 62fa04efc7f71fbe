/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - a hash map from a pair of numbers (or pointers) to a number. No removal. */
#ifndef PLATOON_BASE_MAP_H
#define PLATOON_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t a, b;
    uint64_t value;
    bool is_used;
};

struct map {
    struct map_slot *slots;
    size_t n, cap; /* cap is 0 or a power of two */
};

void map_init(struct map *m);
void map_release(struct map *m); /* `m` is as after init */
/* Where the value of (a, b) stands, NULL if absent. Valid until the next map_put(). */
uint64_t *map_find(const struct map *m, uint64_t a, uint64_t b);
/* The value's place for (a, b), made with value 0 if absent; *out_is_new (may be NULL) tells. NULL
 * when out of memory, the map unchanged. */
uint64_t *map_put(struct map *m, uint64_t a, uint64_t b, bool *out_is_new);

#endif
