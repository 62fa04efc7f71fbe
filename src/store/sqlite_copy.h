/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_copy.h - a consistent copy of a store's file, while a server may be writing to it. */
#ifndef PLATOON_STORE_SQLITE_COPY_H
#define PLATOON_STORE_SQLITE_COPY_H

#include <platoon/status.h>

/* Copy the store at `from` to `to`, which must not exist. `from` is opened to read only. Blocks for
 * as long as it takes. EINVAL (there already, or no store of ours), EIO, ENOMEM. */
enum platoon_status sqlite_copy(const char *from, const char *to, struct platoon_err *err);

#endif
