/* SPDX-License-Identifier: Apache-2.0 */
/* alinea.c - see the header for the formulas and where they come from. */
#include "sumo/control/alinea.h"

#include <math.h>

double alinea_rate(const struct alinea_parameters *p, double last_rate_vph,
                   double occupancy_percent)
{
    double rate = last_rate_vph + p->K_R * (p->o_target - occupancy_percent);

    return fmin(p->r_max_vph, fmax(p->r_min_vph, rate));
}

double alinea_queue_rate(const struct alinea_parameters *p, const struct alinea_period *period)
{
    double room = p->storage_vehicles - period->queue_vehicles;

    return period->inflow_vph - room * 3600.0 / period->length_s;
}

double alinea_next(const struct alinea_parameters *p, double last_rate_vph,
                   const struct alinea_period *period)
{
    double rate = alinea_rate(p, last_rate_vph, period->occupancy_percent);

    if (p->queue_override)
        rate = fmin(p->r_max_vph, fmax(rate, alinea_queue_rate(p, period)));
    return rate;
}

bool alinea_may_open(const struct alinea_parameters *p, double rate_vph,
                     const struct alinea_period *period)
{
    return rate_vph >= p->r_max_vph && period->queue_vehicles <= p->open_queue_vehicles &&
           period->occupancy_percent < p->o_target;
}
