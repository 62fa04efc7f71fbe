/* SPDX-License-Identifier: Apache-2.0 */
/* share.h - the files that come with the program, found from where it lies, so that an installed
 * copy can be moved. */
#ifndef PLATOON_CLI_SHARE_H
#define PLATOON_CLI_SHARE_H

#include <platoon/status.h>

/* The program's own path, malloc()ed. */
enum platoon_status share_program(char **out, struct platoon_err *err);
/* PREFIX/share/platoon/NAME beside PREFIX/bin/platoon, or NAME in the source tree for a program in
 * build/<preset>/bin. malloc()ed; ENOTFOUND lists where it was looked for. */
enum platoon_status share_find(const char *name, char **out, struct platoon_err *err);

#endif
