/* SPDX-License-Identifier: Apache-2.0 */
/* track.c - see track.h. */
#include "server/track.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "server/server.h"

/* How often an idle client's acknowledgements are looked at. */
#define LOOK_NS 1000000000u

void track_init(struct track *t)
{
    memset(t, 0, sizeof *t);
    list_init(&t->unproven);
}

void track_release(struct track *t)
{
    free(t->done);
    t->done = NULL;
    t->n_done = t->cap_done = 0;
}

/* --- ends of claims --------------------------------------------------------------------------- */

static void on_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                    void *arg)
{
    struct server *srv = arg;

    (void)answers;
    if (st != STORE_OK)
        log_line(&srv->log, LOG_WARNING,
                 "receipt-not-recorded items=%zu store_status=%d hint=\"they may come again\"", n,
                 st);
}

void track_flush(struct server *srv)
{
    struct track *t = &srv->track;

    if (!t->n_done)
        return;
    store_done(srv->store, t->done, t->n_done, on_done, srv);
    t->n_done = 0;
}

static void end_claim(struct server *srv, const struct store_lease_ref *ref)
{
    struct track *t = &srv->track;

    if (t->n_done == t->cap_done) {
        size_t cap = t->cap_done ? t->cap_done * 2 : 64;
        struct store_done_item *grown = mem_realloc(t->done, cap * sizeof *grown);

        if (grown) {
            t->done = grown;
            t->cap_done = cap;
        } else if (t->cap_done) {
            track_flush(srv); /* the array is empty again */
        } else {
            return; /* no memory for one: the claim stays, the item is delivered all the same */
        }
    }
    t->done[t->n_done++] =
        (struct store_done_item){.ref = *ref, .state = STORE_DONE, .is_receipt = true};
}

static void on_released(enum store_status st, const enum store_release_status *answers, size_t n,
                        void *arg)
{
    struct server *srv = arg;

    (void)answers;
    if (st != STORE_OK)
        log_line(&srv->log, LOG_ERROR, "release-failed items=%zu store_status=%d", n, st);
}

static void release(struct server *srv, const struct store_lease_ref *ref, const char *why)
{
    struct store_release_item item = {.ref = *ref, .to = STORE_TO_FRONT, .why = why};

    store_release(srv->store, &item, 1, on_released, srv);
}

void track_release_item(struct server *srv, const struct store_claimed *item, const char *why)
{
    struct store_lease_ref ref = {item->task, item->lease};

    release(srv, &ref, why);
}

/* --- handouts --------------------------------------------------------------------------------- */

static bool is_out(const struct handout *h)
{
    return !list_is_empty(&h->link);
}

/* Nothing is out any more. */
static void forget(struct handout *h)
{
    list_remove(&h->link);
    free(h->leases);
    h->leases = NULL;
    h->n_leases = 0;
}

/* The client has it. */
static void received(struct server *srv, struct handout *h)
{
    if (!h->leases && !h->is_lease)
        end_claim(srv, &h->ref);
    forget(h);
}

/* The client never had it. */
static void not_received(struct server *srv, struct session *s, struct handout *h, const char *why)
{
    log_line(&srv->log, LOG_INFO, "item-not-delivered task=%llu items=%zu peer=%s now=front",
             (unsigned long long)h->ref.task, h->leases ? h->n_leases : 1, s->peer);
    if (!h->leases)
        release(srv, &h->ref, why);
    for (size_t i = 0; i < h->n_leases; i++) {
        (void)desk_end_lease(&srv->desk, h->leases[i]);
        release(srv, &h->leases[i], why);
    }
    forget(h);
}

static void look_at_idle_clients(struct deadline *d);

static void hand_out(struct server *srv, struct handout *h, const struct store_claimed *first)
{
    struct track *t = &srv->track;

    h->ref = (struct store_lease_ref){first->task, first->lease};
    h->since_ns = srv->now_ns;
    list_append(&t->unproven, &h->link);
    if (!t->timer.place) /* without memory for a timer the next request proves it all the same */
        (void)deadline_set(&srv->deadlines, &t->timer, srv->now_ns + LOOK_NS, look_at_idle_clients);
}

