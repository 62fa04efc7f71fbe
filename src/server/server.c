/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the server's life, and the public calls of platoon/server.h. */
#include "server/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/output.h"
#include "store/sqlite.h"

enum { MAX_IDENTS = 1000000 };
#define SETTLE_NS UINT64_C(60000000000)
#define WRITE_OUT_NS                                                                               \
    1000000000u /* how long a stopping server waits for its clients to take their replies */

/* --- opening ---------------------------------------------------------------------------------- */

static void on_before_poll(uv_prepare_t *handle)
{
    struct server *srv = handle->data;

    if (srv->wants_turn)
        server_turn(srv);
}

static void on_after_poll(uv_check_t *handle)
{
    server_turn(handle->data);
}

static void on_wake(uv_async_t *handle)
{
    struct server *srv = handle->data;

    server_awake(srv);
    if (atomic_load(&srv->stop_is_wanted))
        server_begin_stop(srv, "asked");
}

static enum platoon_status open_loop(struct server *srv, struct platoon_err *err)
{
    int code = uv_loop_init(&srv->loop);

    if (code)
        return platoon_fail(err, PLATOON_EIO, "cannot make an event loop: %s", uv_strerror(code));
    srv->has_loop = true;
    uv_prepare_init(&srv->loop, &srv->before_poll);
    uv_check_init(&srv->loop, &srv->after_poll);
    uv_idle_init(&srv->loop, &srv->no_sleep);
    uv_async_init(&srv->loop, &srv->wake, on_wake);
    srv->before_poll.data = srv->after_poll.data = srv->wake.data = srv;
    uv_prepare_start(&srv->before_poll, on_before_poll);
    uv_check_start(&srv->after_poll, on_after_poll);
    return server_open_timer(srv, err);
}

static void on_attached(enum store_status st, uint64_t epoch, void *arg)
{
    struct server *srv = arg;

    srv->epoch = st == STORE_OK ? epoch : 0;
}

/* Run the store, while nobody else is there, until *number is not 0 or it has had a minute: a store
 * that works in a thread of its own may need some rounds. */
static void store_settle(struct server *srv, const uint64_t *number)
{
    const struct timespec pause = {0, 200000};
    uint64_t until_ns = clock_mono_ns() + SETTLE_NS;

    while (*number == 0 && clock_mono_ns() < until_ns)
        if (!store_turn(srv->store) && *number == 0)
            nanosleep(&pause, NULL);
}

static void log_of_store(int level, const char *line, void *arg)
{
    struct server *srv = arg;

    log_line(&srv->log, level, "store-says text=\"%s\"", line);
}

static enum platoon_status open_data(struct server *srv, const struct platoon_server_options *o,
                                     struct platoon_err *err)
{
    struct sqlite_options options = {
        .folder = o->data_folder,
        .durability = o->durability == PLATOON_DURABLE_POWER ? SQLITE_POWER : SQLITE_PROCESS,
        .is_fresh = o->fresh,
        .max_memory_bytes = o->max_memory_bytes,
        .max_queue_bytes = o->max_queue_bytes,
        .log = log_of_store,
        .log_arg = srv,
    };

    return store_sqlite_open(&options, &srv->store, err);
}

/* On any thread: the loop's next turn hears what the store has to say. */
static void wake_loop(void *arg)
{
    struct server *srv = arg;

    uv_async_send(&srv->wake);
}

static enum platoon_status open_store(struct server *srv, const struct platoon_server_options *o,
                                      struct platoon_err *err)
{
    enum platoon_status st =
        o->data_folder ? open_data(srv, o, err) : store_memory_open(&srv->store, err);

    if (st != PLATOON_OK)
        return st;
    srv->is_durable = o->data_folder != NULL;
    queue_table_watch(srv);
    store_on_wake(srv->store, wake_loop, srv);
    store_attach(srv->store, "server", on_attached, srv);
    store_settle(srv, &srv->epoch);
    if (!srv->epoch)
        return platoon_fail(err, PLATOON_EIO, "the store does not answer");
    return PLATOON_OK;
}

