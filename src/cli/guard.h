/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - work that may crash, in a copy of this process: what is to be tidied up after it is
 * tidied up all the same. */
#ifndef PLATOON_CLI_GUARD_H
#define PLATOON_CLI_GUARD_H

#include <signal.h>

struct guard {
    int (*work)(void *arg); /* returns an exit code */
    void *arg;
    int not_its_own;                       /* a descriptor that the copy closes first; -1: none */
    const volatile sig_atomic_t *is_asked; /* set by a handler: the copy was told to end */
    double limit_s;                        /* for all of it; 0: none */
};

/* Run the work in a fork of this process, which has one thread, and wait for its end. The copy
 * ignores SIGINT and SIGTERM: telling it to end is this process's affair, and it is killed when it
 * does not within GUARD_GRACE_S, or is at work when limit_s is over, or when this process ends.
 *
 * Returns what `work` did, and *out_signal 0; or, when a signal ended it, CMD_FAILED and that
 * signal (SIGKILL: as said above). Without a fork CMD_FAILED, reported, and *out_signal 0. */
enum { GUARD_GRACE_S = 3 };
int guard_run(const struct guard *guard, int *out_signal);

#endif
