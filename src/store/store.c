/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the verbs of store.h call through the store's table; names of states. */
#include "store/store.h"

const char *store_state_name(enum store_task_state state)
{
    static const char *const names[] = {"queued",    "leased", "done",     "failed",
                                        "abandoned", "dead",   "cancelled"};

    return names[state];
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

bool store_turn(struct store *s)
{
    return s->ops->turn(s);
}

void store_attach(struct store *s, const char *name, store_attach_cb cb, void *arg)
{
    s->ops->attach(s, name, cb, arg);
}

void store_queue_ensure(struct store *s, const struct store_queue *wanted, store_queue_cb cb,
                        void *arg)
{
    s->ops->queue_ensure(s, wanted, cb, arg);
}

void store_queue_list(struct store *s, store_queues_cb cb, void *arg)
{
    s->ops->queue_list(s, cb, arg);
}

void store_put(struct store *s, store_queue_id queue, const struct store_put_item *items, size_t n,
               uint64_t limit, store_put_cb cb, void *arg)
{
    s->ops->put(s, queue, items, n, limit, cb, arg);
}

void store_claim(struct store *s, store_queue_id queue, const struct store_lease_id *leases,
                 size_t n, const struct store_holder *holder, uint32_t lease_ms, store_claim_cb cb,
                 void *arg)
{
    s->ops->claim(s, queue, leases, n, holder, lease_ms, cb, arg);
}

void store_renew(struct store *s, const struct store_lease_ref *leases, size_t n, uint32_t lease_ms,
                 store_renew_cb cb, void *arg)
{
    s->ops->renew(s, leases, n, lease_ms, cb, arg);
}

void store_done(struct store *s, const struct store_done_item *items, size_t n, store_done_cb cb,
                void *arg)
{
    s->ops->done(s, items, n, cb, arg);
}

void store_fail(struct store *s, const struct store_fail_item *items, size_t n, store_fail_cb cb,
                void *arg)
{
    s->ops->fail(s, items, n, cb, arg);
}

void store_release(struct store *s, const struct store_release_item *items, size_t n,
                   store_release_cb cb, void *arg)
{
    s->ops->release(s, items, n, cb, arg);
}

void store_sweep(struct store *s, size_t max, store_sweep_cb cb, void *arg)
{
    s->ops->sweep(s, max, cb, arg);
}

void store_stats(struct store *s, store_queue_id queue, store_stats_cb cb, void *arg)
{
    s->ops->stats(s, queue, cb, arg);
}

void store_get(struct store *s, const store_task_id *ids, size_t n, store_get_cb cb, void *arg)
{
    s->ops->get(s, ids, n, cb, arg);
}

void store_task_done(struct store *s, store_queue_id queue, store_task_done_cb cb, void *arg)
{
    s->ops->task_done(s, queue, cb, arg);
}

void store_watch(struct store *s, void (*ready)(store_queue_id queue, void *arg),
                 void (*room)(store_queue_id queue, void *arg), void *arg)
{
    s->ops->watch(s, ready, room, arg);
}

uint64_t store_due_ns(struct store *s)
{
    return s->ops->due_ns(s);
}

void store_on_wake(struct store *s, void (*wake)(void *arg), void *arg)
{
    s->ops->on_wake(s, wake, arg);
}

void store_retry(struct store *s, const store_task_id *tasks, size_t n, bool again,
                 store_retry_cb cb, void *arg)
{
    s->ops->retry(s, tasks, n, again, cb, arg);
}

void store_cancel(struct store *s, const struct store_cancel_item *items, size_t n,
                  store_done_cb cb, void *arg)
{
    s->ops->cancel(s, items, n, cb, arg);
}

void store_purge(struct store *s, store_queue_id queue, uint32_t states, size_t max,
                 store_purge_cb cb, void *arg)
{
    s->ops->purge(s, queue, states, max, cb, arg);
}

void store_look(struct store *s, const struct store_filter *filter, store_look_cb cb, void *arg)
{
    s->ops->look(s, filter, cb, arg);
}
