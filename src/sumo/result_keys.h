/* SPDX-License-Identifier: Apache-2.0 */
/* result_keys.h - the keys that every result has or may have, and what a task means by a key. Users
 * cannot give them to metrics of their own. */
#ifndef PLATOON_SUMO_RESULT_KEYS_H
#define PLATOON_SUMO_RESULT_KEYS_H

#include <stdbool.h>

/* Whether a result's `key` is ours. */
bool result_key_is_ours(const char *key);

#endif
