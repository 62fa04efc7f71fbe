/* SPDX-License-Identifier: Apache-2.0 */
/* drive.c - ties a controller's places to a simulation, then loops: actuate, step, observe. */
#include "sumo/drive.h"

#include <stdlib.h>
#include <string.h>

/* Sums of step lengths are not exact. */
#define TIME_TOLERANCE_S 1e-6

/* Of SUMO's signal states: red, yellow, green with and without priority, and so on. */
#define SIGNAL_LETTERS "rRyYgGsuoO"

/* A signal under control. */
struct lamp {
    const char *id;                          /* borrowed from the settings */
    struct platoon_controller_signal signal; /* what it is to show, for the controller to write */
    char *shown;                             /* what it does show */
    bool is_ours;                            /* it was set; until then its own plan runs */
};

struct driving {
    struct simulation *simulation;
    const struct control_settings *settings;
    const char *folder;
    struct simulation_facts facts;
    void *controller;
    struct lamp *lamps;
    size_t n_lamps;
    struct sensor *sensors;
    double *values; /* of the sensors, in their order: what the readings point into */
    size_t n_sensors;
    struct stop_watch *stop; /* NULL: no rule */
    struct vehicle_counts counts;
    double next_look_s;
    struct platoon_controller_reading readings[PLATOON_CONTROLLER_MAX_PLACES];
};

static const struct simulation_ops *ops_of(const struct driving *d)
{
    return d->simulation->ops;
}

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to control a simulation");
}

/* What kind of object a place is made of. */
static enum network_object object_of(enum platoon_controller_place_kind kind)
{
    switch (kind) {
    case PLATOON_PLACE_SIGNAL:
        return NETWORK_SIGNALS;
    case PLATOON_PLACE_E2_VEHICLES:
    case PLATOON_PLACE_E2_HALTING:
        return NETWORK_E2;
    case PLATOON_PLACE_EDGE_VEHICLES:
    case PLATOON_PLACE_EDGE_SPEED:
        return NETWORK_EDGES;
    default:
        return NETWORK_E1;
    }
}

static enum platoon_status check_network(struct driving *d, struct platoon_err *err)
{
    const struct control_settings *settings = d->settings;
    char **ids[NETWORK_N_OBJECTS] = {NULL};
    struct network_ids network = {{NULL}};
    enum platoon_status st = PLATOON_OK;

    /* Only what is asked for: a city has few signals and 100000 edges. */
    for (size_t i = 0; i < settings->type->n_places && st == PLATOON_OK; i++) {
        enum platoon_controller_place_kind kind = settings->type->places[i].kind;
        enum network_object object = object_of(kind);

        if (settings->places[i].n > 0 && !ids[object])
            st = ops_of(d)->ids(d->simulation, object, &ids[object], err);
        network.of_kind[kind] = ids[object];
    }
    if (st == PLATOON_OK)
        st = control_settings_check(settings, &network, err);
    for (int i = 0; i < NETWORK_N_OBJECTS; i++)
        free(ids[i]);
    return st;
}

static enum platoon_status add_lamp(struct driving *d, size_t place, size_t index,
                                    struct platoon_err *err)
{
    struct lamp *lamp = &d->lamps[d->n_lamps];
    const char *id = d->settings->places[place].names[index];
    enum platoon_status st;
    char *state;

    st = ops_of(d)->signal_state(d->simulation, id, &state, err);
    if (st != PLATOON_OK)
        return st;
    *lamp = (struct lamp){.id = id,
                          .shown = state,
                          .signal = {.place = place, .index = index, .n_links = strlen(state)}};
    d->n_lamps++;
    if (lamp->signal.n_links == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "control.%s: the signal \"%s\" steers no link of the network",
                            d->settings->type->places[place].key, id);
    lamp->signal.state = strdup(state);
    return lamp->signal.state ? PLATOON_OK : no_memory(err);
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
        enum platoon_controller_place_kind kind = settings->type->places[i].kind;

        if (kind != PLATOON_PLACE_SIGNAL)
            d->readings[i] =
                (struct platoon_controller_reading){d->values + d->n_sensors, place->n};
        for (size_t j = 0; j < place->n; j++) {
            if (kind != PLATOON_PLACE_SIGNAL) {
                d->sensors[d->n_sensors++] = (struct sensor){kind, place->names[j], 0.0};
            } else {
                enum platoon_status st = add_lamp(d, i, j, err);

                if (st != PLATOON_OK)
                    return st;
            }
        }
    }
    return ops_of(d)->watch(d->simulation, d->sensors, d->n_sensors, err);
}

static enum platoon_status create_controller(struct driving *d, struct platoon_err *err)
{
    const struct control_settings *settings = d->settings;
    char why[CONTROLLER_WHY_BYTES] = "";
    size_t n_ids[PLATOON_CONTROLLER_MAX_PLACES];
    struct platoon_controller_run run = {
        .parameters = settings->parameters,
        .n_ids = n_ids,
        .begin_s = d->facts.begin_s,
        .end_s = d->facts.end_s,
        .step_s = d->facts.step_s,
        .folder = d->folder,
    };

    for (size_t i = 0; i < settings->type->n_places; i++)
        n_ids[i] = settings->places[i].n;
    d->controller = settings->type->create(&run, why, sizeof why);
    why[sizeof why - 1] = '\0';
    if (d->controller)
        return PLATOON_OK;
    return *why ? platoon_fail(err, PLATOON_EINVAL, "control: %s: %s", settings->type->name, why)
                : no_memory(err);
}

static enum platoon_status prepare(struct driving *d, struct platoon_err *err)
{
    enum platoon_status st = ops_of(d)->facts(d->simulation, &d->facts, err);

