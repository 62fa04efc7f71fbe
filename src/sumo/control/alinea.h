/* SPDX-License-Identifier: Apache-2.0 */
/* alinea.h - the control law of a metered on-ramp: how many vehicles an hour may pass. Pure
 * arithmetic.
 *
 * ALINEA holds the occupancy o of the motorway just behind the merge at a target, by an integral
 * controller that is run every period T:
 *
 *     r(k) = r(k-1) + K_R (o_target - o(k))                                            (1)
 *
 * in veh/h, limited to r_min .. r_max. r(k-1) is the rate that was really used, after limits and
 * override, so that nothing winds up while one of them is active.
 *
 *     Papageorgiou, Hadj-Salem, Blosseville: "ALINEA: a local feedback control law for on-ramp
 *     metering", Transportation Research Record 1320 (1991), 58-64.
 *
 * Queue override: the ramp stores so many vehicles, w of them are there, d veh/h arrive. At least
 *
 *     r_w(k) = d(k) - 3600/T (storage - w(k))                                           (2)
 *
 * must leave, or the queue outgrows the ramp within the next period; the rate used is
 * min(r_max, max(r, r_w)).
 *
 *     Smaragdis, Papageorgiou: "Series of new local ramp metering strategies", Transportation
 *     Research Record 1856 (2003), 74-86.
 *
 * The detector must stand where congestion starts: at the merge. Further downstream it never sees
 * more than the capacity that passes the bottleneck, and the controller is blind.
 *
 *     Papageorgiou, Kosmatopoulos, Papamichail, Wang: "A misapplication of the local ramp metering
 *     strategy ALINEA", IEEE Transactions on Intelligent Transportation Systems 9 (2008),
 *     360-365. */
#ifndef PLATOON_SUMO_CONTROL_ALINEA_H
#define PLATOON_SUMO_CONTROL_ALINEA_H

#include <stdbool.h>

struct alinea_parameters {
    double K_R;                  /* gain, veh/h for each % of occupancy; >= 0 */
    double o_target;             /* % of time that the detector is covered */
    double r_min_vph, r_max_vph; /* 0 < r_min <= r_max */
    double storage_vehicles;     /* room on the ramp */
    double open_queue_vehicles;  /* see alinea_may_open() */
    bool queue_override;
};

/* What was measured in the period that ended. */
struct alinea_period {
    double length_s;          /* T; > 0 */
    double occupancy_percent; /* o, the mean over the period and the lanes */
    double queue_vehicles;    /* w, at its end */
    double inflow_vph;        /* d, onto the ramp */
};

/* Formula (1), with its limits. */
double alinea_rate(const struct alinea_parameters *p, double last_rate_vph,
                   double occupancy_percent);
/* Formula (2); may be negative, which means that nothing must leave. */
double alinea_queue_rate(const struct alinea_parameters *p, const struct alinea_period *period);
/* The rate of the next period, from the last one that was used. */
double alinea_next(const struct alinea_parameters *p, double last_rate_vph,
                   const struct alinea_period *period);
/* Whether the signal may stay green: nothing to hold back (rate at r_max, occupancy below the
 * target) and hardly a queue. A signal that opens on a full ramp lets 1000 and more veh/h go at
 * once, and causes the breakdown that it is there to prevent. */
bool alinea_may_open(const struct alinea_parameters *p, double rate_vph,
                     const struct alinea_period *period);

#endif
