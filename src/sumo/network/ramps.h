/* SPDX-License-Identifier: Apache-2.0 */
/* ramps.h - where in a network a controller could meter: on-ramps, their signals and detectors.
 *
 * Pure: a network in, a list out. Nothing in a .net.xml says "ramp", so there are rules:
 *
 *  1. An on-ramp is an edge R that leads into edge D and nowhere else, into which one more edge M
 *     leads (and nowhere else), if D is no edge of a roundabout, allows more than RAMP_MIN_SPEED,
 *     and either
 *       by type:  R's type is a ramp's ("..._link", or with "ramp" in it), M's and D's are not; or
 *       by rank:  none of the three types is a ramp's, and M is faster than R or has more lanes,
 *                 and is not behind R in the other.
 *     Of several M the one of the highest rank counts. An edge that turns back at D's far end is
 *     none of them. Only lanes for passenger cars count.
 *  2. What meters it is the nearest signal upstream, R's own end included, all of whose links lead
 *     from one edge, at most RAMP_REACH_M before the merge and not beyond an edge of M's rank.
 *  3. A signal of that kind that rule 2 gave to no ramp is a candidate too ("by signal") if the road
 *     from it leads, without branches, to an edge that another one leads into as well, at most
 *     RAMP_REACH_M further on: R is the last edge before the first such.
 *
 *  Occupancy: on each of D's lanes that is no acceleration lane the induction loop that comes first;
 *  without any there, those of the next RAMP_NEXT_M downstream. Queue: the longest lane area detector
 *  on the edge that the signal stops (without a signal: on R), else on the nearest edge upstream of
 *  it. Inflow: the first induction loop on the first half of that edge, else one of the nearest edge
 *  upstream.
 */
#ifndef PLATOON_SUMO_NETWORK_RAMPS_H
#define PLATOON_SUMO_NETWORK_RAMPS_H

#include "sumo/network/network.h"

#define RAMP_MIN_SPEED_MPS 15.0 /* 54 km/h: streets in towns merge without being ramps */
#define RAMP_REACH_M       1000.0
#define RAMP_NEXT_M        500.0
enum { RAMP_MAX_LANES = 32 };

enum ramp_evidence { RAMP_BY_TYPE, RAMP_BY_RANK, RAMP_BY_SIGNAL };

struct ramp {
    enum ramp_evidence found_by;
    /* Edges: R, M and D of rule 1. */
    uint32_t edge, mainline, merge;
    uint32_t signal;  /* NETWORK_NONE: nothing meters it */
    uint32_t waiting; /* the edge on which vehicles wait: that of the signal, without one R */
    uint32_t bypass;  /* an edge from which vehicles come onto the ramp past the signal; NONE */
    /* The junction on the ramp, nearest to the merge, that has one edge in and one out: where a
     * signal could be put. NETWORK_NONE if there is none, or there is a signal. */
    uint32_t site;
    /* Detectors */
    uint32_t occupancy[RAMP_MAX_LANES]; /* by lane */
    unsigned n_occupancy;
    uint32_t occupancy_edge; /* where these stand: D, or an edge after it */
    uint32_t queue, inflow;  /* NETWORK_NONE */
};

struct ramps {
    struct ramp *list; /* best first: with a signal, then with loops, queue, inflow */
    size_t n;
};

/* ENOMEM, *out empty. Time and memory in proportion to the network, times the edges near ramps. */
enum platoon_status ramps_find(const struct network *network, struct ramps *out,
                               struct platoon_err *err);
void ramps_release(struct ramps *ramps);

/* "type", "rank", "signal". */
const char *ramp_evidence_name(enum ramp_evidence evidence);
/* Whether nothing that the controller alinea needs, with its queue override, is missing. */
bool ramp_is_complete(const struct ramp *ramp);

#endif
