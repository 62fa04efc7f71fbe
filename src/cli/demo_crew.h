/* SPDX-License-Identifier: Apache-2.0 */
/* demo_crew.h - what `platoon demo` starts around itself: a folder with the scenario built in it, a
 * server, and two workers. */
#ifndef PLATOON_CLI_DEMO_CREW_H
#define PLATOON_CLI_DEMO_CREW_H

#include <signal.h>

#include "cli/crew.h"

enum { DEMO_N_WORKERS = 2 };

struct demo_crew {
    char *folder;   /* ./platoon-data/demo-YYYYMMDD-HHMMSS, absolute */
    char *scenario; /* FOLDER/ramp_metering: the workers' root */
    struct child builder;
    struct crew crew;
};

/* Make the folder, copy the scenario into it and build it. Blocks for about a second. Any failure:
 * release `c` all the same. EINTR when *stop is not 0. */
enum platoon_status demo_crew_prepare(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                      struct platoon_err *err);
/* Start the server on a free port and the workers, `slots` for each. */
enum platoon_status demo_crew_start(struct demo_crew *c, unsigned slots, struct platoon_err *err);
/* End workers, then server; then free. Zeroed is fine. Blocks until they are gone. */
void demo_crew_release(struct demo_crew *c);

#endif
