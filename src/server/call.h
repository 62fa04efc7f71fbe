/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - a call on an object: its ident to the object, its method to the handler. */
#ifndef PLATOON_SERVER_CALL_H
#define PLATOON_SERVER_CALL_H

#include <stdbool.h>
#include <stddef.h>

struct request;
struct server;
struct ident;
struct scan_request;
struct dispatch_typeid;

/* Serve a call on a long-lived connection. */
void call_run(struct request *rq, const struct scan_request *scan);

/* The ident by its text: from the table, or known again if it is well-formed and its typeid is
 * served here. NULL otherwise. *out_no_memory (may be NULL) tells the one other reason. */
struct ident *call_find_ident(struct server *srv, const char *text, bool *out_no_memory);
/* By name; NULL if there is none. */
const struct dispatch_typeid *dispatch_find(const struct server *srv, const char *name, size_t len);
/* "get_result_queue, get_task_queue, platoon", cut to fit. */
const char *dispatch_list(const struct server *srv, char *text, size_t size);
/* str(object) of an ident, whether it is open or not. */
void call_show(struct server *srv, struct ident *i, char *text, size_t size);

#endif
