/* SPDX-License-Identifier: Apache-2.0 */
/* track.h - the one place where all that clients do passes by: who makes, counts and drops which
 * ident, who connects, calls, is answered, ends. Whoever keeps account of clients (leases of stock
 * clients) hears of it here and nowhere else.
 *
 * Leases of stock clients (holders.h) hear of all of it. What is not leased - an item of a result
 * queue or of a queue without a pair, and every item under --no-leases - is treated here as
 * Python's server does: it belongs to the client that took it once the client has received it. The
 * claim at the store ends
 *
 *   - when the client's next request on that connection proves that it read the reply,
 *   - when the connection ends in order with every byte acknowledged,
 *   - or about a second after its bytes were acknowledged (an idle client);
 *
 * and is released, to the front and with no attempt counted, when the connection breaks or ends
 * before that. So a client that is killed while a reply is under way loses nothing: the kernel of a
 * process that died with unread bytes resets the connection. */
#ifndef PLATOON_SERVER_TRACK_H
#define PLATOON_SERVER_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "server/deadline.h"
#include "store/store.h"

struct server;
struct session;
struct ident;
struct queue;

/* What is on its way to a client: part of its session. One item of a queue, which is the client's
 * own once it is received; or leases by id, which stay what they are and only go back if they were
 * not received. */
struct handout {
    struct list link; /* in track.unproven; alone: nothing is out */
    struct store_lease_ref ref;
    struct store_lease_ref *leases; /* by id: n of them, owned; NULL: `ref` is an item */
    size_t n_leases;
    uint64_t since_ns;
    bool is_lease; /* its claim is ended by holders.c */
};

struct track {
    struct list unproven; /* handouts, oldest first */
    struct deadline timer;
    struct session *ending;       /* track_end() is at work on it */
    struct store_done_item *done; /* to be told to the store in this turn */
    size_t n_done, cap_done;
};

void track_init(struct track *t);
void track_release(struct track *t);

void track_create(struct server *srv, struct ident *ident);
void track_incref(struct server *srv, struct ident *ident);
void track_decref(struct server *srv, struct ident *ident);
void track_accept(struct server *srv, struct session *s);
/* A call on `ident` arrived: the client has read every earlier reply on this connection. False when
 * out of memory. */
bool track_request(struct server *srv, struct session *s, struct ident *ident);
/* The first bytes of a further, large call arrived: that proves the same, and the memory of a large
 * reply need not wait for the call's last byte. */
void track_request_begins(struct server *srv, struct session *s);
/* The reply to it is queued: an item of a queue ... */
void track_replied_item(struct server *srv, struct session *s, struct queue *q,
                        const struct store_claimed *item);
/* ... leases by id, which are given back if they were not received (without memory for that they
 * run out) ... */
void track_replied_leases(struct server *srv, struct session *s, const struct store_claimed *items,
                          size_t n);
/* ... an accepted put ... */
void track_replied_put(struct server *srv, struct session *s, struct queue *q,
                       const struct payload *value);
/* ... task_done ... */
void track_replied_task_done(struct server *srv, struct session *s, struct queue *q);
/* ... or anything else. */
void track_replied_other(struct server *srv, struct session *s);
/* The connection ended; `is_orderly`: EOF and everything was written. Its socket is still open, to
 * be asked what was acknowledged. */
void track_end(struct server *srv, struct session *s, bool is_orderly);

/* An item was claimed and nobody is there to take it: back to the front, no attempt counted. */
void track_release_item(struct server *srv, const struct store_claimed *item, const char *why);
/* The session that ends now never received `task`, says whoever knows its last acts. */
void track_give_back(struct server *srv, store_task_id task, const char *why);
/* Tell the store what is done (before store_turn). */
void track_flush(struct server *srv);

#endif
