/* SPDX-License-Identifier: Apache-2.0 */
/* drive.c - ties a controller's places to a simulation, then loops: actuate, step, observe. */
#include "sumo/drive.h"

#include <stdlib.h>
#include <string.h>

/* Sums of step lengths are not exact. */
#define TIME_TOLERANCE_S 1e-6

/* A signal under control. */
struct lamp {
    size_t i_place;
    const char *id; /* borrowed from the settings */
    size_t n_links;
    char *state; /* n_links letters; state[0] is what is shown, '\0' before the first step */
};

struct driving {
    struct simulation *simulation;
    const struct control_settings *settings;
    struct simulation_facts facts;
    void *controller;
    struct lamp *lamps;
    size_t n_lamps;
    struct sensor *sensors;
    double *values; /* of the sensors, in their order: what the readings point into */
    size_t n_sensors;
    struct controller_reading readings[CONTROLLER_MAX_PLACES];
};

static const struct simulation_ops *ops_of(const struct driving *d)
{
    return d->simulation->ops;
}

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to control a simulation");
}

static enum platoon_status check_network(struct driving *d, struct platoon_err *err)
{
    char **ids[NETWORK_N_OBJECTS] = {NULL};
    struct network_ids network;
    enum platoon_status st = PLATOON_OK;

    for (int i = 0; i < NETWORK_N_OBJECTS && st == PLATOON_OK; i++)
        st = ops_of(d)->ids(d->simulation, (enum network_object)i, &ids[i], err);
    if (st == PLATOON_OK) {
        network.of_kind[PLACE_SIGNAL] = ids[NETWORK_SIGNALS];
        network.of_kind[PLACE_E1_OCCUPANCY] = ids[NETWORK_E1];
        network.of_kind[PLACE_E1_PASSED] = ids[NETWORK_E1];
        network.of_kind[PLACE_E2_VEHICLES] = ids[NETWORK_E2];
        st = control_settings_check(d->settings, &network, err);
    }
    for (int i = 0; i < NETWORK_N_OBJECTS; i++)
        free(ids[i]);
    return st;
}

static enum platoon_status add_lamp(struct driving *d, size_t i_place, const char *id,
                                    struct platoon_err *err)
{
    struct lamp *lamp = &d->lamps[d->n_lamps];
    enum platoon_status st;

    *lamp = (struct lamp){.i_place = i_place, .id = id};
    st = ops_of(d)->signal_links(d->simulation, id, &lamp->n_links, err);
    if (st != PLATOON_OK)
        return st;
    if (lamp->n_links == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "control.%s: the signal \"%s\" steers no link of the network",
                            d->settings->type->places[i_place].key, id);
    if (!(lamp->state = calloc(1, lamp->n_links + 1)))
        return no_memory(err);
    d->n_lamps++;
    return PLATOON_OK;
}

/* Signals become lamps, detectors become sensors with a value each. */
static enum platoon_status bind_places(struct driving *d, struct platoon_err *err)
{
    const struct control_settings *settings = d->settings;
    size_t n_names = 0;

    for (size_t i = 0; i < settings->type->n_places; i++)
        n_names += settings->places[i].n;
    d->lamps = calloc(n_names + 1, sizeof *d->lamps);
    d->sensors = calloc(n_names + 1, sizeof *d->sensors);
    d->values = calloc(n_names + 1, sizeof *d->values);
    if (!d->lamps || !d->sensors || !d->values)
        return no_memory(err);
    for (size_t i = 0; i < settings->type->n_places; i++) {
        const struct control_place *place = &settings->places[i];
        enum controller_place_kind kind = settings->type->places[i].kind;

        if (kind != PLACE_SIGNAL)
            d->readings[i] = (struct controller_reading){d->values + d->n_sensors, place->n};
        for (size_t j = 0; j < place->n; j++) {
            if (kind != PLACE_SIGNAL) {
                d->sensors[d->n_sensors++] = (struct sensor){kind, place->names[j], 0.0};
            } else {
                enum platoon_status st = add_lamp(d, i, place->names[j], err);

                if (st != PLATOON_OK)
                    return st;
            }
        }
    }
    return ops_of(d)->watch(d->simulation, d->sensors, d->n_sensors, err);
}

static enum platoon_status prepare(struct driving *d, struct platoon_err *err)
{
    enum platoon_status st = ops_of(d)->facts(d->simulation, &d->facts, err);

    if (st != PLATOON_OK || !d->settings)
        return st;
    if ((st = check_network(d, err)) != PLATOON_OK || (st = bind_places(d, err)) != PLATOON_OK)
        return st;
    d->controller =
        d->settings->type->create(d->settings->parameters, d->facts.begin_s, d->facts.step_s);
    return d->controller ? PLATOON_OK : no_memory(err);
}

static enum platoon_status actuate(struct driving *d, double time_s, struct platoon_err *err)
{
    for (size_t i = 0; i < d->n_lamps; i++) {
        struct lamp *lamp = &d->lamps[i];
        char letter = d->settings->type->actuate(d->controller, lamp->i_place, time_s);
        enum platoon_status st;

        if (letter == lamp->state[0])
            continue;
        memset(lamp->state, letter, lamp->n_links);
        st = ops_of(d)->set_signal(d->simulation, lamp->id, lamp->state, err);
        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

static void observe(struct driving *d, double time_s)
{
    for (size_t i = 0; i < d->n_sensors; i++)
        d->values[i] = d->sensors[i].value;
    d->settings->type->observe(d->controller, time_s, d->readings);
}

static bool is_over(const struct driving *d, double time_s, double expected)
{
    return expected <= 0.0 ||
           (d->facts.end_s >= 0.0 && time_s >= d->facts.end_s - TIME_TOLERANCE_S);
}

static enum platoon_status run_loop(struct driving *d, drive_step_fn on_step, void *arg,
                                    double *time_s, struct platoon_err *err)
{
    double expected = d->facts.expected;
    enum platoon_status st;

    *time_s = d->facts.begin_s;
    while (!is_over(d, *time_s, expected)) {
        if (d->controller && (st = actuate(d, *time_s, err)) != PLATOON_OK)
            return st;
        if ((st = ops_of(d)->step(d->simulation, time_s, &expected, err)) != PLATOON_OK)
            return st;
        if (d->controller)
            observe(d, *time_s);
        if (on_step)
            on_step(*time_s, arg);
    }
    return ops_of(d)->finish(d->simulation, err);
}

enum platoon_status drive(struct simulation *s, const struct control_settings *settings,
                          drive_step_fn on_step, void *arg, double *out_end_s,
                          struct platoon_err *err)
{
    struct driving d = {.simulation = s, .settings = settings};
    double time_s = 0.0;
    enum platoon_status st = prepare(&d, err);

    if (st == PLATOON_OK)
        st = run_loop(&d, on_step, arg, &time_s, err);
    if (st == PLATOON_OK)
        *out_end_s = time_s;
    if (settings)
        settings->type->free(d.controller);
    for (size_t i = 0; i < d.n_lamps; i++)
        free(d.lamps[i].state);
    free(d.lamps);
    free(d.sensors);
    free(d.values);
    return st;
}
