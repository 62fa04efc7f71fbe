/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - the main thread of `platoon work`: one loop between the link (tasks in, outcomes out),
 * the slots, the spawner and signals.
 *
 * Callbacks of slots, link and descriptors only take notes; work() acts on them, in one order:
 *
 *     take tasks from the link -> give them to free slots -> say how many more are wanted
 *     -> what is due -> wait
 *
 * Stopping is a row of phases, each entered once:
 *
 *     WORKING   --signal, idle, trouble-->  ENDING    no new tasks; running ones have their grace
 *     ENDING    --grace over-->             CUTTING   running ones are ended and go back
 *     any       --second signal-->          CUTTING   at once
 *     ...       --nothing runs-->           the results are delivered, or their time is up: over */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/remove_tree.h"
#include "worker/agent_internal.h"
#include "worker/cpus.h"

enum {
    FLUSH_S = 10,        /* what is finished gets so long to be delivered, at least */
    FLUSH_AT_ONCE_S = 2, /* after a second signal */
    LEAVE_MS = 2000,     /* threads that hang in the network are left behind after */
    MAX_AHEAD = 8,       /* tasks waiting here for each slot, at most */
    MAX_SPAWNER_STARTS = 5
};
/* Prefetch: a task is fetched ahead for each slot if tasks are shorter than this ... */
#define AHEAD_IF_SHORTER_S 2.0
/* ... and more than one, so that about so much work waits for each slot. */
#define AHEAD_WORK_S 0.05

/* Outcomes of tasks shorter than this are reported several at a time. */
#define REPORT_SOON_S 0.05

/* --- notes ------------------------------------------------------------------------------------ */

static const char *seconds_text(double s, char *out)
{
    if (s < 9.995)
        (void)snprintf(out, 24, "%.2fs", s);
    else if (s < 59.95)
        (void)snprintf(out, 24, "%.1fs", s);
    else if (s < 3600)
        (void)snprintf(out, 24, "%dm%02ds", (int)s / 60, (int)s % 60);
    else
        (void)snprintf(out, 24, "%dh%02dm", (int)s / 3600, (int)s / 60 % 60);
    return out;
}

static void on_finished(struct slot *s, struct task *task, void *arg)
{
    struct agent *a = arg;
    const struct agent_log *log = &a->options->log;
    double took_s = (double)(clock_mono_ns() - s->started_ns) / 1e9;
    char name[24], took[24];

    task_name(task, name);
    seconds_text(took_s, took);
    switch (task->outcome.kind) {
    case OUTCOME_RESULT:
        a->n_done++;
        agent_log(log, AGENT_INFO, "task %s done in %s (slot %u)", name, took, s->number);
        break;
    case OUTCOME_FAILURE:
        a->n_failed++;
        agent_log(log, AGENT_WARNING, "task %s failed in %s (slot %u): %s: %s", name, took,
                  s->number, failure_kind_name(task->outcome.failure.kind),
                  task->outcome.failure.message ? task->outcome.failure.message : "out of memory");
        break;
    case OUTCOME_RELEASED:
    case OUTCOME_NONE:
        if (a->phase != WORKING) {
            a->n_cut++;
            agent_log(log, AGENT_INFO, "task %s was cut off after %s (slot %u) and goes back", name,
                      took, s->number);
        }
        break;
    }
    if (task->outcome.kind == OUTCOME_RESULT || task->outcome.kind == OUTCOME_FAILURE)
        a->mean_task_s =
            a->mean_task_s < 0 ? took_s : a->mean_task_s + 0.2 * (took_s - a->mean_task_s);
    link_deliver(a->link, task, a->n_waiting > 0 && a->mean_task_s < REPORT_SOON_S);
}

static void on_progress(struct slot *s, const struct task_progress *progress, void *arg)
{
    const struct agent *a = arg;

    link_tell(a->link, s->task, progress);
}

static void on_broken(struct slot *s, const char *why, void *arg)
{
    (void)s;
    agent_note_trouble(arg, PLATOON_EIO, why);
}

