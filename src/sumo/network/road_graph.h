/* SPDX-License-Identifier: Apache-2.0 */
/* road_graph.h - which edges lead where, and which detectors stand on them, for edges that cars may
 * use: a network's arrays, indexed by edge. */
#ifndef PLATOON_SUMO_NETWORK_ROAD_GRAPH_H
#define PLATOON_SUMO_NETWORK_ROAD_GRAPH_H

#include "sumo/network/network.h"

/* A detector on a lane; one for each lane of an E2. */
struct road_detector {
    uint32_t edge, detector;
    unsigned lane;
};

struct road_graph {
    const struct network *network; /* borrowed */
    /* Neighbours of edge i: in[in_first[i]] to in[in_first[i + 1]], each once. */
    size_t *in_first, *out_first;
    uint32_t *in, *out;
    uint32_t *signal;                /* of edge i: the one that meters it, or NETWORK_NONE */
    struct road_detector *detectors; /* by edge, then lane, then position */
    size_t n_detectors;
};

struct road_edges {
    const uint32_t *edges; /* borrowed */
    size_t n;
};

/* ENOMEM: `g` is empty. */
enum platoon_status road_graph_make(struct road_graph *g, const struct network *network,
                                    struct platoon_err *err);
void road_graph_release(struct road_graph *g);

struct road_edges road_into(const struct road_graph *g, uint32_t edge);
struct road_edges road_from(const struct road_graph *g, uint32_t edge);
/* The detectors on an edge; *out_n of them, NULL if 0. Borrowed. */
const struct road_detector *road_detectors(const struct road_graph *g, uint32_t edge,
                                           size_t *out_n);

#endif
