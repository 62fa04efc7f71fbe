/* SPDX-License-Identifier: Apache-2.0 */
/* simulation_traci.c - the calls of simulation.h as TraCI requests. */
#include "sumo/simulation_traci.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sumo/traci/traci.h"

enum {
    RETRY_WHILE_LOADING_MS = 20,
    RETRY_WHEN_LISTENING_MS = 1,
    ANSWER_TIME_LIMIT_S = 60 /* for the version query alone */
};

struct traci_simulation {
    struct simulation base;
    struct sumo_child *child;
    struct traci *traci;
    struct sensor *sensors;
    size_t n_sensors;
    struct vehicle_counts *counts; /* NULL: nobody wants any */
    double time_s, expected;
};

/* --- the port --------------------------------------------------------------------------------- */

enum platoon_status held_port_open(struct held_port *port, struct platoon_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    socklen_t len = sizeof address;
    int one = 1;

    port->private_fd = -1;
    /* SUMO sets SO_REUSEADDR too, which lets it bind beside us as long as nobody listens. */
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (port->fd < 0 || setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(port->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(port->fd, (struct sockaddr *)&address, &len) < 0) {
        enum platoon_status st =
            platoon_fail(err, PLATOON_EIO, "cannot get a port for SUMO: %s", strerror(errno));

        held_port_close(port);
        return st;
    }
    port->number = ntohs(address.sin_port);
    return PLATOON_OK;
}

void held_port_close(struct held_port *port)
{
    if (port->fd >= 0)
        (void)close(port->fd); /* nothing was ever sent */
    if (port->private_fd >= 0)
        (void)close(port->private_fd); /* as above */
    port->fd = port->private_fd = -1;
}

/* --- connecting ------------------------------------------------------------------------------- */

bool simulation_traci_may_be_private(const char *program)
{
    const char *slash = strrchr(program, '/');

    return !strstr(slash ? slash + 1 : program, "gui");
}

/* One attempt. *out_fd is -1 when nobody listens yet. The socket in a private network is tried again:
 * no other can be had. */
static enum platoon_status try_connect(struct held_port *port, int *out_fd, struct platoon_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons(port->number)};
    bool is_private = port->private_fd >= 0;
    int fd = is_private ? port->private_fd : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum platoon_status st = PLATOON_OK;
    int one = 1;

    *out_fd = -1;
    if (fd < 0)
        return platoon_fail(err, PLATOON_EIO, "socket: %s", strerror(errno));
    /* A loopback connect does not block: it is taken up or refused at once. */
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
        port->private_fd = -1;
        *out_fd = fd;
        return PLATOON_OK;
    }
    if (errno != ECONNREFUSED && errno != EINTR)
        st = platoon_fail(err, PLATOON_EIO, "connect to SUMO at port %u: %s", port->number,
                          strerror(errno));
    if (!is_private)
        (void)close(fd);
    return st;
}

static enum platoon_status connect_when_ready(struct sumo_child *child,
                                              const struct console *console, struct held_port *port,
                                              int *out_fd, struct platoon_err *err)
{
    for (;;) {
        enum platoon_status st = try_connect(port, out_fd, err);

        if (st != PLATOON_OK || *out_fd >= 0)
            return st;
        st = sumo_child_wait_ms(
            child, console->is_listening_soon ? RETRY_WHEN_LISTENING_MS : RETRY_WHILE_LOADING_MS,
            err);
        if (st != PLATOON_OK)
            return st;
    }
}

static enum platoon_status wait_on_child(int fd, short events, void *arg, struct platoon_err *err)
{
    return sumo_child_wait_fd(arg, fd, events, err);
}

/* The version query, under a limit of its own: no answer means that the peer is busy with another
 * client. */
static enum platoon_status open_traci(struct sumo_child *child, int fd, struct traci **out,
                                      struct platoon_err *err)
{
    uint64_t whole = child->deadline_mono_ns;
    uint64_t answer = clock_mono_ns() + ANSWER_TIME_LIMIT_S * 1000000000ull;
    enum platoon_status st;

    if (!whole || answer < whole)
        child->deadline_mono_ns = answer;
    st = traci_open(fd, wait_on_child, child, out, err);
    if (st == PLATOON_ETIMEDOUT && child->deadline_mono_ns == answer)
        st = platoon_fail(err, PLATOON_EPROTO,
                          "SUMO did not answer the version query within %d s; did another program "
                          "connect to its port first?",
                          ANSWER_TIME_LIMIT_S);
    if (st == PLATOON_EVERSION) {
        struct platoon_err both = *err;

        (void)platoon_fail(err, st, "%.600s (--sumo names the program to use)", both.message);
    }
    child->deadline_mono_ns = whole;
    return st;
}

/* --- the calls -------------------------------------------------------------------------------- */

static struct traci_simulation *of(struct simulation *s)
{
    return (struct traci_simulation *)s;
}