/* Is every byte that was written acknowledged? */
static bool is_acknowledged(const struct session *s)
{
    int unacknowledged = 0;

    return !s->out && ioctl(s->fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

static void look_at_idle_clients(struct deadline *d)
{
    struct server *srv = DEADLINE_ENTRY(d, struct server, track.timer);
    struct track *t = &srv->track;

    while (!list_is_empty(&t->unproven)) {
        struct handout *h = LIST_ENTRY(t->unproven.next, struct handout, link);
        struct session *s = LIST_ENTRY(h, struct session, handout);

        if (h->since_ns + LOOK_NS > srv->now_ns)
            break;
        if (is_acknowledged(s)) {
            received(srv, h);
        } else {
            list_remove(&h->link);
            h->since_ns = srv->now_ns;
            list_append(&t->unproven, &h->link);
        }
    }
    if (!list_is_empty(&t->unproven)) {
        struct handout *oldest = LIST_ENTRY(t->unproven.next, struct handout, link);

        (void)deadline_set(&srv->deadlines, d, oldest->since_ns + LOOK_NS, look_at_idle_clients);
    }
}

void track_replied_item(struct server *srv, struct session *s, struct queue *q,
                        const struct store_claimed *item)
{
    s->handout.is_lease = holders_replied_item(srv, s, q, item);
    hand_out(srv, &s->handout, item);
}

void track_replied_leases(struct server *srv, struct session *s, const struct store_claimed *items,
                          size_t n)
{
    struct handout *h = &s->handout;

    holders_replied_other(srv, s);
    h->leases = mem_zero(n * sizeof *h->leases);
    if (!h->leases)
        return;
    h->is_lease = false;
    for (size_t i = 0; i < n; i++)
        h->leases[i] = (struct store_lease_ref){items[i].task, items[i].lease};
    h->n_leases = n;
    hand_out(srv, h, items);
}

bool track_request(struct server *srv, struct session *s, struct ident *ident)
{
    if (is_out(&s->handout))
        received(srv, &s->handout);
    return holders_request(srv, s, ident);
}

void track_request_begins(struct server *srv, struct session *s)
{
    if (is_out(&s->handout) && !s->out)
        received(srv, &s->handout);
}

void track_give_back(struct server *srv, store_task_id task, const char *why)
{
    struct session *s = srv->track.ending;

    if (s && is_out(&s->handout) && !s->handout.leases && s->handout.ref.task == task)
        not_received(srv, s, &s->handout, why);
}

void track_end(struct server *srv, struct session *s, bool is_orderly)
{
    struct handout *h = &s->handout;
    bool is_received = !is_out(h) || (is_orderly && is_acknowledged(s));

    srv->track.ending = s;
    holders_end(srv, s, !is_received);
    if (is_out(h) && (is_received || h->is_lease))
        received(srv, h);
    else if (is_out(h))
        not_received(srv, s, h, "its client was gone before it received it");
    srv->track.ending = NULL;
}

/* --- passed on -------------------------------------------------------------------------------- */

void track_create(struct server *srv, struct ident *ident)
{
    holders_created(srv, ident);
}

void track_incref(struct server *srv, struct ident *ident)
{
    holders_incref(srv, ident);
}

void track_decref(struct server *srv, struct ident *ident)
{
    holders_decref(srv, ident);
}

void track_accept(struct server *srv, struct session *s)
{
    holders_accept(srv, s);
}

void track_replied_put(struct server *srv, struct session *s, struct queue *q,
                       const struct payload *value)
{
    holders_replied_put(srv, s, q, value);
}

void track_replied_task_done(struct server *srv, struct session *s, struct queue *q)
{
    (void)q;
    holders_replied_task_done(srv, s);
}

void track_replied_other(struct server *srv, struct session *s)
{
    holders_replied_other(srv, s);
}
