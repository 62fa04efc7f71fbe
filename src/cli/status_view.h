/* SPDX-License-Identifier: Apache-2.0 */
/* status_view.h - what stats() of a server says, as tables on stdout. */
#ifndef PLATOON_CLI_STATUS_VIEW_H
#define PLATOON_CLI_STATUS_VIEW_H

#include <stdbool.h>

#include <platoon/value.h>

/* False when out of memory. */
bool status_view_all(const char *server, const platoon_value *stats);
bool status_view_workers(const platoon_value *stats);

#endif
