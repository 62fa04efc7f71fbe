/* SPDX-License-Identifier: Apache-2.0 */
/* desk.c - see desk.h. */
#include "server/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/rows.h"
#include "server/server.h"

#define SECOND_NS UINT64_C(1000000000)

enum { SWEEP_BATCH = 256 };

static void on_sweep_timer(struct deadline *timer);

void desk_init(struct desk *d, struct server *srv)
{
    memset(d, 0, sizeof *d);
    d->srv = srv;
    workers_init(&d->workers);
    progress_board_init(&d->progress);
}

void desk_release(struct desk *d)
{
    deadline_clear(&d->srv->deadlines, &d->sweep_timer);
    workers_release(&d->workers);
    progress_board_release(&d->progress);
}

struct worker *desk_hear(struct desk *d, struct store_lease_id lease)
{
    return lease.epoch == d->srv->epoch ? workers_holder(&d->workers, lease.counter, d->srv->now_ns)
                                        : NULL;
}

struct worker *desk_end_lease(struct desk *d, struct store_lease_ref ref)
{
    progress_board_forget(&d->progress, ref);
    return ref.lease.epoch == d->srv->epoch ? workers_end_lease(&d->workers, ref.lease.counter)
                                            : NULL;
}

/* --- sweeping --------------------------------------------------------------------------------- */

/* A quarter of the lease time, so that none runs out much later than it says, but at least each
 * second (store_turn() wants that) and at most 20 times a second. */
static void set_timer(struct desk *d)
{
    uint64_t pause_ns = (uint64_t)server_worker_lease_ms(d->srv) * 1000000 / 4;

    if (pause_ns > SECOND_NS)
        pause_ns = SECOND_NS;
    if (pause_ns < SECOND_NS / 20)
        pause_ns = SECOND_NS / 20;
    /* Without memory for the timer the next lease or renewal tries again. */
    (void)deadline_set(&d->srv->deadlines, &d->sweep_timer, d->srv->now_ns + pause_ns,
                       on_sweep_timer);
}

void desk_keep_sweeping(struct desk *d, uint32_t lease_ms)
{
    uint64_t until_ns = d->srv->now_ns + (uint64_t)lease_ms * 1000000 + 2 * SECOND_NS;

    if (until_ns > d->sweep_until_ns)
        d->sweep_until_ns = until_ns;
    if (!d->sweep_timer.place && !d->is_sweeping)
        set_timer(d);
}

static void ignore_done(enum store_status st, const struct store_done_answer *answers, size_t n,
                        void *arg)
{
    struct desk *d = arg;

    (void)answers;
    if (st != STORE_OK)
        log_line(&d->srv->log, LOG_ERROR, "dead-letter-result-not-recorded status=%d n=%zu",
                 (int)st, n);
}

static platoon_value *lost_error(const struct worker *w)
{
    platoon_value *error = platoon_dict();

    if (!error)
        return NULL;
    (void)platoon_dict_set(error, "kind", platoon_str("lost"));
    (void)platoon_dict_set(
        error, "message",
        platoon_strf("the task was lost with its worker once too often; the last one was %s",
                     w ? w->name : "of the time before the server was started anew"));
    (void)platoon_dict_set(error, "exit", platoon_none());
    if (platoon_dict_set(error, "stderr_tail", platoon_str("")) == PLATOON_OK &&
        platoon_len(error) == 4)
        return error;
    platoon_value_unref(error);
    return NULL;
}

/* Tell the master that waits for this result that none will come. `w`: NULL if its lease is of an
 * earlier run. */
static void record_death(struct desk *d, const struct store_swept *swept, const struct worker *w)
{
    platoon_value *error = lost_error(w);
    struct rows r;
    struct payload *result = NULL;

    rows_init(&r);
    if (error) {
        rows_failure(&r, error, swept->value, swept->task);
        result = rows_take(&r);
    }
    if (result) {
        struct store_done_item item = {.ref = {swept->task, swept->lease},
                                       .state = STORE_DEAD,
                                       .outcome = "lost",
                                       .result = result,
                                       .counts_unfinished = true};

        store_done(d->srv->store, &item, 1, ignore_done, d);
        payload_unref(result);
    } else {
        log_line(&d->srv->log, LOG_ERROR,
                 "dead-letter-result-not-recorded task=%" PRIu64 " why=no-memory", swept->task);
    }
    platoon_value_unref(error);
}

static void take_back(struct desk *d, const struct store_swept *swept)
{
    struct worker *w = desk_end_lease(d, (struct store_lease_ref){swept->task, swept->lease});
    /* Nothing is invented for those. A lease of an earlier run is none of theirs: ends_with_server
     * of store_holder. */
    bool is_stock = !w && swept->lease.epoch == d->srv->epoch;
    const char *holder = w ? w->name : is_stock ? "stock" : "unknown";
    char name[2 * WORKERS_MAX_NAME];
    uint32_t hidden = 0;

    holders_forget_task(d->srv, swept->task); /* a stock client's, with --lease-timeout */
    if (w)
        w->n_lost++;
    /* A lost machine loses many leases at once; each dead task is worth a line. */
    if (swept->dead)
        log_line(&d->srv->log, LOG_ERROR,
                 "task-dead task=%" PRIu64 " worker=%s hint=\"platoon retry %" PRIu64 "\"",
                 swept->task, log_quote(name, sizeof name, holder), swept->task);
    else if (log_limit_allows(&d->expired_log, d->srv->now_ns, &hidden))
        log_line(&d->srv->log, LOG_WARNING, "lease-expired task=%" PRIu64 " worker=%s hidden=%u",
                 swept->task, log_quote(name, sizeof name, holder), hidden);
    if (swept->dead && !is_stock)
        record_death(d, swept, w);
}

void desk_sweep_if_leased(struct desk *d, const struct store_counts *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (counts[i].leased) {
            desk_keep_sweeping(d, server_worker_lease_ms(d->srv));
            return;
        }
}

/* Leases of an earlier run of this store are out for as long as that run said. */
static void on_queues_counted(enum store_status st, const struct store_queue *queues,
                              const struct store_counts *counts, size_t n, void *arg)
{
    (void)queues;
    if (st == STORE_OK)
        desk_sweep_if_leased(arg, counts, n);
}

static void on_swept(enum store_status st, const struct store_swept *swept, size_t n, void *arg)
{
    struct desk *d = arg;

    d->is_sweeping = false;
    for (size_t i = 0; st == STORE_OK && i < n; i++)
        take_back(d, &swept[i]);
    if (n == SWEEP_BATCH)
        on_sweep_timer(&d->sweep_timer);
    else if (d->srv->now_ns < d->sweep_until_ns || d->workers.leases.n)
        set_timer(d);
    else
        store_queue_list(d->srv->store, on_queues_counted, d);
}

static void on_sweep_timer(struct deadline *timer)
{
    struct desk *d = DEADLINE_ENTRY(timer, struct desk, sweep_timer);

    d->is_sweeping = true;
    store_sweep(d->srv->store, SWEEP_BATCH, on_swept, d);
}
