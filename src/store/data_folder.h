/* SPDX-License-Identifier: Apache-2.0 */
/* data_folder.h - a folder that belongs to one server at a time.
 *
 * `lock` in it is held by whoever has it open (an advisory lock that ends with the process, and
 * names its pid for the next one to report). A folder on a network file system is refused: locks
 * and SQLite's WAL lie there. */
#ifndef PLATOON_STORE_DATA_FOLDER_H
#define PLATOON_STORE_DATA_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/status.h>

struct data_folder {
    char *path;
    int lock_fd; /* -1: not held */
};

/* Make the folder (0700, and those above it) if it is not there, and take it. EBUSY: another server
 * has it (its pid in the sentence); EINVAL: a network file system; EIO. */
enum platoon_status data_folder_open(struct data_folder *f, const char *path,
                                     struct platoon_err *err);
void data_folder_close(struct data_folder *f);
/* Bytes that an unprivileged writer can still put there; UINT64_MAX if it cannot be told. */
uint64_t data_folder_free_bytes(const struct data_folder *f);

/* The file system's type as statfs() tells it. Tests put another function here, since no network
 * file system can be mounted everywhere. */
extern bool (*data_folder_fs_type)(const char *path, long *out_type);

#endif