struct opening_all {
    size_t n_open;
    uint64_t n_answered;
    struct platoon_err err;
};

static void on_queue_opened(void *object, const struct platoon_err *err, void *arg)
{
    struct opening_all *all = arg;

    all->n_answered++;
    if (object)
        all->n_open++;
    else
        all->err = *err;
}

/* Result queues of a chain count as results, whatever takes them next. */
static void on_found(enum store_status st, const struct store_queue *queues,
                     const struct store_counts *counts, size_t n, void *arg)
{
    struct server *srv = arg;

    for (size_t i = 0; st == STORE_OK && i < n; i++) {
        bool takes_results = false;

        for (size_t k = 0; k < n; k++)
            takes_results |= queues[k].result_queue == queues[i].id;
        if (takes_results)
            srv->found.results += counts[i].queued;
        else
            srv->found.tasks += counts[i].queued + counts[i].delayed + counts[i].leased;
        srv->found.abandoned += counts[i].abandoned + counts[i].dead;
    }
    if (st == STORE_OK)
        desk_sweep_if_leased(&srv->desk, counts, n);
}

static enum platoon_status open_queues(struct server *srv, struct platoon_err *err)
{
    struct queue_table *t = &srv->queues;
    struct opening_all all = {0, 0, {PLATOON_EIO, "", "the store did not open the queues"}};

    for (size_t i = 0; i < t->n_kinds; i++) {
        all.n_answered = 0;
        queue_table_open(srv, t->kinds[i], "", on_queue_opened, &all);
        store_settle(srv, &all.n_answered); /* one after the other: chains share queues */
    }
    if (all.n_open == t->n_kinds) {
        store_queue_list(srv->store, on_found, srv);
        (void)store_turn(srv->store); /* answers at once: it is a look at what is there */
        return PLATOON_OK;
    }
    return platoon_fail(err, all.err.status, "%s", all.err.message);
}

static enum platoon_status take_options(struct server *srv, const struct platoon_server_options *o,
                                        struct platoon_err *err)
{
    srv->authkey = malloc(o->authkey_len ? o->authkey_len : 1);
    if (!srv->authkey)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for the authkey");
    if (o->authkey_len)
        memcpy(srv->authkey, o->authkey, o->authkey_len);
    srv->authkey_len = o->authkey_len;
    srv->auth_sha256_only = o->auth_sha256_only;
    srv->globals = o->globals;
    srv->handshake_ns = (uint64_t)(o->handshake_ms ? o->handshake_ms : 10000) * 1000000u;
    srv->max_handshakes = o->max_handshakes ? o->max_handshakes : 1024;
    srv->max_frame_bytes = o->max_frame_bytes ? o->max_frame_bytes : (uint64_t)1 << 30;
    srv->keepalive_s = o->keepalive_s ? (int)o->keepalive_s : 30;
    srv->worker_lease_ms = o->worker_lease_ms ? o->worker_lease_ms : 60000;
    srv->log = (struct log){o->log, o->log_arg, o->log_level ? o->log_level : LOG_INFO};
    return PLATOON_OK;
}

#define NS_IN_MS UINT64_C(1000000)

static enum platoon_status open_holders(struct server *srv, const struct platoon_server_options *o,
                                        struct platoon_err *err)
{
    struct lease_settings settings = {
        .grace_ns = (o->stock_grace_ms ? o->stock_grace_ms : 60000) * NS_IN_MS,
        .credit_ns = (o->credit_ms ? o->credit_ms : 5000) * NS_IN_MS,
    };

    srv->idents.on_forget = holders_forget_ident;
    if (holders_init(srv, o->no_leases ? NULL : &settings, o->stock_lease_ms))
        return PLATOON_OK;
    return platoon_fail(err, PLATOON_ENOMEM, "no memory for a server");
}

enum platoon_status server_open(const struct platoon_server_options *options, struct server **out,
                                struct platoon_err *err)
{
    struct server *srv = calloc(1, sizeof *srv);
    enum platoon_status st = PLATOON_ENOMEM;

