/* SPDX-License-Identifier: Apache-2.0 */
/* spawner.h - the agent's side of platoon-spawn (src/spawn): start, signal and be told of
 * processes.
 *
 * Main thread only. Sending may block for as long as platoon-spawn takes to exec what was asked
 * before (well under a millisecond); reading never blocks. */
#ifndef PLATOON_WORKER_SPAWNER_H
#define PLATOON_WORKER_SPAWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <platoon/status.h>

#include "spawn/spawn_protocol.h"

struct spawner {
    int fd; /* -1: not running */
    pid_t pid;
    char *in; /* bytes of messages that are not whole yet */
    size_t in_len, in_cap;
    uint64_t last_id; /* for whoever numbers requests */
};

/* One process to start. All is borrowed for the call; the descriptors stay yours to close. */
struct spawn_request {
    uint64_t id; /* yours, never used twice */
    const char *folder;
    char *const *argv; /* ends with NULL */
    char *const *env;  /* ends with NULL */
    size_t mark;       /* index into env; see spawn_protocol.h */
    int fds[SPAWN_MAX_FDS];
    int fd_targets[SPAWN_MAX_FDS];
    size_t n_fds;
    struct spawn_limit limits[SPAWN_MAX_LIMITS];
    size_t n_limits;
};

/* Find the program: $PLATOON_SPAWN, beside this program, ../libexec/platoon/ from there,
 * PREFIX/libexec/platoon. ENOTFOUND names all the places. `out` has PATH_MAX bytes. */
enum platoon_status spawner_find(char *out, size_t out_size, struct platoon_err *err);

/* Start platoon-spawn and wait for its HELLO. EIO, EVERSION, ETIMEDOUT (it says nothing for 10 s).
 */
enum platoon_status spawner_start(struct spawner *s, const char *program, struct platoon_err *err);
/* Close the socket, upon which it kills all its processes and ends; waits until it has. Safe on a
 * spawner that never started (fd -1). */
void spawner_stop(struct spawner *s);

/* Have `path` removed when this process is gone, however it goes. */
enum platoon_status spawner_folder(struct spawner *s, const char *path, struct platoon_err *err);
/* ELIMIT: arguments and environment longer than the kernel takes. EIO: platoon-spawn is gone
 * (spawner_read() will say so too). Whether the process could be started comes with its
 * SPAWN_ENDED. */
enum platoon_status spawner_request(struct spawner *s, const struct spawn_request *request,
                                    struct platoon_err *err);
void spawner_kill(struct spawner *s, uint64_t id, int signal);

/* Read what has come (the socket is readable) and call `on_ended` for each process that ended; it
 * may start others. false: platoon-spawn is gone; nothing more will come. */
bool spawner_read(struct spawner *s, void (*on_ended)(const struct spawn_ended *ended, void *arg),
                  void *arg);

/* "setting its limits", for "%s failed". Static. */
const char *spawn_step_text(enum spawn_step step);

#endif
