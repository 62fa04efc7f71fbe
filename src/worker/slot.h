/* SPDX-License-Identifier: Apache-2.0 */
/* slot.h - runs one task at a time, with the runner's process.
 *
 *     a process for each task      a process for each slot
 *
 *            FREE                    DOWN --start--> STARTING --ready--> FREE --run---> BUSY
 *           |    ^                     ^                |                 |  <--answer--  |
 *          run   process ended         |                |                 |               |
 *           v    |                     +---- ended ---- ENDING <-- closed, timed out, garbage
 *         BUSY (ENDING)
 *
 * Rules
 *
 *  1. A task that was given to slot_run() comes back by on_finished exactly once, with its outcome.
 *  2. It comes back when nothing of it runs any more: after its process ended, or its runner
 *     answered.
 *  3. Callbacks only take notes; they never call back into slots. (A slot that calls on_finished
 *     may be about to find that its process is gone.)
 *  4. A task that its runner's process did not begin to read when that ended (it was killed while it
 *     was idle, and we did not know yet) goes back: nothing of it ran.
 *  5. What we killed is never a result, whatever it still said or how well it exited.
 *
 * Main thread only. */
#ifndef PLATOON_WORKER_SLOT_H
#define PLATOON_WORKER_SLOT_H

#include "worker/environment.h"
#include "worker/agent_log.h"
#include "worker/process.h"
#include "worker/runner.h"
#include "worker/task.h"
#include "value/task_progress.h"
#include "worker/task_folder.h"

/* Time between SIGTERM and SIGKILL for a task that ran out of time, and for a runner that should
 * end by itself. */
#define SLOT_KILL_GRACE_S 5
/* What a runner that ends tasks at their time limit itself gets to do so. */
#define SLOT_OWN_LIMIT_GRACE_S 60

struct slot;

/* What all slots share; borrowed, outlives them. */
struct slot_setup {
    struct reactor *reactor;
    struct spawner *spawner;
    const struct runner_ops *ops;
    void *runner;
    const struct runner_options *options;
    const struct environment *environment;
    const struct agent_log *log;
    const char *work_dir;
    size_t max_output_bytes; /* of a command's stdout */
    uint64_t memory_bytes;   /* limit of a process's address space; 0: none */
    /* `task` has its outcome; it is yours. */
    void (*on_finished)(struct slot *s, struct task *task, void *arg);
    /* The runner told how far `s->task` is (borrowed). */
    void (*on_progress)(struct slot *s, const struct task_progress *progress, void *arg);
    /* The runner cannot work at all; `why` is a sentence. The slot stays DOWN. */
    void (*on_broken)(struct slot *s, const char *why, void *arg);
    void *arg;
};

enum slot_state { SLOT_DOWN, SLOT_STARTING, SLOT_FREE, SLOT_BUSY, SLOT_ENDING };

/* Why a process is being ended by us. */
enum slot_end {
    SLOT_END_NONE,
    SLOT_END_TIMEOUT,  /* its task ran too long */
    SLOT_END_OVERFLOW, /* it printed too much */
    SLOT_END_GARBAGE,  /* it broke the contract */
    SLOT_END_RELEASE,  /* the task is to go back */
    SLOT_END_CLOSE     /* no more work */
};

struct slot {
    const struct slot_setup *setup;
    unsigned number; /* counts from 1 */
    enum slot_state state;
    enum slot_end end;
    struct process process;
    struct task *task; /* NULL: none */
    struct task_folder folder;
    char *garbage;         /* how the contract was broken; owned */
    struct buf line;       /* an unfinished line of its log */
    int protocol;          /* pickles for the runner */
    bool was_ready;        /* some process of this slot was */
    bool is_closed;        /* slot_close() was called: no more processes */
    unsigned n_bad_starts; /* processes in a row that did nothing */
    size_t frame_len;      /* of what the runner's process was given of its task */
    uint64_t started_ns;   /* mono: when the task began */
    uint64_t deadline_ns;  /* when to do something about it; 0: never */
    uint64_t kill_ns;      /* when to send SIGKILL; 0: never */
    uint64_t deaf_ns;      /* it closed its output: by then it should have ended; 0: it did not */
    uint64_t listen_ns; /* when to begin to read a command's output; 0: it is read, or none runs */
    uint64_t pause_ns;  /* no new process before */
    unsigned pause_s;   /* how long the next pause is */
};

void slot_init(struct slot *s, const struct slot_setup *setup, unsigned number);
/* The slot must be DOWN or FREE without a process. */
void slot_release(struct slot *s);

/* Could take a task now. */
bool slot_is_free(const struct slot *s, uint64_t now_ns);
/* Nothing of it runs. */
bool slot_is_down(const struct slot *s);
/* Start what must be there before tasks come. */
void slot_open(struct slot *s);
/* Takes the task. The slot must be free. */
void slot_run(struct slot *s, struct task *task);
/* End the task it has, if any: it comes back as OUTCOME_RELEASED. `at_once`: by SIGKILL; else
 * SIGTERM first. */
void slot_give_back(struct slot *s, bool at_once);
/* No more tasks: let the runner's process end. */
void slot_close(struct slot *s);
/* Its process ended (struct spawn_ended with process.id). */
void slot_process_ended(struct slot *s, const struct spawn_ended *ended);
/* The spawner is gone, and with it the process. */
void slot_spawner_lost(struct slot *s);
/* Do what is due; returns the next time something will be (0: nothing). */
uint64_t slot_tick(struct slot *s, uint64_t now_ns);

#endif
