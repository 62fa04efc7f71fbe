/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - see log.h. */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool log_is_on(const struct log *log, int level)
{
    return log->write && level <= log->level;
}

void log_line(const struct log *log, int level, const char *format, ...)
{
    char line[1501];
    va_list args;

    if (!log_is_on(log, level))
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    log->write(level, line, log->arg);
}

static bool needs_quotes(const char *text)
{
    if (!*text)
        return true;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c <= 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '=')
            return true;
    }
    return false;
}

const char *log_quote(char *out, size_t size, const char *text)
{
    size_t n = 0;

    if (!needs_quotes(text)) {
        snprintf(out, size, "%s", text);
        return out;
    }
    out[n++] = '"';
    for (; *text && n + 6 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

bool log_limit_allows(struct log_limit *limit, uint64_t now_ns, uint32_t *out_hidden)
{
    if (now_ns - limit->window_start_ns >= (uint64_t)LOG_LIMIT_WINDOW_S * 1000000000u) {
        limit->window_start_ns = now_ns;
        limit->n_shown = 0;
    }
    if (limit->n_shown >= LOG_LIMIT_LINES) {
        limit->n_hidden++;
        return false;
    }
    limit->n_shown++;
    *out_hidden = limit->n_hidden;
    limit->n_hidden = 0;
    return true;
}