    if (!srv)
        return platoon_fail(err, st, "no memory for a server");
    deadlines_init(&srv->deadlines);
    queue_table_init(&srv->queues);
    track_init(&srv->track);
    desk_init(&srv->desk, srv);
    listener_init(&srv->listener);
    srv->timer_fd = -1;
    srv->now_ns = srv->started_ns = clock_mono_ns();
    srv->wants_turn = true; /* what was asked while it was opened */
    if (!sessions_init(&srv->sessions) || !ident_table_init(&srv->idents, MAX_IDENTS)) {
        platoon_fail(err, st, "no memory for a server");
        goto fail;
    }
    if ((st = take_options(srv, options, err)) != PLATOON_OK ||
        (st = dispatch_register(srv, "platoon", &type_platoon, NULL, err)) != PLATOON_OK ||
        (st = queue_table_configure(srv, options, err)) != PLATOON_OK ||
        (st = open_holders(srv, options, err)) != PLATOON_OK ||
        (st = open_loop(srv, err)) != PLATOON_OK ||
        (st = open_store(srv, options, err)) != PLATOON_OK ||
        (st = open_queues(srv, err)) != PLATOON_OK)
        goto fail;
    *out = srv;
    return PLATOON_OK;

fail:
    server_close(srv);
    return st;
}

/* --- running and stopping --------------------------------------------------------------------- */

void server_run(struct server *srv)
{
    log_line(&srv->log, LOG_INFO, "server-started address=%s queues=%zu store=%s",
             srv->listener.address, srv->queues.n_kinds, srv->is_durable ? "sqlite" : "memory");
    uv_run(&srv->loop, UV_RUN_DEFAULT);
}

static void on_counted(enum store_status st, const struct store_queue *queues,
                       const struct store_counts *counts, size_t n, void *arg)
{
    struct server *srv = arg;

    if (st != STORE_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        /* A result that its reader has not acknowledged yet was read all the same. */
        bool is_waited_for = counts[i].leased && queues[i].result_queue;
        char name[400];

        if (counts[i].queued || is_waited_for)
            log_line(&srv->log, srv->is_durable ? LOG_INFO : LOG_WARNING,
                     "%s name=%s queued=%llu taken=%llu",
                     srv->is_durable ? "queue-kept" : "queue-lost-with-memory",
                     log_quote(name, sizeof name, queues[i].name),
                     (unsigned long long)counts[i].queued, (unsigned long long)counts[i].leased);
    }
}

static void stop_waiting(struct deadline *d)
{
    struct server *srv = DEADLINE_ENTRY(d, struct server, stop_timer);

    sessions_close_all(srv, true, "server-stopped");
}

void server_begin_stop(struct server *srv, const char *why)
{
    if (srv->phase != SERVER_SERVING)
        return;
    srv->phase = SERVER_STOPPING;
    log_line(&srv->log, LOG_INFO, "server-stopping why=%s clients=%zu", why, srv->sessions.n_live);
    listener_close(srv);
    store_queue_list(srv->store, on_counted, srv);
    (void)deadline_set(&srv->deadlines, &srv->stop_timer, srv->now_ns + WRITE_OUT_NS, stop_waiting);
}

/* At the end of each turn: what the store was asked is answered, what is answered is written; who
 * waits for other clients is cut off, as by Python's server. Nobody is told anything that is not
 * so. */
void server_check_stop(struct server *srv)
{
    if (srv->phase != SERVER_STOPPING)
        return;
    sessions_close_all(srv, false, "server-stopped");
    if (srv->sessions.n_open + srv->sessions.n_handshaking > 0)
        return;
    deadline_clear(&srv->deadlines, &srv->stop_timer);
    store_turn(srv->store); /* what the ends of the sessions gave back */
    srv->phase = SERVER_STOPPED;
    log_line(&srv->log, LOG_INFO, "server-stopped uptime_s=%llu requests=%llu",
             (unsigned long long)((srv->now_ns - srv->started_ns) / 1000000000u),
             (unsigned long long)srv->n_requests);
    uv_stop(&srv->loop);
}

