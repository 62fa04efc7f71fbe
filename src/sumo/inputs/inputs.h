/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h - every file that a run reads: the configuration, what it or the task names (network,
 * routes, additional files, ...), what those include, the settings beside the configuration, and
 * the shared object of the run's controller. */
#ifndef PLATOON_SUMO_INPUTS_INPUTS_H
#define PLATOON_SUMO_INPUTS_INPUTS_H

#include "sumo/inputs/input_cache.h"
#include "sumo/task.h"

enum { INPUTS_MAX_FILES = 2000 };

struct input_file {
    char *path; /* absolute */
    char *name; /* relative to the configuration's folder: the same on every machine */
    struct input_identity identity;
    char sha256[INPUT_SHA256_TEXT]; /* "": it cannot be read, or is not there */
};

struct inputs {
    struct input_file *files; /* by name */
    size_t n, cap;
    char sha256[INPUT_SHA256_TEXT]; /* of all: see inputs_collect() */
};

/* Find and hash them. The hash of all is that of the lines "SHA256  NAME\n", sorted by bytes, with
 * "unread" for the hash of a file that cannot be read; so is
 * `sha256sum NAME... | LC_ALL=C sort | sha256sum` in the configuration's folder.
 *
 * ELIMIT: more than INPUTS_MAX_FILES; ENOMEM. On success `out` is to be released. */
enum platoon_status inputs_collect(const struct sumo_plan *plan, struct input_cache *cache,
                                   struct inputs *out, struct platoon_err *err);
void inputs_release(struct inputs *inputs); /* a zeroed one is fine */

/* Whether none of those that were read has changed since. */
bool inputs_are_unchanged(const struct inputs *inputs);

/* `path` seen from the folder `from`, both absolute, by their text alone ("." and ".." resolved);
 * malloc()ed, NULL when out of memory. */
char *inputs_relative_name(const char *from, const char *path);

#endif
