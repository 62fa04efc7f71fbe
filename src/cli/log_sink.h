/* SPDX-License-Identifier: Apache-2.0 */
/* log_sink.h - where log lines go: stderr, as text for people or as JSON for programs.
 *
 * Text: "2026-03-01T12:00:00.123+0100 info    event key=value ..."; under systemd, which adds time
 * and level itself,
 * "<6>event key=value ...". JSON: one object a line, "time" and "level" first, then the line taken
 * apart: "event" and
 * one member a key; values stay text as they stood. Several threads may write. */
#ifndef PLATOON_CLI_LOG_SINK_H
#define PLATOON_CLI_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_sink_format { LOG_SINK_TEXT, LOG_SINK_JOURNAL, LOG_SINK_JSON };

struct log_sink {
    enum log_sink_format format;
    int level; /* 3 error, 4 warning, 6 info, 7 debug; higher ones are dropped */
};

/* Text, or what suits the journal where stderr goes there (JOURNAL_STREAM); level info. */
void log_sink_init(struct log_sink *sink);
/* "error", "warning", "info", "debug"; false for others. */
bool log_sink_level(const char *name, int *out);
/* "text", "json"; false for others. */
bool log_sink_format_of(const char *name, enum log_sink_format *out);

/* A platoon_log_fn; `arg` is a struct log_sink. */
void log_sink_write(int level, const char *line, void *arg);
/* The whole line, newline included, for `wall_ms` (milliseconds since 1970); cut to fit. Returns
 * its length. */
size_t log_sink_render(const struct log_sink *sink, int level, const char *line, int64_t wall_ms,
                       char *out, size_t size);

#endif
