/* SPDX-License-Identifier: Apache-2.0 */
/* holders.h - leases of stock clients, put into effect: what track.c sees goes to lease.h, what
 * lease.h decides goes to the store and the log.
 *
 * A task that a stock client took from a linked task queue stays claimed at the store until a
 * decision ends it. Beside lease.h's table this keeps, for each task it may still decide about, the
 * store's lease and the value (to know it again when its holder puts it back). Without a table
 * (--no-leases) every call here does nothing.
 *
 * Loop thread only. Decisions are log lines `task-...`. */
#ifndef PLATOON_SERVER_HOLDERS_H
#define PLATOON_SERVER_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/idmap.h"
#include "server/deadline.h"
#include "server/lease.h"
#include "store/store.h"

struct server;
struct session;
struct ident;
struct queue;

struct holders {
    struct lease_table *leases; /* NULL: no leases */
    struct idmap held;          /* task -> struct held */
    struct deadline timer;
    uint32_t lease_ms; /* of a stock client's claim; 0: does not run out by itself */
};

/* false when out of memory. `settings` NULL: no leases. */
bool holders_init(struct server *srv, const struct lease_settings *settings, uint32_t lease_ms);
/* All sessions and idents are gone. */
void holders_release(struct server *srv);

void holders_created(struct server *srv, struct ident *ident);
void holders_incref(struct server *srv, struct ident *ident);
void holders_decref(struct server *srv, struct ident *ident);
/* The ident is forgotten. */
void holders_forget_ident(struct ident *ident);
void holders_accept(struct server *srv, struct session *s);
/* false when out of memory. */
bool holders_request(struct server *srv, struct session *s, struct ident *ident);
/* True: the item is leased now, its claim is not the caller's to end. */
bool holders_replied_item(struct server *srv, struct session *s, struct queue *q,
                          const struct store_claimed *item);
/* A put on `q` by this session is the result of a task for certain: the task's lease, so that the
 * two can be recorded as one. False: an ordinary put. */
bool holders_sure_result(struct server *srv, struct session *s, struct queue *q,
                         struct store_lease_ref *out);
/* That was recorded: the reply is on its way. */
void holders_replied_result(struct server *srv, struct session *s, store_task_id task);
void holders_replied_put(struct server *srv, struct session *s, struct queue *q,
                         const struct payload *value);
void holders_replied_task_done(struct server *srv, struct session *s);
void holders_replied_other(struct server *srv, struct session *s);
/* `is_lost`: the last reply was not received. */
void holders_end(struct server *srv, struct session *s, bool is_lost);

/* Somebody else has the task now, or ended it: an agent, an operator, a sweep. */
void holders_forget_task(struct server *srv, store_task_id task);
/* An operator's wish: back to the front, its holder does not have it any more. False: no stock
 * client holds it. */
bool holders_free_task(struct server *srv, store_task_id task);
/* Lease time of what a stock client takes from `q`. */
uint32_t holders_lease_ms(const struct server *srv, const struct queue *q);

#endif
