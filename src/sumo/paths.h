/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - files that tasks name, kept inside the root.
 *
 * A task comes from the network; the operator said (`--root`) which folder its names are relative
 * to. A name may not lead out of that folder: not by "..", not as an absolute path, not through a
 * symbolic link, unless the operator allowed any path. */
#ifndef PLATOON_SUMO_PATHS_H
#define PLATOON_SUMO_PATHS_H

#include <stdbool.h>

#include <platoon/value.h>

enum { PATH_PLAIN_NAME_BYTES = 100 };

struct path_rules {
    const char *root; /* absolute, without symbolic links: realpath()ed by whoever starts */
    bool allow_any;   /* may lead anywhere */
};

/* The file that `name` (a text value) means: absolute, symbolic links resolved, malloc()ed.
 *
 *   what   how the name is called in messages: "filename"
 *
 * '\' is read as '/'. EINVAL with a sentence: no text, empty, out of the root, or with a comma, at
 * which SUMO would split it. ENOTFOUND: no such file; `err` names configurations beside it if there
 * are any. */
enum platoon_status path_resolve(const struct path_rules *rules, const platoon_value *name,
                                 const char *what, char **out, struct platoon_err *err);

/* Whether `name` is a plain file name: no folder, nothing that SUMO or a shell reads otherwise, 1
 * to PATH_PLAIN_NAME_BYTES bytes, not beginning with '.' or '-'. */
bool path_is_plain_name(const char *name);

#endif
