/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/human.h"
#include "cli/talk.h"

static const uint64_t frame_ns = 100000000u;   /* ten a second */
static const uint64_t plain_ns = 10000000000u; /* without a terminal: a line each 10 s ... */
static const uint64_t plain_parts = 10;        /* ... or 10 % */
static const uint64_t settle_ns = 2000000000u; /* no rate before that */

enum { BAR_WIDTH = 24, LINE_MAX_BYTES = 512 };

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static void erase(void *arg)
{
    struct progress *p = arg;

    if (!p->is_up)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->is_up = false;
    p->drawn_ns = 0; /* so that the next update draws it again */
}

static void add_sample(struct progress *p, uint64_t now_ns)
{
    size_t i = p->n_samples++ % PROGRESS_SAMPLES;

    p->samples[i].at_ns = now_ns;
    p->samples[i].done = p->done;
}

/* Completions a second over the samples that are kept; 0 while it is too early to tell. */
static double rate_per_s(const struct progress *p, uint64_t now_ns)
{
    size_t n_kept = p->n_samples < PROGRESS_SAMPLES ? p->n_samples : PROGRESS_SAMPLES;
    size_t oldest = (p->n_samples - n_kept) % PROGRESS_SAMPLES;
    uint64_t since_ns;

    if (n_kept == 0 || p->done - p->samples[oldest].done < 2)
        return 0;
    since_ns = now_ns - p->samples[oldest].at_ns;
    if (since_ns < settle_ns)
        return 0;
    return (double)(p->done - p->samples[oldest].done) / ((double)since_ns / 1e9);
}

static void append(char *out, size_t size, const char *format, ...) PLATOON_PRINTF(3, 4);
static void append(char *out, size_t size, const char *format, ...)
{
    size_t len = strlen(out);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(out + len, size - len, format, args); /* cut to fit */
    va_end(args);
}

void progress_format(const struct progress *p, uint64_t now_ns, size_t width, char *out,
                     size_t size)
{
    double rate = rate_per_s(p, now_ns);
    size_t n_full = p->total ? (size_t)(p->done * BAR_WIDTH / p->total) : 0;
    char text[HUMAN_MAX];

    out[0] = '\0';
    append(out, size, "%s  [", p->label);
    for (size_t i = 0; i < BAR_WIDTH; i++)
        append(out, size, "%c", i < n_full ? '=' : i == n_full ? '>' : ' ');
    append(out, size, "] %" PRIu64 "/%" PRIu64, p->done, p->total);
    if (p->running)
        append(out, size, "  %" PRIu64 " running", p->running);
    if (p->failed)
        append(out, size, "  %" PRIu64 " failed", p->failed);
    if (rate > 0) {
        if (rate < 0.5)
            append(out, size, "  %.1f/min", 60 * rate);
        else
            append(out, size, rate < 10 ? "  %.1f/s" : "  %.0f/s", rate);
        append(out, size, "  eta %s", human_duration((double)(p->total - p->done) / rate, text));
    }
    if (p->workers)
        append(out, size, "  %u worker%s", p->workers, p->workers == 1 ? "" : "s");
    if (strlen(out) > width)
        out[width] = '\0';
}

static bool stderr_can_redraw(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 && !getenv("CI");
}

static void draw(struct progress *p, uint64_t now_ns)
{
    char line[LINE_MAX_BYTES];
    size_t width = terminal_width() - 1; /* the last column would wrap on some terminals */

    progress_format(p, now_ns, width < sizeof line ? width : sizeof line - 1, line, sizeof line);
    if (p->is_live) {
        fprintf(stderr, "\r%s\033[K", line);
        fflush(stderr);
        p->is_up = true;
    } else {
        fprintf(stderr, "%s\n", line);
        p->plain_done = p->done;
    }
    p->drawn_ns = now_ns;
}

void progress_init(struct progress *p, const char *label, uint64_t total, uint64_t now_ns)
{
    *p = (struct progress){.label = label, .total = total};
    p->is_live = stderr_can_redraw();
    add_sample(p, now_ns);
    talk_set_before(erase, p);
    if (p->is_live)
        draw(p, now_ns);
    else
        p->drawn_ns = now_ns;
}

void progress_start_from(struct progress *p, uint64_t done, uint64_t now_ns)
{
    p->done = p->plain_done = done;
    p->n_samples = 0;
    add_sample(p, now_ns);
}

void progress_update(struct progress *p, uint64_t done, uint64_t failed, unsigned workers,
                     uint64_t now_ns)
{
    bool is_due;

    p->failed = failed;
    p->workers = workers;
    if (done != p->done) {
        p->done = done;
        add_sample(p, now_ns);
    }
    if (p->is_live)
        is_due = now_ns - p->drawn_ns >= frame_ns;
    else
        is_due =
            (p->done - p->plain_done) * plain_parts >= p->total ||
            (p->done == p->total && p->plain_done != p->total) || /* the last one, in any case */
            (now_ns - p->drawn_ns >= plain_ns && p->done != p->total);
    if (is_due)
        draw(p, now_ns);
}

void progress_end(struct progress *p)
{
    erase(p);
    talk_set_before(NULL, NULL);
}
