/* SPDX-License-Identifier: Apache-2.0 */
/* simulation_libsumo.c - the calls of simulation.h as calls of the shim. */
#include "sumo/libsumo/simulation_libsumo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct libsumo_simulation {
    struct simulation base;
    const struct libsumo_table *libsumo;
    struct sensor *sensors;
    size_t n_sensors;
    struct vehicle_counts *counts;   /* NULL: nobody wants any */
    double max_teleports, teleports; /* max < 0: no limit */
    bool has_failed;
};

static struct libsumo_simulation *of(struct simulation *s)
{
    return (struct libsumo_simulation *)s;
}

/* What a SUMO process prints before it exits with 1. "Process Error" is SUMO's own mark of an error
 * that it has printed already. */
static void say_error(const char *message)
{
    if (*message && strcmp(message, "Process Error") != 0)
        fprintf(stderr, "Error: %s\n", message);
    fprintf(stderr, "Quitting (on error).\n");
}

static enum platoon_status check(struct libsumo_simulation *ls, enum libsumo_status st,
                                 struct platoon_err *err)
{
    switch (st) {
    case LIBSUMO_OK:
        return PLATOON_OK;
    case LIBSUMO_REFUSED:
        return platoon_fail(err, PLATOON_EREMOTE, "SUMO refuses: %s", ls->libsumo->error());
    case LIBSUMO_NO_MEMORY:
        return platoon_fail(err, PLATOON_ENOMEM, "SUMO ran out of memory");
    default:
        ls->has_failed = true;
        say_error(ls->libsumo->error());
        return platoon_fail(err, PLATOON_ECLOSED, "SUMO ended with an error: %s",
                            ls->libsumo->error());
    }
}

/* --- the calls -------------------------------------------------------------------------------- */

static enum platoon_status facts(struct simulation *s, struct simulation_facts *out,
                                 struct platoon_err *err)
{
    struct libsumo_simulation *ls = of(s);
    struct simulation_facts f;
    struct libsumo_now now;
    enum platoon_status st = check(ls, ls->libsumo->now(&now), err);

    if (st == PLATOON_OK)
        st = check(ls, ls->libsumo->times(&f.end_s, &f.step_s), err);
    if (st != PLATOON_OK)
        return st;
    f.begin_s = now.time_s;
    f.expected = now.expected;
    *out = f;
    return PLATOON_OK;
}

static enum platoon_status ids(struct simulation *s, enum network_object what, char ***out,
                               struct platoon_err *err)
{
    static const enum libsumo_objects objects[NETWORK_N_OBJECTS] = {
        [NETWORK_SIGNALS] = LIBSUMO_SIGNALS,
        [NETWORK_E1] = LIBSUMO_E1,
        [NETWORK_E2] = LIBSUMO_E2,
        [NETWORK_EDGES] = LIBSUMO_EDGES,
    };

    return check(of(s), of(s)->libsumo->ids(objects[what], out), err);
}

static enum platoon_status signal_state(struct simulation *s, const char *id, char **out,
                                        struct platoon_err *err)
{
    const char *state;
    enum platoon_status st = check(of(s), of(s)->libsumo->signal_state(id, &state), err);

    if (st == PLATOON_OK && !(*out = strdup(state)))
        st = platoon_fail(err, PLATOON_ENOMEM, "no memory for the state of a signal");
    return st;
}

static enum platoon_status watch(struct simulation *s, struct sensor *sensors, size_t n,
                                 struct platoon_err *err)
{
    (void)err;
    of(s)->sensors = sensors;
    of(s)->n_sensors = n;
    return PLATOON_OK;
}

static enum platoon_status count(struct simulation *s, struct vehicle_counts *counts,
                                 struct platoon_err *err)
{
    (void)err;
    of(s)->counts = counts;
    return PLATOON_OK;
}

static enum platoon_status waiting(struct simulation *s, double *out, struct platoon_err *err)
{
    double running;

    return check(of(s), of(s)->libsumo->vehicles(&running, out), err);
}

static enum platoon_status set_signal(struct simulation *s, const char *id, const char *state,
                                      struct platoon_err *err)
{
    return check(of(s), of(s)->libsumo->set_signal(id, state), err);
}

