/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - what a simulation's network has, as far as a controller is concerned: edges, the
 * links between them, signals with their programs, detectors. Read from the files that a .sumocfg
 * names, without SUMO (network_read.h); ramps are found in it by ramps.h.
 *
 * Things are numbers into arrays, NETWORK_NONE for "none". Shapes, junctions' inside, internal
 * edges, sidewalks' geometry and vehicles are passed over while reading: memory grows with the
 * number of things that are kept, not with the size of the files. */
#ifndef PLATOON_SUMO_NETWORK_NETWORK_H
#define PLATOON_SUMO_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sumo/network/names.h"

#define NETWORK_NONE NAMES_NONE

/* Of a normal edge; internal ones, crossings and walking areas are none. */
struct network_edge {
    uint32_t from, to;           /* in junctions; NETWORK_NONE if the file does not say */
    uint32_t type;               /* in types, "highway.motorway"; NETWORK_NONE */
    unsigned n_lanes;            /* that passenger cars may use; 0: no road for cars */
    unsigned first_lane;         /* the lowest index of these: lane 0 may be a sidewalk */
    uint32_t acceleration_lanes; /* bit i: lane i is one, as netconvert marks it */
    double speed_mps;            /* of its fastest lane for cars */
    double length_m;
    bool is_in_roundabout;
};

/* Some lane of one edge leads to one of another. */
struct network_link {
    uint32_t from, to; /* edges */
};

struct network_phase {
    double duration_s;
    char *state; /* a letter a link */
};
struct network_program {
    uint32_t signal;
    char *id, *type; /* "" if the file does not say */
    uint32_t first_phase, n_phases;
};
struct network_signal {
    uint32_t n_links;
    uint32_t edge;     /* that all its links lead from; NETWORK_NONE: from several, or from none */
    bool is_mixed;     /* from several, or from a crossing */
    bool is_for_rails; /* rail_signal, rail_crossing */
    uint32_t first_program, n_programs;
};

enum network_detector_kind { DETECTOR_E1, DETECTOR_E2, DETECTOR_E3 };
struct network_detector {
    enum network_detector_kind kind;
    char *id;
    char *lanes;       /* as the file has them, one or, of an E2, several; "" for an E3 */
    double position_m; /* from the first lane's beginning; NAN: unknown */
    double length_m;   /* of an E2; else NAN */
};

/* All zero is an empty one. */
struct network {
    char *net_file; /* the .net.xml */
    struct names edge_ids, junctions, types, signal_ids;
    struct network_edge *edges; /* edge_ids.n */
    struct network_link *links;
    size_t n_links;
    struct network_signal *signals;   /* signal_ids.n */
    struct network_program *programs; /* of one signal side by side, in the order of the files */
    size_t n_programs;
    struct network_phase *phases;
    size_t n_phases;
    struct network_detector *detectors;
    size_t n_detectors;
    /* how many the arrays have room for */
    size_t edges_cap, links_cap, signals_cap, programs_cap, phases_cap, detectors_cap;
};

void network_release(struct network *n);

const char *network_edge_id(const struct network *n, uint32_t edge);     /* NETWORK_NONE: "" */
const char *network_signal_id(const struct network *n, uint32_t signal); /* NETWORK_NONE: "" */
/* The edge of a lane, "EDGE_2", and the lane's index in it. False: the network has no such edge. */
bool network_find_lane(const struct network *n, const char *lane, size_t len, uint32_t *out_edge,
                       unsigned *out_index);

/* "E1", "E2", "E3". */
const char *network_detector_kind_name(enum network_detector_kind kind);
/* The next lane in detector.lanes, "a_0 b_0": false at the end. *at begins as `lanes`. */
bool network_next_lane(const char **at, const char **out_lane, size_t *out_len);

#endif
