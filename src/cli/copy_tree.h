/* SPDX-License-Identifier: Apache-2.0 */
/* copy_tree.h - copy a folder and everything in it. */
#ifndef PLATOON_CLI_COPY_TREE_H
#define PLATOON_CLI_COPY_TREE_H

#include <platoon/status.h>

/* Copy the folder `from` to `to`, which must not exist; its parent must. Regular files and folders
 * only, others are left out; the owner's permissions are kept, so that scripts stay executable. EIO
 * names the path; what was copied by then stays. */
enum platoon_status copy_tree(const char *from, const char *to, struct platoon_err *err);

#endif
