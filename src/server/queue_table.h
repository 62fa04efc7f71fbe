/* SPDX-License-Identifier: Apache-2.0 */
/* queue_table.h - all queues by name: those of the specifications, and private ones opened on
 * demand. */
#ifndef PLATOON_SERVER_QUEUE_TABLE_H
#define PLATOON_SERVER_QUEUE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/server.h>

#include "base/idmap.h"
#include "base/list.h"
#include "server/dispatch.h"
#include "store/store.h"

struct server;
struct queue;

/* What a specification says of a typeid: of the queue of that name and of its private ones. */
struct queue_kind {
    char *typeid_;
    uint64_t maxsize;
    bool has_maxsize;           /* it was written */
    struct queue_kind *results; /* NULL: not linked */
    struct idmap
        by_name; /* struct queue, by hash of the private name; those that share a hash by `next` */
};

enum { QUEUE_TABLE_MAX_PRIVATE = 10000 }; /* queues opened by clients */

struct queue_table {
    struct queue_kind **kinds;
    size_t n_kinds;
    struct list open;   /* struct queue, in order of opening */
    struct list dirty;  /* those with something to do before store_turn() */
    struct idmap by_id; /* struct queue, by the store's id */
    size_t n_private;
};

void queue_table_init(struct queue_table *t);
void queue_table_release(struct queue_table *t);

/* Register the typeids that the options' specifications name. EINVAL with the specification and
 * what is wrong with it. */
enum platoon_status queue_table_configure(struct server *srv,
                                          const struct platoon_server_options *options,
                                          struct platoon_err *err);
/* Open `kind` with the private name ("": the shared one): its queue and the chain of its result
 * queues. `opened` is called once, inside the call or later, with the struct queue. */
void queue_table_open(struct server *srv, struct queue_kind *kind, const char *name,
                      dispatch_opened opened, void *arg);
/* NULL if it is not open. */
struct queue *queue_table_find(struct queue_kind *kind, const char *name);
/* Have every queue with something to do ask the store. true if any had. */
bool queue_table_pump(struct server *srv);
/* The store's hints, to be watched (store_watch). */
void queue_table_watch(struct server *srv);

#endif