    if (st == PLATOON_OK && d->stop) {
        d->next_look_s = d->facts.begin_s + DRIVE_LOOK_EVERY_S;
        st = ops_of(d)->count(d->simulation, &d->counts, err);
    }
    if (st != PLATOON_OK || !d->settings)
        return st;
    if ((st = check_network(d, err)) != PLATOON_OK || (st = bind_places(d, err)) != PLATOON_OK)
        return st;
    return create_controller(d, err);
}

/* What SUMO would do with another letter is not said anywhere. */
static enum platoon_status check_state(const struct driving *d, const struct lamp *lamp,
                                       double time_s, struct platoon_err *err)
{
    for (size_t i = 0; i < lamp->signal.n_links; i++) {
        unsigned char letter = (unsigned char)lamp->signal.state[i];

        if (!letter || !strchr(SIGNAL_LETTERS, letter))
            return platoon_fail(err, PLATOON_EPROTO,
                                "the controller %s has link %zu of the signal \"%s\" show the "
                                "byte 0x%02x at simulated time %.2f s; SUMO knows the "
                                "letters " SIGNAL_LETTERS,
                                d->settings->type->name, i, lamp->id, (unsigned)letter, time_s);
    }
    return PLATOON_OK;
}

static enum platoon_status actuate(struct driving *d, double time_s, struct platoon_err *err)
{
    for (size_t i = 0; i < d->n_lamps; i++) {
        struct lamp *lamp = &d->lamps[i];
        enum platoon_status st;

        d->settings->type->actuate(d->controller, time_s, &lamp->signal);
        if (lamp->is_ours && memcmp(lamp->signal.state, lamp->shown, lamp->signal.n_links) == 0)
            continue;
        if ((st = check_state(d, lamp, time_s, err)) != PLATOON_OK)
            return st;
        memcpy(lamp->shown, lamp->signal.state, lamp->signal.n_links);
        lamp->is_ours = true;
        st = ops_of(d)->set_signal(d->simulation, lamp->id, lamp->shown, err);
        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

static enum platoon_status observe(struct driving *d, double time_s, struct platoon_err *err)
{
    char why[CONTROLLER_WHY_BYTES] = "";

    for (size_t i = 0; i < d->n_sensors; i++)
        d->values[i] = d->sensors[i].value;
    if (d->settings->type->observe(d->controller, time_s, d->readings, why, sizeof why))
        return PLATOON_OK;
    why[sizeof why - 1] = '\0';
    return platoon_fail(err, PLATOON_EPROTO,
                        "the controller %s gave up at simulated time %.2f s: %s",
                        d->settings->type->name, time_s, *why ? why : "it gave no reason");
}

static bool is_over(const struct driving *d, double time_s, double expected)
{
    return expected <= 0.0 ||
           (d->facts.end_s >= 0.0 && time_s >= d->facts.end_s - TIME_TOLERANCE_S);
}

/* Whether the rule ends it here: *out_stops. */
static enum platoon_status look(struct driving *d, double time_s, bool *out_stops,
                                struct platoon_err *err)
{
    double values[STOP_N_QUANTITIES] = {0};
    enum platoon_status st;

    if (time_s < d->next_look_s - TIME_TOLERANCE_S)
        return PLATOON_OK;
    while (d->next_look_s <= time_s + TIME_TOLERANCE_S)
        d->next_look_s += DRIVE_LOOK_EVERY_S;
    values[STOP_TIME] = time_s;
    values[STOP_INSERTED] = d->counts.inserted;
    values[STOP_ARRIVED] = d->counts.arrived;
    values[STOP_RUNNING] = d->counts.inserted - d->counts.arrived;
    values[STOP_TELEPORTS] = d->counts.teleports;
    values[STOP_COLLIDED] = d->counts.collided;
    if (stop_rule_names(d->stop->rule, STOP_WAITING)) {
        st = ops_of(d)->waiting(d->simulation, &values[STOP_WAITING], err);
        if (st != PLATOON_OK)
            return st;
    }
    *out_stops = stop_watch_look(d->stop, values);
    return PLATOON_OK;
}

static enum platoon_status run_loop(struct driving *d, const struct drive_plan *plan,
                                    double *time_s, struct platoon_err *err)
{
    double expected = d->facts.expected;
    bool stops = false;
    enum platoon_status st;

    *time_s = d->facts.begin_s;
    while (!stops && !is_over(d, *time_s, expected)) {
        if (d->controller && (st = actuate(d, *time_s, err)) != PLATOON_OK)
            return st;
        if ((st = ops_of(d)->step(d->simulation, time_s, &expected, err)) != PLATOON_OK)
            return st;
        if (d->controller && (st = observe(d, *time_s, err)) != PLATOON_OK)
            return st;
        if (plan->on_step)
            plan->on_step(*time_s, plan->arg);
        if (d->stop && !is_over(d, *time_s, expected) &&
            (st = look(d, *time_s, &stops, err)) != PLATOON_OK)
            return st;
    }
    return ops_of(d)->finish(d->simulation, err);
}

enum platoon_status drive(struct simulation *s, const struct drive_plan *plan, double *out_end_s,
                          struct platoon_err *err)
{
    struct driving d = {
        .simulation = s, .settings = plan->control, .folder = plan->folder, .stop = plan->stop};
    double time_s = 0.0;
    enum platoon_status st = prepare(&d, err);

    if (st == PLATOON_OK)
        st = run_loop(&d, plan, &time_s, err);
    if (st == PLATOON_OK)
        *out_end_s = time_s;
    if (d.controller)
        plan->control->type->destroy(d.controller);
    for (size_t i = 0; i < d.n_lamps; i++) {
        free(d.lamps[i].signal.state);
        free(d.lamps[i].shown);
    }
    free(d.lamps);
    free(d.sensors);
    free(d.values);
    return st;
}
