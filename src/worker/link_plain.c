/* SPDX-License-Identifier: Apache-2.0 */
/* link_plain.c - Python's own manager: as many threads as slots, each with a connection, doing what
 * a stock worker does: get, put.
 *
 * A thread takes whatever is to be done next: put an outcome, or get a task if one is wanted. Of n
 * slots at most as many gets wait at the server as slots are free, so a thread is always there to
 * put what a busy slot finishes. */
#include <stdio.h>

#include "base/clock.h"
#include "worker/link_internal.h"

/* A get waits so long at the server: the longest that a stop has to wait for it. It is not cut
 * short, because Python's server would give the next task to the connection that is gone, and lose
 * it. */
#define GET_TIMEOUT_S 1.0

struct plain {
    struct link *link;
    platoon_manager *manager; /* NULL: not connected */
    uint64_t made_ns;
    platoon_queue *tasks, *results;
    bool lacks_task_done;
};

static void disconnect(struct plain *p)
{
    platoon_manager_close(p->manager);
    p->manager = NULL;
}

static bool open_queue(struct plain *p, const char *typeid_, platoon_queue **out)
{
    struct platoon_err err;
    enum platoon_status st = platoon_manager_queue(p->manager, typeid_, NULL, out, &err);

    if (st == PLATOON_OK)
        return true;
    if (st == PLATOON_ENOTFOUND || st == PLATOON_EREMOTE)
        link_fail(p->link, st,
                  "the manager at %s has no queue '%s': %s; name the queues with --queue "
                  "TASK=RESULT",
                  p->link->options.address, typeid_, err.message);
    else
        link_lost(p->link, &err, p->made_ns);
    disconnect(p);
    return false;
}

/* true: connected, with both queues. false: try again, or not: link_should_try(). */
static bool connect_queues(struct plain *p, bool is_fetching)
{
    if (p->manager)
        return true;
    p->manager = link_connect(p->link, "slot", is_fetching);
    p->made_ns = clock_mono_ns();
    return p->manager && open_queue(p, p->link->options.task_queue, &p->tasks) &&
           open_queue(p, p->link->options.result_queue, &p->results);
}

/* Get one task, if there is one in time. */
static struct task *get_task(struct plain *p, struct backoff *backoff)
{
    struct task *task = task_new();
    struct platoon_err err;
    enum platoon_status st;

    if (!task || !connect_queues(p, true)) {
        task_free(task);
        return NULL;
    }
    st = platoon_queue_get(p->tasks, GET_TIMEOUT_S, &task->value, &err);
    if (st == PLATOON_OK) {
        backoff_init(backoff);
        task->attempt = 1;
        return task;
    }
    if (st == PLATOON_EPICKLE) { /* it was taken, and cannot be read */
        outcome_fail(&task->outcome, FAILURE_BAD_TASK, "the task cannot be read here: %s",
                     err.message);
        return task;
    }
    task_free(task);
    if (st == PLATOON_EREMOTE) {
        link_fail(p->link, st, "getting a task from '%s' at %s failed: %s",
                  p->link->options.task_queue, p->link->options.address, err.message);
    } else if (st != PLATOON_EEMPTY) {
        link_lost(p->link, &err, p->made_ns);
        disconnect(p);
        (void)link_pause(p->link, backoff, true);
    }
    return NULL;
}

/* What to put where for an outcome. NULL when out of memory. */
static platoon_value *value_of(struct task *t, bool *out_to_tasks)
{
    platoon_value *task, *v;

    *out_to_tasks = false;
    switch (t->outcome.kind) {
    case OUTCOME_RESULT:
        return t->outcome.value ? platoon_value_ref(t->outcome.value)
                                : platoon_opaque(t->outcome.pickle, t->outcome.pickle_len);
    case OUTCOME_FAILURE:
        task = t->value;
        if (platoon_value_kind(task) == PLATOON_OPAQUE) {
            size_t len;
            const void *bytes = platoon_as_bytes(task, &len);

            task = platoon_bytes(bytes, len); /* the pickle, for whoever wants to load it */
        } else {
            platoon_value_ref(task);
        }
        v = failure_value(&t->outcome.failure, task, 0);
        platoon_value_unref(task);
        return v;
    case OUTCOME_RELEASED:
    case OUTCOME_NONE:
        *out_to_tasks = true;
        return platoon_value_ref(t->value);
    }
    return NULL;
}

