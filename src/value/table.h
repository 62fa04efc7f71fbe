/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - hashing and comparing values; the rest of tables is in node.h. For src/value only.
 *
 * Nothing here recurses. A set inside a set inside a set is compared without recursion because the
 * partner of a nested member is found by its 64-bit hash alone (BY_HASH) and compared later in the
 * same loop; that two different members of one set share a hash which nobody can steer does not
 * happen. */
#ifndef PLATOON_VALUE_TABLE_H
#define PLATOON_VALUE_TABLE_H

#include "value/node.h"

enum hashed {
    HASH_OK,
    HASH_NONE, /* a list, dict, set or bytearray is in it */
    HASH_NO_MEMORY
};

/* Equal values have equal hashes within this process. */
enum hashed table_hash(const platoon_value *v, uint64_t *out);

enum compared { SAME, DIFFERENT, COMPARE_NO_MEMORY };

enum table_match {
    EXACT,
    BY_HASH /* tuples and frozensets of the same kind and hash count as the same */
};

/* SAME and *out_entry, or DIFFERENT: not there. */
enum compared table_lookup(const platoon_value *table, const platoon_value *key, uint64_t hash,
                           enum table_match how, size_t *out_entry);

/* Whether two values of which at least one is no container are equal (compare.c). */
bool compare_leaves(const platoon_value *a, const platoon_value *b);
/* Deep (compare.c). */
enum compared compare_values(const platoon_value *a, const platoon_value *b);

#endif
