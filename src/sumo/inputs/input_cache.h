/* SPDX-License-Identifier: Apache-2.0 */
/* input_cache.h - what is known of the files that SUMO reads: their SHA-256, and which other files
 * they name. A file is read again only when it is another one, or has changed: a thousand runs of
 * one scenario hash it once a process. */
#ifndef PLATOON_SUMO_INPUTS_INPUT_CACHE_H
#define PLATOON_SUMO_INPUTS_INPUT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <platoon/status.h>

enum { INPUT_SHA256_TEXT = 65, INPUT_MAX_REFERENCES = 2000, INPUT_CACHE_MAX = 4096 };

/* Which bytes a name stood for. */
struct input_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct input_known {
    struct input_identity identity;
    char sha256[INPUT_SHA256_TEXT];
    char **references; /* names as they stand in the file, relative to its folder */
    size_t n_references;
};

struct input_cache {
    struct input_known **known;
    size_t n, cap;
};

/* What is known of the file at `path`, after reading it if need be: borrowed until the next call.
 * References are the href of <include>, and the file of <rerouter>, <variableSpeedSign> and
 * <calibrator>; a file that is no XML has none.
 *
 * ENOTFOUND, EIO (it cannot be read, or is no regular file), ELIMIT (more than
 * INPUT_MAX_REFERENCES), ENOMEM. */
enum platoon_status input_cache_get(struct input_cache *cache, const char *path,
                                    const struct input_known **out, struct platoon_err *err);
void input_cache_release(struct input_cache *cache); /* a zeroed one is fine */

/* Whether `path` still stands for the same bytes. */
bool input_is_unchanged(const char *path, const struct input_identity *identity);

#endif
