/* SPDX-License-Identifier: Apache-2.0 */
/* slot.c - the states of a slot. Rules and picture in slot.h; "rule 3" is cited from there. */
#include "worker/slot.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "worker/answer.h"
#include "worker/judge.h"

enum {
    LISTEN_MS = 5,        /* a command's output is not looked at earlier: most are over by then */
    MAX_BAD_STARTS = 3,   /* processes in a row that ended without having taken a task */
    STARTING_WARN_S = 30, /* a runner that is not ready by then is mentioned */
    DEAF_S = 2,           /* from the end of a runner's output to its own */
    MAX_PAUSE_S = 30,     /* between tries on a machine that is short of something */
    MAX_LINE = 2000,      /* longer lines of a runner's log are cut in the echo */
    FRAME_HEAD = 4,       /* bytes of a frame's length */
    KEEP_BYTES = 1024 * 1024 /* buffers above this are not kept from task to task */
};

static uint64_t seconds_ns(double s)
{
    return (uint64_t)(s * 1e9);
}

static bool is_persistent(const struct slot *s)
{
    return s->setup->ops->shape == RUNNER_PERSISTENT;
}

/* --- ends of tasks ---------------------------------------------------------------------------- */

/* The task leaves the slot; its outcome is set. */
static void finish(struct slot *s)
{
    struct task *task = s->task;
    int error;

    assert(task && task->outcome.kind != OUTCOME_NONE);
    if ((error = task_folder_settle(&s->folder)) != 0)
        agent_log(s->setup->log, AGENT_WARNING,
                  "cannot remove what task left in its folder in %s: %s", s->setup->work_dir,
                  strerror(error));
    s->task = NULL;
    s->deadline_ns = 0;
    s->setup->on_finished(s, task, s->setup->arg);
}

/* This machine could not run the task: it goes back, and the slot rests a while, longer each time.
 */
static void give_up_on_task(struct slot *s, const char *why)
{
    s->pause_s = s->pause_s ? s->pause_s * 2 : 1;
    if (s->pause_s > MAX_PAUSE_S)
        s->pause_s = MAX_PAUSE_S;
    s->pause_ns = clock_mono_ns() + seconds_ns(s->pause_s);
    agent_log(s->setup->log, AGENT_WARNING,
              "slot %u: %s; the task goes back to the queue, next try in %u s", s->number, why,
              s->pause_s);
    outcome_release(&s->task->outcome);
    s->task->outcome.kind = OUTCOME_RELEASED;
    finish(s);
}

static void add_tail(struct slot *s, struct outcome *o)
{
    if (o->kind == OUTCOME_FAILURE && !o->failure.stderr_tail)
        failure_set_tail(&o->failure, s->process.tail.data, s->process.tail.len);
}

/* What we did to the process decides before what it did. */
static bool judge_by_our_end(struct slot *s, const struct spawn_ended *ended)
{
    struct outcome *o = &s->task->outcome;

    switch (s->end) {
    case SLOT_END_RELEASE:
    case SLOT_END_CLOSE:
        outcome_release(o);
        o->kind = OUTCOME_RELEASED;
        return true;
    case SLOT_END_TIMEOUT:
        judge_timeout(ended, s->setup->options->timeout_s, o);
        return true;
    case SLOT_END_OVERFLOW:
        outcome_fail(
            o, FAILURE_BAD_OUTPUT,
            "it printed more than %zu MiB on its stdout (--max-output) and was killed; let "
            "it write a file and print its name",
            s->setup->max_output_bytes >> 20);
        return true;
    case SLOT_END_GARBAGE:
        outcome_fail(o, FAILURE_BAD_OUTPUT, "the runner broke its contract and was killed: %s",
                     s->garbage ? s->garbage : "out of memory");
        return true;
    case SLOT_END_NONE:
        break;
    }
    return false;
}

/* --- killing ---------------------------------------------------------------------------------- */