static void close_loop(struct server *srv)
{
    listener_close(srv);
    sessions_close_all(srv, true, "server-closed");
    uv_close((uv_handle_t *)&srv->before_poll, NULL);
    uv_close((uv_handle_t *)&srv->after_poll, NULL);
    uv_close((uv_handle_t *)&srv->no_sleep, NULL);
    if (srv->timer_fd >= 0) {
        uv_close((uv_handle_t *)&srv->timer, NULL);
        close(srv->timer_fd);
    }
    if (srv->store)
        store_on_wake(srv->store, NULL, NULL);
    uv_close((uv_handle_t *)&srv->wake, NULL);
    uv_run(&srv->loop, UV_RUN_DEFAULT); /* the close callbacks */
    uv_loop_close(&srv->loop);
}

void server_close(struct server *srv)
{
    if (!srv)
        return;
    if (srv->has_loop)
        close_loop(srv);
    store_close(srv->store);
    sessions_release(&srv->sessions);
    track_release(&srv->track);
    desk_release(&srv->desk);
    ident_table_release(&srv->idents);
    holders_release(srv);
    queue_table_release(&srv->queues);
    for (size_t i = 0; i < srv->n_typeids; i++)
        free(srv->typeids[i].name);
    free(srv->typeids);
    deadlines_release(&srv->deadlines);
    if (srv->authkey)
        explicit_bzero(srv->authkey, srv->authkey_len);
    free(srv->authkey);
    free(srv);
}

/* --- the public calls ------------------------------------------------------------------------- */

struct platoon_server {
    struct server *srv;
    pthread_t thread;
    pid_t pid; /* of the process that has the thread: a forked child has none */
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    bool is_running;
};

static void *run_thread(void *arg)
{
    struct platoon_server *s = arg;

    server_run(s->srv);
    pthread_mutex_lock(&s->lock);
    s->is_running = false;
    pthread_cond_broadcast(&s->has_ended);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are the caller's: the thread takes none. */
static int start_thread(struct platoon_server *s)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&s->thread, NULL, run_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum platoon_status platoon_server_start(const struct platoon_server_options *options,
                                         platoon_server **out, struct platoon_err *err)
{
    struct platoon_server *s = calloc(1, sizeof *s);
    enum platoon_status st;

    if (!s)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a server");
    if ((st = server_open(options, &s->srv, err)) != PLATOON_OK ||
        (st = server_listen(s->srv, options->host, options->port, err)) != PLATOON_OK)
        goto fail;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->has_ended, NULL);
    s->pid = getpid();
    s->is_running = true;
    if (start_thread(s) != 0) {
        pthread_cond_destroy(&s->has_ended);
        pthread_mutex_destroy(&s->lock);
        st = platoon_fail(err, PLATOON_EIO, "cannot start a thread for the server");
        goto fail;
    }
    *out = s;
    return PLATOON_OK;

fail:
    server_close(s->srv);
    free(s);
    return st;
}

struct platoon_server_found platoon_server_found(const platoon_server *s)
{
    return s->srv->found;
}

uint16_t platoon_server_port(const platoon_server *s)
{
    return s->srv->listener.port;
}

void platoon_server_stop(platoon_server *s)
{
    if (s->pid != getpid())
        return;
    atomic_store(&s->srv->stop_is_wanted, true);
    uv_async_send(
        &s->srv->wake); /* async-signal-safe; the handle lives until platoon_server_free() */
}

void platoon_server_wait(platoon_server *s)
{
    if (s->pid != getpid())
        return;
    pthread_mutex_lock(&s->lock);
    while (s->is_running)
        pthread_cond_wait(&s->has_ended, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void platoon_server_free(platoon_server *s)
{
    if (!s || s->pid != getpid())
        return;
    platoon_server_stop(s);
    pthread_join(s->thread, NULL);
    server_close(s->srv);
    pthread_cond_destroy(&s->has_ended);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
