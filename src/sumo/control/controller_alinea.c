/* SPDX-License-Identifier: Apache-2.0 */
/* controller_alinea.c - ALINEA with queue override as a controller: gathers a period's
 * measurements, asks the law (alinea.h) for a rate, and lets the lamp (meter.h) show it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/control/alinea.h"
#include "sumo/control/controller.h"
#include "sumo/control/meter.h"

enum {
    K_R,
    O_TARGET,
    PERIOD_S,
    R_MIN_VPH,
    R_MAX_VPH,
    GREEN_S,
    OPEN_QUEUE_VEHICLES,
    STORAGE_VEHICLES,
    QUEUE_OVERRIDE,
    N_PARAMETERS
};

/* Presets: the scenario of scenarios/ramp_metering, whose README says where they come from. */
static const struct platoon_controller_parameter parameters[N_PARAMETERS] = {
    [K_R] = {"K_R", "veh/h/%", 70.0, 0.0, 1000.0, false, "gain"},
    [O_TARGET] = {"o_target", "%", 18.0, 1.0, 100.0, false, "occupancy to hold"},
    [PERIOD_S] = {"period_s", "s", 30.0, 1.0, 3600.0, false, "between two decisions"},
    [R_MIN_VPH] = {"r_min_vph", "veh/h", 240.0, 1.0, 3600.0, false, "least rate"},
    [R_MAX_VPH] = {"r_max_vph", "veh/h", 900.0, 1.0, 3600.0, false, "greatest rate"},
    [GREEN_S] = {"green_s", "s", 2.0, 0.1, 60.0, false, "of each cycle: one vehicle passes"},
    [OPEN_QUEUE_VEHICLES] = {"open_queue_vehicles", "vehicles", 8.0, 0.0, 10000.0, false,
                             "the signal stays green with no more on the ramp"},
    [STORAGE_VEHICLES] = {"storage_vehicles", "vehicles", 160.0, 1.0, 10000.0, false,
                          "that the ramp has room for"},
    [QUEUE_OVERRIDE] = {"queue_override", "", 1.0, 0.0, 1.0, true,
                        "let vehicles go before the ramp is full"},
};

enum { TLS, OCCUPANCY_DETECTORS, QUEUE_DETECTOR, RAMP_INFLOW_DETECTOR, N_PLACES };

static const char *const preset_signal[] = {"meter", NULL};
static const char *const preset_occupancy[] = {"merge_1", "merge_2", NULL};
static const char *const preset_queue[] = {"ramp_queue", NULL};
static const char *const preset_inflow[] = {"ramp_in", NULL};

static const struct platoon_controller_place places[N_PLACES] = {
    [TLS] = {"tls", PLATOON_PLACE_SIGNAL, false, preset_signal, "the ramp's signal"},
    [OCCUPANCY_DETECTORS] = {"occupancy_detectors", PLATOON_PLACE_E1_OCCUPANCY, true,
                             preset_occupancy, "where congestion begins, one a lane"},
    [QUEUE_DETECTOR] = {"queue_detector", PLATOON_PLACE_E2_VEHICLES, false, preset_queue,
                        "covers the ramp"},
    [RAMP_INFLOW_DETECTOR] = {"ramp_inflow_detector", PLATOON_PLACE_E1_PASSED, false, preset_inflow,
                              "at the ramp's beginning"},
};

struct metering {
    struct alinea_parameters law;
    struct meter meter;
    double period_s;
    double rate_vph;
    bool is_open;
    /* the period that runs */
    double period_began_s;
    double occupancy_sum; /* of each step's mean over the detectors */
    double n_steps;
    double n_arrived; /* onto the ramp */
};

static bool check(const double *p, char *why, size_t why_bytes)
{
    if (p[R_MIN_VPH] > p[R_MAX_VPH]) {
        snprintf(why, why_bytes, "r_min_vph (%g) is greater than r_max_vph (%g)", p[R_MIN_VPH],
                 p[R_MAX_VPH]);
        return false;
    }
    if (p[GREEN_S] >= 3600.0 / p[R_MAX_VPH]) {
        snprintf(why, why_bytes,
                 "r_max_vph (%g) leaves no red: its cycle lasts %.4g s and green_s is %g; one "
                 "vehicle passes in a green",
                 p[R_MAX_VPH], 3600.0 / p[R_MAX_VPH], p[GREEN_S]);
        return false;
    }
    return true;
}

