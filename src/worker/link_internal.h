/* SPDX-License-Identifier: Apache-2.0 */
/* link_internal.h - what the threads of a link share. For link*.c only.
 *
 * One mutex guards all of struct link but its options. It is never held across a call on a manager.
 */
#ifndef PLATOON_WORKER_LINK_INTERNAL_H
#define PLATOON_WORKER_LINK_INTERNAL_H

#include <pthread.h>

#include <platoon/manager.h>

#include "worker/link.h"
#include "worker/rows.h"

/* So many outcomes are reported at once, or what has come within LINK_LINGER_MS, when tasks are
 * short. */
enum { LINK_REPORT_ROWS = 16, LINK_LINGER_MS = 3 };

enum link_mode { LINK_UNKNOWN, LINK_LEASES, LINK_PLAIN };

struct link {
    struct link_options options;
    pthread_mutex_t mutex;
    /* On the monotonic clock. Two, so that a finished task does not wake who fetches: */
    pthread_cond_t changed; /* anything below but what only the reporter waits for */
    pthread_cond_t report;  /* the outbox, the leases, their news, is_leaving, status */

    enum link_mode mode;
    bool is_up, was_up, said_down;
    uint64_t lost_ns;           /* when the server was last noticed to be gone */
    enum platoon_status status; /* not OK: it will never work */
    struct platoon_err err;

    bool is_stopping;   /* no more fetching */
    bool is_leaving;    /* threads end as soon as they can, whatever is undelivered */
    pthread_t *threads; /* all that were started; joined by link_free() */
    size_t n_threads;
    size_t n_running; /* of them, not at their end yet */

    unsigned want;    /* tasks asked for by the main thread */
    unsigned n_asked; /* of them, being asked for at the server */
    uint64_t last_serial;
    struct list fetched; /* struct task; arrived */
    unsigned n_fetched;
    int fetch_socket;  /* a copy of the fetcher's, for link_stop(); -1: none */
    int report_socket; /* of the reporter's, for link_free() */

    struct list outbox; /* struct task; with outcomes */
    size_t n_outbox;
    size_t n_undelivered; /* in the outbox, or being reported */
    uint64_t outbox_ns;   /* since when the outbox is not empty */
    bool must_report;     /* now, not when more has come */

    struct held *held; /* every lease that we hold, by task; the reporter renews them */
    size_t n_held, cap_held;
    bool has_ended;                /* one is_ended more than the main thread has asked for */
    size_t n_news;                 /* of them, those with news of their progress */
    uint64_t told_ns;              /* when the server was last told of any */
    struct rows_settings settings; /* of the server */
    unsigned max_ask;              /* tasks in one call */
};

/* A lease that is ours until the server has answered for it. */
struct held {
    uint64_t task;                  /* the server's number */
    char *lease;                    /* owned */
    bool is_lost;                   /* the server said so; its result is offered all the same */
    bool is_ended;                  /* the task has ended at the server: nobody wants a result */
    bool has_news;                  /* `progress` was not told yet */
    struct task_progress *progress; /* owned; NULL: none so far */
};

/* Pauses between tries: 0.2 s to 10 s, doubling, each spread by half of it so that a thousand
 * workers do not come back in the same instant. */
struct backoff {
    double next_s;
    uint64_t random; /* state of the spread */
};
void backoff_init(struct backoff *b);
double backoff_step(struct backoff *b); /* the next pause, in seconds */

/* With the mutex held: sleep until `what` (changed or report) is signalled or `seconds` (negative:
 * no limit) are over. */
void link_sleep(struct link *l, pthread_cond_t *what, double seconds);
/* Would a thread that reports (or fetches) still try to reach the server? With the mutex held. */
bool link_should_try(const struct link *l, bool is_fetching);
/* Without the mutex: one pause of `b`, cut short when there is no more reason to try. Returns
 * link_should_try(). */
bool link_pause(struct link *l, struct backoff *b, bool is_fetching);

/* Connect as PROGRAM-PID|NAME, as long as link_should_try(). NULL: it should not go on. Without the
 * mutex. */
platoon_manager *link_connect(struct link *l, const char *name, bool is_fetching);
/* Look for the typeid `platoon` on a new connection, and check its version. ENOTFOUND: it is
 * Python's own manager. */
enum platoon_status link_find_leases(struct link *l, platoon_manager *m, platoon_queue **out_proxy,
                                     struct platoon_err *err);
/* Keep a copy of a manager's socket in *at (its number in struct link); NULL: close the copy.
 * Without the mutex. */
void link_keep_socket(struct link *l, int *at, const platoon_manager *m);
/* A connection was lost, or none could be made: say so, once for each time that the server goes.
 * Without the mutex.
 *
 *   made_ns   when the connection was made. One that is older than the last time the server went is
 *             no news. 0: it could not be made */
void link_lost(struct link *l, const struct platoon_err *err, uint64_t made_ns);
/* Give up for good. Without the mutex. */
void link_fail(struct link *l, enum platoon_status status, const char *format, ...)
    PLATOON_PRINTF(3, 4);
/* With the mutex held: the first of the outbox, which leaves it. */
struct task *link_take_outcome(struct link *l);
/* Start another thread of the link. With the mutex held. */
bool link_thread(struct link *l, void *(*run)(void *link), const char *name);
/* A thread ends: its last call. */
void link_thread_ends(struct link *l);

/* The threads. */
void link_fetch_leases(struct link *l, platoon_manager *m, platoon_queue *proxy);
void *link_report_leases(void *arg); /* a struct link */
void *link_plain_thread(void *arg);
void link_plain_work(struct link *l); /* the same, in a thread that was started otherwise */

#endif
