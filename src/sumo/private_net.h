/* SPDX-License-Identifier: Apache-2.0 */
/* private_net.h - a network of a child's own (a Linux network namespace): a loopback device that
 * nobody else can reach, and one socket in it that the parent holds.
 *
 *     private_net_open -> fork -> private_net_enter in the child -> private_net_take in the parent
 *
 * root needs CAP_SYS_ADMIN and CAP_NET_ADMIN for it; others get it with a user namespace, in which
 * they are who they are, where the system lets them. Where it cannot be had the child stays in the
 * network that it was born in, and the parent learns that. */
#ifndef PLATOON_SUMO_PRIVATE_NET_H
#define PLATOON_SUMO_PRIVATE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/status.h>

struct private_net {
    int pair[2]; /* the parent's end, the child's; -1: closed */
    uint16_t source_port;
    char uid_map[40], gid_map[40]; /* "": for root */
};

/* `port` is the one that the child will listen on. EIO. */
enum platoon_status private_net_open(struct private_net *n, uint16_t port, struct platoon_err *err);
/* In the child, before it asks for anything that a change of credentials takes away again (a
 * parent-death signal). Async-signal-safe. `arg` is the struct. */
void private_net_enter(void *arg);
/* Once the child has run private_net_enter() or ended: a TCP socket in its network, not connected,
 * close-on-exec, bound to a port that is not `port` (or a connect() to a port that nobody listens on
 * could meet itself); yours. -1: the child has no network of its own. Does not block. */
int private_net_take(struct private_net *n);
void private_net_close(struct private_net *n); /* idempotent */

#endif
