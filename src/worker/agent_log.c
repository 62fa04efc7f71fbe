/* SPDX-License-Identifier: Apache-2.0 */
/* agent_log.c - format a line, cut to fit. */
#include "worker/agent_log.h"

#include <stdarg.h>
#include <stdio.h>

void agent_log(const struct agent_log *log, enum agent_log_level level, const char *format, ...)
{
    char line[2048];
    va_list args;

    if (!log->write || (int)level > log->level)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* cut to fit */
    va_end(args);
    /* What tasks print and raise is in here: it must not forge lines or steer a terminal. */
    for (char *c = line; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            *c = *c == '\n' ? ' ' : '?';
    log->write(level, line, log->arg);
}
