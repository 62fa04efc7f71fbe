/* SPDX-License-Identifier: Apache-2.0 */
/* family.h - the processes that platoon-spawn started, and what those started in turn.
 *
 * A *leader* is a process that was asked for: it has a session and a process group of its own,
 * whose number is its pid. What it starts stays in that group, unless it makes a session of its own
 * (a daemon, `setsid`). When such a process's parent ends, the kernel hands it to us
 * (PR_SET_CHILD_SUBREAPER): then it is a *stray*. A stray whose environment still holds the mark of
 * a living leader is that leader's business; any other is killed. */
#ifndef PLATOON_SPAWN_FAMILY_H
#define PLATOON_SPAWN_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spawn/spawn_protocol.h"

struct leader {
    uint64_t id;
    pid_t pid;
    char *mark; /* "NAME=VALUE" of its environment, owned; "" if it has none */
};

struct family {
    struct leader *leaders;
    size_t n_leaders, cap_leaders;
    int children_fd; /* /proc/self/task/TID/children; -1 where the kernel has none */
};

/* Becomes the subreaper of its descendants. */
void family_init(struct family *f);
void family_release(struct family *f);

/* Remember a leader that was just started. false when out of memory: the caller must kill it. */
bool family_add(struct family *f, uint64_t id, pid_t pid, const char *mark);

/* Send `signal` to a leader and its group; an id that is not there (any more) is ignored. */
void family_kill(struct family *f, uint64_t id, int signal);

/* Reap one process that ended, without blocking. true: it was a leader, the rest of its group has
 * been killed, and *out says how it ended. false: no leader has ended (others were reaped, and
 * strays without a leader killed). */
bool family_reap(struct family *f, struct spawn_ended *out);

/* Kill everything, and wait for it, at most `limit_ms`. */
void family_kill_all(struct family *f, int limit_ms);

#endif
