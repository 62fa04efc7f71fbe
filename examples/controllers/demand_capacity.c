/* SPDX-License-Identifier: Apache-2.0 */
/* demand_capacity.c - a ramp meter as a controller of your own: the demand-capacity strategy.
 *
 *     cc -std=c11 -shared -fPIC -o demand_capacity.so demand_capacity.c -lm
 *     platoon sumo FILE.sumocfg --controller ./demand_capacity.so --control demand_capacity
 *
 * Each period k the ramp gets what the motorway has left, or as little as may be once it is full:
 *
 *     r(k) = q_cap - q_in(k-1)   while o_out(k-1) <= o_cr
 *            r_min               else
 *
 * with q_cap the capacity behind the ramp, q_in the flow measured upstream of it, o_out the
 * occupancy measured behind it, o_cr the one at which capacity is reached; r is then kept within
 * r_min .. r_max. Unlike ALINEA it is no feedback: what it does not measure, it does not see.
 *
 *     Papageorgiou, Kotsialos: "Freeway ramp metering: an overview", IEEE Transactions on
 *     Intelligent Transportation Systems 3 (2002), 271-281, section III. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/controller.h>

/* Sums of step lengths are not exact. */
#define TIME_TOLERANCE_S 1e-6

/* --- the table's rows ------------------------------------------------------------------------- */

enum { Q_CAP_VPH, O_CR, R_MIN_VPH, R_MAX_VPH, PERIOD_S, GREEN_S, N_PARAMETERS };

/* Presets: scenarios/ramp_metering, of which 3260 veh/h leave the merge at best. The period is long
 * because q_in is a count: over 30 s its scatter alone is several hundred veh/h. */
static const struct platoon_controller_parameter parameters[N_PARAMETERS] = {
    [Q_CAP_VPH] = {"q_cap_vph", "veh/h", 3260.0, 1.0, 20000.0, false, "capacity behind the ramp"},
    [O_CR] = {"o_cr", "%", 22.0, 1.0, 100.0, false, "occupancy at capacity"},
    [R_MIN_VPH] = {"r_min_vph", "veh/h", 240.0, 1.0, 3600.0, false, "least rate"},
    [R_MAX_VPH] = {"r_max_vph", "veh/h", 900.0, 1.0, 3600.0, false, "greatest rate"},
    [PERIOD_S] = {"period_s", "s", 300.0, 1.0, 3600.0, false, "between two decisions"},
    [GREEN_S] = {"green_s", "s", 2.0, 0.1, 60.0, false, "of each cycle: one vehicle passes"},
};

enum { TLS, UPSTREAM_DETECTORS, OCCUPANCY_DETECTORS, N_PLACES };

static const char *const preset_signal[] = {"meter", NULL};
static const char *const preset_upstream[] = {"upstream_1", "upstream_2", NULL};
static const char *const preset_occupancy[] = {"merge_1", "merge_2", NULL};

static const struct platoon_controller_place places[N_PLACES] = {
    [TLS] = {"tls", PLATOON_PLACE_SIGNAL, false, preset_signal, "the ramp's signal"},
    [UPSTREAM_DETECTORS] = {"upstream_detectors", PLATOON_PLACE_E1_PASSED, true, preset_upstream,
                            "on the motorway before the ramp, one a lane"},
    [OCCUPANCY_DETECTORS] = {"occupancy_detectors", PLATOON_PLACE_E1_OCCUPANCY, true,
                             preset_occupancy, "behind the ramp, one a lane"},
};

/* --- the functions ---------------------------------------------------------------------------- */

struct meter {
    double parameters[N_PARAMETERS];
    double step_s, rate_vph;
    /* the period that runs */
    double period_began_s, passed, occupancy_sum, n_steps;
    /* the lamp */
    bool is_green;
    double change_due_s; /* exact; shown from the first step on that begins then or later */
};

