/* SPDX-License-Identifier: Apache-2.0 */
/* dict_of.h - a dict from a table of its entries, all or nothing. */
#ifndef PLATOON_SUMO_DICT_OF_H
#define PLATOON_SUMO_DICT_OF_H

#include <stddef.h>

#include <platoon/value.h>

struct dict_entry {
    const char *key;
    platoon_value *value; /* NULL: out of memory, as is the dict then */
};

/* A dict of `n` entries, whose values are taken. NULL when out of memory. */
platoon_value *dict_of(const struct dict_entry *entries, size_t n);

#endif
