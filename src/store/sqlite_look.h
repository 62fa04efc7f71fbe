/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_look.h - fills a look from the database. */
#ifndef PLATOON_STORE_SQLITE_LOOK_H
#define PLATOON_STORE_SQLITE_LOOK_H

#include <sqlite3.h>

#include "store/look.h"

/* l->status says how it went. On the thread that has the database. */
void sqlite_look(sqlite3 *handle, struct look *l);

#endif
