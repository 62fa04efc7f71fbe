/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - hashes that a peer cannot steer: SipHash-1-3 with a key drawn once a process.
 *
 * Whatever decides where a key of somebody else's choice lands in a table is hashed here, so that
 * nobody can send a million keys that all meet in one slot. Hashes differ from run to run: never
 * store or send them. */
#ifndef PLATOON_BASE_HASH_H
#define PLATOON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* `domain` keeps kinds of key apart: the same bytes in two domains have unrelated hashes. Any
 * thread. */
uint64_t hash_bytes(uint64_t domain, const void *data, size_t len);
/* The same strength for two numbers, in fewer steps. */
uint64_t hash_pair(uint64_t a, uint64_t b);

#endif
