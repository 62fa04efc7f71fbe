/* SPDX-License-Identifier: Apache-2.0 */
/* store_wrap.c - see store_wrap.h. A call is copied and held; a turn forwards what is due. */
#include "support/store_wrap.h"

#include <stdlib.h>
#include <string.h>

#include "store/look.h"

enum verb {
    ATTACH,
    QUEUE,
    QUEUES,
    PUT,
    CLAIM,
    RENEW,
    DONE,
    FAIL,
    RELEASE,
    SWEEP,
    RETRY,
    CANCEL,
    PURGE,
    LOOK,
    GET,
    STATS,
    TASK_DONE
};

struct wrap {
    struct store store; /* first */
    struct store *inner;
    struct store_wrap_options options;
    struct store_wrap_counts counts;
    uint64_t random_state;
    struct held *first;
    bool is_fenced;
};

struct held {
    struct held *next;
    struct wrap *w;
    enum verb verb;
    unsigned turns_left;
    unsigned n_coming; /* answers of the inner store */
    bool is_answered, is_lost;
    union {
        store_attach_cb attach;
        store_queue_cb queue;
        store_queues_cb queues;
        store_put_cb put;
        store_claim_cb claim;
        store_renew_cb renew;
        store_done_cb done;
        store_fail_cb fail;
        store_release_cb release;
        store_sweep_cb sweep;
        store_retry_cb retry;
        store_purge_cb purge;
        store_look_cb look;
        store_get_cb get;
        store_stats_cb stats;
        store_task_done_cb task_done;
    } cb;
    void *arg;
    /* What of these the verb takes; texts are the caller's literals. */
    store_queue_id queue;
    size_t n;
    uint64_t limit;
    uint32_t lease_ms, states;
    void *items;
    struct store_holder holder;
    struct store_queue options;
    struct store_filter filter;
    const char *name;
};

static struct wrap *wrap_of(struct store *s)
{
    return (struct wrap *)(void *)s;
}

