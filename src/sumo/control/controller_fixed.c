/* SPDX-License-Identifier: Apache-2.0 */
/* controller_fixed.c - a ramp meter with a fixed cycle, whatever the traffic: the baseline that a
 * responsive controller has to beat. */
#include <stdlib.h>

#include "sumo/control/controller.h"
#include "sumo/control/meter.h"

enum { CYCLE_S, GREEN_S, N_PARAMETERS };

/* Presets: 600 veh/h, between the limits that `alinea` has in scenarios/ramp_metering. */
static const struct controller_parameter parameters[N_PARAMETERS] = {
    [CYCLE_S] = {"cycle_s", "s", 6.0, 1.0, 3600.0, false},
    [GREEN_S] = {"green_s", "s", 2.0, 0.1, 3600.0, false},
};

static const char *const preset_signal[] = {"meter", NULL};

static const struct controller_place places[] = {{"tls", PLACE_SIGNAL, false, preset_signal}};

struct fixed {
    struct meter meter;
    double rate_vph; /* of cycles */
};

static enum platoon_status check(const double *p, struct platoon_err *err)
{
    if (p[GREEN_S] >= p[CYCLE_S])
        return platoon_fail(err, PLATOON_EINVAL,
                            "control: green_s (%g) leaves no red in a cycle_s of %g", p[GREEN_S],
                            p[CYCLE_S]);
    return PLATOON_OK;
}

static bool needs(const double *p, size_t i)
{
    (void)p;
    (void)i;
    return true;
}

static void *create(const double *p, double begin_s, double step_s)
{
    struct fixed *f = malloc(sizeof *f);

    if (!f)
        return NULL;
    f->rate_vph = 3600.0 / p[CYCLE_S];
    meter_init(&f->meter, p[GREEN_S], step_s, begin_s);
    return f;
}

static char actuate(void *self, size_t i, double time_s)
{
    struct fixed *f = self;

    (void)i; /* one signal */
    return meter_shows_green(&f->meter, time_s, f->rate_vph, false) ? 'G' : 'r';
}

static void observe(void *self, double time_s, const struct controller_reading *readings)
{
    (void)self;
    (void)time_s;
    (void)readings;
}

const struct controller_type controller_fixed = {
    .name = "fixed",
    .parameters = parameters,
    .n_parameters = N_PARAMETERS,
    .places = places,
    .n_places = 1,
    .check = check,
    .needs = needs,
    .create = create,
    .actuate = actuate,
    .observe = observe,
    .free = free,
};