static void kill_process(struct slot *s, enum slot_end end, bool at_once)
{
    if (s->end == SLOT_END_NONE)
        s->end = end;
    s->state = SLOT_ENDING;
    s->deadline_ns = 0;
    process_signal(&s->process, at_once ? SIGKILL : SIGTERM);
    s->kill_ns = at_once ? 0 : clock_mono_ns() + seconds_ns(SLOT_KILL_GRACE_S);
}

static void kill_for_garbage(struct slot *s, const char *how)
{
    free(s->garbage);
    s->garbage = strdup(how);
    agent_log(s->setup->log, AGENT_WARNING, "slot %u: the runner broke its contract: %s", s->number,
              how);
    kill_process(s, SLOT_END_GARBAGE, true);
}

/* --- what a process says ---------------------------------------------------------------------- */

/* Echo whole lines of its log, at -v. */
static void on_log(struct process *p, const char *text, size_t len)
{
    struct slot *s = (struct slot *)(void *)((char *)p - offsetof(struct slot, process));

    if (s->setup->log->level < AGENT_DEBUG)
        return;
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;

        if (s->line.len < MAX_LINE)
            (void)buf_append(&s->line, text, n < MAX_LINE ? n : MAX_LINE); /* only an echo */
        if (newline) {
            agent_log(s->setup->log, AGENT_DEBUG, "slot %u: %.*s", s->number, (int)s->line.len,
                      s->line.len ? (const char *)s->line.data : "");
            s->line.len = 0;
            n++;
        }
        text += n;
        len -= n;
    }
}

static void on_ready(struct slot *s, platoon_value *details)
{
    int64_t protocol;

    if (platoon_as_int(platoon_dict_get(details, "pickle_protocol"), &protocol) == PLATOON_OK &&
        protocol >= 2 && protocol <= 4)
        s->protocol = (int)protocol;
    s->was_ready = true;
    s->deadline_ns = 0;
    s->state = SLOT_FREE;
}

/* What does not fit is left out: it is only for people to look at. A runner that tells which part is
 * done, but not how long the rest takes, is taken to work evenly. */
static void tell_progress(struct slot *s, const platoon_value *told)
{
    double took_s = (double)(clock_mono_ns() - s->started_ns) / 1e9;
    struct task_progress p;

    (void)task_progress_read(told, &p, NULL);
    if (p.done > 0.0 && task_progress_number(&p, "left_s", -1.0) < 0.0)
        task_progress_set(&p, "left_s", took_s * (1.0 - p.done) / p.done);
    s->setup->on_progress(s, &p, s->setup->arg);
}

static void on_answer(struct slot *s, struct answer *a)
{
    switch (a->kind) {
    case ANSWER_READY:
        if (s->state != SLOT_STARTING)
            kill_for_garbage(s, "it said twice that it is ready");
        else
            on_ready(s, a->value);
        return;
    case ANSWER_FAILED:
        if (s->state != SLOT_STARTING) {
            kill_for_garbage(s, "it said after its start that it cannot start");
            return;
        }
        s->is_closed = true;
        s->setup->on_broken(s, platoon_as_str(a->value, NULL), s->setup->arg);
        kill_process(s, SLOT_END_CLOSE, true);
        return;
    case ANSWER_PROGRESS:
        if (s->state == SLOT_BUSY)
            tell_progress(s, a->value);
        return;
    case ANSWER_WARNING:
        agent_log(s->setup->log, AGENT_WARNING, "slot %u: %s", s->number,
                  platoon_as_str(a->value, NULL));
        return;
    case ANSWER_OUTCOME:
        if (s->state != SLOT_BUSY) {
            kill_for_garbage(s, "it gave a result that nobody had asked for");
            return;
        }
        s->n_bad_starts = 0; /* it got as far as a task */
        s->task->outcome = a->outcome;
        a->outcome = (struct outcome){.kind = OUTCOME_NONE};
        add_tail(s, &s->task->outcome);
        s->state = SLOT_FREE;
        finish(s);
        if (s->is_closed)
            slot_close(s);
        return;
    case ANSWER_BAD:
        kill_for_garbage(s, a->message);
        return;
    }
}

