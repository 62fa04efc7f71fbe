/* SPDX-License-Identifier: Apache-2.0 */
/* controller_fixed.c - a ramp meter with a fixed cycle, whatever the traffic: the baseline that a
 * responsive controller has to beat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/control/controller.h"
#include "sumo/control/meter.h"

enum { CYCLE_S, GREEN_S, N_PARAMETERS };

/* Presets: 600 veh/h, between the limits that `alinea` has in scenarios/ramp_metering. */
static const struct platoon_controller_parameter parameters[N_PARAMETERS] = {
    [CYCLE_S] = {"cycle_s", "s", 6.0, 1.0, 3600.0, false, "from one green to the next"},
    [GREEN_S] = {"green_s", "s", 2.0, 0.1, 3600.0, false, "of which are green"},
};

static const char *const preset_signal[] = {"meter", NULL};

static const struct platoon_controller_place places[] = {
    {"tls", PLATOON_PLACE_SIGNAL, false, preset_signal, "the ramp's signal"}};

struct fixed {
    struct meter meter;
    double rate_vph; /* of cycles */
};

static bool check(const double *p, char *why, size_t why_bytes)
{
    if (p[GREEN_S] < p[CYCLE_S])
        return true;
    snprintf(why, why_bytes, "green_s (%g) leaves no red in a cycle_s of %g", p[GREEN_S],
             p[CYCLE_S]);
    return false;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is the table's */
static void *create(const struct platoon_controller_run *run, char *why, size_t why_bytes)
{
    struct fixed *f = malloc(sizeof *f);

    (void)why, (void)why_bytes;
    if (!f)
        return NULL;
    f->rate_vph = 3600.0 / run->parameters[CYCLE_S];
    meter_init(&f->meter, run->parameters[GREEN_S], run->step_s, run->begin_s);
    return f;
}

static void actuate(void *self, double time_s, const struct platoon_controller_signal *signal)
{
    struct fixed *f = self;

    memset(signal->state, meter_shows_green(&f->meter, time_s, f->rate_vph, false) ? 'G' : 'r',
           signal->n_links);
}

static bool observe(void *self, double time_s, const struct platoon_controller_reading *readings,
                    /* NOLINTNEXTLINE(readability-non-const-parameter): as above */
                    char *why, size_t why_bytes)
{
    (void)self, (void)time_s, (void)readings, (void)why, (void)why_bytes;
    return true;
}

const struct platoon_controller controller_fixed = {
    .abi = PLATOON_CONTROLLER_ABI,
    .name = "fixed",
    .help = "one cycle, whatever the traffic",
    .parameters = parameters,
    .n_parameters = N_PARAMETERS,
    .places = places,
    .n_places = 1,
    .check = check,
    .create = create,
    .actuate = actuate,
    .observe = observe,
    .destroy = free,
};
