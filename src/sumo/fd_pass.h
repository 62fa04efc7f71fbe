/* SPDX-License-Identifier: Apache-2.0 */
/* fd_pass.h - descriptors from one process to another, over a Unix socket beside one byte. Nothing is
 * allocated: fine in a child between fork and exec. */
#ifndef PLATOON_SUMO_FD_PASS_H
#define PLATOON_SUMO_FD_PASS_H

#include <stdbool.h>
#include <stddef.h>

enum { FD_PASS_MAX = 8 };

/* Send copies of `n` (1 to FD_PASS_MAX) descriptors; they stay yours. False: errno says why. */
bool fd_pass_send(int to, const int *fds, size_t n);
/* Receive exactly `n`, yours, closed on exec. `flags`: of recvmsg(), such as MSG_DONTWAIT. False: none
 * came, or not so many. */
bool fd_pass_receive(int from, int *fds, size_t n, int flags);

#endif