static void read_frames(struct slot *s)
{
    struct buf *output = &s->process.output;
    size_t at = 0;

    while (s->state != SLOT_ENDING) { /* rule 5: not even read */
        bool is_too_long;
        size_t len = answer_frame_len(output->data + at, output->len - at, &is_too_long);
        struct answer a;

        if (is_too_long)
            kill_for_garbage(
                s, "what it wrote to descriptor 4 is no frame, or one of more than 1 GiB");
        if (len == 0)
            break;
        answer_read(output->data + at + 4, len - 4, &a);
        at += len;
        on_answer(s, &a);
        answer_release(&a);
    }
    buf_drop(output, s->state == SLOT_ENDING ? output->len : at);
    if (output->len == 0 && output->cap > KEEP_BYTES)
        buf_release(output);
}

static void on_output(struct process *p)
{
    struct slot *s = (struct slot *)(void *)((char *)p - offsetof(struct slot, process));

    if (is_persistent(s)) {
        read_frames(s);
    } else if (p->output.len > s->setup->max_output_bytes) {
        kill_process(s, SLOT_END_OVERFLOW, true);
        p->output.len = 0; /* the rest, until it is dead, is not kept either */
    }
}

static void on_output_end(struct process *p)
{
    struct slot *s = (struct slot *)(void *)((char *)p - offsetof(struct slot, process));

    /* A command may close its stdout early. A persistent runner most likely has ended, and the news
     * of how it did is on its way; one that lives on cannot answer any more and is of no use. */
    if (!is_persistent(s) || p->id == 0 || s->state == SLOT_ENDING)
        return;
    s->deaf_ns = clock_mono_ns() + seconds_ns(DEAF_S);
    if (s->state != SLOT_BUSY)
        s->state = SLOT_ENDING;
}

static const struct process_events events = {on_output, on_output_end, on_log};

/* --- starting processes ----------------------------------------------------------------------- */

static enum platoon_status start_process(struct slot *s, struct run_plan *plan,
                                         const struct task *task, struct platoon_err *err)
{
    struct spawn_limit limits[2] = {{.resource = RLIMIT_CORE, .value = 0},
                                    {.resource = RLIMIT_AS, .value = s->setup->memory_bytes}};
    struct process_start how = {.shape = s->setup->ops->shape,
                                .folder = s->setup->options->root,
                                .argv = plan->argv,
                                .limits = limits,
                                .n_limits = s->setup->memory_bytes ? 2 : 1,
                                .input = plan->input,
                                .input_len = plan->input_len};
    char **env = environment_for(s->setup->environment, s->number, task, s->folder.path, &how.mark);
    enum platoon_status st;

    if (!env)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    how.env = env;
    st = process_run(&s->process, &how, err);
    free(env);
    s->end = SLOT_END_NONE;
    s->kill_ns = s->deaf_ns = s->listen_ns = 0;
    s->line.len = 0;
    if (st == PLATOON_OK && is_persistent(s))
        process_listen(&s->process);
    else if (st == PLATOON_OK)
        s->listen_ns = clock_mono_ns() + (uint64_t)LISTEN_MS * 1000000u;
    return st;
}

static void open_process(struct slot *s)
{
    struct run_plan plan = {.argv = NULL};
    struct platoon_err err;
    enum platoon_status st;

    if (s->setup->ops->command(s->setup->runner, &plan))
        st = start_process(s, &plan, NULL, &err);
    else
        st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    run_plan_release(&plan);
    s->n_bad_starts++;
    if (st != PLATOON_OK) {
        agent_log(s->setup->log, AGENT_WARNING, "slot %u: cannot start its runner: %s", s->number,
                  err.message);
        s->pause_ns = clock_mono_ns() + seconds_ns(1);
        return;
    }
    s->protocol = 4;
    s->pause_ns = 0;
    s->state = s->setup->ops->says_ready ? SLOT_STARTING : SLOT_FREE;
    s->deadline_ns = s->state == SLOT_STARTING ? clock_mono_ns() + seconds_ns(STARTING_WARN_S) : 0;
}

