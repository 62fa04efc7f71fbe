/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_stats.c - see platoon_stats.h. A snapshot in one dict; times in seconds, ages before
 * now. */
#include "server/platoon_stats.h"

#include "server/desk.h"
#include "server/dispatch.h"
#include "server/server.h"

enum {
    MAX_CLIENTS = 1000, /* connections that are listed one by one */
    MAX_PROGRESS = 1000 /* running tasks */
};

/* A dict or list under construction: a failure is remembered, so that the last step tells of
 * all. */
struct maker {
    platoon_value *v;
    bool has_failed;
};

static void set(struct maker *m, const char *key, platoon_value *child)
{
    if (platoon_dict_set(m->v, key, child) != PLATOON_OK)
        m->has_failed = true;
}

static void set_count(struct maker *m, const char *key, uint64_t n)
{
    set(m, key, platoon_int(n > INT64_MAX ? INT64_MAX : (int64_t)n));
}

static void set_age(struct maker *m, const char *key, uint64_t then_ns, uint64_t now_ns)
{
    set(m, key, platoon_float(now_ns > then_ns ? (double)(now_ns - then_ns) / 1e9 : 0));
}

static void add(struct maker *list, struct maker *item)
{
    if (item->has_failed || platoon_append(list->v, item->v) != PLATOON_OK)
        list->has_failed = true;
    if (item->has_failed)
        platoon_value_unref(item->v);
}

static struct maker make_dict(void)
{
    platoon_value *v = platoon_dict();

    return (struct maker){v, !v};
}

static struct maker make_list(void)
{
    platoon_value *v = platoon_list();

    return (struct maker){v, !v};
}

/* Put a list that was made into the dict. */
static void set_list(struct maker *m, const char *key, struct maker *list)
{
    set(m, key, list->v);
    m->has_failed = m->has_failed || list->has_failed;
}

/* --- parts ------------------------------------------------------------------------------------ */

static void put_queues(struct maker *m, const struct store_queue *queues,
                       const struct store_counts *counts, size_t n)
{
    struct maker list = make_list();

    for (size_t i = 0; i < n; i++) {
        store_queue_id results = queues[i].result_queue;
        struct maker q = make_dict();

        set(&q, "name", platoon_str(queues[i].name));
        set_count(&q, "maxsize", queues[i].maxsize);
        set_count(&q, "queued", counts[i].queued);
        set_count(&q, "delayed", counts[i].delayed);
        set_count(&q, "leased", counts[i].leased);
        set_count(&q, "unfinished", counts[i].unfinished);
        set_count(&q, "done", counts[i].done);
        set_count(&q, "failed", counts[i].failed);
        set_count(&q, "abandoned", counts[i].abandoned);
        set_count(&q, "dead", counts[i].dead);
        set_count(&q, "cancelled", counts[i].cancelled);
        set_count(&q, "bytes_queued", counts[i].bytes_queued);
        set(&q, "results", results ? platoon_str(queues[results - 1].name) : platoon_none());
        set_count(&q, "results_waiting", results ? counts[results - 1].queued : 0);
        add(&list, &q);
    }
    set_list(m, "queues", &list);
}

static void put_workers(struct maker *m, struct server *srv)
{
    struct maker list = make_list();
    uint64_t now_ns = server_now_ns(srv);

    LIST_EACH (w, &srv->desk.workers.by_age, struct worker, by_age) {
        struct maker worker = make_dict();

        set(&worker, "name", platoon_str(w->name));
        set(&worker, "host", platoon_str(w->host));
        set(&worker, "peer", platoon_str(w->peer));
        set(&worker, "slots", w->slots ? platoon_int(w->slots) : platoon_none());
        set_count(&worker, "leases", w->n_leases);
        set_count(&worker, "done", w->n_done);
        set_count(&worker, "failed", w->n_failed);
        set_count(&worker, "lost", w->n_lost);
        set_age(&worker, "since_s", w->first_ns, now_ns);
        set_age(&worker, "last_seen_s", w->last_ns, now_ns);
        add(&list, &worker);
    }
    set_list(m, "workers", &list);
}

static void put_progress(struct maker *m, struct server *srv)
{
    struct progress_board *board = &srv->desk.progress;
    uint64_t now_ns = server_now_ns(srv);
    uint64_t lease_ns = (uint64_t)server_worker_lease_ms(srv) * 1000000;
    struct maker list = make_list();

    progress_board_expire(board, now_ns > lease_ns ? now_ns - lease_ns : 0);
    LIST_EACH (e, &board->by_start, struct progress_entry, by_start) {
        struct maker row = {progress_entry_value(e, now_ns), false};

        row.has_failed = !row.v;
        add(&list, &row);
        if (platoon_len(list.v) >= MAX_PROGRESS || list.has_failed)
            break;
    }
    set_list(m, "progress", &list);
}

static bool put_client(const char *peer, const char *name, uint64_t age_ms, bool waits, void *arg)
{
    struct maker *list = arg;
    struct maker client = make_dict();

    set(&client, "peer", platoon_str(peer));
    set(&client, "name", platoon_str(name));
    set(&client, "since_s", platoon_float((double)age_ms / 1e3));
    set(&client, "waits", platoon_bool(waits));
    add(list, &client);
    return platoon_len(list->v) < MAX_CLIENTS && !list->has_failed;
}

static void put_server(struct maker *m, struct server *srv)
{
    struct server_facts facts;
    struct maker clients = make_list();

    server_facts(srv, &facts);
    set(m, "version", platoon_str(platoon_version()));
    set(m, "protocol", platoon_int(1));
    set(m, "store", platoon_str(srv->is_durable ? "sqlite" : "memory"));
    set(m, "uptime_s", platoon_float((double)facts.uptime_ms / 1e3));
    set(m, "worker_lease_s", platoon_float(server_worker_lease_ms(srv) / 1e3));
    set_count(m, "connections", facts.connections);
    set_count(m, "handshakes", facts.handshakes);
    set_count(m, "requests", facts.requests);
    set_count(m, "auth_failures", facts.auth_failures);
    set_count(m, "bytes_in", facts.bytes_in);
    set_count(m, "bytes_out", facts.bytes_out);
    server_each_connection(srv, put_client, &clients);
    set_list(m, "clients", &clients);
}

static void on_queues(enum store_status st, const struct store_queue *queues,
                      const struct store_counts *counts, size_t n, void *arg)
{
    struct request *rq = arg;
    struct maker m;

    if (st != STORE_OK) {
        reply_store_error(rq, st);
        return;
    }
    m = make_dict();
    put_server(&m, request_server(rq));
    put_queues(&m, queues, counts, n);
    put_workers(&m, request_server(rq));
    put_progress(&m, request_server(rq));
    if (m.has_failed)
        reply_error(rq, "MemoryError", "stats(): the server has no memory left for this call");
    else
        reply_value(rq, m.v);
    platoon_value_unref(m.v);
}

void platoon_stats_reply(struct request *rq)
{
    store_queue_list(server_store(request_server(rq)), on_queues, rq);
}
