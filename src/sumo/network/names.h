/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - ids of a network, numbered from 0 in the order in which they are first met. */
#ifndef PLATOON_SUMO_NETWORK_NAMES_H
#define PLATOON_SUMO_NETWORK_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#define NAMES_NONE UINT32_MAX

/* All zero is an empty one. */
struct names {
    char **text; /* n of them */
    uint32_t n;
    size_t cap;
    uint32_t *slots; /* number + 1; 0: free */
    size_t n_slots;  /* 0 or a power of two */
};

void names_release(struct names *s);

/* The number of `text`, NAMES_NONE if it was never added. */
uint32_t names_find(const struct names *s, const char *text);
/* The same, made if need be.
 *
 *   max         how many there may be, at most NAMES_NONE - 1
 *   text_left   bytes that may still be kept; what this name takes is subtracted
 *
 * ELIMIT when either is used up, before anything is allocated; ENOMEM. `err` is not filled. */
enum platoon_status names_add(struct names *s, const char *text, uint32_t max, size_t *text_left,
                              uint32_t *out);

#endif
