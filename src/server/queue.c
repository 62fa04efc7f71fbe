/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - who waits at a queue, and asking the store on their behalf.
 *
 * Taking. A taker that comes is NEW. Before the turn's store_turn() the queue makes a round of
 * claims for the takers at the head of the list: for all NEW ones if nobody waits from before; else
 * for `take_burst` of those that wait, a number that doubles as long as each gets what it wants.
 * Claims are answered in the order in which they were made, which is the order of the list: first
 * come, first served. If a claim of a round brought less than it asked for, the queue was empty
 * then, and whoever came before the round has been tried: it waits (PARKED) or hears that there is
 * nothing. The next round begins when this one is answered, if the store has hinted at items or
 * somebody NEW has come.
 *
 * So no taker hears "empty" from memory, and no claim is made that has no taker (rules 1 and 9 of
 * store.h). What a claim brings for a taker that has gone meanwhile goes back to the front.
 *
 * Putting. A put is tried at once, unless it can wait and others wait for room; those are tried
 * from the head, `put_burst` at a time, at each hint. */
#include "server/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/queue_internal.h"
#include "server/request.h"
#include "server/server.h"

enum { MOST_AT_ONCE = 256 };
#define LOOK_NS 1000000000u

static struct queue_wait *wait_of(struct list *link)
{
    return LIST_ENTRY(link, struct queue_wait, link);
}

static struct queue_taker *taker_of(struct queue_wait *w)
{
    return LIST_ENTRY(w, struct queue_taker, wait);
}

static struct queue_putter *putter_of(struct queue_wait *w)
{
    return LIST_ENTRY(w, struct queue_putter, wait);
}

const char *queue_name(const struct queue *q)
{
    return q->name;
}

store_queue_id queue_id(const struct queue *q)
{
    return q->id;
}

uint64_t queue_maxsize(const struct queue *q)
{
    return q->maxsize;
}

struct queue *queue_results(const struct queue *q)
{
    return q->results;
}

struct queue *queue_new(struct server *srv, struct queue_kind *kind, const char *name,
                        const struct store_queue *stored)
{
    size_t len = strlen(name);
    struct queue *q = mem_zero(sizeof *q + len + 1);

    if (!q)
        return NULL;
    q->srv = srv;
    q->kind = kind;
    q->id = stored->id;
    q->maxsize = stored->maxsize;
    q->take_burst = q->put_burst = 1;
    list_init(&q->link);
    list_init(&q->dirty);
    list_init(&q->takers);
    list_init(&q->putters);
    list_init(&q->joiners);
    memcpy(q->name, name, len + 1);
    return q;
}

void queue_free(struct queue *q)
{
    free(q);
}

/* --- waits in general ------------------------------------------------------------------------- */

static void mark_dirty(struct queue *q)
{
    if (list_is_empty(&q->dirty))
        list_append(&q->srv->queues.dirty, &q->dirty);
}

void queue_hint_items(struct queue *q)
{
    q->may_have_items = true;
    if (!list_is_empty(&q->takers))
        mark_dirty(q);
}

void queue_hint_room(struct queue *q)
{
    q->may_have_room = true;
    q->must_count = true;
    if (!list_is_empty(&q->putters) || !list_is_empty(&q->joiners))
        mark_dirty(q);
}

/* Hints may be lost (rule 8): while somebody waits, ask unasked. */
static void look_again(struct deadline *d)
{
    struct queue *q = DEADLINE_ENTRY(d, struct queue, look);

    queue_hint_items(q);
    queue_hint_room(q);
    if (!list_is_empty(&q->takers) || !list_is_empty(&q->putters) || !list_is_empty(&q->joiners))
        (void)deadline_set(&q->srv->deadlines, d, q->srv->now_ns + LOOK_NS, look_again);
}

static void join_list(struct queue *q, struct list *list, struct queue_wait *w)
{
    w->queue = q;
    w->state = QUEUE_NEW;
    w->arrival = q->next_arrival++;
    list_append(list, &w->link);
    if (!q->look.place) /* without memory for it the hints must do */
        (void)deadline_set(&q->srv->deadlines, &q->look, q->srv->now_ns + LOOK_NS, look_again);
}

static void leave(struct queue_wait *w)
{
    list_remove(&w->link);
    deadline_clear(&w->queue->srv->deadlines, &w->timer);
    w->state = QUEUE_IDLE;
    w->rq->is_parked = false;
}

static void on_time_out(struct deadline *d)
{
    struct queue_wait *w = DEADLINE_ENTRY(d, struct queue_wait, timer);

    if (w->state == QUEUE_ASKED)
        w->is_overdue = true; /* the answer that is under way decides */
    else
        w->on_overdue(w);
}

