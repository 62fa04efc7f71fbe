/* SPDX-License-Identifier: Apache-2.0 */
/* describe_view.h - a network as `platoon sumo --describe` shows it: tables for people, a value for
 * programs. */
#ifndef PLATOON_CLI_DESCRIBE_VIEW_H
#define PLATOON_CLI_DESCRIBE_VIEW_H

#include <platoon/value.h>

#include "sumo/network/ramps.h"

/* Tables of signals, detectors and ramps, and what each ramp lacks, on stdout. False: out of
 * memory, not reported. */
bool describe_view_print(const struct network *network, const struct ramps *ramps);

/* The same as a dict, yours; NULL: out of memory. docs/sumo.md lists its keys. */
platoon_value *describe_view_value(const struct network *network, const struct ramps *ramps);

#endif
