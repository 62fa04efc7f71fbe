/* SPDX-License-Identifier: Apache-2.0 */
/* console.h - what SUMO prints, understood: how far it is, why it ended, what went wrong. Pure:
 * bytes in.
 *
 * Standard output carries the step log (lines that end in '\r' and come in blocks of 4 KB, so
 * progress lags by some 45 of them) and the closing report of --duration-log.statistics. Standard
 * error carries warnings and errors. Memory is bounded: all but the first errors and the last lines
 * are dropped. */
#ifndef PLATOON_SUMO_CONSOLE_H
#define PLATOON_SUMO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CONSOLE_LINE_BYTES = 1024, /* longer lines are cut */
    CONSOLE_ERRORS_BYTES = 2048,
    CONSOLE_TAIL_BYTES = 4096
};

/* Why SUMO says it ended. */
enum console_reason {
    REASON_UNTOLD,
    REASON_END_REACHED,
    REASON_NO_VEHICLES_LEFT,
    REASON_CLIENT_FINISHED, /* the TraCI client asked for the end */
    REASON_INTERRUPTED,     /* SIGTERM or SIGINT; SUMO then exits with 0 */
    REASON_TOO_MANY_TELEPORTS,
    REASON_ERROR,
    REASON_OTHER
};

struct console_line {
    char text[CONSOLE_LINE_BYTES];
    size_t len;
};

struct console {
    struct console_line out, err; /* the lines that are coming in */

    /* from the step log */
    bool has_progress;
    double time_s;
    double running, waiting; /* vehicles on the road; for room to depart */
    bool is_listening_soon;  /* SUMO loaded its input and opens its TraCI port now */

    /* from the closing report */
    bool has_ended;
    double ended_s;
    enum console_reason reason;
    char reason_text[128];

    /* from standard error: NUL-terminated, lines joined by '\n' */
    /* the first lines that begin with "Error: ", and what follows them */
    char errors[CONSOLE_ERRORS_BYTES];
    bool is_in_error;
    char tail[CONSOLE_TAIL_BYTES]; /* the last lines */
    size_t tail_len;
};

void console_init(struct console *c);
void console_feed_out(struct console *c, const char *data, size_t len);
void console_feed_err(struct console *c, const char *data, size_t len);
/* The streams ended: takes in lines without an end. */
void console_finish(struct console *c);

#endif
