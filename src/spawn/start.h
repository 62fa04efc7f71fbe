/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - one request to start a process: check it, then fork, prepare, exec. */
#ifndef PLATOON_SPAWN_START_H
#define PLATOON_SPAWN_START_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "spawn/spawn_protocol.h"

/* A START whose counts and strings were found to lie inside its body; points into it. */
struct start_request {
    struct spawn_start head;
    const char *folder;
    char **argv; /* owned; ends with NULL */
    char **env;  /* owned; ends with NULL */
    const int *fds;
};

/* `body` must end with a NUL behind its body_bytes bytes and outlive the request, as must `fds`.
 * false: malformed, or no memory. */
bool start_parse(const char *body, size_t body_bytes, const int *fds, size_t n_fds,
                 struct start_request *out);
void start_release(struct start_request *r);

struct start_failure {
    enum spawn_step step;
    int error; /* errno */
};

/* Start it. Returns the pid when the program runs (execve succeeded), or -1 with *out filled.
 * Descriptors 0 to SPAWN_MAX_TARGET_FD of this process must not be among the request's; all others
 * must be close-on-exec. Signals must be blocked, and their actions the default ones. */
pid_t start_process(const struct start_request *r, struct start_failure *out);

#endif