/* Any thread. */
static void wake(void *arg)
{
    const struct agent *a = arg;
    const uint64_t one = 1;

    if (write(a->wake_watch.fd, &one, sizeof one) < 0)
        return; /* it is full: the main thread is awake */
}

static void on_wake(struct watch *w, uint32_t events)
{
    uint64_t n;

    (void)events;
    if (read(w->fd, &n, sizeof n) < 0)
        return; /* somebody else's turn has read it */
}

static void on_process_ended(const struct spawn_ended *ended, void *arg)
{
    struct agent *a = arg;

    for (unsigned i = 0; i < a->n_slots; i++)
        if (a->slots[i].process.id == ended->id) {
            slot_process_ended(&a->slots[i], ended);
            return;
        }
}

static void on_spawner(struct watch *w, uint32_t events)
{
    struct agent *a = (struct agent *)(void *)((char *)w - offsetof(struct agent, spawner_watch));

    (void)events;
    if (spawner_read(&a->spawner, on_process_ended, a))
        return;
    /* It and all that it had started are gone. */
    agent_log(
        &a->options->log, AGENT_ERROR,
        "platoon-spawn has died (was it killed?); running tasks go back, and it is started anew");
    reactor_remove(&a->reactor, &a->spawner_watch);
    a->spawner_watch.fd = -1;
    spawner_stop(&a->spawner);
    if (++a->n_spawner_starts > MAX_SPAWNER_STARTS)
        agent_note_trouble(a, PLATOON_EIO, "platoon-spawn dies again and again");
    else
        (void)agent_start_spawner(a);
    for (unsigned i = 0; i < a->n_slots; i++)
        slot_spawner_lost(&a->slots[i]);
}

/* --- stopping --------------------------------------------------------------------------------- */

static uint64_t in_seconds(double s)
{
    return clock_mono_ns() + (uint64_t)(s * 1e9);
}

static unsigned busy_slots(const struct agent *a)
{
    unsigned n = 0;

    for (unsigned i = 0; i < a->n_slots; i++)
        n += a->slots[i].task != NULL;
    return n;
}

static void release_waiting(struct agent *a)
{
    while (!list_is_empty(&a->waiting)) {
        struct task *t = LIST_ENTRY(a->waiting.next, struct task, link);

        list_remove(&t->link);
        t->outcome.kind = OUTCOME_RELEASED;
        link_deliver(a->link, t, !list_is_empty(&a->waiting));
    }
    a->n_waiting = 0;
}

/* No new tasks from here on. */
static void begin_ending(struct agent *a)
{
    a->phase = ENDING;
    a->cut_ns = a->options->drains ? 0 : in_seconds(a->options->stop_grace_s);
    link_stop(a->link);
    for (unsigned i = 0; i < a->n_slots; i++)
        slot_close(&a->slots[i]);
}

static void begin_cutting(struct agent *a, bool is_at_once)
{
    a->phase = CUTTING;
    for (unsigned i = 0; i < a->n_slots; i++)
        slot_give_back(&a->slots[i], is_at_once);
}