/* A runner's process is gone, and no task with it. */
static void process_is_gone(struct slot *s, const struct spawn_ended *ended)
{
    struct outcome how = {.kind = OUTCOME_NONE};
    char why[512] = "", message[2048];

    s->state = SLOT_DOWN;
    s->deadline_ns = s->kill_ns = 0;
    if (s->is_closed)
        return;
    if (s->n_bad_starts == 0) {
        open_process(s);
        return;
    }
    if (ended->step != SPAWN_STEP_NONE) {
        struct run_plan plan = {.argv = NULL};

        if (s->setup->ops->command(s->setup->runner, &plan))
            (void)judge_start(ended, plan.argv[0], s->setup->options->root, &how, why);
        run_plan_release(&plan);
    } else {
        judge_bad_end(ended, false, &how);
    }
    failure_set_tail(&how.failure, s->process.tail.data, s->process.tail.len);
    (void)snprintf(message, sizeof message, "the runner cannot work: %s%s%s",
                   how.failure.message ? how.failure.message : why,
                   how.failure.stderr_tail ? "; its last words: " : "",
                   how.failure.stderr_tail ? how.failure.stderr_tail : "");
    outcome_release(&how);
    if (s->n_bad_starts >= MAX_BAD_STARTS || (s->setup->ops->says_ready && !s->was_ready)) {
        s->is_closed = true;
        s->setup->on_broken(s, message, s->setup->arg);
        return;
    }
    agent_log(s->setup->log, AGENT_WARNING, "slot %u: %s", s->number, message);
    s->pause_ns = clock_mono_ns() + seconds_ns(s->n_bad_starts);
}

/* --- a task begins ---------------------------------------------------------------------------- */

static void run_command(struct slot *s)
{
    struct run_plan plan = {.argv = NULL};
    struct failure failure = {.message = NULL};
    struct platoon_err err;

    if (!s->setup->ops->plan(s->setup->runner, s->task, &plan, &failure)) {
        outcome_release(&s->task->outcome);
        s->task->outcome.kind = OUTCOME_FAILURE;
        s->task->outcome.failure = failure;
        s->state = SLOT_FREE;
        finish(s);
    } else {
        enum platoon_status st = start_process(s, &plan, s->task, &err);

        if (st == PLATOON_ELIMIT) {
            outcome_fail(&s->task->outcome, FAILURE_BAD_TASK, "%s cannot be started: %s",
                         plan.argv[0], err.message);
            s->state = SLOT_FREE;
            finish(s);
        } else if (st != PLATOON_OK) {
            s->state = SLOT_FREE;
            give_up_on_task(s, err.message);
        }
    }
    run_plan_release(&plan);
}

static void hand_to_process(struct slot *s)
{
    struct buf frame = {.data = NULL};
    struct platoon_err err;
    enum platoon_status st =
        answer_write_task(s->task, s->number, s->folder.path, s->protocol, &frame, &err);

    s->frame_len = frame.len;
    s->process.tail.len = 0;
    if (st == PLATOON_OK && !process_send(&s->process, frame.data, frame.len))
        st = platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    buf_release(&frame);
    if (st == PLATOON_OK)
        return;
    outcome_fail(&s->task->outcome, st == PLATOON_ELIMIT ? FAILURE_BAD_TASK : FAILURE_INTERNAL,
                 "the task could not be given to the runner: %s", err.message);
    s->state = SLOT_FREE;
    finish(s);
}