/* What is asked for here is of a known kind: another one is no TraCI. */
static enum platoon_status as_protocol(enum platoon_status st, struct platoon_err *err)
{
    if (st == PLATOON_ETYPE)
        st = err->status = PLATOON_EPROTO;
    return st;
}

static enum platoon_status facts(struct simulation *s, struct simulation_facts *out,
                                 struct platoon_err *err)
{
    struct traci *t = of(s)->traci;
    struct simulation_facts f;
    enum platoon_status st;

    st = traci_number(t, TRACI_SIMULATION, TRACI_SIMULATION_TIME, "", &f.begin_s, err);
    if (st == PLATOON_OK)
        st = traci_number(t, TRACI_SIMULATION, TRACI_SIMULATION_END, "", &f.end_s, err);
    if (st == PLATOON_OK)
        st = traci_number(t, TRACI_SIMULATION, TRACI_STEP_LENGTH, "", &f.step_s, err);
    if (st == PLATOON_OK)
        st = traci_number(t, TRACI_SIMULATION, TRACI_VEHICLES_EXPECTED, "", &f.expected, err);
    if (st == PLATOON_OK)
        *out = f;
    return as_protocol(st, err);
}

static enum platoon_status ids(struct simulation *s, enum network_object what, char ***out,
                               struct platoon_err *err)
{
    static const enum traci_domain domains[NETWORK_N_OBJECTS] = {
        [NETWORK_SIGNALS] = TRACI_SIGNAL,
        [NETWORK_E1] = TRACI_E1,
        [NETWORK_E2] = TRACI_E2,
        [NETWORK_EDGES] = TRACI_EDGE,
    };

    return traci_ids(of(s)->traci, domains[what], out, err);
}

static enum platoon_status signal_state(struct simulation *s, const char *id, char **out,
                                        struct platoon_err *err)
{
    return as_protocol(traci_text(of(s)->traci, TRACI_SIGNAL, TRACI_SIGNAL_STATE, id, out, err),
                       err);
}

struct sensor_source {
    enum traci_domain domain;
    uint8_t variable;
};

static struct sensor_source source_of(const struct sensor *sensor)
{
    static const struct sensor_source sources[PLATOON_PLACE_N_KINDS] = {
        [PLATOON_PLACE_E1_OCCUPANCY] = {TRACI_E1, TRACI_OCCUPANCY},
        /* who left; "vehicles" would count a slow one in each step anew */
        [PLATOON_PLACE_E1_PASSED] = {TRACI_E1, TRACI_VEHICLE_DATA},
        [PLATOON_PLACE_E1_SPEED] = {TRACI_E1, TRACI_MEAN_SPEED},
        [PLATOON_PLACE_E2_VEHICLES] = {TRACI_E2, TRACI_VEHICLES},
        [PLATOON_PLACE_E2_HALTING] = {TRACI_E2, TRACI_HALTING},
        [PLATOON_PLACE_EDGE_VEHICLES] = {TRACI_EDGE, TRACI_VEHICLES},
        [PLATOON_PLACE_EDGE_SPEED] = {TRACI_EDGE, TRACI_MEAN_SPEED},
    };

    return sources[sensor->kind];
}

static bool is_same_object(const struct sensor *a, const struct sensor *b)
{
    return source_of(a).domain == source_of(b).domain && strcmp(a->id, b->id) == 0;
}

static void count_in(struct vehicle_counts *counts, unsigned variable, double number)
{
    if (variable == TRACI_DEPARTED)
        counts->inserted += number;
    else if (variable == TRACI_ARRIVED)
        counts->arrived += number;
    else if (variable == TRACI_TELEPORTS_BEGUN)
        counts->teleports += number;
    else if (variable == TRACI_COLLIDING)
        counts->collided += number;
}

/* A value that came with a step. Some sensor asked for it, or it is about the simulation itself. */
static enum platoon_status on_value(enum traci_domain domain, struct traci_text id,
                                    unsigned variable, const struct traci_value *value, void *arg,
                                    struct platoon_err *err)
{
    struct traci_simulation *ts = arg;
    double number = value->number;

    if (domain == TRACI_E1 && variable == TRACI_VEHICLE_DATA) {
        number = traci_count_left(value);
        if (number < 0)
            return platoon_fail(err, PLATOON_EPROTO,
                                "SUMO's vehicle data of a detector are malformed");
    } else if (value->type != TRACI_INT && value->type != TRACI_DOUBLE) {
        return platoon_fail(err, PLATOON_EPROTO,
                            "SUMO delivers a value of type 0x%02x for a number",
                            (unsigned)value->type);
    }
    if (domain == TRACI_SIMULATION) {
        if (variable == TRACI_SIMULATION_TIME)
            ts->time_s = number;
        else if (variable == TRACI_VEHICLES_EXPECTED)
            ts->expected = number;
        else if (ts->counts)
            count_in(ts->counts, variable, number);
        return PLATOON_OK;
    }
    for (size_t i = 0; i < ts->n_sensors; i++) {
        struct sensor_source source = source_of(&ts->sensors[i]);

        if (source.domain == domain && source.variable == variable &&
            traci_text_is(id, ts->sensors[i].id))
            ts->sensors[i].value = number;
    }
    return PLATOON_OK;
}

