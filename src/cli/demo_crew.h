/* SPDX-License-Identifier: Apache-2.0 */
/* demo_crew.h - what `platoon demo` starts around itself: a folder with the scenario built in it, a
 * server, and two workers, each a process of its own, as they would be on three machines. */
#ifndef PLATOON_CLI_DEMO_CREW_H
#define PLATOON_CLI_DEMO_CREW_H

#include <stdbool.h>
#include <signal.h>
#include <stdint.h>

#include <platoon/manager.h>

#include "cli/child.h"

enum { DEMO_N_WORKERS = 2 };

struct demo_crew {
    char *folder;   /* ./platoon-data/demo-YYYYMMDD-HHMMSS, absolute */
    char *scenario; /* FOLDER/ramp_metering: the workers' root */
    char *program;  /* this program */
    char *key_file; /* the server's */
    uint16_t port;
    struct child builder, server, workers[DEMO_N_WORKERS];
};

/* Make the folder, copy the scenario into it and build it. Blocks for about a second. Any failure:
 * release `c` all the same. EINTR when *stop is not 0. */
enum platoon_status demo_crew_prepare(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                      struct platoon_err *err);
/* Start the server on a free port and the workers, `slots` for each. */
enum platoon_status demo_crew_start(struct demo_crew *c, unsigned slots, struct platoon_err *err);
/* PLATOON_OK while all of them run; else who ended, how, and the end of its log. */
enum platoon_status demo_crew_check(struct demo_crew *c, struct platoon_err *err);
/* Connect to the server with its key. */
enum platoon_status demo_crew_connect(const struct demo_crew *c, platoon_manager **out,
                                      struct platoon_err *err);
/* End workers, then server; then free. Zeroed is fine. Blocks until they are gone. */
void demo_crew_release(struct demo_crew *c);

#endif
