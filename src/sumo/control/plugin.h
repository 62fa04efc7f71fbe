/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - controllers from shared objects (<platoon/controller.h>).
 *
 * Loading one runs its code in this process, so only whoever started the process may name the file;
 * a task names no more than a controller's type. */
#ifndef PLATOON_SUMO_CONTROL_PLUGIN_H
#define PLATOON_SUMO_CONTROL_PLUGIN_H

#include <stddef.h>

#include <platoon/status.h>

/* Load `file`, check its table and add it to the controllers of this process, for as long as it
 * lives. A relative name is meant from the current folder, never looked up in the places of
 * libraries.
 *
 * ENOTFOUND: there is no such file, or it is no shared object that can be loaded here; EINVAL,
 * EVERSION, ELIMIT: its table is not as it should be, or its name is taken; ENOMEM. Each with a
 * sentence that begins with the file. A crash of the code that runs on loading is a crash of this
 * process. */
enum platoon_status plugin_load(const char *file, struct platoon_err *err);

/* Whether plugin_load() of all these, in this order, would do, tried in a process of its own:
 * nothing is loaded here. As above, and EIO for a file whose loading crashed or took longer than
 * PLUGIN_PROBE_LIMIT_S. For a process with one thread; blocks until it is known. */
enum { PLUGIN_PROBE_LIMIT_S = 20 };
enum platoon_status plugin_probe(const char *const *files, size_t n, struct platoon_err *err);

#endif
