/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_orphans.h - tasks whose holder ended with the server before. A start queues them again in
 * the table; here the file comes to say so too, for whoever looks at it. For sqlite_read.c. */
#ifndef PLATOON_STORE_SQLITE_ORPHANS_H
#define PLATOON_STORE_SQLITE_ORPHANS_H

#include "store/sqlite_db_internal.h"

struct sqlite_orphans { /* {0} is empty */
    sqlite3_int64 *ids;
    size_t n, cap;
};

/* False when out of memory. */
bool sqlite_orphans_note(struct sqlite_orphans *o, store_task_id task);
/* Write them, in one transaction. That this fails (a full disk) is not told: nothing is decided by
 * these rows, and the next start finds the same orphans. */
void sqlite_orphans_write(const struct sqlite_orphans *o, struct sqlite_db *db);
void sqlite_orphans_release(struct sqlite_orphans *o);

#endif
