/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_describe.h - `platoon sumo --describe`: what a network has, and a first settings file. */
#ifndef PLATOON_CLI_SUMO_DESCRIBE_H
#define PLATOON_CLI_SUMO_DESCRIBE_H

#include <stdbool.h>

struct sumo_describe {
    const char *file, *root; /* as given; root NULL: any file */
    bool wants_json;
    bool writes;   /* <name>.platoon.yaml beside the file, */
    bool replaces; /* also if there is one */
};

/* Reads, prints, writes. An exit code; failures are reported. */
int sumo_describe(const struct sumo_describe *wanted);

#endif
