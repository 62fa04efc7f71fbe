/* SPDX-License-Identifier: Apache-2.0 */
/* progress_view.h - how far running tasks are, as a server tells it (progress_board.h), for people. */
#ifndef PLATOON_CLI_PROGRESS_VIEW_H
#define PLATOON_CLI_PROGRESS_VIEW_H

#include <stdbool.h>

#include <platoon/value.h>

/* A table of stats()['progress'] on stdout, after an empty line; nothing if there is none. At most
 * PROGRESS_VIEW_ROWS tasks, then how many more there are. False when out of memory. */
enum { PROGRESS_VIEW_ROWS = 40 };
bool progress_view_tasks(const platoon_value *rows);
/* One task's row as a sentence on stdout; nothing if it is None. */
void progress_view_sentence(const platoon_value *row);

#endif
