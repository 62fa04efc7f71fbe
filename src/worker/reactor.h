/* SPDX-License-Identifier: Apache-2.0 */
/* reactor.h - the agent's main thread waits here: descriptors, by epoll. It knows nothing of tasks.
 *
 * A `struct watch` lives in whoever cares for the descriptor. Inside a callback any watch may be
 * removed, its own included: it is not called again, also if it was ready in the same turn. Adding,
 * removing and turning are for one thread. */
#ifndef PLATOON_WORKER_REACTOR_H
#define PLATOON_WORKER_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <platoon/status.h>

struct watch {
    int fd;                                             /* -1: not watched */
    void (*on_ready)(struct watch *w, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
};

enum { REACTOR_BATCH = 64 };

struct reactor {
    int epoll_fd;
    struct epoll_event batch[REACTOR_BATCH]; /* what the present turn still has to call */
    int n_batch;
};

enum platoon_status reactor_init(struct reactor *r, struct platoon_err *err);
void reactor_release(struct reactor *r);

/* Watch w->fd for `events` until reactor_remove(). false: the kernel refused (errno). */
bool reactor_add(struct reactor *r, struct watch *w, uint32_t events);
/* Stop watching; w->fd stays open and yours. */
void reactor_remove(struct reactor *r, struct watch *w);
/* Close w->fd, which becomes -1; no other descriptor may share its description. Fine for a watch
 * that is not watched. */
void reactor_close(struct reactor *r, struct watch *w);

/* Wait at most `timeout_ms` (-1: for ever) and call what is ready. false: epoll failed (errno). */
bool reactor_turn(struct reactor *r, int timeout_ms);

#endif