/* Without the override the queue is only asked about before the signal opens. A ramp without a
 * queue detector is metered at r_max instead of opened. */
static bool needs(const double *p, size_t i)
{
    return i == TLS || i == OCCUPANCY_DETECTORS || p[QUEUE_OVERRIDE] != 0.0;
}

static void begin_period(struct metering *m, double time_s)
{
    m->period_began_s = time_s;
    m->occupancy_sum = m->n_steps = m->n_arrived = 0.0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is the table's */
static void *create(const struct platoon_controller_run *run, char *why, size_t why_bytes)
{
    struct metering *m = calloc(1, sizeof *m);
    const double *p = run->parameters;

    (void)why, (void)why_bytes;
    if (!m)
        return NULL;
    m->law = (struct alinea_parameters){
        .K_R = p[K_R],
        .o_target = p[O_TARGET],
        .r_min_vph = p[R_MIN_VPH],
        .r_max_vph = p[R_MAX_VPH],
        .storage_vehicles = p[STORAGE_VEHICLES],
        .open_queue_vehicles = p[OPEN_QUEUE_VEHICLES],
        .queue_override = p[QUEUE_OVERRIDE] != 0.0,
    };
    m->period_s = p[PERIOD_S];
    m->rate_vph = p[R_MAX_VPH];
    m->is_open = true;
    meter_init(&m->meter, p[GREEN_S], run->step_s, run->begin_s);
    begin_period(m, run->begin_s);
    return m;
}

static void actuate(void *self, double time_s, const struct platoon_controller_signal *signal)
{
    struct metering *m = self;

    memset(signal->state, meter_shows_green(&m->meter, time_s, m->rate_vph, m->is_open) ? 'G' : 'r',
           signal->n_links);
}

static double mean(const struct platoon_controller_reading *r)
{
    double sum = 0.0;

    for (size_t i = 0; i < r->n; i++)
        sum += r->values[i];
    return r->n ? sum / (double)r->n : 0.0;
}

static bool observe(void *self, double time_s, const struct platoon_controller_reading *readings,
                    /* NOLINTNEXTLINE(readability-non-const-parameter): as above */
                    char *why, size_t why_bytes)
{
    struct metering *m = self;
    const struct platoon_controller_reading *queue = &readings[QUEUE_DETECTOR];
    struct alinea_period period;

    (void)why, (void)why_bytes;
    m->occupancy_sum += mean(&readings[OCCUPANCY_DETECTORS]);
    m->n_steps++;
    if (readings[RAMP_INFLOW_DETECTOR].n)
        m->n_arrived += readings[RAMP_INFLOW_DETECTOR].values[0];
    period.length_s = time_s - m->period_began_s;
    if (period.length_s < m->period_s - 1e-6) /* sums of step lengths are not exact */
        return true;
    period.occupancy_percent = m->occupancy_sum / m->n_steps;
    period.queue_vehicles = queue->n ? queue->values[0] : INFINITY;
    period.inflow_vph = m->n_arrived * 3600.0 / period.length_s;
    m->rate_vph = alinea_next(&m->law, m->rate_vph, &period);
    m->is_open = alinea_may_open(&m->law, m->rate_vph, &period);
    begin_period(m, time_s);
    return true;
}

const struct platoon_controller controller_alinea = {
    .abi = PLATOON_CONTROLLER_ABI,
    .name = "alinea",
    .help = "ramp metering that holds the occupancy at the merge",
    .parameters = parameters,
    .n_parameters = N_PARAMETERS,
    .places = places,
    .n_places = N_PLACES,
    .check = check,
    .needs = needs,
    .create = create,
    .actuate = actuate,
    .observe = observe,
    .destroy = free,
};
