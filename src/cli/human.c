/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/human.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *human_duration(double seconds, char out[HUMAN_MAX])
{
    unsigned long long s, minutes, hours;

    if (!(seconds >= 0) || seconds > 1e12) {
        strcpy(out, "-");
        return out;
    }
    s = (unsigned long long)(seconds + 0.5);
    minutes = s / 60;
    hours = s / 3600;
    /* Below, 9.96 s would round to "10.0s" and 59.7 s to "60s": decide by what will be shown. */
    if (seconds < 9.95)
        (void)snprintf(out, HUMAN_MAX, "%.1fs", seconds);
    else if (minutes == 0)
        (void)snprintf(out, HUMAN_MAX, "%llus", s);
    else if (hours == 0)
        (void)snprintf(out, HUMAN_MAX, "%llum%02llus", minutes, s % 60);
    else if (hours < 24)
        (void)snprintf(out, HUMAN_MAX, "%lluh%02llum", hours, minutes % 60);
    else
        (void)snprintf(out, HUMAN_MAX, "%llud%02lluh", hours / 24, hours % 24);
    return out;
}

const char *human_bytes(uint64_t bytes, char out[HUMAN_MAX])
{
    static const char *const units[] = {"", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    double shown = (double)bytes;
    size_t unit = 0;

    while (shown >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        shown /= 1024;
        unit++;
    }
    (void)snprintf(out, HUMAN_MAX, unit && shown < 9.95 ? "%.1f%s" : "%.0f%s", shown, units[unit]);
    return out;
}

bool human_wants_colour(int fd)
{
    const char *term = getenv("TERM");

    return !getenv("NO_COLOR") && isatty(fd) && term && strcmp(term, "dumb") != 0;
}