static void on_signal(struct watch *w, uint32_t events)
{
    struct agent *a = (struct agent *)(void *)((char *)w - offsetof(struct agent, signal_watch));
    const struct agent_log *log = &a->options->log;
    struct signalfd_siginfo info;
    const char *name;
    unsigned n_busy = busy_slots(a);

    (void)events;
    if (read(w->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    name = sigabbrev_np((int)info.ssi_signo);
    if (a->phase == WORKING) {
        if (n_busy == 0)
            agent_log(log, AGENT_INFO, "SIG%s: stopping", name);
        else if (a->options->drains)
            agent_log(
                log, AGENT_INFO,
                "SIG%s: no new tasks; finishing %u running, however long it takes (once more: "
                "stop at once)",
                name, n_busy);
        else
            agent_log(
                log, AGENT_INFO,
                "SIG%s: no new tasks; %u running get %g s to finish (once more: stop at once)",
                name, n_busy, a->options->stop_grace_s);
        begin_ending(a);
    } else if (!a->is_at_once) {
        a->is_at_once = true;
        agent_log(log, AGENT_INFO, "SIG%s again: stopping at once", name);
        begin_cutting(a, true);
        a->flush_ns = in_seconds(FLUSH_AT_ONCE_S);
    }
}

/* A server that has tasks answers within this, so less would not mean that it has none. */
#define LEAST_IDLE_S 0.5

static uint64_t idle_limit_ns(const struct agent *a)
{
    double s = a->options->idle_exit_s;

    return (uint64_t)((s > LEAST_IDLE_S ? s : LEAST_IDLE_S) * 1e9);
}

static bool all_down(const struct agent *a)
{
    for (unsigned i = 0; i < a->n_slots; i++)
        if (!slot_is_down(&a->slots[i]))
            return false;
    return true;
}

/* Phases that time or trouble bring. Returns true when all is over. */
static bool advance(struct agent *a)
{
    uint64_t now_ns = clock_mono_ns();
    struct platoon_err err;
    enum platoon_status st = link_error(a->link, &err);

    if (st != PLATOON_OK)
        agent_note_trouble(a, st, err.message);
    if (a->status != PLATOON_OK && a->phase != CUTTING) {
        if (a->phase == WORKING)
            begin_ending(a);
        begin_cutting(a, true);
    }
    if (a->phase == WORKING && a->options->idle_exit_s >= 0 && a->idle_since_ns &&
        now_ns - a->idle_since_ns >= idle_limit_ns(a)) {
        agent_log(&a->options->log, AGENT_INFO, "no task for %g s (--idle-exit): stopping",
                  a->options->idle_exit_s);
        begin_ending(a);
    }
    if (a->phase == ENDING && a->cut_ns && now_ns >= a->cut_ns && busy_slots(a) > 0)
        begin_cutting(a, false);
    if (a->phase == WORKING || !all_down(a))
        return false;
    if (st != PLATOON_OK)
        return true; /* nothing can be delivered any more */
    if (link_has_stopped(a->link) && a->n_waiting == 0 && link_undelivered(a->link) == 0)
        return true;
    if (!a->flush_ns && !(a->options->drains && a->phase == ENDING))
        a->flush_ns =
            in_seconds(a->options->stop_grace_s > FLUSH_S ? a->options->stop_grace_s : FLUSH_S);
    return a->flush_ns && now_ns >= a->flush_ns;
}

/* --- a turn ----------------------------------------------------------------------------------- */

/* A worker was lost with it before, perhaps because of it; or it has no other chance. Whatever waits
 * beside the one that ends the worker loses an attempt too, so that none of these waits here, or runs
 * while a result is not delivered. */
static bool may_kill(const struct task *t)
{
    return t->attempt > 1 || t->is_last;
}

static void take_tasks(struct agent *a)
{
    struct list come;
    unsigned n = 0;
    bool is_careful = false;

    list_init(&come);
    link_take(a->link, &come);
    LIST_EACH (t, &come, struct task, link) {
        n++;
        is_careful |= may_kill(t);
    }
    if (n)
        a->is_careful = is_careful;
    list_move_all(&a->waiting, &come);
    a->n_waiting += n;
    if (a->phase != WORKING)
        release_waiting(a);
}

/* A result that nobody would take is not computed to its end. */
static void drop_ended(struct agent *a)
{
    char name[24];

    if (!link_news_of_ends(a->link))
        return;
    for (unsigned i = 0; i < a->n_slots; i++) {
        struct slot *s = &a->slots[i];

        if (!s->task || !link_has_ended(a->link, s->task))
            continue;
        agent_log(
            &a->options->log, AGENT_WARNING,
            "task %s has ended at the server (cancelled, or another worker's result was there "
            "first): its run is stopped",
            task_name(s->task, name));
        slot_give_back(s, false);
    }
    for (struct list *at = a->waiting.next, *next; at != &a->waiting; at = next) {
        struct task *t = LIST_ENTRY(at, struct task, link);

        next = at->next;
        if (!link_has_ended(a->link, t))
            continue;
        list_remove(&t->link);
        a->n_waiting--;
        t->outcome.kind = OUTCOME_RELEASED;
        link_deliver(a->link, t, false);
    }
}

/* Returns how many slots are still free. */
static unsigned give_to_slots(struct agent *a)
{
    uint64_t now_ns = clock_mono_ns();
    bool has_given = false;
    unsigned n_free = 0;

    if (a->is_careful && link_undelivered(a->link) > 0)
        return 0; /* the link wakes us when they are */

    for (unsigned i = 0; i < a->n_slots; i++) {
        struct slot *s = &a->slots[i];

        /* A task that fails before anything is started leaves its slot free: the next one. */
        while (a->phase == WORKING && slot_is_free(s, now_ns) && a->n_waiting > 0) {
            struct task *t = LIST_ENTRY(a->waiting.next, struct task, link);

            list_remove(&t->link);
            a->n_waiting--;
            has_given = true;
            slot_run(s, t);
        }
        n_free += slot_is_free(s, now_ns);
    }
    if (has_given && a->is_careful)
        release_waiting(a);
    return n_free;
}

/* Tasks that should wait here, so that no slot need wait for the network. */
static unsigned ahead(const struct agent *a)
{
    double for_slot;

    if (a->mean_task_s < 0 || a->mean_task_s > AHEAD_IF_SHORTER_S || !link_has_leases(a->link) ||
        a->is_careful)
        return 0;
    for_slot = AHEAD_WORK_S / (a->mean_task_s > 1e-4 ? a->mean_task_s : 1e-4);
    for_slot = for_slot < 1 ? 1 : for_slot > MAX_AHEAD ? MAX_AHEAD : for_slot;
    return (unsigned)(for_slot * a->n_slots);
}

static void say_what_is_wanted(struct agent *a, unsigned n_free)
{
    unsigned n = ahead(a);

    if (a->phase != WORKING)
        return;
    /* Several at a time, not one for each that was begun; but a free slot does not wait. */
    if (a->n_waiting > n / 2 && a->n_waiting >= n_free)
        return;
    link_want(a->link, n + n_free > a->n_waiting ? n + n_free - a->n_waiting : 0);
}

static void note_idleness(struct agent *a, unsigned n_free)
{
    if (n_free < a->n_slots || a->n_waiting > 0 || link_undelivered(a->link) > 0 ||
        !link_has_begun(a->link))
        a->idle_since_ns = 0;
    else if (!a->idle_since_ns)
        a->idle_since_ns = clock_mono_ns();
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return !a_ns || (b_ns && b_ns < a_ns) ? b_ns : a_ns;
}

/* How long to wait for events: until the next thing is due. */
static int wait_ms(struct agent *a)
{
    uint64_t now_ns = clock_mono_ns(), next_ns = 0;

    for (unsigned i = 0; i < a->n_slots; i++)
        next_ns = earlier(next_ns, slot_tick(&a->slots[i], now_ns));
    if (a->phase == WORKING && a->options->idle_exit_s >= 0 && a->idle_since_ns)
        next_ns = earlier(next_ns, a->idle_since_ns + (uint64_t)(a->options->idle_exit_s * 1e9));
    if (a->phase == ENDING)
        next_ns = earlier(next_ns, a->cut_ns);
    next_ns = earlier(next_ns, a->flush_ns);
    if (!next_ns)
        return -1;
    if (next_ns <= now_ns)
        return 0;
    next_ns = (next_ns - now_ns + 999999) / 1000000; /* rounded up, or it spins at every deadline */
    return next_ns > INT_MAX ? INT_MAX : (int)next_ns;
}

static void work(struct agent *a)
{
    for (;;) {
        unsigned n_free;

        take_tasks(a);
        drop_ended(a);
        n_free = give_to_slots(a);
        note_idleness(a, n_free);
        say_what_is_wanted(a, n_free);
        if (advance(a))
            return;
        if (!reactor_turn(&a->reactor, wait_ms(a))) {
            agent_note_trouble(a, PLATOON_EIO, "epoll_wait failed");
            return;
        }
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status start_link(struct agent *a, struct platoon_err *err)
{
    const struct agent_options *o = a->options;
    const struct link_options options = {.host = o->host,
                                         .port = o->port,
                                         .address = o->address,
                                         .authkey = o->authkey,
                                         .authkey_len = o->authkey_len,
                                         .task_queue = o->task_queue,
                                         .result_queue = o->result_queue,
                                         .worker = a->worker_name,
                                         .worker_host = a->host_name,
                                         .n_slots = a->n_slots,
                                         .log = &o->log,
                                         .wake = wake,
                                         .arg = a};

    return link_start(&options, &a->link, err);
}

static void name_worker(struct agent *a)
{
    if (gethostname(a->host_name, sizeof a->host_name) != 0)
        strcpy(a->host_name, "unknown");
    a->host_name[sizeof a->host_name - 1] = '\0'; /* a longer name is cut without one */
    (void)snprintf(a->worker_name, sizeof a->worker_name, "%s-%d", a->host_name, (int)getpid());
}

static void say_start(const struct agent *a)
{
    const struct agent_options *o = a->options;
    const struct runner_options *r = &a->runner_options;
    char what[512];
    size_t len = 0;

    what[0] = '\0';
    for (size_t i = 0; i < r->n_args && len < sizeof what; i++)
        len += (size_t)snprintf(what + len, sizeof what - len, " %s", r->args[i]);
    agent_log(&o->log, AGENT_INFO, "worker %s: %u slot%s, runner %s%s, tasks of %s at %s, root %s",
              a->worker_name, a->n_slots, a->n_slots == 1 ? "" : "s", o->runner->name, what,
              o->task_queue, o->address, a->root);
}

/* The result of a run that was set up. */
static enum platoon_status conclude(struct agent *a, size_t n_undelivered, struct platoon_err *err)
{
    agent_log(&a->options->log, AGENT_INFO, "worker %s: ended; %llu done, %llu failed, %u cut off",
              a->worker_name, (unsigned long long)a->n_done, (unsigned long long)a->n_failed,
              a->n_cut);
    if (a->status != PLATOON_OK) {
        *err = a->err;
        return a->status;
    }
    if (n_undelivered > 0)
        return platoon_fail(err, PLATOON_EUNKNOWN,
                            "%zu task%s could not be reported to the server at %s before this "
                            "worker ended; %s",
                            n_undelivered, n_undelivered == 1 ? "" : "s", a->options->address,
                            link_has_leases(a->link) ? "the server gives them to others"
                                                     : "their results are lost");
    if (a->n_cut > 0)
        return platoon_fail(err, PLATOON_EINTR,
                            "%u running task%s cut off and went back to the queue", a->n_cut,
                            a->n_cut == 1 ? " was" : "s were");
    return PLATOON_OK;
}

enum platoon_status agent_run(const struct agent_options *options, struct platoon_err *err)
{
    struct agent *a = calloc(1, sizeof *a);
    sigset_t signals, before;
    enum platoon_status st;
    struct platoon_err own_err;
    bool is_over = true;

    if (!a)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    if (!err)
        err = &own_err;
    a->options = options;
    a->n_slots = options->n_slots ? options->n_slots : cpus_usable();
    a->mean_task_s = -1;
    a->reactor.epoll_fd = a->spawner.fd = -1;
    a->spawner_watch = (struct watch){-1, on_spawner};
    a->wake_watch = (struct watch){-1, on_wake};
    a->signal_watch = (struct watch){-1, on_signal};
    a->setup.on_finished = on_finished;
    a->setup.on_progress = on_progress;
    a->setup.on_broken = on_broken;
    a->setup.arg = a;
    list_init(&a->waiting);
    name_worker(a);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, &before); /* in all threads to come */

    st = agent_set_up(a, &signals, err);
    if (st == PLATOON_OK)
        st = start_link(a, err);
    if (st == PLATOON_OK) {
        size_t n_undelivered;

        say_start(a);
        for (unsigned i = 0; i < a->n_slots; i++)
            slot_open(&a->slots[i]);
        work(a);
        agent_end_slots(a);
        n_undelivered = link_undelivered(a->link);
        st = conclude(a, n_undelivered, err);
        /* Left behind, threads still use our memory; the process ends next. */
        is_over = link_free(a->link, LEAVE_MS);
    } else {
        agent_end_slots(a);
    }
    if (is_over)
        agent_tear_down(a);
    else
        (void)remove_tree(a->work_dir);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}
