/* SPDX-License-Identifier: Apache-2.0 */
/* network_read.h - a struct network out of the files that a .sumocfg names: its net-file and its
 * additional-files (detectors, further programs of signals), with what these include. SUMO is not
 * started; the files are streamed. */
#ifndef PLATOON_SUMO_NETWORK_NETWORK_READ_H
#define PLATOON_SUMO_NETWORK_NETWORK_READ_H

#include "sumo/network/network.h"

/* How much of it there may be. Each holds before memory is taken. */
struct network_limits {
    size_t edges, links, signals, programs, phases, detectors, additional_files;
    size_t text_bytes; /* of all ids and signal states together */
};
extern const struct network_limits network_limits_default;

/* Read what `config` (a path) names into *out (released by the caller with network_release()).
 *
 * Without success *out is empty. A sentence with the file's name goes with each: ENOTFOUND and EIO
 * (a file is not there, cannot be read), EPROTO (not well-formed, with line and column; compressed and damaged),
 * EINVAL (no net-file in the configuration, the net-file is no network), ELIMIT, ENOMEM.
 * Blocks as long as reading takes. */
enum platoon_status network_read(const char *config, const struct network_limits *limits,
                                 struct network *out, struct platoon_err *err);

#endif
