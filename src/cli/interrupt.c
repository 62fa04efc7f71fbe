/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <stddef.h>
#include <unistd.h>

#include "cli/cmd.h"

volatile sig_atomic_t interrupt_was_asked;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (interrupt_was_asked)
        _exit(CMD_INTERRUPTED); /* the children see it: a pipe that ends, SIGTERM from the kernel */
    interrupt_was_asked = true;
}

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