/* One subscription an object, with all its variables: a second one would replace the first. */
static enum platoon_status watch(struct simulation *s, struct sensor *sensors, size_t n,
                                 struct platoon_err *err)
{
    struct traci_simulation *ts = of(s);

    ts->sensors = sensors;
    ts->n_sensors = n;
    for (size_t i = 0; i < n; i++) {
        uint8_t variables[PLATOON_CONTROLLER_MAX_PLACES];
        size_t n_variables = 0, before = 0;
        enum platoon_status st;

        while (before < i && !is_same_object(&sensors[before], &sensors[i]))
            before++;
        if (before < i)
            continue;
        for (size_t j = i; j < n && n_variables < sizeof variables; j++) {
            if (is_same_object(&sensors[j], &sensors[i]) &&
                !memchr(variables, source_of(&sensors[j]).variable, n_variables))
                variables[n_variables++] = source_of(&sensors[j]).variable;
        }
        st = traci_subscribe(ts->traci, source_of(&sensors[i]).domain, sensors[i].id, variables,
                             n_variables, err);
        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

static enum platoon_status count(struct simulation *s, struct vehicle_counts *counts,
                                 struct platoon_err *err)
{
    /* In place of the first subscription, whose variables are therefore among them. */
    static const uint8_t variables[] = {TRACI_SIMULATION_TIME, TRACI_VEHICLES_EXPECTED,
                                        TRACI_DEPARTED,        TRACI_ARRIVED,
                                        TRACI_TELEPORTS_BEGUN, TRACI_COLLIDING};
    struct traci_simulation *ts = of(s);
    enum platoon_status st =
        traci_subscribe(ts->traci, TRACI_SIMULATION, "", variables, sizeof variables, err);

    ts->counts = counts; /* only now: the answer told how things are before the first step */
    return st;
}

static enum platoon_status waiting(struct simulation *s, double *out, struct platoon_err *err)
{
    size_t n;
    enum platoon_status st =
        traci_list_length(of(s)->traci, TRACI_SIMULATION, TRACI_VEHICLES_PENDING, "", &n, err);

    if (st == PLATOON_OK)
        *out = (double)n;
    return st;
}

static enum platoon_status set_signal(struct simulation *s, const char *id, const char *state,
                                      struct platoon_err *err)
{
    return traci_set_signal(of(s)->traci, id, state, err);
}

static enum platoon_status step(struct simulation *s, double *out_time_s, double *out_expected,
                                struct platoon_err *err)
{
    struct traci_simulation *ts = of(s);
    enum platoon_status st = traci_step(ts->traci, err);

    if (st != PLATOON_OK)
        return st;
    *out_time_s = ts->time_s;
    *out_expected = ts->expected;
    return PLATOON_OK;
}

static enum platoon_status finish(struct simulation *s, struct platoon_err *err)
{
    return traci_finish(of(s)->traci, err);
}

static void free_simulation(struct simulation *s)
{
    if (!s)
        return;
    traci_free(of(s)->traci);
    free(s);
}

static const struct simulation_ops ops = {
    .facts = facts,
    .ids = ids,
    .signal_state = signal_state,
    .watch = watch,
    .count = count,
    .waiting = waiting,
    .set_signal = set_signal,
    .step = step,
    .finish = finish,
    .free = free_simulation,
};

enum platoon_status simulation_traci_open(struct sumo_child *child, const struct console *console,
                                          struct held_port *port, struct simulation **out,
                                          struct platoon_err *err)
{
    static const uint8_t variables[] = {TRACI_SIMULATION_TIME, TRACI_VEHICLES_EXPECTED};
    struct traci_simulation *ts = calloc(1, sizeof *ts);
    enum platoon_status st;
    int fd = -1;

    if (!ts)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a simulation");
    ts->base.ops = &ops;
    ts->child = child;
    if ((st = connect_when_ready(child, console, port, &fd, err)) != PLATOON_OK)
        goto fail;
    held_port_close(port);
    if ((st = open_traci(child, fd, &ts->traci, err)) != PLATOON_OK)
        goto fail;
    traci_on_value(ts->traci, on_value, ts);
    st = traci_subscribe(ts->traci, TRACI_SIMULATION, "", variables, sizeof variables, err);
    if (st != PLATOON_OK)
        goto fail;
    *out = &ts->base;
    return PLATOON_OK;

fail:
    free_simulation(&ts->base);
    return st;
}
