/* SPDX-License-Identifier: Apache-2.0 */
/* globals_policy.h - which values that name globals may pass through (DESIGN: --globals
 * any|list|none). */
#ifndef PLATOON_SERVER_GLOBALS_POLICY_H
#define PLATOON_SERVER_GLOBALS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/server.h>

struct scan;

/* "any", "list", "none". */
const char *globals_policy_name(enum platoon_globals policy);
/* Is the exact pair on the list of harmless ones: builtin exceptions, datetime, decimal,
 * collections, fractions, uuid, numpy arrays and scalars in both module layouts? */
bool globals_is_listed(const char *module, const char *name);
/* May what the scanned request names pass? If not, `refused` tells the first that may not, as
 * "numpy.ndarray". */
bool globals_may_pass(enum platoon_globals policy, const struct scan *scan, char *refused,
                      size_t size);

#endif
