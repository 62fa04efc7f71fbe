/* SPDX-License-Identifier: Apache-2.0 */
/* draft.h - a <name>.platoon.yaml to begin with, for the controller alinea at a ramp that was
 * found. */
#ifndef PLATOON_SUMO_NETWORK_DRAFT_H
#define PLATOON_SUMO_NETWORK_DRAFT_H

#include "base/buf.h"
#include "sumo/network/ramps.h"

/* Append the file's text.
 *
 *   config   the .sumocfg's name, for the comment at the top
 *   ramp     NULL: none was found
 *
 * What the ramp has is filled in; what it lacks is a comment that says why and how to add it.
 * Without a queue or an inflow detector `queue_override` is false. Parameters are comments with
 * their presets, but for `storage_vehicles`, which is the ramp's. The text is YAML that a run takes
 * as it is; with a signal and loops nothing more is needed for one. ENOMEM: what is in `b` is to be
 * thrown away. */
enum platoon_status draft_settings(struct buf *b, const char *config, const struct network *network,
                                   const struct ramp *ramp, struct platoon_err *err);

#endif
