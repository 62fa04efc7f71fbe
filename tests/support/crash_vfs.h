/* SPDX-License-Identifier: Apache-2.0 */
/* crash_vfs.h - a file system for SQLite that ends the process at a chosen step.
 *
 *     kill     what was written before is there: as kill -9 leaves it
 *     power    what was written and not synced is there in part: each write whole, torn or not at
 *              all, in any mixture, as a disk without power may leave it
 *
 * A step is a write, a sync, a truncation or a removal. For a child process that nobody needs: it
 * becomes the default file system of the process, for good. */
#ifndef PLATOON_TEST_CRASH_VFS_H
#define PLATOON_TEST_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

enum { CRASH_EXIT_CODE = 77 };

/* End the process before step `steps` (from 1) with CRASH_EXIT_CODE. `seed` decides what a loss of
 * power leaves. */
void crash_vfs_start(unsigned steps, bool is_power, uint64_t seed);

#endif
