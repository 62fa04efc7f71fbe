/* SPDX-License-Identifier: Apache-2.0 */
/* state_dir.h - where a server's files live when nobody said: $XDG_STATE_HOME/platoon/PORT, else
 * ~/.local/state/platoon/PORT. */
#ifndef PLATOON_CLI_STATE_DIR_H
#define PLATOON_CLI_STATE_DIR_H

#include <stdint.h>

#include <platoon/status.h>

/* The folder's path, malloc()ed; it need not exist. ENOTFOUND where the user has no home. */
enum platoon_status state_dir(uint16_t port, char **out, struct platoon_err *err);
/* "FOLDER/NAME", malloc()ed; NULL when out of memory. */
char *state_dir_join(const char *folder, const char *name);
/* Make `path` and what is missing above it, each 0700. EIO names the path and the reason. */
enum platoon_status state_dir_make(const char *path, struct platoon_err *err);

#endif