static uint32_t pick(struct wrap *w, uint32_t n)
{
    w->random_state ^= w->random_state >> 12;
    w->random_state ^= w->random_state << 25;
    w->random_state ^= w->random_state >> 27;
    return (uint32_t)((w->random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* --- payloads of the copied items ------------------------------------------------------------- */

static struct payload *payload_at(const struct held *h, size_t i)
{
    switch (h->verb) {
    case PUT:
        return ((struct store_put_item *)h->items)[i].value;
    case DONE:
        return ((struct store_done_item *)h->items)[i].result;
    case CANCEL:
        return ((struct store_cancel_item *)h->items)[i].result;
    default:
        return NULL;
    }
}

static void free_held(struct held *h)
{
    for (size_t i = 0; i < h->n; i++)
        payload_unref(payload_at(h, i));
    free(h->items);
    free(h);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* To be told now? The first of two; changed to UNKNOWN where the answer is lost. */
static bool answers(struct held *h, enum store_status *st)
{
    if (h->is_answered)
        return false;
    h->is_answered = true;
    if (h->is_lost && *st == STORE_OK) {
        *st = STORE_UNKNOWN;
        h->w->counts.n_unknown++;
    }
    return true;
}

static void end(struct held *h)
{
    if (--h->n_coming == 0)
        free_held(h);
}

#define ARRAY_ANSWER(member, type)                                                                 \
    static void on_##member(enum store_status st, const type *items, size_t n, void *arg)          \
    {                                                                                              \
        struct held *h = arg;                                                                      \
                                                                                                   \
        if (answers(h, &st))                                                                       \
            h->cb.member(st, st == STORE_OK ? items : NULL, st == STORE_OK ? n : 0, h->arg);       \
        end(h);                                                                                    \
    }
#define ONE_ANSWER(member, type, absent)                                                           \
    static void on_##member(enum store_status st, type item, void *arg)                            \
    {                                                                                              \
        struct held *h = arg;                                                                      \
                                                                                                   \
        if (answers(h, &st))                                                                       \
            h->cb.member(st, st == STORE_OK ? item : (absent), h->arg);                            \
        end(h);                                                                                    \
    }
ARRAY_ANSWER(put, struct store_put_answer)
ARRAY_ANSWER(claim, struct store_claimed)
ARRAY_ANSWER(renew, enum store_lease_status)
ARRAY_ANSWER(done, struct store_done_answer)
ARRAY_ANSWER(fail, enum store_fail_status)
ARRAY_ANSWER(release, enum store_release_status)
ARRAY_ANSWER(sweep, struct store_swept)
ARRAY_ANSWER(retry, enum store_retry_status)
ARRAY_ANSWER(get, struct store_task)
ONE_ANSWER(attach, uint64_t, 0)
ONE_ANSWER(queue, const struct store_queue *, NULL)
ONE_ANSWER(purge, uint64_t, 0)
ONE_ANSWER(look, const struct look *, NULL)
ONE_ANSWER(stats, const struct store_counts *, NULL)
ONE_ANSWER(task_done, int64_t, 0)

static void on_queues(enum store_status st, const struct store_queue *queues,
                      const struct store_counts *counts, size_t n, void *arg)
{
    struct held *h = arg;

    if (answers(h, &st))
        h->cb.queues(st, queues, counts, n, h->arg);
    end(h);
}

/* The call did not reach the store. */
static void refuse(struct held *h, enum store_status st)
{
    h->n_coming = 1;
    h->is_lost = false;
    switch (h->verb) {
    case ATTACH:
        on_attach(st, 0, h);
        break;
    case QUEUE:
        on_queue(st, NULL, h);
        break;
    case QUEUES:
        on_queues(st, NULL, NULL, 0, h);
        break;
    case PUT:
        on_put(st, NULL, 0, h);
        break;
    case CLAIM:
        on_claim(st, NULL, 0, h);
        break;
    case RENEW:
        on_renew(st, NULL, 0, h);
        break;
    case DONE:
    case CANCEL:
        on_done(st, NULL, 0, h);
        break;
    case FAIL:
        on_fail(st, NULL, 0, h);
        break;
    case RELEASE:
        on_release(st, NULL, 0, h);
        break;
    case SWEEP:
        on_sweep(st, NULL, 0, h);
        break;
    case RETRY:
        on_retry(st, NULL, 0, h);
        break;
    case PURGE:
        on_purge(st, 0, h);
        break;
    case LOOK:
        on_look(st, NULL, h);
        break;
    case GET:
        on_get(st, NULL, 0, h);
        break;
    case STATS:
        on_stats(st, NULL, h);
        break;
    case TASK_DONE:
        on_task_done(st, 0, h);
        break;
    }
}

static void forward(struct held *h)
{
    struct store *s = h->w->inner;

    switch (h->verb) {
    case ATTACH:
        store_attach(s, h->name, on_attach, h);
        break;
    case QUEUE:
        store_queue_ensure(s, &h->options, on_queue, h);
        break;
    case QUEUES:
        store_queue_list(s, on_queues, h);
        break;
    case PUT:
        store_put(s, h->queue, h->items, h->n, h->limit, on_put, h);
        break;
    case CLAIM:
        store_claim(s, h->queue, h->items, h->n, &h->holder, h->lease_ms, on_claim, h);
        break;
    case RENEW:
        store_renew(s, h->items, h->n, h->lease_ms, on_renew, h);
        break;
    case DONE:
        store_done(s, h->items, h->n, on_done, h);
        break;
    case FAIL:
        store_fail(s, h->items, h->n, on_fail, h);
        break;
    case RELEASE:
        store_release(s, h->items, h->n, on_release, h);
        break;
    case SWEEP:
        store_sweep(s, (size_t)h->limit, on_sweep, h);
        break;
    case RETRY:
        store_retry(s, h->items, h->n, h->limit != 0, on_retry, h);
        break;
    case CANCEL:
        store_cancel(s, h->items, h->n, on_done, h);
        break;
    case PURGE:
        store_purge(s, h->queue, h->states, (size_t)h->limit, on_purge, h);
        break;
    case LOOK:
        store_look(s, &h->filter, on_look, h);
        break;
    case GET:
        store_get(s, h->items, h->n, on_get, h);
        break;
    case STATS:
        store_stats(s, h->queue, on_stats, h);
        break;
    case TASK_DONE:
        store_task_done(s, h->queue, on_task_done, h);
        break;
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct held *hold(struct store *s, enum verb verb, void *arg, const void *items, size_t n,
                         size_t size)
{
    struct wrap *w = wrap_of(s);
    struct held *h = calloc(1, sizeof *h), **end_of_list = &w->first;

    if (!h || (n && !(h->items = malloc(n * size))))
        abort();
    if (n)
        memcpy(h->items, items, n * size);
    h->w = w;
    h->verb = verb;
    h->arg = arg;
    h->n = n;
    for (size_t i = 0; i < n; i++)
        if (payload_at(h, i))
            (void)payload_ref(payload_at(h, i));
    h->turns_left = w->options.slow_turns ? pick(w, w->options.slow_turns + 1) : 0;
    w->counts.n_calls++;
    w->counts.n_late += h->turns_left > 0;
    while (*end_of_list)
        end_of_list = &(*end_of_list)->next;
    *end_of_list = h;
    return h;
}

static void wrap_attach(struct store *s, const char *name, store_attach_cb cb, void *arg)
{
    struct held *h = hold(s, ATTACH, arg, NULL, 0, 0);

    h->cb.attach = cb;
    h->name = name;
}

static void wrap_queue_ensure(struct store *s, const struct store_queue *q, store_queue_cb cb,
                              void *arg)
{
    struct held *h = hold(s, QUEUE, arg, NULL, 0, 0);

    h->cb.queue = cb;
    h->options = *q;
}

static void wrap_queue_list(struct store *s, store_queues_cb cb, void *arg)
{
    hold(s, QUEUES, arg, NULL, 0, 0)->cb.queues = cb;
}

static void wrap_put(struct store *s, store_queue_id queue, const struct store_put_item *items,
                     size_t n, uint64_t limit, store_put_cb cb, void *arg)
{
    struct held *h = hold(s, PUT, arg, items, n, sizeof *items);

    h->cb.put = cb;
    h->queue = queue;
    h->limit = limit;
}

static void wrap_claim(struct store *s, store_queue_id queue, const struct store_lease_id *leases,
                       size_t n, const struct store_holder *holder, uint32_t lease_ms,
                       store_claim_cb cb, void *arg)
{
    struct held *h = hold(s, CLAIM, arg, leases, n, sizeof *leases);

    h->cb.claim = cb;
    h->queue = queue;
    h->holder = *holder;
    h->lease_ms = lease_ms;
}

static void wrap_renew(struct store *s, const struct store_lease_ref *leases, size_t n,
                       uint32_t lease_ms, store_renew_cb cb, void *arg)
{
    struct held *h = hold(s, RENEW, arg, leases, n, sizeof *leases);

    h->cb.renew = cb;
    h->lease_ms = lease_ms;
}

static void wrap_done(struct store *s, const struct store_done_item *items, size_t n,
                      store_done_cb cb, void *arg)
{
    hold(s, DONE, arg, items, n, sizeof *items)->cb.done = cb;
}

static void wrap_fail(struct store *s, const struct store_fail_item *items, size_t n,
                      store_fail_cb cb, void *arg)
{
    hold(s, FAIL, arg, items, n, sizeof *items)->cb.fail = cb;
}

static void wrap_release(struct store *s, const struct store_release_item *items, size_t n,
                         store_release_cb cb, void *arg)
{
    hold(s, RELEASE, arg, items, n, sizeof *items)->cb.release = cb;
}

static void wrap_sweep(struct store *s, size_t max, store_sweep_cb cb, void *arg)
{
    struct held *h = hold(s, SWEEP, arg, NULL, 0, 0);

    h->cb.sweep = cb;
    h->limit = max;
}

static void wrap_retry(struct store *s, const store_task_id *tasks, size_t n, bool again,
                       store_retry_cb cb, void *arg)
{
    struct held *h = hold(s, RETRY, arg, tasks, n, sizeof *tasks);

    h->cb.retry = cb;
    h->limit = again;
}

static void wrap_cancel(struct store *s, const struct store_cancel_item *items, size_t n,
                        store_done_cb cb, void *arg)
{
    hold(s, CANCEL, arg, items, n, sizeof *items)->cb.done = cb;
}

static void wrap_purge(struct store *s, store_queue_id queue, uint32_t states, size_t max,
                       store_purge_cb cb, void *arg)
{
    struct held *h = hold(s, PURGE, arg, NULL, 0, 0);

    h->cb.purge = cb;
    h->queue = queue;
    h->states = states;
    h->limit = max;
}

static void wrap_look(struct store *s, const struct store_filter *filter, store_look_cb cb,
                      void *arg)
{
    struct held *h = hold(s, LOOK, arg, NULL, 0, 0);

    h->cb.look = cb;
    h->filter = *filter;
}

static void wrap_get(struct store *s, const store_task_id *ids, size_t n, store_get_cb cb,
                     void *arg)
{
    hold(s, GET, arg, ids, n, sizeof *ids)->cb.get = cb;
}

static void wrap_stats(struct store *s, store_queue_id queue, store_stats_cb cb, void *arg)
{
    struct held *h = hold(s, STATS, arg, NULL, 0, 0);

    h->cb.stats = cb;
    h->queue = queue;
}

static void wrap_task_done(struct store *s, store_queue_id queue, store_task_done_cb cb, void *arg)
{
    struct held *h = hold(s, TASK_DONE, arg, NULL, 0, 0);

    h->cb.task_done = cb;
    h->queue = queue;
}

static void wrap_watch(struct store *s, void (*ready)(store_queue_id, void *),
                       void (*room)(store_queue_id, void *), void *arg)
{
    store_watch(wrap_of(s)->inner, ready, room, arg);
}

static uint64_t wrap_due_ns(struct store *s)
{
    return store_due_ns(wrap_of(s)->inner);
}

static void wrap_on_wake(struct store *s, void (*wake)(void *), void *arg)
{
    store_on_wake(wrap_of(s)->inner, wake, arg);
}

/* --- the turn --------------------------------------------------------------------------------- */

/* May it be made again, with the same ids, after it happened? */
static bool is_repeatable(const struct held *h)
{
    switch (h->verb) {
    case PUT:
        for (size_t i = 0; i < h->n; i++)
            if (!((const struct store_put_item *)h->items)[i].key.counter)
                return false;
        return true;
    case QUEUE:
    case QUEUES:
    case CLAIM:
    case RENEW:
    case DONE:
    case LOOK:
    case GET:
    case STATS:
        return true;
    default: /* its repeat has another answer */
        return false;
    }
}

static void send_off(struct held *h)
{
    struct wrap *w = h->w;
    uint32_t fate = w->options.is_lossy ? pick(w, 6) : 5;

    if (h->verb == ATTACH)
        w->is_fenced = false;
    if (w->is_fenced) {
        refuse(h, STORE_FENCED);
        return;
    }
    if (fate == 0) {
        w->counts.n_down++;
        refuse(h, STORE_DOWN);
        return;
    }
    h->n_coming = 1;
    h->is_lost = fate == 1 && is_repeatable(h);
    if (fate == 2 && is_repeatable(h)) {
        w->counts.n_twice++;
        h->n_coming = 2;
        forward(h);
    }
    forward(h);
}

static bool overtakes(const struct wrap *w, const struct held *h)
{
    if (h->verb != PUT && h->verb != CLAIM)
        return false;
    for (const struct held *before = w->first; before != h; before = before->next)
        if ((before->verb != PUT && before->verb != CLAIM) || before->queue == h->queue)
            return false;
    return true;
}

/* The next one to send off, taken out; NULL: none is due. */
static struct held *next_due(struct wrap *w)
{
    struct held **at = &w->first, *h;

    for (struct held **each = at; w->options.is_reordering && *each; each = &(*each)->next)
        if (*each != w->first && overtakes(w, *each) && pick(w, 2)) {
            at = each;
            w->counts.n_overtaken++;
            break;
        }
    h = *at;
    if (!h || h->turns_left > 0)
        return NULL;
    *at = h->next;
    return h;
}

static bool wrap_turn(struct store *s)
{
    struct wrap *w = wrap_of(s);
    bool has_answered = false;
    struct held *h;

    while ((h = next_due(w))) {
        send_off(h);
        has_answered = true; /* or will have: go on turning */
    }
    if (w->first && w->first->turns_left > 0) {
        w->first->turns_left--;
        has_answered = true;
    }
    return store_turn(w->inner) || has_answered;
}

static void wrap_close(struct store *s)
{
    struct wrap *w = wrap_of(s);

    store_close(w->inner); /* drops what was forwarded; the copies of those are lost with it */
    while (w->first) {
        struct held *h = w->first;

        w->first = h->next;
        free_held(h);
    }
    free(w);
}

static const struct store_ops ops = {
    .attach = wrap_attach,
    .close = wrap_close,
    .turn = wrap_turn,
    .due_ns = wrap_due_ns,
    .on_wake = wrap_on_wake,
    .queue_ensure = wrap_queue_ensure,
    .queue_list = wrap_queue_list,
    .put = wrap_put,
    .claim = wrap_claim,
    .renew = wrap_renew,
    .done = wrap_done,
    .fail = wrap_fail,
    .release = wrap_release,
    .sweep = wrap_sweep,
    .retry = wrap_retry,
    .cancel = wrap_cancel,
    .purge = wrap_purge,
    .look = wrap_look,
    .get = wrap_get,
    .stats = wrap_stats,
    .task_done = wrap_task_done,
    .watch = wrap_watch,
};

struct store *store_wrap(struct store *inner, const struct store_wrap_options *options)
{
    struct wrap *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    w->store.ops = &ops;
    w->inner = inner;
    w->options = *options;
    w->random_state = options->seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    return &w->store;
}

void store_wrap_fence(struct store *wrap)
{
    wrap_of(wrap)->is_fenced = true;
}

struct store *store_wrap_inner(struct store *wrap)
{
    return wrap_of(wrap)->inner;
}

struct store_wrap_counts store_wrap_counts(const struct store *wrap)
{
    return ((const struct wrap *)(const void *)wrap)->counts;
}
