/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h - what a command starts around itself to run tasks on this machine: a server on a free
 * port of loopback, and workers, each a process of its own, as they would be on several machines.
 *
 * All live in one folder: server/ (the data, the key), server.log, worker-1.log, ... They end with
 * the command, however that ends. */
#ifndef PLATOON_CLI_CREW_H
#define PLATOON_CLI_CREW_H

#include <stdint.h>

#include <platoon/manager.h>

#include "cli/child.h"

enum { CREW_MAX_WORKERS = 2 };
/* How long a worker that was asked to end is waited for: more than the agent's own --stop-grace. */
enum { CREW_WORKER_GRACE_MS = 15000 };
/* How long a task of a worker that was killed is out before it comes back: the lease time of the
 * server, and a second for its looks. Short: worker and server are on one machine. */
enum { CREW_LEASE_S = 5, CREW_LOST_MS = CREW_LEASE_S * 1000 + 1500 };

struct crew {
    const char *folder; /* absolute; borrowed */
    char *program;      /* this program */
    char *key_file;     /* the server's */
    uint16_t port;
    struct child server, workers[CREW_MAX_WORKERS];
    size_t n_workers;
};

/* Start the server; what an earlier one left in the folder is forgotten. Blocks until it listens.
 * Any failure: crew_stop() all the same. */
enum platoon_status crew_start_server(struct crew *c, const char *folder, struct platoon_err *err);
/* Start one more worker with `slots` slots, in `folder`; its command line goes on with `words` (a
 * list of texts: --root, --runner and what follows it). */
enum platoon_status crew_start_worker(struct crew *c, unsigned slots, const char *folder,
                                      const platoon_value *words, struct platoon_err *err);
/* The last worker has ended: start it once more, with what crew_start_worker() was given. Its log
 * begins anew. */
enum platoon_status crew_restart_worker(struct crew *c, unsigned slots, const char *folder,
                                        const platoon_value *words, struct platoon_err *err);
/* PLATOON_OK while all of them run; else who ended, how, and the end of its log. */
enum platoon_status crew_check(struct crew *c, struct platoon_err *err);
/* Connect to the server with its key. */
enum platoon_status crew_connect(const struct crew *c, platoon_manager **out,
                                 struct platoon_err *err);
/* Ask the workers to end, which gives running tasks back; does not wait. The next is crew_stop(). */
void crew_ask_to_stop(struct crew *c);
/* End workers, then server; then free. Zeroed is fine. Blocks until they are gone. */
void crew_stop(struct crew *c);

/* EIO with how `ended` ended and the last line that FOLDER/LOG says. */
enum platoon_status crew_describe_end(const char *folder, const struct child *ended,
                                      const char *who, const char *log, struct platoon_err *err);

#endif
