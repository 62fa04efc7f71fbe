/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static const struct {
    const char *name;
    int level;
} levels[] = {{"error", 3}, {"warning", 4}, {"info", 6}, {"debug", 7}};

static const char *level_name(int level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (level <= levels[i].level)
            return levels[i].name;
    return "debug";
}

bool log_sink_level(const char *name, int *out)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *out = levels[i].level;
            return true;
        }
    }
    return false;
}

bool log_sink_format_of(const char *name, enum log_sink_format *out)
{
    if (strcmp(name, "text") == 0)
        *out = LOG_SINK_TEXT;
    else if (strcmp(name, "json") == 0)
        *out = LOG_SINK_JSON;
    else
        return false;
    return true;
}

/* systemd names the device and inode of the stream it reads, so that a program can tell whether its
 * stderr is still it. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat about;
    char text[64];

    if (!stream || fstat(STDERR_FILENO, &about) != 0)
        return false;
    (void)snprintf(text, sizeof text, "%" PRIu64 ":%" PRIu64, (uint64_t)about.st_dev,
                   (uint64_t)about.st_ino);
    return strcmp(stream, text) == 0;
}

void log_sink_init(struct log_sink *sink)
{
    sink->format = stderr_is_journal() ? LOG_SINK_JOURNAL : LOG_SINK_TEXT;
    sink->level = 6;
}

/* A buffer that takes nothing more once something did not fit: what followed would mislead. */
struct out {
    char *at, *end;
    bool is_cut;
};

static void put(struct out *o, const char *text, size_t len)
{
    if (o->is_cut || (size_t)(o->end - o->at) < len)
        o->is_cut = true;
    else
        o->at = (char *)memcpy(o->at, text, len) + len;
}

static void put_text(struct out *o, const char *text)
{
    put(o, text, strlen(text));
}

/* One byte inside a JSON string. Bytes from 0x80 pass: the line is UTF-8, or what a peer sent. */
static void put_json_byte(struct out *o, char c)
{
    char code[8];

    if (c == '"' || c == '\\') {
        char escaped[2] = {'\\', c};
        put(o, escaped, 2);
    } else if ((unsigned char)c < 0x20) {
        (void)snprintf(code, sizeof code, "\\u%04x", (unsigned)c);
        put(o, code, 6);
    } else {
        put(o, &c, 1);
    }
}

/* The value at *at, plain or in quotes; moves *at behind it. */
static void put_json_value(struct out *o, const char **at)
{
    const char *c = *at;

    put_text(o, "\"");
    if (*c == '"') {
        for (c++; *c && *c != '"'; c++) {
            if (*c == '\\' && (c[1] == '"' || c[1] == '\\'))
                c++;
            put_json_byte(o, *c);
        }
        c += *c == '"';
    } else {
        for (; *c && *c != ' '; c++)
            put_json_byte(o, *c);
    }
    put_text(o, "\"");
    *at = c;
}

static void put_json_members(struct out *o, const char *line)
{
    put_text(o, ",\"event\":");
    put_json_value(o, &line);
    for (;;) {
        const char *key;
        size_t len;

        line += strspn(line, " ");
        if (!*line)
            return;
        key = line;
        len = strcspn(line, "= ");
        if (line[len] != '=' || len == 0) { /* not a pair: what is left is prose */
            put_text(o, ",\"text\":\"");
            for (; *line; line++)
                put_json_byte(o, *line);
            put_text(o, "\"");
            return;
        }
        line += len + 1;
        put_text(o, ",\"");
        for (size_t i = 0; i < len; i++)
            put_json_byte(o, key[i]);
        put_text(o, "\":");
        put_json_value(o, &line);
    }
}

/* "2026-03-01T12:00:00.123+0100", local time. */
static void print_stamp(int64_t wall_ms, char out[48])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char stamp[24], zone[8];
    struct tm local;

    localtime_r(&seconds, &local);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &local);
    strftime(zone, sizeof zone, "%z", &local);
    (void)snprintf(out, 48, "%s.%03u%s", stamp, (unsigned)(wall_ms % 1000) % 1000u,
                   zone); /* fits */
}

static void put_json_line(struct out *o, int level, const char *stamp, const char *line)
{
    char *start = o->at;

    put_text(o, "{\"time\":\"");
    put_text(o, stamp);
    put_text(o, "\",\"level\":\"");
    put_text(o, level_name(level));
    put_text(o, "\"");
    if (line)
        put_json_members(o, line);
    else
        put_text(o, ",\"event\":\"log.line-too-long\"");
    put_text(o, "}");
    if (o->is_cut && line) { /* half a JSON object is none */
        o->at = start;
        o->is_cut = false;
        put_json_line(o, level, stamp, NULL);
    }
}

size_t log_sink_render(const struct log_sink *sink, int level, const char *line, int64_t wall_ms,
                       char *out, size_t size)
{
    struct out o = {out, out + size - 2, false}; /* room for newline and NUL */
    char head[72], stamp[48];

    print_stamp(wall_ms, stamp);
    switch (sink->format) {
    case LOG_SINK_JSON:
        put_json_line(&o, level, stamp, line);
        break;
    case LOG_SINK_JOURNAL:
        (void)snprintf(head, sizeof head, "<%d>", level); /* fits */
        put_text(&o, head);
        put_text(&o, line);
        break;
    case LOG_SINK_TEXT:
        (void)snprintf(head, sizeof head, "%s %-7s ", stamp, level_name(level)); /* fits */
        put_text(&o, head);
        put_text(&o, line);
        break;
    }
    *o.at++ = '\n';
    *o.at = '\0';
    return (size_t)(o.at - out);
}

void log_sink_write(int level, const char *line, void *arg)
{
    const struct log_sink *sink = arg;
    char text[4096];
    size_t len;

    if (level > sink->level)
        return;
    len = log_sink_render(sink, level, line, clock_wall_ms(), text, sizeof text);
    /* One write a line: lines of two threads, or of this and another program, do not mix. */
    if (write(STDERR_FILENO, text, len) < 0)
        return; /* nobody reads the log any more; the server goes on */
}