static bool check(const double *p, char *why, size_t why_bytes)
{
    if (p[R_MIN_VPH] > p[R_MAX_VPH])
        snprintf(why, why_bytes, "r_min_vph (%g) is greater than r_max_vph (%g)", p[R_MIN_VPH],
                 p[R_MAX_VPH]);
    else if (p[GREEN_S] >= 3600.0 / p[R_MAX_VPH])
        snprintf(why, why_bytes, "a green_s of %g leaves no red at an r_max_vph of %g", p[GREEN_S],
                 p[R_MAX_VPH]);
    else
        return true;
    return false;
}

static void begin_period(struct meter *m, double time_s)
{
    m->period_began_s = time_s;
    m->passed = m->occupancy_sum = m->n_steps = 0.0;
}

static void *create(const struct platoon_controller_run *run, char *why, size_t why_bytes)
{
    struct meter *m;

    if (run->parameters[PERIOD_S] < run->step_s) {
        snprintf(why, why_bytes, "period_s (%g) is shorter than a step of the simulation (%g s)",
                 run->parameters[PERIOD_S], run->step_s);
        return NULL;
    }
    if (!(m = calloc(1, sizeof *m)))
        return NULL; /* without a sentence: no memory */
    memcpy(m->parameters, run->parameters, sizeof m->parameters);
    m->step_s = run->step_s;
    m->rate_vph = run->parameters[R_MAX_VPH];
    m->change_due_s = run->begin_s;
    begin_period(m, run->begin_s);
    return m;
}

/* One vehicle a green, and as many greens an hour as the rate says: each change is counted from
 * when the last one was due, so that steps do not add up to another rate. */
static void actuate(void *self, double time_s, const struct platoon_controller_signal *signal)
{
    struct meter *m = self;
    double green_s = m->parameters[GREEN_S];

    if (time_s >= m->change_due_s - TIME_TOLERANCE_S) {
        m->is_green = !m->is_green;
        m->change_due_s = fmax(m->change_due_s, time_s - m->step_s) +
                          (m->is_green ? green_s : 3600.0 / m->rate_vph - green_s);
    }
    memset(signal->state, m->is_green ? 'G' : 'r', signal->n_links);
}

static double sum(const struct platoon_controller_reading *r)
{
    double total = 0.0;

    for (size_t i = 0; i < r->n; i++)
        total += r->values[i];
    return total;
}

static double decide(const struct meter *m, double length_s)
{
    const double *p = m->parameters;
    double upstream_vph = m->passed * 3600.0 / length_s;
    double occupancy = m->occupancy_sum / m->n_steps;

    if (occupancy > p[O_CR])
        return p[R_MIN_VPH];
    return fmin(p[R_MAX_VPH], fmax(p[R_MIN_VPH], p[Q_CAP_VPH] - upstream_vph));
}

static bool observe(void *self, double time_s, const struct platoon_controller_reading *readings,
                    char *why, size_t why_bytes)
{
    struct meter *m = self;
    double length_s = time_s - m->period_began_s;

    (void)why, (void)why_bytes; /* it never gives up */
    m->passed += sum(&readings[UPSTREAM_DETECTORS]);
    m->occupancy_sum +=
        sum(&readings[OCCUPANCY_DETECTORS]) / (double)readings[OCCUPANCY_DETECTORS].n;
    m->n_steps++;
    if (length_s >= m->parameters[PERIOD_S] - TIME_TOLERANCE_S) {
        m->rate_vph = decide(m, length_s);
        begin_period(m, time_s);
    }
    return true;
}

const struct platoon_controller platoon_controller_plugin = {
    .abi = PLATOON_CONTROLLER_ABI,
    .name = "demand_capacity",
    .help = "ramp metering by what the motorway has left",
    .parameters = parameters,
    .n_parameters = N_PARAMETERS,
    .places = places,
    .n_places = N_PLACES,
    .check = check,
    .create = create,
    .actuate = actuate,
    .observe = observe,
    .destroy = free,
};
