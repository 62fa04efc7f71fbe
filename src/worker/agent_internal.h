/* SPDX-License-Identifier: Apache-2.0 */
/* agent_internal.h - the agent's state. For agent.c (the loop) and agent_setup.c (before and after
 * it) only. */
#ifndef PLATOON_WORKER_AGENT_INTERNAL_H
#define PLATOON_WORKER_AGENT_INTERNAL_H

#include <limits.h>
#include <signal.h>

#include "base/list.h"
#include "worker/agent.h"
#include "worker/environment.h"
#include "worker/link.h"
#include "worker/reactor.h"
#include "worker/slot.h"
#include "worker/spawner.h"

enum phase { WORKING, ENDING, CUTTING };

struct agent {
    const struct agent_options *options;
    struct runner_options runner_options; /* with the root made absolute */
    char root[PATH_MAX], work_dir[PATH_MAX], spawner_program[PATH_MAX], host_name[64],
        worker_name[96];
    unsigned n_slots;

    struct reactor reactor;
    struct spawner spawner;
    struct environment environment;
    struct slot_setup setup;
    struct slot *slots;
    struct link *link;
    struct watch spawner_watch, wake_watch, signal_watch;

    struct list waiting; /* struct task */
    unsigned n_waiting;
    bool is_careful;    /* the tasks that came last might cost the others: see may_kill() */
    double mean_task_s; /* of recent tasks; negative: none yet */
    uint64_t idle_since_ns;
    unsigned n_spawner_starts;

    enum phase phase;
    uint64_t cut_ns; /* ENDING: when it becomes CUTTING; 0: never */
    /* Nothing runs any more: when to leave though results are undelivered. 0: not yet, or never. */
    uint64_t flush_ns;
    bool is_at_once; /* a second signal came */
    unsigned n_cut;
    uint64_t n_done, n_failed;
    enum platoon_status status; /* why we stop, if it is not that we were asked to */
    struct platoon_err err;
};

/* Note why we must stop; the first reason stays. */
void agent_note_trouble(struct agent *a, enum platoon_status status, const char *why);
/* Start platoon-spawn, anew if need be. false: noted. */
bool agent_start_spawner(struct agent *a);

/* Everything but the link: folders, environment, loop, runner, spawner, slots. The callbacks of
 * `a->setup` and the three watches must be set. agent_tear_down() whatever it answers. */
enum platoon_status agent_set_up(struct agent *a, const sigset_t *signals, struct platoon_err *err);
/* End the spawner, and with it all processes; slots are gone after this. */
void agent_end_slots(struct agent *a);
/* The rest, and `a` itself. */
void agent_tear_down(struct agent *a);

#endif
