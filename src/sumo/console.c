/* SPDX-License-Identifier: Apache-2.0 */
/* console.c - line by line. The texts are SUMO's (1.15; those of later releases differ by a full
 * stop). */
#include "sumo/console.h"

#include <stdlib.h>
#include <string.h>

void console_init(struct console *c)
{
    memset(c, 0, sizeof *c);
}

static bool skip_prefix(const char **at, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(*at, prefix, len) != 0)
        return false;
    *at += len;
    return true;
}

static double number_after(const char *line, const char *word)
{
    const char *at = strstr(line, word);

    return at ? strtod(at + strlen(word), NULL) : 0.0;
}

/* "Step #450.00 (1ms ~= 1000.00*RT, ~161000.00UPS, vehicles TOT 197 ACT 170 BUF 0)" */
static void take_step(struct console *c, const char *line, const char *number)
{
    if (!strstr(line, " ACT "))
        return; /* cut off */
    c->has_progress = true;
    c->time_s = strtod(number, NULL);
    c->running = number_after(line, " ACT ");
    c->waiting = number_after(line, " BUF ");
}

static enum console_reason reason_of(const char *text)
{
    static const struct {
        const char *text;
        enum console_reason reason;
    } known[] = {
        {"The final simulation step has been reached", REASON_END_REACHED},
        {"All vehicles have left the simulation", REASON_NO_VEHICLES_LEFT},
        {"TraCI requested termination", REASON_CLIENT_FINISHED},
        {"Interrupted", REASON_INTERRUPTED},
        {"Too many teleports", REASON_TOO_MANY_TELEPORTS},
        {"An error occurred", REASON_ERROR},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(text, known[i].text, strlen(known[i].text)) == 0)
            return known[i].reason;
    }
    return REASON_OTHER;
}

static void take_out_line(struct console *c, const char *line)
{
    const char *rest = line;

    if (skip_prefix(&rest, "Step #")) {
        take_step(c, line, rest);
    } else if (skip_prefix(&rest, "Simulation ended at time: ")) {
        c->has_ended = true;
        c->ended_s = strtod(rest, NULL);
    } else if (skip_prefix(&rest, "Reason: ")) {
        c->reason = reason_of(rest);
        strncpy(c->reason_text, rest, sizeof c->reason_text - 1);
    } else if (skip_prefix(&rest, "***Starting server on port ")) {
        c->is_listening_soon = true;
    }
}

/* Appends a line if it fits whole. */
static void append_line(char *text, size_t size, const char *line)
{
    size_t have = strlen(text), len = strlen(line);

    if (have + len + 2 > size)
        return;
    if (have > 0)
        text[have++] = '\n';
    memcpy(text + have, line, len + 1);
}

/* Keeps the last whole lines that fit. */
static void append_tail(struct console *c, const char *line)
{
    size_t len = strlen(line) + 1; /* its '\n' too */

    while (c->tail_len + len >= sizeof c->tail) {
        char *second = memchr(c->tail, '\n', c->tail_len);
        size_t drop = second ? (size_t)(second + 1 - c->tail) : c->tail_len;

        memmove(c->tail, c->tail + drop, c->tail_len - drop);
        c->tail_len -= drop;
    }
    memcpy(c->tail + c->tail_len, line, len - 1);
    c->tail_len += len;
    c->tail[c->tail_len - 1] = '\n';
    c->tail[c->tail_len] = '\0';
}

/* "Error: ..." may go on for lines (" In file '...'", " At line/column 5/3."), each indented.
 * "Quitting (on error)." says nothing more. */
static void take_err_line(struct console *c, const char *line)
{
    if (*line == '\0')
        return;
    append_tail(c, line);
    if (strncmp(line, "Error: ", 7) == 0)
        c->is_in_error = true;
    else if (*line != ' ')
        c->is_in_error = false;
    if (c->is_in_error)
        append_line(c->errors, sizeof c->errors, line);
}

static void feed(struct console *c, struct console_line *line,
                 void (*take_line)(struct console *, const char *), const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            line->text[line->len] = '\0';
            line->len = 0;
            take_line(c, line->text);
        } else if (line->len < sizeof line->text - 1 && data[i] != '\0') {
            line->text[line->len++] = data[i];
        }
    }
}

void console_feed_out(struct console *c, const char *data, size_t len)
{
    feed(c, &c->out, take_out_line, data, len);
}

void console_feed_err(struct console *c, const char *data, size_t len)
{
    feed(c, &c->err, take_err_line, data, len);
}

void console_finish(struct console *c)
{
    if (c->out.len > 0)
        console_feed_out(c, "\n", 1);
    if (c->err.len > 0)
        console_feed_err(c, "\n", 1);
}
