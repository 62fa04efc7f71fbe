/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - what both kinds of link share: state, connecting, and which kind it is. */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/link_internal.h"

enum { CONNECT_TIMEOUT_S = 10 };

/* --- waiting ---------------------------------------------------------------------------------- */

void backoff_init(struct backoff *b)
{
    b->next_s = 0.2;
    b->random = clock_mono_ns() ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)b;
}

double backoff_step(struct backoff *b)
{
    const double longest_s = 10;
    double pause_s = b->next_s, spread;

    /* xorshift64: it only has to differ from worker to worker. */
    b->random |= 1;
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    spread = (double)(b->random >> 11) / (double)(1ull << 53);
    b->next_s = b->next_s * 2 > longest_s ? longest_s : b->next_s * 2;
    return pause_s * (0.5 + spread);
}

void link_sleep(struct link *l, pthread_cond_t *what, double seconds)
{
    struct timespec until;

    if (seconds < 0) {
        pthread_cond_wait(what, &l->mutex);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(what, &l->mutex, &until); /* ETIMEDOUT: the caller looks */
}

bool link_should_try(const struct link *l, bool is_fetching)
{
    return l->status == PLATOON_OK && !l->is_leaving && !(is_fetching && l->is_stopping);
}

bool link_pause(struct link *l, struct backoff *b, bool is_fetching)
{
    const uint64_t end_ns = clock_mono_ns() + (uint64_t)(backoff_step(b) * 1e9);
    uint64_t now_ns;
    bool goes_on;

    pthread_mutex_lock(&l->mutex);
    while ((goes_on = link_should_try(l, is_fetching)) && (now_ns = clock_mono_ns()) < end_ns)
        link_sleep(l, &l->changed, (double)(end_ns - now_ns) / 1e9);
    pthread_mutex_unlock(&l->mutex);
    return goes_on;
}

/* --- up and down ------------------------------------------------------------------------------ */

/* With the mutex held. */
static void wake_all(struct link *l)
{
    pthread_cond_broadcast(&l->changed);
    pthread_cond_broadcast(&l->report);
}

void link_fail(struct link *l, enum platoon_status status, const char *format, ...)
{
    char text[sizeof l->err.message];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut to fit */
    va_end(args);
    pthread_mutex_lock(&l->mutex);
    if (l->status == PLATOON_OK)
        l->status = platoon_fail(&l->err, status, "%s", text);
    wake_all(l);
    pthread_mutex_unlock(&l->mutex);
    l->options.wake(l->options.arg);
}

void link_lost(struct link *l, const struct platoon_err *err, uint64_t made_ns)
{
    const bool is_closed = err->status == PLATOON_ECLOSED || err->status == PLATOON_EUNKNOWN;
    bool says = false, was_up;

    pthread_mutex_lock(&l->mutex);
    was_up = l->was_up;
    if (!made_ns || made_ns > l->lost_ns) {
        says = (l->is_up || !l->said_down) && !l->is_leaving;
        l->said_down |= says;
        l->is_up = false;
        l->lost_ns = clock_mono_ns();
    }
    pthread_mutex_unlock(&l->mutex);
    if (says)
        agent_log(l->options.log, AGENT_WARNING,
                  was_up
                      ? "lost the server at %s: %s; running tasks go on, trying to reach it again"
                      : "no server at %s yet: %s; trying until there is one",
                  l->options.address, is_closed ? "it closed the connection" : err->message);
}

static void say_up(struct link *l)
{
    bool says;

    pthread_mutex_lock(&l->mutex);
    says = l->said_down && !l->is_up;
    l->is_up = l->was_up = true;
    pthread_mutex_unlock(&l->mutex);
    if (says)
        agent_log(l->options.log, AGENT_INFO, "connected to the server at %s", l->options.address);
    l->options.wake(l->options.arg);
}

platoon_manager *link_connect(struct link *l, const char *name, bool is_fetching)
{
    const struct platoon_manager_options options = {.host = l->options.host,
                                                    .port = l->options.port,
                                                    .authkey = l->options.authkey,
                                                    .authkey_len = l->options.authkey_len,
                                                    .name = name,
                                                    .connect_timeout_s = CONNECT_TIMEOUT_S};
    struct backoff backoff;
    bool goes_on;

    backoff_init(&backoff);
    pthread_mutex_lock(&l->mutex);
    goes_on = link_should_try(l, is_fetching);
    pthread_mutex_unlock(&l->mutex);
    while (goes_on) {
        struct platoon_err err;
        platoon_manager *m;
        enum platoon_status st = platoon_manager_connect(&options, &m, &err);

        if (st == PLATOON_OK) {
            say_up(l);
            return m;
        }
        if (st == PLATOON_EAUTH || st == PLATOON_EINVAL) {
            link_fail(l, st, "%s", err.message);
            return NULL;
        }
        link_lost(l, &err, 0);
        goes_on = link_pause(l, &backoff, is_fetching);
    }
    return NULL;
}

/* --- threads ---------------------------------------------------------------------------------- */

bool link_thread(struct link *l, void *(*run)(void *link), const char *name)
{
    pthread_t *grown = realloc(l->threads, (l->n_threads + 1) * sizeof *grown);

    if (!grown)
        return false;
    l->threads = grown;
    if (pthread_create(&l->threads[l->n_threads], NULL, run, l) != 0)
        return false;
    (void)pthread_setname_np(l->threads[l->n_threads], name); /* for ps and gdb only */
    l->n_threads++;
    l->n_running++;
    return true;
}

void link_thread_ends(struct link *l)
{
    pthread_mutex_lock(&l->mutex);
    l->n_running--;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

void link_keep_socket(struct link *l, int *at, const platoon_manager *m)
{
    int fd = m ? platoon_manager_socket(m) : -1;
    int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    pthread_mutex_lock(&l->mutex);
    if (*at >= 0)
        close(*at);
    *at = copy;
    pthread_mutex_unlock(&l->mutex);
}

enum platoon_status link_find_leases(struct link *l, platoon_manager *m, platoon_queue **out,
                                     struct platoon_err *err)
{
    enum platoon_status st = platoon_manager_queue(m, "platoon", NULL, out, err);
    platoon_value *version = NULL, *settings = NULL;

    if (st != PLATOON_OK)
        return st;
    st = platoon_call(*out, "version", NULL, NULL, &version, err);
    if (st == PLATOON_OK)
        st = rows_check_version(version, l->options.address, err);
    if (st == PLATOON_OK)
        st = platoon_call(*out, "settings", NULL, NULL, &settings, err);
    if (st == PLATOON_OK) {
        pthread_mutex_lock(&l->mutex);
        rows_read_settings(settings, &l->settings);
        pthread_mutex_unlock(&l->mutex);
    }
    platoon_value_unref(version);
    platoon_value_unref(settings);
    return st;
}

static void begin_plain(struct link *l)
{
    agent_log(l->options.log, AGENT_INFO,
              "the server at %s is a plain Python manager: %u connections with get and put, no "
              "leases; a task in the hands of a worker that dies is lost",
              l->options.address, l->options.n_slots);
    pthread_mutex_lock(&l->mutex);
    l->mode = LINK_PLAIN;
    for (unsigned i = 1; i < l->options.n_slots; i++)
        if (!link_thread(l, link_plain_thread, "plain"))
            break; /* fewer connections: slots share what there are */
    pthread_mutex_unlock(&l->mutex);
    link_plain_work(l);
}

static void begin_leases(struct link *l, platoon_manager *m, platoon_queue *proxy)
{
    bool ok;

    pthread_mutex_lock(&l->mutex);
    l->mode = LINK_LEASES;
    ok = link_thread(l, link_report_leases, "report");
    pthread_mutex_unlock(&l->mutex);
    if (ok) {
        link_fetch_leases(l, m, proxy);
    } else {
        platoon_manager_close(m);
        link_fail(l, PLATOON_ENOMEM, "no thread can be had");
    }
}

/* The first thread: connect, see what is there, and become the fetcher of that kind. */
static void *first_thread(void *arg)
{
    struct link *l = arg;
    struct backoff backoff;
    enum link_mode mode = LINK_UNKNOWN;
    platoon_manager *m = NULL;
    platoon_queue *proxy = NULL;

    backoff_init(&backoff);
    while (mode == LINK_UNKNOWN && (m = link_connect(l, "fetch", true))) {
        const uint64_t made_ns = clock_mono_ns();
        struct platoon_err err;
        enum platoon_status st = link_find_leases(l, m, &proxy, &err);

        if (st == PLATOON_OK) {
            mode = LINK_LEASES;
            break;
        }
        platoon_manager_close(m);
        if (st == PLATOON_ENOTFOUND) {
            mode = LINK_PLAIN;
        } else if (st == PLATOON_EVERSION || st == PLATOON_EREMOTE) {
            link_fail(l, st, "%s", err.message);
            break;
        } else {
            link_lost(l, &err, made_ns);
            (void)link_pause(l, &backoff, true);
        }
    }
    if (mode == LINK_LEASES)
        begin_leases(l, m, proxy);
    else if (mode == LINK_PLAIN)
        begin_plain(l);
    link_thread_ends(l);
    return NULL;
}

/* --- for the main thread ---------------------------------------------------------------------- */

static void destroy(struct link *l)
{
    struct list *lists[] = {&l->fetched, &l->outbox};

    for (size_t i = 0; i < 2; i++)
        while (!list_is_empty(lists[i])) {
            struct task *t = LIST_ENTRY(lists[i]->next, struct task, link);

            list_remove(&t->link);
            task_free(t);
        }
    for (size_t i = 0; i < l->n_held; i++) {
        free(l->held[i].lease);
        free(l->held[i].progress);
    }
    free(l->held);
    free(l->threads);
    pthread_cond_destroy(&l->changed);
    pthread_cond_destroy(&l->report);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

enum platoon_status link_start(const struct link_options *options, struct link **out,
                               struct platoon_err *err)
{
    struct link *l = calloc(1, sizeof *l);
    pthread_condattr_t attr;
    bool ok;

    if (!l)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    l->options = *options;
    l->settings = (struct rows_settings){.lease_s = 60, .max_frame_bytes = 1u << 30};
    l->max_ask = UINT_MAX;
    l->fetch_socket = l->report_socket = -1;
    list_init(&l->fetched);
    list_init(&l->outbox);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_cond_init(&l->report, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&l->mutex);
    ok = link_thread(l, first_thread, "fetch");
    pthread_mutex_unlock(&l->mutex);
    if (!ok) {
        destroy(l);
        return platoon_fail(err, PLATOON_ENOMEM, "no thread can be had");
    }
    *out = l;
    return PLATOON_OK;
}

void link_want(struct link *l, unsigned n)
{
    pthread_mutex_lock(&l->mutex);
    l->want = n;
    if (n > l->n_fetched + l->n_asked)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

void link_take(struct link *l, struct list *out)
{
    pthread_mutex_lock(&l->mutex);
    /* What arrives was wanted, and is not wanted again. */
    l->want -= l->n_fetched < l->want ? l->n_fetched : l->want;
    l->n_fetched = 0;
    list_move_all(out, &l->fetched);
    pthread_mutex_unlock(&l->mutex);
}

void link_deliver(struct link *l, struct task *task, bool more_follow)
{
    if (task->lease) { /* its memory is shared with tasks that stay here: task.h */
        platoon_value_unref(task->value);
        task->value = NULL;
    }
    pthread_mutex_lock(&l->mutex);
    if (l->n_outbox++ == 0)
        l->outbox_ns = clock_mono_ns();
    list_append(&l->outbox, &task->link);
    l->n_undelivered++;
    l->must_report |= !more_follow;
    if (l->mode != LINK_LEASES)
        pthread_cond_broadcast(&l->changed);
    else if (l->must_report || l->n_outbox == 1 || l->n_outbox == LINK_REPORT_ROWS)
        pthread_cond_signal(&l->report);
    pthread_mutex_unlock(&l->mutex);
}

struct task *link_take_outcome(struct link *l)
{
    struct task *t = LIST_ENTRY(l->outbox.next, struct task, link);

    list_remove(&t->link);
    if (--l->n_outbox == 0)
        l->must_report = false;
    return t;
}

void link_stop(struct link *l)
{
    pthread_mutex_lock(&l->mutex);
    l->is_stopping = true;
    l->want = 0;
    /* What the server had sent before it reads this still comes, and is given back. */
    if (l->fetch_socket >= 0)
        (void)shutdown(l->fetch_socket, SHUT_WR); /* ENOTCONN: lost anyway */
    wake_all(l);
    pthread_mutex_unlock(&l->mutex);
}

bool link_has_stopped(struct link *l)
{
    bool has;

    pthread_mutex_lock(&l->mutex);
    has = l->is_stopping && l->n_asked == 0;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

size_t link_undelivered(struct link *l)
{
    size_t n;

    pthread_mutex_lock(&l->mutex);
    n = l->n_undelivered;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

bool link_has_begun(struct link *l)
{
    bool has;

    pthread_mutex_lock(&l->mutex);
    has = l->mode != LINK_UNKNOWN || l->said_down;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

bool link_has_leases(struct link *l)
{
    bool has;

    pthread_mutex_lock(&l->mutex);
    has = l->mode == LINK_LEASES;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

enum platoon_status link_error(struct link *l, struct platoon_err *err)
{
    enum platoon_status st;

    pthread_mutex_lock(&l->mutex);
    st = l->status;
    if (st != PLATOON_OK && err)
        *err = l->err;
    pthread_mutex_unlock(&l->mutex);
    return st;
}

bool link_free(struct link *l, unsigned limit_ms)
{
    uint64_t end_ns = clock_mono_ns() + (uint64_t)limit_ms * 1000000u;
    bool is_over;

    if (!l)
        return true;
    pthread_mutex_lock(&l->mutex);
    l->is_leaving = l->is_stopping = true;
    if (l->fetch_socket >= 0)
        (void)shutdown(l->fetch_socket, SHUT_RDWR);
    if (l->report_socket >= 0)
        (void)shutdown(l->report_socket, SHUT_RDWR);
    wake_all(l);
    while (l->n_running > 0) {
        uint64_t now_ns = clock_mono_ns();

        if (now_ns >= end_ns)
            break;
        link_sleep(l, &l->changed, (double)(end_ns - now_ns) / 1e9);
    }
    is_over = l->n_running == 0;
    pthread_mutex_unlock(&l->mutex);
    if (!is_over)
        return false;
    for (size_t i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    destroy(l);
    return true;
}
