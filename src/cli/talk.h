/* SPDX-License-Identifier: Apache-2.0 */
/* talk.h - what the program says to people, on stderr: "error: ...", "warning: ...", "hint: ...",
 * plain lines.
 *
 * Each call writes whole lines. A sentence says what happened, where, and what to do next; no final
 * newline or full stop is needed in `format`. If a progress line is on the screen it is erased
 * first. */
#ifndef PLATOON_CLI_TALK_H
#define PLATOON_CLI_TALK_H

#include <platoon/status.h>

void talk_error(const char *format, ...) PLATOON_PRINTF(1, 2);
void talk_warning(const char *format, ...) PLATOON_PRINTF(1, 2);
void talk_hint(const char *format, ...) PLATOON_PRINTF(1, 2);
void talk(const char *format, ...) PLATOON_PRINTF(1, 2);

/* Called before each line is written; progress.c sets it while its line is up. NULL: nothing. */
void talk_set_before(void (*before)(void *arg), void *arg);

#endif
