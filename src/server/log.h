/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - the server's log: one line an event, `event key=value key=value`, to the callback of
 * struct platoon_server_options. No secrets: keys, MACs and values of tasks never go in.
 *
 * What a peer can cause without authkey is limited in rate: a log_limit lets some lines of one kind
 * through in each window and counts the rest, which the next line tells. */
#ifndef PLATOON_SERVER_LOG_H
#define PLATOON_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/server.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log {
    platoon_log_fn write; /* NULL: silent */
    void *arg;
    int level;
};

/* Would a line of `level` be written? Ask before work that only the line needs. */
bool log_is_on(const struct log *log, int level);
/* Write a line (cut at 1500 bytes) without newline. Control characters become '?'. */
void log_line(const struct log *log, int level, const char *format, ...) PLATOON_PRINTF(3, 4);

/* A value that may hold spaces: in double quotes with \" \\ \xNN inside when it needs them, cut to
 * fit `size`. Returns `out`. */
const char *log_quote(char *out, size_t size, const char *text);

struct log_limit {
    uint64_t window_start_ns;
    uint32_t n_shown, n_hidden;
};
enum {
    LOG_LIMIT_LINES = 10,   /* lines of one kind ... */
    LOG_LIMIT_WINDOW_S = 10 /* ... in so many seconds */
};
/* May a line of this kind be written now? On true *out_hidden lines were not written since the last
 * one. */
bool log_limit_allows(struct log_limit *limit, uint64_t now_ns, uint32_t *out_hidden);

#endif