static void park(struct queue_wait *w)
{
    w->state = QUEUE_PARKED;
    w->rq->is_parked = true;
    w->has_waited = true;
    /* Without memory for a timer the wait ends with an item or with its client. */
    if (w->deadline_ns != QUEUE_FOREVER && !w->timer.place)
        (void)deadline_set(&w->queue->srv->deadlines, &w->timer, w->deadline_ns, on_time_out);
}

/* Tried in vain: is its time over? */
static bool is_over(const struct queue_wait *w)
{
    return w->is_overdue || w->deadline_ns == 0;
}

/* Has the client of a wait gone, or given up the call, while it waited? Its session finds out in
 * its own time. */
static bool has_gone(struct queue_wait *w)
{
    if (w->has_waited && !w->is_absent && !(w->rq->session && session_peer_waits(w->rq->session)))
        w->is_absent = true;
    return w->is_absent;
}

/* --- takers ----------------------------------------------------------------------------------- */

static void end_taker(struct queue_wait *w, enum store_status st)
{
    struct queue_taker *t = taker_of(w);

    leave(w);
    t->on_taken(t, st, NULL, 0);
}

static void on_taker_overdue(struct queue_wait *w)
{
    if (w->state == QUEUE_NEW)
        w->queue->n_new_takers--;
    end_taker(w, STORE_OK);
}

static void end_round(struct queue *q)
{
    struct list *next;

    if (!q->ran_dry) {
        q->may_have_items = true; /* each got what it wanted: there may be more */
        q->take_burst = q->take_burst < MOST_AT_ONCE / 2 ? q->take_burst * 2 : MOST_AT_ONCE;
    } else {
        q->take_burst = 1;
        for (struct list *at = q->takers.prev; at != &q->takers; at = next) {
            struct queue_wait *w = wait_of(at);

            next = at->prev;
            if (w->state != QUEUE_NEW)
                break;
            if (w->arrival >= q->claimed_before)
                continue;
            q->n_new_takers--;
            if (is_over(w))
                end_taker(w, STORE_OK);
            else
                park(w);
        }
    }
    if (!list_is_empty(&q->takers) && (q->n_new_takers || q->may_have_items))
        mark_dirty(q);
}

static void give_back(struct queue *q, const struct store_claimed *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        track_release_item(q->srv, &items[i], "its client had gone before it was handed out");
}

static void on_claimed(enum store_status st, const struct store_claimed *items, size_t n, void *arg)
{
    struct queue_taker *t = arg;
    struct queue_wait *w = &t->wait;
    struct queue *q = w->queue;

    q->claims_out--;
    if (st != STORE_OK)
        n = 0;
    if (n < t->want)
        q->ran_dry = true;
    w->is_repeat = st == STORE_UNKNOWN;
    if (w->is_cancelled) {
        give_back(q, items, n);
        end_taker(w, STORE_DOWN);
    } else if (n > 0 && has_gone(w)) {
        give_back(q, items, n);
        park(w); /* until its session ends the wait */
    } else if (n > 0) {
        leave(w);
        t->on_taken(t, st, items, n);
    } else if (is_over(w) || (st != STORE_OK && st != STORE_DOWN && st != STORE_UNKNOWN)) {
        end_taker(w, st);
    } else {
        park(w);
    }
    if (q->claims_out == 0)
        end_round(q);
}

static void claim(struct queue_taker *t)
{
    struct queue *q = t->wait.queue;
    struct store_lease_id leases[QUEUE_MAX_TAKE];
    struct store_holder holder = {.client = request_client(t->wait.rq),
                                  .worker = t->worker ? t->worker : "",
                                  .ends_with_server = !t->worker}; /* it is a connection */

    if (!t->wait.is_repeat)
        t->first_lease = server_next_leases(q->srv, t->want);
    for (uint32_t i = 0; i < t->want; i++)
        leases[i] = (struct store_lease_id){t->first_lease.epoch, t->first_lease.counter + i};
    if (t->wait.state == QUEUE_NEW)
        q->n_new_takers--;
    t->wait.state = QUEUE_ASKED;
    t->wait.rq->is_parked = false;
    q->claims_out++;
    store_claim(q->srv->store, q->id, leases, t->want, &holder, t->lease_ms, on_claimed, t);
}

static void pump_takers(struct queue *q)
{
    size_t n;

    if (q->claims_out || list_is_empty(&q->takers) || (!q->may_have_items && !q->n_new_takers))
        return;
    n = wait_of(q->takers.next)->state == QUEUE_NEW ? q->n_new_takers : q->take_burst;
    if (n > MOST_AT_ONCE)
        n = MOST_AT_ONCE;
    q->may_have_items = false;
    q->ran_dry = false;
    q->claimed_before = q->next_arrival;
    for (struct list *at = q->takers.next; at != &q->takers && n > 0; at = at->next) {
        if (wait_of(at)->is_absent)
            continue;
        claim(taker_of(wait_of(at)));
        n--;
    }
}

void queue_take(struct queue *q, struct queue_taker *t)
{
    t->wait.on_overdue = on_taker_overdue;
    join_list(q, &q->takers, &t->wait);
    q->n_new_takers++;
    mark_dirty(q);
}

