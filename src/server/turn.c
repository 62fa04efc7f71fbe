/* SPDX-License-Identifier: Apache-2.0 */
/* turn.c - what happens in one turn of the loop, in order.
 *
 * libuv polls; the callbacks of sessions read bytes, scan requests and run handlers, which ask the store and queue nothing but
 * questions. Everything whose order matters is here, and runs twice around each poll: after it, for what came in, and
 * before it, for what fell due meanwhile.
 *
 * A reply that promises something leaves after the store has answered, because sessions_flush() comes after store_turn(): a
 * store that commits in its turn commits before anybody hears "done". */
#include "server/output.h"
#include "server/server.h"

enum {
    STORE_ROUNDS = 16
}; /* of questions that answers give rise to, before the loop looks at its clients again */

static void on_timer(uv_timer_t *timer)
{
    struct server *srv = timer->data;

    srv->timer_at_ns = UINT64_MAX; /* the turn before the poll does what is due */
}

/* Sleep no longer than to the earliest deadline, rounded up, or the loop would spin before each. A timer that is early
 * does no harm and is left as it is. */
static void arm_timer(struct server *srv)
{
    uint64_t at = deadlines_next(&srv->deadlines);

    if (at >= srv->timer_at_ns)
        return;
    srv->timer_at_ns = at;
    uv_update_time(&srv->loop);
    uv_timer_start(&srv->timer, on_timer, at > srv->now_ns ? (at - srv->now_ns) / 1000000u + 1 : 0,
                   0);
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

void server_turn(struct server *srv)
{
    bool more = true;

    srv->now_ns = clock_mono_ns();
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
    set_no_sleep(srv, more || srv->wants_turn);
    arm_timer(srv);
}
