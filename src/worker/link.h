/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - the agent's link to its server: tasks in, outcomes out, in threads of its own, so that
 * neither the main thread nor a running task ever waits for the network.
 *
 * Two kinds, chosen at the first connection by what the server knows:
 *
 *     leases   Platoon's own server (typeid `platoon`). One connection fetches, in batches; one
 *              reports, and renews what we hold. Everything goes by lease id and may be repeated,
 *              so nothing is lost and nothing is recorded twice, whenever a connection breaks.
 *     plain    Python's own manager. A connection and a thread for each slot, get and put. What a
 *              broken connection loses there, Python loses.
 *
 * A server that cannot be reached is waited for, with growing pauses; that is said once, and once
 * when it is back. Meanwhile running tasks go on, and what is finished is kept.
 *
 * All calls are for the main thread. */
#ifndef PLATOON_WORKER_LINK_H
#define PLATOON_WORKER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#include "base/list.h"
#include "value/task_progress.h"
#include "worker/agent_log.h"
#include "worker/task.h"

/* The server is told of progress at most so often. */
#define LINK_TELL_S 2.0

struct link;

/* Borrowed for the life of the link. */
struct link_options {
    const char *host;
    uint16_t port;
    const char *address; /* the two, for people */
    const void *authkey;
    size_t authkey_len;
    const char *task_queue;           /* typeids */
    const char *result_queue;         /* used in plain mode; the server links it otherwise */
    const char *worker, *worker_host; /* how the server shows us */
    unsigned n_slots;
    const struct agent_log *log;
    void (*wake)(void *arg); /* called from any thread: look at link_take(), link_error() */
    void *arg;
};

/* EIO, ENOMEM. Returns at once; connecting goes on in a thread. */
enum platoon_status link_start(const struct link_options *options, struct link **out,
                               struct platoon_err *err);

/* How many tasks the main thread would take now, beside those it has taken. */
void link_want(struct link *l, unsigned n);
/* Move the tasks that have come to the end of `out`. */
void link_take(struct link *l, struct list *out);
/* Hand back a task with its outcome (result, failure, released). Takes it. `more_follow`: another
 * will be handed back within milliseconds, so that it pays to tell the server of several at once.
 */
void link_deliver(struct link *l, struct task *task, bool more_follow);

/* Has the server said of tasks in our hands, since the last call, that they have ended there
 * (cancelled, or somebody else's result is recorded)? */
bool link_news_of_ends(struct link *l);
/* Has this one, which is not handed back yet? */
bool link_has_ended(struct link *l, const struct task *task);
/* Tell the server how far a task in our hands is (copied), within LINK_TELL_S; only the last news
 * count. Nothing happens where the server keeps no leases. */
void link_tell(struct link *l, const struct task *task, const struct task_progress *progress);

/* No more tasks: what is being fetched is called off where the server understands that; what comes
 * in spite of it, link_take() still gives. */
void link_stop(struct link *l);
/* After link_stop(): no fetch is under way any more. */
bool link_has_stopped(struct link *l);
/* Outcomes that the server has not confirmed. */
size_t link_undelivered(struct link *l);
/* Has the server been reached, or found missing? */
bool link_has_begun(struct link *l);
/* Does the server keep leases, so that tasks may wait here? */
bool link_has_leases(struct link *l);
/* OK, or the reason why the link will never work (authkey refused, other protocol version, no such
 * queue). */
enum platoon_status link_error(struct link *l, struct platoon_err *err);

/* End it. Threads that hang in the network are not waited for longer than `limit_ms`: then false,
 * and they go on to the end of the process, which must not be far, with the link's memory and
 * whatever its options point to. */
bool link_free(struct link *l, unsigned limit_ms);

#endif
