/* SPDX-License-Identifier: Apache-2.0 */
/* human.h - numbers as people read them. Programs get the plain numbers through --json. */
#ifndef PLATOON_CLI_HUMAN_H
#define PLATOON_CLI_HUMAN_H

#include <stdbool.h>
#include <stdint.h>

enum { HUMAN_MAX = 24 };

/* "3.2s", "4m05s", "2h13m", "3d04h"; "-" for a negative (unknown) one. Returns `out`. */
const char *human_duration(double seconds, char out[HUMAN_MAX]);
/* "412", "1.5 KiB", "64 MiB". Returns `out`. */
const char *human_bytes(uint64_t bytes, char out[HUMAN_MAX]);

/* Whether colour may be used on this descriptor: a terminal that is not dumb, and no NO_COLOR. */
bool human_wants_colour(int fd);

#endif