static enum libsumo_status read_sensor(const struct libsumo_table *libsumo, struct sensor *sensor)
{
    switch (sensor->kind) {
    case PLATOON_PLACE_E1_OCCUPANCY:
        return libsumo->e1_occupancy(sensor->id, &sensor->value);
    case PLATOON_PLACE_E1_PASSED: /* who left; "vehicles" would count a slow one in each step anew */
        return libsumo->e1_left(sensor->id, &sensor->value);
    case PLATOON_PLACE_E1_SPEED:
        return libsumo->e1_speed(sensor->id, &sensor->value);
    case PLATOON_PLACE_E2_HALTING:
        return libsumo->e2_halting(sensor->id, &sensor->value);
    case PLATOON_PLACE_EDGE_VEHICLES:
        return libsumo->edge_vehicles(sensor->id, &sensor->value);
    case PLATOON_PLACE_EDGE_SPEED:
        return libsumo->edge_speed(sensor->id, &sensor->value);
    default:
        return libsumo->e2_vehicles(sensor->id, &sensor->value);
    }
}

/* The rule of a SUMO process, which libsumo leaves to its caller. */
static enum platoon_status check_teleports(struct libsumo_simulation *ls, struct platoon_err *err)
{
    double began;
    enum platoon_status st;

    if (ls->max_teleports < 0.0)
        return PLATOON_OK;
    if ((st = check(ls, ls->libsumo->teleports(&began), err)) != PLATOON_OK)
        return st;
    ls->teleports += began;
    if (ls->teleports <= ls->max_teleports)
        return PLATOON_OK;
    if ((st = check(ls, ls->libsumo->close("Too many teleports."), err)) != PLATOON_OK)
        return st;
    return platoon_fail(err, PLATOON_ECLOSED, "too many teleports");
}

static enum platoon_status count_step(struct libsumo_simulation *ls, struct platoon_err *err)
{
    double departed, arrived, collided, teleports;
    enum platoon_status st = check(ls, ls->libsumo->events(&departed, &arrived, &collided), err);

    if (st == PLATOON_OK)
        st = check(ls, ls->libsumo->teleports(&teleports), err);
    if (st != PLATOON_OK)
        return st;
    ls->counts->inserted += departed;
    ls->counts->arrived += arrived;
    ls->counts->teleports += teleports;
    ls->counts->collided += collided;
    return PLATOON_OK;
}

static enum platoon_status step(struct simulation *s, double *out_time_s, double *out_expected,
                                struct platoon_err *err)
{
    struct libsumo_simulation *ls = of(s);
    struct libsumo_now now;
    enum platoon_status st = check(ls, ls->libsumo->step(), err);

    for (size_t i = 0; st == PLATOON_OK && i < ls->n_sensors; i++)
        st = check(ls, read_sensor(ls->libsumo, &ls->sensors[i]), err);
    if (st == PLATOON_OK)
        st = check(ls, ls->libsumo->now(&now), err);
    if (st == PLATOON_OK && ls->counts)
        st = count_step(ls, err);
    if (st == PLATOON_OK)
        st = check_teleports(ls, err);
    if (st != PLATOON_OK)
        return st;
    *out_time_s = now.time_s;
    *out_expected = now.expected;
    return PLATOON_OK;
}

static enum platoon_status finish(struct simulation *s, struct platoon_err *err)
{
    /* The words of a SUMO process whose client ends it: console.h knows them. */
    return check(of(s), of(s)->libsumo->close("TraCI requested termination."), err);
}

/* SUMO itself stays: its process ends next. */
static void free_simulation(struct simulation *s)
{
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

/* --- opening ---------------------------------------------------------------------------------- */

static enum platoon_status read_max_teleports(struct libsumo_simulation *ls,
                                              struct platoon_err *err)
{
    const char *text;
    enum platoon_status st = check(ls, ls->libsumo->option("max-num-teleports", &text), err);

    if (st == PLATOON_EREMOTE) { /* a SUMO without that rule */
        ls->max_teleports = -1.0;
        return PLATOON_OK;
    }
    if (st == PLATOON_OK)
        ls->max_teleports = *text ? strtod(text, NULL) : -1.0;
    return st;
}

enum platoon_status simulation_libsumo_open(const struct libsumo_table *libsumo,
                                            const char *const *argv, struct simulation **out,
                                            struct platoon_err *err)
{
    struct libsumo_simulation *ls = calloc(1, sizeof *ls);
    enum platoon_status st;
    size_t n = 0;

    if (!ls)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a simulation");
    ls->base.ops = &ops;
    ls->libsumo = libsumo;
    while (argv[n])
        n++;
    st = check(ls, libsumo->start(n, argv), err);
    if (st == PLATOON_OK)
        st = read_max_teleports(ls, err);
    *out = &ls->base; /* in any case: it tells whether SUMO failed */
    return st;
}

void simulation_libsumo_vehicles(struct simulation *s, double *out_running, double *out_waiting)
{
    if (of(s)->libsumo->vehicles(out_running, out_waiting) != LIBSUMO_OK)
        *out_running = *out_waiting = -1.0;
}

bool simulation_libsumo_has_failed(const struct simulation *s)
{
    return ((const struct libsumo_simulation *)s)->has_failed;
}
