/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far it is, on stderr: a line that redraws itself on a terminal, plain lines
 * elsewhere.
 *
 *     demo  [=========>      ] 12/20  1 failed  0.6/s  eta 13s  2 workers
 *
 * The line is drawn at most ten times a second, never wraps, and is erased before anything else is
 * said (talk.h) and at
 * the end. Not a terminal, TERM=dumb or CI set: a plain line each 10 s or 10 %. The rate and the
 * eta come from recent
 * completions; until two are there and two seconds have passed, neither is shown. */
#ifndef PLATOON_CLI_PROGRESS_H
#define PLATOON_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 32 };

struct progress {
    const char *label; /* borrowed */
    uint64_t total, done, failed;
    uint64_t running; /* set it before an update; 0: not shown */
    unsigned workers; /* 0: not shown */
    bool is_live;     /* redraws one line */
    bool is_up;       /* the line is on the screen */
    uint64_t drawn_ns, plain_done;
    /* A ring of when `done` reached what; n_samples counts all ever taken. */
    struct {
        uint64_t at_ns, done;
    } samples[PROGRESS_SAMPLES];
    size_t n_samples;
};

/* Starts the clock and, on a terminal, the line. `p` must stay where it is until progress_end(). */
void progress_init(struct progress *p, const char *label, uint64_t total, uint64_t now_ns);
/* Right after: `done` were done before, and say nothing of the rate. */
void progress_start_from(struct progress *p, uint64_t done, uint64_t now_ns);
/* Tell how far it is; draws if it is time. Call it a few times a second, so that the line moves. */
void progress_update(struct progress *p, uint64_t done, uint64_t failed, unsigned workers,
                     uint64_t now_ns);
/* Erase the line. */
void progress_end(struct progress *p);

/* The text of the line, cut to `width` columns. Pure. */
void progress_format(const struct progress *p, uint64_t now_ns, size_t width, char *out,
                     size_t size);

#endif
