/* SPDX-License-Identifier: Apache-2.0 */
/* globals.h - the names that a pickle would import, for those who must decide whether to let it
 * pass. */
#ifndef PLATOON_PICKLE_GLOBALS_H
#define PLATOON_PICKLE_GLOBALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GLOBALS_MAX = 64 /* distinct names that are kept */
};

/* "module\nname\0" one after another, and where each begins. */
struct globals {
    char *names;
    size_t len, cap;
    uint32_t n;
    uint32_t hashes[GLOBALS_MAX];
    uint32_t starts[GLOBALS_MAX];
    bool has_overflowed;   /* there were more */
    bool is_out_of_memory; /* a name is missing because of that */
};

void globals_reset(struct globals *g);
void globals_release(struct globals *g);
void globals_add(struct globals *g, const char *module, size_t module_len, const char *name,
                 size_t name_len);

/* Is this a constructor of plain data, which a decoder knows to call without importing anything? */
bool global_is_plain(const char *module, size_t module_len, const char *name, size_t name_len);

#endif
