/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - the nine public functions of a manager's server, which make up the one-shot
 * connections: create, incref, decref, get_methods, accept_connection, number_of_objects,
 * debug_info, shutdown, dummy. */
#ifndef PLATOON_SERVER_ADMIN_H
#define PLATOON_SERVER_ADMIN_H

struct request;
struct scan_request;

/* Serve the first request of a connection. Its ident is ignored, as stock servers do. */
void admin_run(struct request *rq, const struct scan_request *scan);

#endif
