/* SPDX-License-Identifier: Apache-2.0 */
/* reactor.c - one epoll set. */
#include "worker/reactor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum platoon_status reactor_init(struct reactor *r, struct platoon_err *err)
{
    r->n_batch = 0;
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll_fd < 0)
        return platoon_fail(err, PLATOON_EIO, "epoll_create1: %s", strerror(errno));
    return PLATOON_OK;
}

void reactor_release(struct reactor *r)
{
    if (r->epoll_fd >= 0)
        close(r->epoll_fd);
    r->epoll_fd = -1;
}

bool reactor_add(struct reactor *r, struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};

    return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) == 0;
}

/* Do not call it in this turn any more. */
static void forget(struct reactor *r, const struct watch *w)
{
    for (int i = 0; i < r->n_batch; i++)
        if (r->batch[i].data.ptr == w)
            r->batch[i].data.ptr = NULL;
}

void reactor_remove(struct reactor *r, struct watch *w)
{
    (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* ENOENT: was not added */
    forget(r, w);
}

void reactor_close(struct reactor *r, struct watch *w)
{
    if (w->fd < 0)
        return;
    /* Nobody else holds the description (what children get are the other ends), so that closing it
     * takes it out of the epoll set. */
    forget(r, w);
    close(w->fd);
    w->fd = -1;
}

bool reactor_turn(struct reactor *r, int timeout_ms)
{
    int n = epoll_wait(r->epoll_fd, r->batch, REACTOR_BATCH, timeout_ms);

    if (n < 0)
        return errno == EINTR;
    r->n_batch = n;
    for (int i = 0; i < n; i++) {
        struct watch *w = r->batch[i].data.ptr;

        if (w)
            w->on_ready(w, r->batch[i].events);
    }
    r->n_batch = 0;
    return true;
}
