/* SPDX-License-Identifier: Apache-2.0 */
/* holders.c - see holders.h. */
#include "server/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/queue.h"
#include "server/server.h"

enum { MOST_DECODED_BYTES = 64 * 1024 };

struct held {
    bool is_recorded; /* the store has its end already */
    struct store_lease_ref ref;
    struct queue *queue;   /* queues live as long as the server */
    struct payload *value; /* counted */
};

/* --- the store's side ------------------------------------------------------------------------- */

static void on_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                    void *arg)
{
    struct server *srv = arg;

    (void)answers; /* ALREADY: somebody else was first; it is done either way */
    if (st != STORE_OK)
        log_line(&srv->log, LOG_ERROR,
                 "task-done-not-recorded items=%zu store_status=%d hint=\"they may run again\"", n,
                 st);
}

static void on_released(enum store_status st, const enum store_release_status *answers, size_t n,
                        void *arg)
{
    struct server *srv = arg;

    if (st != STORE_OK) {
        log_line(&srv->log, LOG_ERROR, "task-release-failed items=%zu store_status=%d", n, st);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (answers[i] == STORE_RELEASE_DEAD)
            log_line(&srv->log, LOG_ERROR,
                     "task-dead why=\"its workers were lost too often\" "
                     "hint=\"platoon dead-letters; platoon retry TASK\"");
}

static void forget_held(struct holders *h, uint64_t task)
{
    struct held *held = idmap_remove(&h->held, task);

    if (!held)
        return;
    payload_unref(held->value);
    free(held);
}

static void tell_done(struct server *srv, const struct lease_decision *d)
{
    for (size_t i = 0; i < d->n_tasks; i++) {
        const struct held *held = idmap_get(&srv->holders.held, d->tasks[i]);
        struct store_done_item item = {.state = STORE_DONE,
                                       .outcome = d->is_sure ? NULL : STORE_ASSUMED};

        if (!held)
            continue;
        if (held->is_recorded) {
            forget_held(&srv->holders, d->tasks[i]);
            continue;
        }
        item.ref = held->ref;
        store_done(srv->store, &item, 1, on_done, srv);
        if (!d->is_sure)
            log_line(&srv->log, LOG_INFO, "task-assumed-done task=%llu why=\"%s\"",
                     (unsigned long long)d->tasks[i], d->why);
        forget_held(&srv->holders, d->tasks[i]);
    }
}

static void tell_release(struct server *srv, const struct lease_decision *d,
                         enum store_release_to to)
{
    static const char *const names[] = {"front", "end", "aside"};

    for (size_t i = 0; i < d->n_tasks; i++) {
        const struct held *held = idmap_get(&srv->holders.held, d->tasks[i]);
        unsigned long long task = d->tasks[i];
        struct store_release_item item = {.to = to,
                                          .count_attempt = d->counts_attempt,
                                          .may_be_repeat = d->may_be_repeat,
                                          .why = d->why};

        if (!held) {
            track_give_back(srv, d->tasks[i], d->why); /* no lease: of a result queue, say */
            continue;
        }
        item.ref = held->ref;
        store_release(srv->store, &item, 1, on_released, srv);
        if (to == STORE_TO_ABANDONED)
            log_line(&srv->log, LOG_WARNING,
                     "task-set-aside task=%llu why=\"%s\" hint=\"platoon retry %llu\"", task,
                     d->why, task);
        else
            log_line(&srv->log, d->counts_attempt ? LOG_WARNING : LOG_INFO,
                     "task-returned task=%llu to=%s why=\"%s\" attempt_counted=%s", task, names[to],
                     d->why, d->counts_attempt ? "yes" : "no");
        if (!lease_find(srv->holders.leases, d->tasks[i], &(struct lease_holder){0}))
            forget_held(&srv->holders, d->tasks[i]);
    }
}

static void on_decision(const struct lease_decision *d, void *arg)
{
    struct server *srv = arg;

    /* Clients that are cut off by our own end did not die: the store keeps their tasks for the next
     * start. */
    if (srv->phase != SERVER_SERVING)
        return;
    switch (d->kind) {
    case LEASE_TAKEN:
        break; /* the claim is there, and `held` was made before */
    case LEASE_DONE:
        tell_done(srv, d);
        break;
    case LEASE_FRONT:
        tell_release(srv, d, STORE_TO_FRONT);
        break;
    case LEASE_BACK:
        tell_release(srv, d, STORE_TO_BACK);
        break;
    case LEASE_ASIDE:
        tell_release(srv, d, STORE_TO_ABANDONED);
        break;
    case LEASE_GRACE:
        for (size_t i = 0; i < d->n_tasks; i++)
            log_line(&srv->log, LOG_INFO, "task-in-grace task=%llu why=\"%s\"",
                     (unsigned long long)d->tasks[i], d->why);
        break;
    case LEASE_FORGOTTEN:
        for (size_t i = 0; i < d->n_tasks; i++)
            forget_held(&srv->holders, d->tasks[i]);
        break;
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void set_timer(struct server *srv);

static void on_timer(struct deadline *d)
{
    struct server *srv = DEADLINE_ENTRY(d, struct server, holders.timer);

    lease_tick(srv->holders.leases, clock_mono_ns());
    set_timer(srv);
}

static void set_timer(struct server *srv)
{
    uint64_t next_ns = lease_next_ns(srv->holders.leases);

    if (next_ns == UINT64_MAX)
        deadline_clear(&srv->deadlines, &srv->holders.timer);
    else
        (void)deadline_set(&srv->deadlines, &srv->holders.timer, next_ns,
                           on_timer); /* without memory
                                                                                        the next event ticks */
}

/* Every event comes after what fell due before it. */
static uint64_t tick(struct server *srv)
{
    uint64_t now_ns = clock_mono_ns();

    if (lease_next_ns(srv->holders.leases) <= now_ns)
        lease_tick(srv->holders.leases, now_ns);
    return now_ns;
}

/* --- idents ----------------------------------------------------------------------------------- */

/* By the specification: the queue itself may not be open yet. */
static int role_of(const struct server *srv, const struct ident *ident)
{
    const struct queue_kind *kind = ident->id->data;
    int role = LEASE_PLAIN;

    if (ident->id->type != &type_queue)
        return role;
    if (kind->results)
        role |= LEASE_TASKS;
    for (size_t i = 0; i < srv->queues.n_kinds; i++)
        if (srv->queues.kinds[i]->results == kind)
            role |= LEASE_RESULTS;
    return role;
}

/* NULL when out of memory. */
static struct lease_ident *account_of(struct server *srv, struct ident *ident, bool is_created)
{
    if (!ident->account)
        ident->account =
            lease_ident_new(srv->holders.leases, role_of(srv, ident), is_created, clock_mono_ns());
    return ident->account;
}

void holders_created(struct server *srv, struct ident *ident)
{
    if (srv->holders.leases)
        (void)account_of(srv, ident, true); /* without memory it is known at its first use */
}

void holders_incref(struct server *srv, struct ident *ident)
{
    struct lease_ident *account = srv->holders.leases ? account_of(srv, ident, false) : NULL;

    if (account)
        lease_incref(account);
}

void holders_decref(struct server *srv, struct ident *ident)
{
    struct lease_ident *account = srv->holders.leases ? account_of(srv, ident, false) : NULL;

    if (account)
        lease_decref(account, tick(srv));
}

void holders_forget_ident(struct ident *ident)
{
    lease_ident_forget(ident->account);
    ident->account = NULL;
}

/* --- connections ------------------------------------------------------------------------------ */

void holders_accept(struct server *srv, struct session *s)
{
    char host[sizeof s->peer];
    char *colon;

    if (!srv->holders.leases)
        return;
    (void)snprintf(host, sizeof host, "%s", s->peer);
    colon = strrchr(host, ':');
    if (colon)
        *colon = '\0'; /* the port is another for each connection */
    s->account = lease_accept(srv->holders.leases, host, session_name(s));
}

bool holders_request(struct server *srv, struct session *s, struct ident *ident)
{
    struct lease_ident *account;

    if (!srv->holders.leases)
        return true;
    if (!s->account)
        holders_accept(srv, s); /* memory was out when it connected */
    account = s->account ? account_of(srv, ident, false) : NULL;
    return account && lease_request(s->account, account, tick(srv));
}

static bool looks_like_work(const struct payload *value)
{
    return value->kind == SCAN_COMPOUND;
}

/* What must be known to end the lease. false when out of memory. */
static bool hold(struct server *srv, struct queue *q, const struct store_claimed *item)
{
    struct held *held = malloc(sizeof *held);

    if (!held || !idmap_reserve(&srv->holders.held)) {
        free(held);
        return false;
    }
    forget_held(&srv->holders, item->task);
    held->is_recorded = false;
    held->ref = (struct store_lease_ref){item->task, item->lease};
    held->queue = q;
    held->value = payload_ref(item->value);
    return idmap_set(&srv->holders.held, item->task, held);
}

bool holders_replied_item(struct server *srv, struct session *s, struct queue *q,
                          const struct store_claimed *item)
{
    bool is_lease = srv->holders.leases && s->account && queue_results(q);

    if (!srv->holders.leases || !s->account)
        return false;
    if (is_lease && !hold(srv, q, item)) {
        /* No memory to watch it: handed out as a server without leases would. */
        lease_replied_other(s->account);
        return false;
    }
    lease_replied_item(s->account, item->task, looks_like_work(item->value), tick(srv));
    set_timer(srv);
    return is_lease;
}

/* Plain data that another pickle protocol writes with other bytes. */
static bool is_same_data(const struct payload *a, const struct payload *b)
{
    platoon_value *x = NULL, *y = NULL;
    bool is_same = a->kind == b->kind && payload_bytes(a) <= MOST_DECODED_BYTES &&
                   payload_bytes(b) <= MOST_DECODED_BYTES &&
                   payload_decode(a, NULL, &x, NULL) == PLATOON_OK &&
                   payload_decode(b, NULL, &y, NULL) == PLATOON_OK &&
                   platoon_value_kind(x) != PLATOON_OPAQUE && platoon_equal(x, y);

    platoon_value_unref(x);
    platoon_value_unref(y);
    return is_same;
}

/* The task in the session's hands that is `value`. */
static store_task_id same_in_hand(struct server *srv, struct session *s,
                                  const struct payload *value)
{
    enum { MOST_LOOKED_AT = 64 };
    uint64_t open[MOST_LOOKED_AT];
    size_t n = lease_open_tasks(s->account, open, MOST_LOOKED_AT);

    for (size_t i = 0; i < n && i < MOST_LOOKED_AT; i++) {
        const struct held *held = idmap_get(&srv->holders.held, open[i]);

        if (held && (payload_equal(held->value, value) || is_same_data(held->value, value)))
            return open[i];
    }
    return 0;
}

bool holders_sure_result(struct server *srv, struct session *s, struct queue *q,
                         struct store_lease_ref *out)
{
    const struct held *held;
    uint64_t task;
    struct queue *of;

    if (!s || !s->account || queue_maxsize(q))
        return false;
    task = lease_sure_task(s->account);
    held = task ? idmap_get(&srv->holders.held, task) : NULL;
    of = held ? held->queue : NULL;
    if (!of || queue_results(of) != q)
        return false;
    *out = held->ref;
    return true;
}

void holders_replied_result(struct server *srv, struct session *s, store_task_id task)
{
    struct held *held = idmap_get(&srv->holders.held, task);

    if (held)
        held->is_recorded = true;
    lease_replied_put(s->account, 0, tick(srv));
    set_timer(srv);
}

void holders_replied_put(struct server *srv, struct session *s, struct queue *q,
                         const struct payload *value)
{
    store_task_id same = 0;

    if (!s->account)
        return;
    if (queue_results(q))
        same = same_in_hand(srv, s, value);
    lease_replied_put(s->account, same, tick(srv));
    set_timer(srv);
}

void holders_replied_task_done(struct server *srv, struct session *s)
{
    if (!s->account)
        return;
    lease_replied_task_done(s->account, tick(srv));
    set_timer(srv);
}

void holders_replied_other(struct server *srv, struct session *s)
{
    (void)srv;
    if (s->account)
        lease_replied_other(s->account);
}

void holders_end(struct server *srv, struct session *s, bool is_lost)
{
    struct lease_conn *account = s->account;

    s->account = NULL;
    if (!account)
        return;
    lease_end(account, is_lost, tick(srv));
    set_timer(srv);
}

/* --- others ----------------------------------------------------------------------------------- */

void holders_forget_task(struct server *srv, store_task_id task)
{
    if (!srv->holders.leases)
        return;
    lease_forget_task(srv->holders.leases, task);
    forget_held(&srv->holders, task);
}

bool holders_free_task(struct server *srv, store_task_id task)
{
    const struct held *held = idmap_get(&srv->holders.held, task);
    struct store_release_item item = {
        .to = STORE_TO_FRONT, .may_be_repeat = true, .why = "an operator took it from its holder"};

    if (!held)
        return false;
    item.ref = held->ref;
    store_release(srv->store, &item, 1, on_released, srv);
    holders_forget_task(srv, task);
    return true;
}

uint32_t holders_lease_ms(const struct server *srv, const struct queue *q)
{
    return queue_results(q) ? srv->holders.lease_ms : 0;
}

bool holders_init(struct server *srv, const struct lease_settings *settings, uint32_t lease_ms)
{
    struct holders *h = &srv->holders;

    idmap_init(&h->held);
    h->lease_ms = lease_ms;
    if (!settings)
        return true;
    h->leases = lease_table_new(settings, on_decision, srv);
    return h->leases != NULL;
}

void holders_release(struct server *srv)
{
    struct holders *h = &srv->holders;

    for (size_t i = 0; i < h->held.cap; i++) {
        struct held *held = h->held.slots[i].value;

        if (!held)
            continue;
        payload_unref(held->value);
        free(held);
    }
    idmap_release(&h->held);
    lease_table_free(h->leases);
    h->leases = NULL;
}
