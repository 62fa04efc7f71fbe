/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - one running process of a slot, with the pipes that join us to it.
 *
 * Three streams: bytes for it (its stdin, or descriptor 3), bytes from it (its stdout, or
 * descriptor 4), and its log (stderr; for a persistent runner stdout too), of which the tail is
 * kept. Main thread only. */
#ifndef PLATOON_WORKER_PROCESS_H
#define PLATOON_WORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/reactor.h"
#include "worker/runner.h"
#include "worker/spawner.h"

struct process;

struct process_events {
    /* More was read into p->output; the owner may consume it. May kill, must not release. */
    void (*on_output)(struct process *p);
    /* It closed its output (and may still run). */
    void (*on_output_end)(struct process *p);
    /* It printed this; text is cut where reads were cut. */
    void (*on_log)(struct process *p, const char *text, size_t len);
};

struct process {
    struct reactor *reactor;
    struct spawner *spawner;
    const struct process_events *events;
    uint64_t id; /* 0: does not run */
    struct watch in, out, log;
    struct buf input;  /* what the pipe has not taken yet */
    size_t unread;     /* after its end: bytes sent to it that it did not read */
    bool is_listening; /* `out` and `log` are watched */
    bool awaits_room;  /* `in` is watched until it takes more */
    bool keeps_input;  /* the stream for it stays open when all is written */
    struct buf output;
    struct buf tail; /* at least the last FAILURE_TAIL_BYTES of its log */
};

void process_init(struct process *p, struct reactor *reactor, struct spawner *spawner,
                  const struct process_events *events);
/* It must not run. */
void process_release(struct process *p);

/* How to start it. All borrowed for the call. */
struct process_start {
    enum runner_shape shape; /* which descriptors the streams are */
    const char *folder;
    char *const *argv;
    char *const *env;
    size_t mark;
    const struct spawn_limit *limits;
    size_t n_limits;
    const uint8_t *input;
    size_t input_len;
};
/* Make the pipes and ask for the process; output and tail begin empty. That it could not be run
 * comes with its end. EIO: no pipes to be had, or the spawner is gone; ELIMIT: arguments too long;
 * ENOMEM. It does not run then. */
enum platoon_status process_run(struct process *p, const struct process_start *how,
                                struct platoon_err *err);

/* Read its output and log as they come. Before this call they are only read at its end, which is
 * cheaper for a process that ends soon, and stops one that prints more than a pipe holds until
 * then. */
void process_listen(struct process *p);

/* Send more to it. false when out of memory. If it does not read any more, that shows otherwise. */
bool process_send(struct process *p, const void *data, size_t len);
/* Close the stream for it: end of file, once all is written. */
void process_end_input(struct process *p);
/* Signal it and its group. */
void process_signal(struct process *p, int signal);

/* Its end was read: take what is left in the pipes (on_output and on_log are called) and close
 * them. p->unread is known from here on, for the callbacks too. */
void process_ended(struct process *p);

#endif
