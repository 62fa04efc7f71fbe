/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/talk.h"

#include <stdarg.h>
#include <stdio.h>

static void (*before_line)(void *arg);
static void *before_arg;

void talk_set_before(void (*before)(void *arg), void *arg)
{
    before_line = before;
    before_arg = arg;
}

static void say(const char *prefix, const char *format, va_list args)
{
    if (before_line)
        before_line(before_arg);
    flockfile(stderr); /* one line stays one line beside the server's log */
    fputs(prefix, stderr);
    (void)vfprintf(stderr, format, args); /* nowhere to report it */
    fputc('\n', stderr);
    funlockfile(stderr);
}

void talk_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("error: ", format, args);
    va_end(args);
}

void talk_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("warning: ", format, args);
    va_end(args);
}

void talk_hint(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("hint: ", format, args);
    va_end(args);
}

void talk(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("", format, args);
    va_end(args);
}