/* --- putters ---------------------------------------------------------------------------------- */

static void end_putter(struct queue_wait *w, enum store_status st,
                       const struct store_put_answer *answers, size_t n)
{
    struct queue_putter *p = putter_of(w);

    if (w->has_waited)
        w->queue->n_waiting_putters--;
    leave(w);
    p->on_put(p, st, answers, n);
}

static void on_putter_overdue(struct queue_wait *w)
{
    struct store_put_answer full = {STORE_PUT_FULL, 0};

    end_putter(w, STORE_OK, &full, 1);
}

static void on_put(enum store_status st, const struct store_put_answer *answers, size_t n,
                   void *arg)
{
    struct queue_putter *p = arg;
    struct queue_wait *w = &p->wait;
    struct queue *q = w->queue;
    bool is_full = st == STORE_OK && n && answers[0].status == STORE_PUT_FULL;

    q->puts_out--;
    w->is_repeat = st == STORE_UNKNOWN;
    if (w->is_cancelled) {
        end_putter(w, STORE_DOWN, NULL, 0);
    } else if (w->is_repeat || ((is_full || st == STORE_DOWN) && !is_over(w))) {
        q->n_waiting_putters += !w->has_waited;
        q->put_burst = 1;
        park(w);
    } else {
        if (!is_full && w->has_waited) {
            q->may_have_room = true;
            q->put_burst = q->put_burst < MOST_AT_ONCE / 2 ? q->put_burst * 2 : MOST_AT_ONCE;
        }
        end_putter(w, st, answers, n);
    }
    if (q->puts_out == 0 && q->may_have_room && q->n_waiting_putters)
        mark_dirty(q);
}

static void put(struct queue_putter *p)
{
    struct queue *q = p->wait.queue;

    p->wait.state = QUEUE_ASKED;
    p->wait.rq->is_parked = false;
    q->puts_out++;
    store_put(q->srv->store, q->id, p->items, p->n, p->limit, on_put, p);
}

static void pump_putters(struct queue *q)
{
    size_t n = q->put_burst;

    if (!q->may_have_room || q->puts_out)
        return;
    q->may_have_room = false;
    for (struct list *at = q->putters.next; at != &q->putters && n > 0; at = at->next) {
        struct queue_wait *w = wait_of(at);

        if (w->state == QUEUE_PARKED && !has_gone(w)) {
            put(putter_of(w));
            n--;
        }
    }
}

void queue_put(struct queue *q, struct queue_putter *p)
{
    p->wait.on_overdue = on_putter_overdue;
    join_list(q, &q->putters, &p->wait);
    if (p->limit && p->wait.deadline_ns && q->n_waiting_putters) {
        q->n_waiting_putters++;
        park(&p->wait);
    } else {
        put(p);
    }
}

/* --- joiners ---------------------------------------------------------------------------------- */

static void on_counted(enum store_status st, const struct store_counts *counts, void *arg)
{
    struct queue *q = arg;
    struct list *next;

    q->count_is_out = false;
    if (st == STORE_CORRUPT || (st == STORE_OK && counts->unfinished == 0)) {
        for (struct list *at = q->joiners.next; at != &q->joiners; at = next) {
            struct queue_wait *w = wait_of(at);
            struct queue_joiner *j = LIST_ENTRY(w, struct queue_joiner, wait);

            next = at->next;
            if (w->arrival >= q->counted_before)
                break;
            leave(w);
            j->on_joined(j, st);
        }
    }
    if (q->must_count && !list_is_empty(&q->joiners))
        mark_dirty(q);
}

static void pump_joiners(struct queue *q)
{
    if (!q->must_count || q->count_is_out || list_is_empty(&q->joiners))
        return;
    q->must_count = false;
    q->count_is_out = true;
    q->counted_before = q->next_arrival;
    store_stats(q->srv->store, q->id, on_counted, q);
}

void queue_join(struct queue *q, struct queue_joiner *j)
{
    join_list(q, &q->joiners, &j->wait);
    j->wait.rq->is_parked = true;
    q->must_count = true;
    mark_dirty(q);
}

/* --- all -------------------------------------------------------------------------------------- */

void queue_pump(struct queue *q)
{
    list_remove(&q->dirty);
    pump_takers(q);
    pump_putters(q);
    pump_joiners(q);
}

bool queue_cancel(struct queue_wait *w)
{
    struct queue *q = w->queue;

    if (w->state == QUEUE_IDLE)
        return true;
    if (w->state == QUEUE_ASKED) {
        w->is_cancelled = true;
        return false;
    }
    if (w->on_overdue == on_taker_overdue && w->state == QUEUE_NEW)
        q->n_new_takers--;
    if (w->on_overdue == on_putter_overdue && w->has_waited)
        q->n_waiting_putters--;
    leave(w);
    return true;
}