void slot_run(struct slot *s, struct task *task)
{
    const struct runner_options *options = s->setup->options;
    char why[256];
    int error;

    assert(s->state == SLOT_FREE && !s->task);
    s->task = task;
    s->state = SLOT_BUSY;
    s->started_ns = clock_mono_ns();
    s->deadline_ns = options->timeout_s > 0 ? s->started_ns + seconds_ns(options->timeout_s) : 0;
    if (s->deadline_ns && s->setup->ops->limits_itself)
        s->deadline_ns += seconds_ns(SLOT_OWN_LIMIT_GRACE_S);
    if (task->outcome.kind != OUTCOME_NONE) {
        s->state = SLOT_FREE;
        finish(s);
    } else if (platoon_value_kind(task->value) == PLATOON_OPAQUE &&
               !(s->setup->ops->takes_opaque && options->unsafe_pickle)) {
        outcome_fail(&task->outcome, FAILURE_OPAQUE_TASK,
                     "the task is an object of some class, not plain data, and a worker loads no "
                     "foreign classes%s",
                     s->setup->ops->takes_opaque
                         ? "; start it with --unsafe-pickle if you trust all who fill the queue"
                         : "; send a dict, list, number or text");
        s->state = SLOT_FREE;
        finish(s);
    } else if ((error = task_folder_open(&s->folder, s->setup->work_dir, s->number)) != 0) {
        (void)snprintf(why, sizeof why, "cannot make a task folder in %.160s: %s",
                       s->setup->work_dir, strerror(error));
        s->state = SLOT_FREE;
        give_up_on_task(s, why);
    } else if (is_persistent(s)) {
        hand_to_process(s);
    } else {
        run_command(s);
    }
}

/* --- a process ends --------------------------------------------------------------------------- */

static void judge_command(struct slot *s, const struct spawn_ended *ended)
{
    struct outcome *o = &s->task->outcome;
    char why[512];

    if (!judge_by_our_end(s, ended)) {
        if (ended->step != SPAWN_STEP_NONE) {
            struct run_plan plan = {.argv = NULL};
            struct failure unused = {.message = NULL};
            bool has_name = s->setup->ops->plan(s->setup->runner, s->task, &plan, &unused);

            if (!judge_start(ended, has_name ? plan.argv[0] : "the program",
                             s->setup->options->root, o, why)) {
                run_plan_release(&plan);
                failure_release(&unused);
                s->state = SLOT_FREE;
                give_up_on_task(s, why);
                return;
            }
            run_plan_release(&plan);
            failure_release(&unused);
        } else if (judge_is_good_end(ended)) {
            s->setup->ops->collect(s->setup->runner, s->process.output.data, s->process.output.len,
                                   o);
        } else {
            judge_bad_end(ended, false, o);
        }
    }
    add_tail(s, o);
    s->pause_s = 0;
    s->state = SLOT_FREE;
    if (s->process.output.cap > KEEP_BYTES)
        buf_release(&s->process.output);
    finish(s);
}

void slot_process_ended(struct slot *s, const struct spawn_ended *ended)
{
    process_ended(&s->process); /* its last words; they may answer the task */
    s->kill_ns = s->deaf_ns = s->listen_ns = 0;
    if (!is_persistent(s)) {
        judge_command(s, ended);
        return;
    }
    if (s->task) {
        /* One that is killed while it waits for a task may still take the length from the pipe, in
         * the kernel. */
        const bool was_read = s->process.unread + FRAME_HEAD < s->frame_len;
        char why[512] = "";

        if (was_read)
            s->n_bad_starts = 0;
        if (judge_by_our_end(s, ended)) {
            add_tail(s, &s->task->outcome);
            finish(s);
        } else if (ended->step != SPAWN_STEP_NONE) {
            (void)judge_start(ended, "the runner", s->setup->options->root, &s->task->outcome, why);
            s->n_bad_starts = 1;
            give_up_on_task(s, s->task->outcome.failure.message ? s->task->outcome.failure.message
                                                                : why);
        } else if (!was_read) {
            agent_log(s->setup->log, AGENT_WARNING,
                      "slot %u: its runner had ended before the task came; the task goes back to "
                      "the queue",
                      s->number);
            outcome_release(&s->task->outcome);
            s->task->outcome.kind = OUTCOME_RELEASED;
            finish(s);
        } else {
            judge_bad_end(ended, true, &s->task->outcome);
            add_tail(s, &s->task->outcome);
            finish(s);
        }
    }
    process_is_gone(s, ended);
}

