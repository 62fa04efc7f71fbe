/* SPDX-License-Identifier: Apache-2.0 */
/* turn.c - what happens in one turn of the loop, in order.
 *
 * libuv polls; the callbacks of sessions read bytes, scan requests and run handlers, which ask the
 * store and answer nothing but by queueing replies. Everything whose order matters is here. A turn
 * runs after each poll, for what came in, and before the next one only if something fell due or was
 * left to do.
 *
 * A reply that promises something leaves after the store has answered, because sessions_flush()
 * comes after store_turn(): a store that commits in its turn commits before anybody hears "done".
 *
 * Time is read once: by the first callback of a poll (server_awake), else by the turn. */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server/output.h"
#include "server/server.h"

enum {
    STORE_ROUNDS = 16
}; /* of questions that answers give rise to, before the loop looks at its clients again */

static void on_timer(uv_poll_t *poll, int status, int events)
{
    struct server *srv = poll->data;
    uint64_t n_fired;

    (void)status;
    (void)events;
    server_awake(srv);
    if (read(srv->timer_fd, &n_fired, sizeof n_fired) == (ssize_t)sizeof n_fired)
        srv->timer_at_ns = UINT64_MAX; /* the turn after this poll does what is due */
}

/* Wake no later than at the earliest deadline. A timer that is early does no harm and is left as it
 * is. (A timerfd, since a timer of libuv's would cost every poll a timer of the kernel's, set and
 * taken back.) */
static void arm_timer(struct server *srv)
{
    uint64_t at = deadlines_next(&srv->deadlines), due = store_due_ns(srv->store);
    struct itimerspec when;

    if (due < at)
        at = due;
    if (at >= srv->timer_at_ns)
        return;
    when = (struct itimerspec){{0, 0}, {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
    srv->timer_at_ns = at;
    (void)timerfd_settime(srv->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

enum platoon_status server_open_timer(struct server *srv, struct platoon_err *err)
{
    srv->timer_at_ns = UINT64_MAX;
    srv->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (srv->timer_fd < 0)
        return platoon_fail(err, PLATOON_EIO, "cannot make a timer: %s", strerror(errno));
    uv_poll_init(&srv->loop, &srv->timer, srv->timer_fd);
    srv->timer.data = srv;
    uv_poll_start(&srv->timer, UV_READABLE, on_timer);
    return PLATOON_OK;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* active idle handles keep the poll from sleeping; that is all they are for */
}

static void set_no_sleep(struct server *srv, bool on)
{
    if (on && !uv_is_active((uv_handle_t *)&srv->no_sleep))
        uv_idle_start(&srv->no_sleep, on_idle);
    else if (!on && uv_is_active((uv_handle_t *)&srv->no_sleep))
        uv_idle_stop(&srv->no_sleep);
}

void server_want_turn(struct server *srv)
{
    srv->wants_turn = true;
}

void server_awake(struct server *srv)
{
    if (srv->is_awake)
        return;
    srv->is_awake = true;
    srv->now_ns = clock_mono_ns();
}

void server_turn(struct server *srv)
{
    bool more = true;

    server_awake(srv);
    srv->wants_turn = false;
    deadlines_run(&srv->deadlines,
                  srv->now_ns); /* waits that are over, handshakes that took too long */
    for (int round = 0; more && round < STORE_ROUNDS; round++) {
        bool asked = queue_table_pump(srv); /* takers and putters that can be served now ask */

        track_flush(srv); /* receipts, in one call */
        more =
            store_turn(srv->store) || asked; /* answers: replies are queued, new questions asked */
    }
    sessions_flush(srv); /* nobody hears of anything before the lines above */
    server_check_stop(srv);
    srv->wants_turn |= more;
    set_no_sleep(srv, srv->wants_turn);
    arm_timer(srv);
    srv->is_awake = false; /* the loop may sleep now */
}
