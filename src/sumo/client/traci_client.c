/* SPDX-License-Identifier: Apache-2.0 */
/* traci_client.c - <platoon/traci.h>: the client of sumo/traci/traci.h with a connection and time
 * limits of its own, and texts that end in '\0'. */
#include <platoon/traci.h>

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sumo/traci/traci.h"
#include "wire/conn.h"

#define CONNECT_TIMEOUT_S 60.0
#define MAX_TIMEOUT_S     (366.0 * 86400.0)
#define RETRY_NS          20000000u

struct platoon_traci {
    struct traci *traci;
    double answer_timeout_s; /* 0: none */
    platoon_traci_value_fn on_value;
    void *arg;
    struct buf texts; /* of the value that is handed over */
};

static uint64_t deadline_in(double seconds)
{
    return clock_mono_ns() + (uint64_t)(fmin(seconds, MAX_TIMEOUT_S) * 1e9);
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* The limit is one of silence: an answer that keeps coming has time. */
static enum platoon_status wait_for(int fd, short events, void *arg, struct platoon_err *err)
{
    const struct platoon_traci *t = arg;
    struct pollfd p = {.fd = fd, .events = events};
    uint64_t deadline = t->answer_timeout_s > 0.0 ? deadline_in(t->answer_timeout_s) : 0;

    for (;;) {
        uint64_t now = deadline ? clock_mono_ns() : 0;
        uint64_t left_ms = now < deadline ? (deadline - now + 999999) / 1000000 : 0;
        int n = poll(&p, 1, !deadline ? -1 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);

        if (n > 0)
            return PLATOON_OK;
        if (n < 0 && errno != EINTR)
            return platoon_fail(err, PLATOON_EIO, "poll on SUMO's socket: %s", strerror(errno));
        if (n == 0 && deadline && clock_mono_ns() >= deadline)
            return platoon_fail(err, PLATOON_ETIMEDOUT, "SUMO did not answer within %g s",
                                t->answer_timeout_s);
    }
}

/* --- connecting ------------------------------------------------------------------------------- */

/* SUMO loads first and listens then. */
static enum platoon_status connect_when_ready(const struct platoon_traci_options *options,
                                              int *out_fd, struct platoon_err *err)
{
    double limit_s =
        options->connect_timeout_s > 0.0 ? options->connect_timeout_s : CONNECT_TIMEOUT_S;
    uint64_t deadline = deadline_in(limit_s);
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    struct conn_peer peer;

    conn_peer_init(&peer, options->host ? options->host : "127.0.0.1", options->port);
    for (;;) {
        struct conn c;
        enum platoon_status st;

        conn_init(&c);
        if ((st = conn_open(&c, &peer, deadline, err)) == PLATOON_OK) {
            *out_fd = c.fd;
            c.fd = -1;
            conn_close(&c);
            return PLATOON_OK;
        }
        if (st != PLATOON_ECONNECT)
            return st;
        if (clock_mono_ns() + RETRY_NS >= deadline)
            return platoon_fail(err, PLATOON_ECONNECT,
                                "no SUMO took the connection to %s within %g s; does it run, with "
                                "--remote-port %u, and has it loaded its input?",
                                peer.text, limit_s, (unsigned)options->port);
        (void)nanosleep(&pause, NULL); /* cut short by a signal: the sooner the next attempt */
    }
}

/* The version query has a limit where the caller set none: silence means another client. */
static enum platoon_status open_traci(struct platoon_traci *t, int fd, double answer_timeout_s,
                                      struct platoon_err *err)
{
    enum platoon_status st;

    t->answer_timeout_s = answer_timeout_s > 0.0 ? answer_timeout_s : CONNECT_TIMEOUT_S;
    st = traci_open(fd, wait_for, t, &t->traci, err);
    if (st == PLATOON_ETIMEDOUT)
        st =
            platoon_fail(err, PLATOON_ETIMEDOUT,
                         "SUMO did not answer the version query within %g s; does it serve another "
                         "client?",
                         t->answer_timeout_s);
    t->answer_timeout_s = answer_timeout_s;
    return st;
}

static bool is_timeout(double seconds)
{
    return seconds >= 0.0; /* not of NAN */
}

enum platoon_status platoon_traci_connect(const struct platoon_traci_options *options,
                                          platoon_traci **out, struct platoon_err *err)
{
    struct platoon_traci *t;
    enum platoon_status st;
    int fd = -1;

    if (options->port == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "options.port is 0; SUMO's --remote-port is meant");
    if (!is_timeout(options->connect_timeout_s) || !is_timeout(options->answer_timeout_s))
        return platoon_fail(err, PLATOON_EINVAL, "options: a timeout is no number of seconds");
    if (!(t = calloc(1, sizeof *t)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a TraCI connection");
    buf_init(&t->texts);
    if ((st = connect_when_ready(options, &fd, err)) == PLATOON_OK)
        st = open_traci(t, fd, options->answer_timeout_s, err);
    if (st == PLATOON_OK)
        *out = t;
    else
        platoon_traci_free(t);
    return st;
}

enum platoon_status platoon_traci_finish(platoon_traci *t, struct platoon_err *err)
{
    return traci_finish(t->traci, err);
}

void platoon_traci_free(platoon_traci *t)
{
    if (!t)
        return;
    traci_free(t->traci);
    buf_release(&t->texts);
    free(t);
}

const char *platoon_traci_version(const platoon_traci *t)
{
    return traci_version(t->traci);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum platoon_status platoon_traci_ids(platoon_traci *t, enum platoon_traci_domain domain,
                                      char ***out_ids, struct platoon_err *err)
{
    return traci_ids(t->traci, (enum traci_domain)domain, out_ids, err);
}

enum platoon_status platoon_traci_number(platoon_traci *t, enum platoon_traci_domain domain,
                                         unsigned variable, const char *id, double *out,
                                         struct platoon_err *err)
{
    return traci_number(t->traci, (enum traci_domain)domain, variable, id, out, err);
}

enum platoon_status platoon_traci_text(platoon_traci *t, enum platoon_traci_domain domain,
                                       unsigned variable, const char *id, char **out,
                                       struct platoon_err *err)
{
    return traci_text(t->traci, (enum traci_domain)domain, variable, id, out, err);
}

/* --- subscriptions and steps ------------------------------------------------------------------ */

static void add_text(struct buf *b, struct traci_text text)
{
    buf_append(b, text.data, text.len);
    buf_byte(b, '\0');
}

static enum platoon_status hand_over(enum traci_domain domain, struct traci_text id,
                                     unsigned variable, const struct traci_value *value, void *arg,
                                     struct platoon_err *err)
{
    struct platoon_traci *t = arg;
    struct platoon_traci_value v = {
        .domain = (enum platoon_traci_domain)domain,
        .variable = variable,
        .number = traci_is_number(value) ? value->number : NAN,
    };

    if (domain == TRACI_E1 && variable == TRACI_VEHICLE_DATA) {
        v.number = traci_count_left(value);
        if (v.number < 0)
            return platoon_fail(err, PLATOON_EPROTO,
                                "SUMO's vehicle data of a detector are malformed");
    }
    buf_reset(&t->texts);
    add_text(&t->texts, id);
    if (value->type == TRACI_STRING)
        add_text(&t->texts, value->text);
    if (t->texts.has_failed)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a value of SUMO");
    v.id = (const char *)t->texts.data;
    if (value->type == TRACI_STRING)
        v.text = v.id + id.len + 1;
    return t->on_value(&v, t->arg, err);
}

void platoon_traci_on_value(platoon_traci *t, platoon_traci_value_fn on_value, void *arg)
{
    t->on_value = on_value;
    t->arg = arg;
    traci_on_value(t->traci, on_value ? hand_over : NULL, t);
}

enum platoon_status platoon_traci_subscribe(platoon_traci *t, enum platoon_traci_domain domain,
                                            const char *id, const uint8_t *variables,
                                            size_t n_variables, struct platoon_err *err)
{
    if (n_variables == 0 || n_variables > PLATOON_TRACI_MAX_VARIABLES)
        return platoon_fail(err, PLATOON_EINVAL, "a subscription of %zu variables; 1 to %d may be",
                            n_variables, PLATOON_TRACI_MAX_VARIABLES);
    return traci_subscribe(t->traci, (enum traci_domain)domain, id, variables, n_variables, err);
}

enum platoon_status platoon_traci_set_signal(platoon_traci *t, const char *id, const char *state,
                                             struct platoon_err *err)
{
    return traci_set_signal(t->traci, id, state, err);
}

enum platoon_status platoon_traci_step(platoon_traci *t, struct platoon_err *err)
{
    return traci_step(t->traci, err);
}
