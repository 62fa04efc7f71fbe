/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.h - Ctrl-C and SIGTERM for commands that have children: the first asks, the second ends
 * the command at once, upon which its children end by themselves (child.h). */
#ifndef PLATOON_CLI_INTERRUPT_H
#define PLATOON_CLI_INTERRUPT_H

#include <signal.h>

/* Not 0 once the first came. */
extern volatile sig_atomic_t interrupt_was_asked;

void interrupt_watch(void);

#endif
