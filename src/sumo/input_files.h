/* SPDX-License-Identifier: Apache-2.0 */
/* input_files.h - the files that a run of a configuration reads: the configuration, and what its
 * options name, recognised by their names (net-file, route-files, additional-files,
 * weight-files, ... ; SUMO calls every option that takes input so). Files that those include in
 * turn are not followed. */
#ifndef PLATOON_SUMO_INPUT_FILES_H
#define PLATOON_SUMO_INPUT_FILES_H

#include <platoon/value.h>

enum { INPUT_FILES_MAX = 1000 };

/* Append to `list` (a list value) the paths of `configuration` and of the files it names, as it
 * names them, relative ones below the configuration's folder; whether they are there is not looked
 * at. ENOTFOUND, EIO, EPROTO (not well-formed): as xml_scan(); ELIMIT; ENOMEM. */
enum platoon_status input_files_of(const char *configuration, platoon_value *list,
                                   struct platoon_err *err);

#endif
