/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_space.h - what is done about a full disk: a file `reserve` in the data folder holds space.
 * When a write finds no room the file goes, so that results already computed can be kept; tasks are
 * refused until there is room for a new one. */
#ifndef PLATOON_STORE_SQLITE_SPACE_H
#define PLATOON_STORE_SQLITE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/data_folder.h"

struct sqlite_space {
    const struct data_folder *folder; /* borrowed */
    uint64_t reserve_bytes;
    uint64_t check_ns; /* when to look again */
    bool is_full;
};

/* `reserve_bytes` 0: 64 MiB, or a sixteenth of what is free if that is less. False: there is no
 * room even for the reserve, and the disk counts as full. */
bool sqlite_space_open(struct sqlite_space *s, const struct data_folder *folder,
                       uint64_t reserve_bytes);
/* A write found no room: give up the reserve. True the first time. */
bool sqlite_space_spend(struct sqlite_space *s);
/* Is there room again? Asked of the disk a few times a second at most. True when it came back. */
bool sqlite_space_look(struct sqlite_space *s, uint64_t now_ns);

#endif
