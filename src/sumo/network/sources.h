/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h - which files a .sumocfg makes its network of. */
#ifndef PLATOON_SUMO_NETWORK_SOURCES_H
#define PLATOON_SUMO_NETWORK_SOURCES_H

#include <stddef.h>

#include <platoon/status.h>

/* Paths, as they can be opened from here. */
struct sources {
    char *net;
    char **additional; /* n of them, in order */
    size_t n_additional;
};

/* EINVAL: the configuration names no net-file; ELIMIT: more than `max` additional files; else as
 * xml_scan(). Without success *out is empty. */
enum platoon_status sources_read(const char *config, size_t max, struct sources *out,
                                 struct platoon_err *err);
void sources_release(struct sources *s);

/* `name`, as it stands in the file `in`: relative to that file's folder. malloc()ed; NULL when out
 * of memory. */
char *sources_path(const char *in, const char *name, size_t len);

#endif