/* So that the master's join() returns: what was taken has been dealt with (one that goes back was put
 * anew). A queue that does not know task_done() is a queue all the same. */
static void mark_done(struct plain *p)
{
    if (p->lacks_task_done)
        return;
    switch (platoon_queue_task_done(p->tasks, NULL)) {
    case PLATOON_OK:
        break;
    case PLATOON_EREMOTE:
        p->lacks_task_done = true;
        break;
    default:
        disconnect(p); /* the next call says so */
    }
}

/* Put it, however often the connection has to be made anew. A put that was cut off is repeated: a
 * master that gets a result twice can tell, one that waits for a lost one cannot. false: we are
 * leaving, it stays undelivered. */
static bool deliver(struct plain *p, struct task *t)
{
    struct backoff backoff;
    char name[24];

    backoff_init(&backoff);
    for (;;) {
        bool to_tasks;
        platoon_value *v;
        struct platoon_err err;
        enum platoon_status st;

        if (connect_queues(p, false)) {
            v = value_of(t, &to_tasks);
            if (!v)
                st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
            else
                st = platoon_queue_put(to_tasks ? p->tasks : p->results, v, PLATOON_FOREVER, &err);
            platoon_value_unref(v);
            if (st == PLATOON_OK) {
                mark_done(p);
                return true;
            }
            if (st == PLATOON_EREMOTE || st == PLATOON_ETYPE || st == PLATOON_ELIMIT) {
                agent_log(p->link->options.log, AGENT_ERROR,
                          "the result of task %s could not be put on '%s': %s", task_name(t, name),
                          p->link->options.result_queue, err.message);
                return true;
            }
            link_lost(p->link, &err, p->made_ns);
            disconnect(p);
        }
        if (!link_pause(p->link, &backoff, false))
            return false;
    }
}

void link_plain_work(struct link *l)
{
    struct plain p = {.link = l};
    struct backoff backoff;

    backoff_init(&backoff);
    pthread_mutex_lock(&l->mutex);
    while (!l->is_leaving && l->status == PLATOON_OK) {
        if (!list_is_empty(&l->outbox)) {
            struct task *t = link_take_outcome(l);
            bool is_done;

            pthread_mutex_unlock(&l->mutex);
            is_done = deliver(&p, t);
            pthread_mutex_lock(&l->mutex);
            if (is_done) {
                l->n_undelivered--;
                task_free(t);
                l->options.wake(l->options.arg);
            } else {
                list_append(&l->outbox, &t->link);
                l->n_outbox++;
            }
        } else if (!l->is_stopping && l->n_fetched + l->n_asked < l->want) {
            struct task *t;

            l->n_asked++;
            pthread_mutex_unlock(&l->mutex);
            t = get_task(&p, &backoff);
            pthread_mutex_lock(&l->mutex);
            l->n_asked--;
            if (t) {
                t->serial = ++l->last_serial;
                list_append(&l->fetched, &t->link);
                l->n_fetched++;
            }
            if (t || l->is_stopping)
                l->options.wake(l->options.arg);
        } else {
            link_sleep(l, &l->changed, -1);
        }
    }
    pthread_mutex_unlock(&l->mutex);
    disconnect(&p);
}

void *link_plain_thread(void *arg)
{
    struct link *l = arg;

    link_plain_work(l);
    link_thread_ends(l);
    return NULL;
}
