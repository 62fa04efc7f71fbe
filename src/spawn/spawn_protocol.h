/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_protocol.h - what the agent and platoon-spawn say to each other.
 *
 * A stream socket pair joins the two; nobody else can write to it. A message is a spawn_header and
 * a body of body_bytes. The two programs run on one machine and are built from this one header, so
 * bodies are structs in the machine's own layout, without padding (asserted below); the version in
 * SPAWN_HELLO tells apart programs of different builds. Lengths and counts are checked all the
 * same: a bug on one side must not become a crash of both.
 *
 *     platoon-spawn -> agent   HELLO   once, at start
 *     agent -> platoon-spawn   FOLDER  a folder to remove, with all in it, when the agent is gone
 *     agent -> platoon-spawn   START   start a process; its descriptors travel along (SCM_RIGHTS)
 *     agent -> platoon-spawn   KILL    send a signal to a process and its group
 *     platoon-spawn -> agent   ENDED   once for each START: it ended, or could not be started
 *
 * Processes are named by the agent's own numbers (`id`), never by pid: a number stays good until
 * its ENDED was read, and a KILL that crosses an ENDED on the way is ignored. When the agent's end
 * of the socket closes, for whatever reason, platoon-spawn kills everything it started, removes the
 * folder and ends. */
#ifndef PLATOON_SPAWN_PROTOCOL_H
#define PLATOON_SPAWN_PROTOCOL_H

#include <stdint.h>

#define SPAWN_PROTOCOL_VERSION 1u

/* platoon-spawn finds its end of the socket here. */
#define SPAWN_SOCKET_FD 3

/* Longest body. The kernel takes at most 2 MiB of arguments and environment with its usual stack
 * limit. */
#define SPAWN_MAX_BODY   (4u << 20)
#define SPAWN_MAX_FDS    8
#define SPAWN_MAX_LIMITS 4
/* Descriptors are given to the child as numbers below this. */
#define SPAWN_MAX_TARGET_FD 9

enum spawn_message { SPAWN_HELLO = 1, SPAWN_FOLDER, SPAWN_START, SPAWN_KILL, SPAWN_ENDED };

struct spawn_header {
    uint32_t type; /* enum spawn_message */
    uint32_t body_bytes;
};

struct spawn_hello {
    uint32_t version; /* SPAWN_PROTOCOL_VERSION */
    uint32_t pid;
};

/* FOLDER: the body is the path, with its NUL. */

struct spawn_limit {
    uint32_t resource; /* RLIMIT_... */
    uint32_t unused;
    uint64_t value; /* soft and hard limit alike */
};

/* START: this, then n_argv + n_env + 1 strings, each with its NUL: the working folder, argv,
 * environment.
 *
 * The child gets its own session and process group, the default action and an unblocked mask for
 * every signal, the descriptors fds[i] (in the order they were attached) as numbers fd_target[i],
 * and no others but /dev/null for those of 0, 1, 2 that are not named. argv[0] without a slash is
 * looked up in the PATH of the environment given here. */
struct spawn_start {
    uint64_t id;
    uint32_t n_argv, n_env; /* n_argv >= 1 */
    uint32_t n_fds, n_limits;
    uint32_t mark; /* the environment entry, by index, by which processes that left the group are
                      known to belong to this one; no two living processes share its text */
    uint32_t unused;
    uint32_t fd_target[SPAWN_MAX_FDS];
    struct spawn_limit limits[SPAWN_MAX_LIMITS];
};

struct spawn_kill {
    uint64_t id;
    uint32_t signal;
    uint32_t unused;
};

/* What platoon-spawn was doing when a START failed. */
enum spawn_step {
    SPAWN_STEP_NONE,    /* the process ran */
    SPAWN_STEP_REQUEST, /* the request itself was malformed */
    SPAWN_STEP_FORK,
    SPAWN_STEP_SESSION,
    SPAWN_STEP_LIMITS,
    SPAWN_STEP_FOLDER,
    SPAWN_STEP_REDIRECT,
    SPAWN_STEP_EXEC
};

struct spawn_ended {
    uint64_t id;
    uint32_t step;  /* enum spawn_step; if not NONE, `error` says why and the rest is 0 */
    int32_t error;  /* errno */
    int32_t status; /* as wait() gives it */
    uint32_t pid;
    uint64_t user_us, system_us; /* CPU time, of the process and the children it waited for */
    uint64_t max_rss_kib;
};

_Static_assert(sizeof(struct spawn_header) == 8, "no padding");
_Static_assert(sizeof(struct spawn_start) == 32 + 4 * SPAWN_MAX_FDS + 16 * SPAWN_MAX_LIMITS,
               "no padding");
_Static_assert(sizeof(struct spawn_kill) == 16, "no padding");
_Static_assert(sizeof(struct spawn_ended) == 48, "no padding");

#endif
