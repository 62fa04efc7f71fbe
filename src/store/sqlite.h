/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.h - the durable store of one machine: the task table in memory, and an SQLite file that is
 * its memory after a crash. */
#ifndef PLATOON_STORE_SQLITE_H
#define PLATOON_STORE_SQLITE_H

#include "store/store.h"

enum sqlite_durability {
    SQLITE_PROCESS, /* an answer survives kill -9 of the server: committed to the kernel */
    SQLITE_POWER    /* and the loss of power: on the medium, by a thread that commits in groups */
};

struct sqlite_options {
    const char *folder; /* made if it is not there; locked against a second server */
    enum sqlite_durability durability;
    bool is_fresh;             /* forget what is there */
    uint64_t max_memory_bytes; /* values of waiting tasks beyond this stay on disk; 0: no limit */
    uint64_t
        max_queue_bytes;    /* puts on task queues beyond this are refused with NOSPACE; 0: none */
    uint64_t reserve_bytes; /* set aside for results when the disk is full; 0: 64 MiB, or a
                                  sixteenth of what is free if that is less */
    /* of each of the redo log's two files; 0: 2 MiB, or less on a small disk */
    uint64_t redo_bytes;
    void (*log)(int level, const char *line, void *arg); /* may be NULL; loop thread */
    void *log_arg;
};

/* EBUSY, EINVAL, EVERSION, EIO, ENOMEM, each with a sentence. */
enum platoon_status store_sqlite_open(const struct sqlite_options *options, struct store **out,
                                      struct platoon_err *err);

#endif
