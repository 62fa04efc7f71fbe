/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - which SUMO this machine has, and the environment to run it in. */
#ifndef PLATOON_SUMO_PROGRAM_H
#define PLATOON_SUMO_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include <platoon/status.h>

/* The oldest SUMO whose outputs hold what a result needs (totalTravelTime, undeparted vehicles). */
enum { SUMO_MIN_MAJOR = 1, SUMO_MIN_MINOR = 10 };

struct sumo_program {
    char *path;       /* absolute, or as given; NULL before the first success */
    char version[32]; /* "1.15.0" */
    int major, minor;
    /* This process's environment, with SUMO_HOME (if it was not set and one was found) and
     * messages in English. */
    char **envp;
    /* identity of the file that was asked for its version */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* Zero-initialise, then call before each run: it looks again only if the file has changed since.
 *
 *   wanted   a path, or a name to be found in PATH; NULL: $SUMO_HOME/bin/sumo, then `sumo` in PATH
 *
 * Runs `sumo --version`. ENOTFOUND if there is none (`err` lists where it was looked for), EVERSION
 * if it is too old, EPROTO if it is no SUMO, EIO. */
enum platoon_status sumo_program_find(struct sumo_program *program, const char *wanted,
                                      struct platoon_err *err);
void sumo_program_release(struct sumo_program *program);

/* The version in the first line of `sumo --version`; false if it holds none. Pure. */
bool sumo_version_parse(const char *line, char version[32], int *out_major, int *out_minor);

#endif