void slot_spawner_lost(struct slot *s)
{
    const struct spawn_ended killed = {.id = s->process.id, .status = SIGKILL};

    if (s->process.id == 0)
        return;
    s->end = SLOT_END_RELEASE;
    s->state = SLOT_ENDING; /* whatever is left in the pipes is not read as an answer */
    slot_process_ended(s, &killed);
}

/* --- the agent's wishes ----------------------------------------------------------------------- */

void slot_init(struct slot *s, const struct slot_setup *setup, unsigned number)
{
    *s = (struct slot){.setup = setup, .number = number, .protocol = 4};
    process_init(&s->process, setup->reactor, setup->spawner, &events);
    s->state = is_persistent(s) ? SLOT_DOWN : SLOT_FREE;
}

void slot_release(struct slot *s)
{
    assert(slot_is_down(s));
    process_release(&s->process);
    buf_release(&s->line);
    free(s->garbage);
    task_folder_release(&s->folder);
}

bool slot_is_free(const struct slot *s, uint64_t now_ns)
{
    return s->state == SLOT_FREE && !s->is_closed && now_ns >= s->pause_ns;
}

bool slot_is_down(const struct slot *s)
{
    return s->process.id == 0 && !s->task;
}

void slot_open(struct slot *s)
{
    if (is_persistent(s) && s->state == SLOT_DOWN && !s->is_closed)
        open_process(s);
}

void slot_give_back(struct slot *s, bool at_once)
{
    if (!s->task)
        return;
    if (s->state == SLOT_BUSY)
        kill_process(s, SLOT_END_RELEASE, at_once);
    else if (at_once) /* already being ended, in a gentler way */
        process_signal(&s->process, SIGKILL);
}

void slot_close(struct slot *s)
{
    s->is_closed = true;
    if (!is_persistent(s) || s->process.id == 0 || s->task)
        return;
    if (s->state == SLOT_STARTING) {
        kill_process(s, SLOT_END_CLOSE, true);
    } else if (s->state == SLOT_FREE) {
        s->end = SLOT_END_CLOSE;
        s->state = SLOT_ENDING;
        s->kill_ns = clock_mono_ns() + seconds_ns(SLOT_KILL_GRACE_S);
        process_end_input(&s->process);
    }
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return !a_ns || (b_ns && b_ns < a_ns) ? b_ns : a_ns;
}

uint64_t slot_tick(struct slot *s, uint64_t now_ns)
{
    uint64_t next;

    if (s->kill_ns && now_ns >= s->kill_ns) {
        s->kill_ns = 0;
        process_signal(&s->process, SIGKILL);
    }
    if (s->listen_ns && now_ns >= s->listen_ns) {
        s->listen_ns = 0;
        process_listen(&s->process);
    }
    if (s->deaf_ns && now_ns >= s->deaf_ns) {
        s->deaf_ns = 0;
        kill_for_garbage(s, "it closed descriptor 4 and lived on");
    }
    if (s->deadline_ns && now_ns >= s->deadline_ns) {
        s->deadline_ns = 0;
        if (s->state == SLOT_BUSY)
            kill_process(s, SLOT_END_TIMEOUT, false);
        else if (s->state == SLOT_STARTING)
            agent_log(s->setup->log, AGENT_WARNING,
                      "slot %u: the runner is still not ready after %d s; waiting for it",
                      s->number, STARTING_WARN_S);
    }
    if (is_persistent(s) && s->state == SLOT_DOWN && !s->is_closed && s->pause_ns &&
        now_ns >= s->pause_ns)
        open_process(s);

    next = earlier(earlier(s->kill_ns, s->deaf_ns), earlier(s->deadline_ns, s->listen_ns));
    return s->pause_ns > now_ns ? earlier(next, s->pause_ns) : next;
}
