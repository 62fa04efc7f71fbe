/* SPDX-License-Identifier: Apache-2.0 */
/* ramps.c - the rules of the header, one function each. */
#include "sumo/network/ramps.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sumo/network/road_graph.h"

enum { MAX_STEPS = 64, FIRST_RAMPS = 16 };

struct search {
    const struct network *network;
    struct road_graph graph;
    bool *is_taken; /* signals that rule 2 gave to a ramp */
    struct ramps found;
    size_t cap;
};

/* --- rank ------------------------------------------------------------------------------------- */

static bool is_ramp_type(const struct network *n, uint32_t edge)
{
    uint32_t type = n->edges[edge].type;
    const char *text = type == NETWORK_NONE ? "" : n->types.text[type];
    size_t len = strlen(text);

    return strstr(text, "ramp") || (len >= 5 && strcmp(text + len - 5, "_link") == 0);
}

/* Not behind `b` in anything. */
static bool is_at_least(const struct network *n, uint32_t a, uint32_t b)
{
    const struct network_edge *x = &n->edges[a], *y = &n->edges[b];

    return x->speed_mps >= y->speed_mps && x->n_lanes >= y->n_lanes;
}

static bool is_better_mainline(const struct network *n, uint32_t a, uint32_t b)
{
    const struct network_edge *x = &n->edges[a], *y = &n->edges[b];
    bool a_is_ramp = is_ramp_type(n, a), b_is_ramp = is_ramp_type(n, b);

    if (a_is_ramp != b_is_ramp)
        return b_is_ramp;
    if (x->speed_mps > y->speed_mps || x->speed_mps < y->speed_mps)
        return x->speed_mps > y->speed_mps;
    return x->n_lanes > y->n_lanes;
}

/* --- upstream --------------------------------------------------------------------------------- */

struct step {
    uint32_t edge;
    unsigned down;   /* the step that it leads into; itself for the first */
    double before_m; /* from its end to the end of the first */
};
struct walk {
    struct step steps[MAX_STEPS]; /* nearest first */
    unsigned n;
};

static bool has_step(const struct walk *w, uint32_t edge)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (w->steps[i].edge == edge)
            return true;
    }
    return false;
}

/* The nearest of those not yet looked at becomes step i. */
static void settle(struct walk *w, unsigned i)
{
    unsigned nearest = i;
    struct step moved;

    for (unsigned j = i + 1; j < w->n; j++) {
        if (w->steps[j].before_m < w->steps[nearest].before_m)
            nearest = j;
    }
    moved = w->steps[i];
    w->steps[i] = w->steps[nearest];
    w->steps[nearest] = moved;
}

/* Edges from which vehicles reach `start` within the reach, nearest first, `start` the first of
 * them. Not beyond what `ramp` joins, or an edge of the same rank. */
static void walk_up(const struct search *s, const struct ramp *ramp, uint32_t start, struct walk *w)
{
    const struct network *n = s->network;

    w->steps[0] = (struct step){start, 0, 0.0};
    w->n = 1;
    for (unsigned i = 0; i < w->n; i++) {
        struct road_edges into;
        double before_m;

        settle(w, i);
        into = road_into(&s->graph, w->steps[i].edge);
        before_m = w->steps[i].before_m + n->edges[w->steps[i].edge].length_m;
        for (size_t j = 0; j < into.n && w->n < MAX_STEPS && before_m <= RAMP_REACH_M; j++) {
            uint32_t edge = into.edges[j];

            if (has_step(w, edge) || edge == ramp->mainline || edge == ramp->merge ||
                (!is_ramp_type(n, edge) && is_at_least(n, edge, ramp->mainline)))
                continue;
            w->steps[w->n++] = (struct step){edge, i, before_m};
        }
    }
}

/* --- rule 2 ----------------------------------------------------------------------------------- */

/* Another edge that leads onto the way from the signal to the merge. */
static uint32_t find_bypass(const struct search *s, const struct walk *w, unsigned from)
{
    for (unsigned at = from; at != w->steps[at].down; at = w->steps[at].down) {
        struct road_edges into = road_into(&s->graph, w->steps[w->steps[at].down].edge);

        for (size_t i = 0; i < into.n; i++) {
            if (into.edges[i] != w->steps[at].edge)
                return into.edges[i];
        }
    }
    return NETWORK_NONE;
}

static uint32_t find_site(const struct search *s, const struct walk *w)
{
    for (unsigned i = 0; i < w->n; i++) {
        struct road_edges into = road_into(&s->graph, w->steps[i].edge);

        if (into.n != 1)
            break; /* further up is not the whole ramp */
        if (road_from(&s->graph, into.edges[0]).n == 1)
            return s->network->edges[w->steps[i].edge].from;
    }
    return NETWORK_NONE;
}

static void find_signal(struct search *s, struct ramp *ramp)
{
    struct walk w;

    walk_up(s, ramp, ramp->edge, &w);
    for (unsigned i = 0; i < w.n; i++) {
        uint32_t signal = s->graph.signal[w.steps[i].edge];

        if (signal == NETWORK_NONE)
            continue;
        ramp->signal = signal;
        ramp->waiting = w.steps[i].edge;
        ramp->bypass = find_bypass(s, &w, i);
        s->is_taken[signal] = true;
        return;
    }
    ramp->site = find_site(s, &w);
}

/* --- detectors -------------------------------------------------------------------------------- */

/* The first loop of each lane of `edge`; whether there is one. */
static bool take_loops(const struct search *s, struct ramp *ramp, uint32_t edge)
{
    uint32_t skip = s->network->edges[edge].acceleration_lanes;
    const struct road_detector *d;
    unsigned last_lane = 0;
    size_t n;

    d = road_detectors(&s->graph, edge, &n);
    for (size_t i = 0; i < n && ramp->n_occupancy < RAMP_MAX_LANES; i++) {
        if (s->network->detectors[d[i].detector].kind != DETECTOR_E1 ||
            (d[i].lane < 32 && (skip >> d[i].lane & 1)) ||
            (ramp->n_occupancy && d[i].lane == last_lane))
            continue;
        last_lane = d[i].lane;
        ramp->occupancy[ramp->n_occupancy++] = d[i].detector;
    }
    ramp->occupancy_edge = edge;
    return ramp->n_occupancy > 0;
}

static void find_loops(const struct search *s, struct ramp *ramp)
{
    uint32_t edge = ramp->merge;
    double after_m = 0.0;

    for (unsigned i = 0; i < MAX_STEPS && edge != NETWORK_NONE && after_m <= RAMP_NEXT_M; i++) {
        struct road_edges next = road_from(&s->graph, edge);

        if (take_loops(s, ramp, edge))
            return;
        after_m += s->network->edges[edge].length_m;
        edge = next.n == 1 ? next.edges[0] : NETWORK_NONE;
    }
}

static uint32_t longest_area(const struct search *s, uint32_t edge)
{
    const struct network_detector *all = s->network->detectors;
    const struct road_detector *d;
    uint32_t best = NETWORK_NONE;
    size_t n;

    d = road_detectors(&s->graph, edge, &n);
    for (size_t i = 0; i < n; i++) {
        const struct network_detector *this = &all[d[i].detector];

        if (this->kind == DETECTOR_E2 &&
            (best == NETWORK_NONE || this->length_m > all[best].length_m))
            best = d[i].detector;
    }
    return best;
}

static uint32_t first_loop(const struct search *s, uint32_t edge, double before_m)
{
    const struct network_detector *all = s->network->detectors;
    const struct road_detector *d;
    uint32_t best = NETWORK_NONE;
    size_t n;

    d = road_detectors(&s->graph, edge, &n);
    for (size_t i = 0; i < n; i++) {
        const struct network_detector *this = &all[d[i].detector];

        if (this->kind == DETECTOR_E1 && this->position_m <= before_m &&
            (best == NETWORK_NONE || this->position_m < all[best].position_m))
            best = d[i].detector;
    }
    return best;
}

static void find_detectors(const struct search *s, struct ramp *ramp)
{
    struct walk w;

    find_loops(s, ramp);
    walk_up(s, ramp, ramp->waiting, &w);
    for (unsigned i = 0; i < w.n; i++) {
        uint32_t edge = w.steps[i].edge;
        double length_m = s->network->edges[edge].length_m;

        if (ramp->queue == NETWORK_NONE)
            ramp->queue = longest_area(s, edge);
        if (ramp->inflow == NETWORK_NONE)
            ramp->inflow = first_loop(s, edge, i == 0 ? length_m / 2.0 : length_m);
    }
}

/* --- rules 1 and 3 ---------------------------------------------------------------------------- */

static bool add(struct search *s, const struct ramp *ramp)
{
    if (s->found.n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : FIRST_RAMPS;
        struct ramp *grown = mem_realloc(s->found.list, cap * sizeof *grown);

        if (!grown)
            return false;
        s->found.list = grown;
        s->cap = cap;
    }
    s->found.list[s->found.n++] = *ramp;
    return true;
}

/* Nothing but edge, mainline and merge is known of it yet. */
static struct ramp new_ramp(enum ramp_evidence found_by, uint32_t edge, uint32_t mainline,
                            uint32_t merge)
{
    return (struct ramp){
        .found_by = found_by,
        .edge = edge,
        .mainline = mainline,
        .merge = merge,
        .signal = NETWORK_NONE,
        .waiting = edge,
        .bypass = NETWORK_NONE,
        .site = NETWORK_NONE,
        .occupancy_edge = NETWORK_NONE,
        .queue = NETWORK_NONE,
        .inflow = NETWORK_NONE,
    };
}

/* Whether `edge` leads into `merge` only, and is not its way back. */
static bool only_merges(const struct search *s, uint32_t edge, uint32_t merge)
{
    const struct network_edge *e = &s->network->edges[edge], *d = &s->network->edges[merge];

    return road_from(&s->graph, edge).n == 1 && (e->from == NETWORK_NONE || e->from != d->to);
}

static bool find_mainline(const struct search *s, uint32_t merge, uint32_t *out)
{
    struct road_edges into = road_into(&s->graph, merge);
    uint32_t best = NETWORK_NONE;

    for (size_t i = 0; i < into.n; i++) {
        if (only_merges(s, into.edges[i], merge) &&
            (best == NETWORK_NONE || is_better_mainline(s->network, into.edges[i], best)))
            best = into.edges[i];
    }
    *out = best;
    return best != NETWORK_NONE;
}

static bool is_ramp(const struct network *n, uint32_t edge, uint32_t mainline, uint32_t merge,
                    enum ramp_evidence *out_found_by)
{
    bool edge_is = is_ramp_type(n, edge);
    bool road_is = is_ramp_type(n, mainline) || is_ramp_type(n, merge);

    if (road_is)
        return false;
    *out_found_by = edge_is ? RAMP_BY_TYPE : RAMP_BY_RANK;
    return edge_is || (is_at_least(n, mainline, edge) && !is_at_least(n, edge, mainline));
}

static bool find_merging(struct search *s, uint32_t merge)
{
    const struct network *n = s->network;
    struct road_edges into = road_into(&s->graph, merge);
    enum ramp_evidence found_by;
    uint32_t mainline;

    if (into.n < 2 || n->edges[merge].is_in_roundabout ||
        n->edges[merge].speed_mps <= RAMP_MIN_SPEED_MPS || !find_mainline(s, merge, &mainline))
        return true;
    for (size_t i = 0; i < into.n; i++) {
        struct ramp ramp;

        if (into.edges[i] == mainline || !only_merges(s, into.edges[i], merge) ||
            !is_ramp(n, into.edges[i], mainline, merge, &found_by))
            continue;
        ramp = new_ramp(found_by, into.edges[i], mainline, merge);
        find_signal(s, &ramp);
        find_detectors(s, &ramp);
        if (!add(s, &ramp))
            return false;
    }
    return true;
}

static uint32_t best_other(const struct search *s, struct road_edges into, uint32_t edge)
{
    uint32_t best = NETWORK_NONE;

    for (size_t i = 0; i < into.n; i++) {
        if (into.edges[i] != edge &&
            (best == NETWORK_NONE || is_better_mainline(s->network, into.edges[i], best)))
            best = into.edges[i];
    }
    return best;
}

/* Rule 3: down the road from `edge` to the first that another one leads into. */
static bool find_joint(const struct search *s, uint32_t edge, struct ramp *out)
{
    double after_m = 0.0;

    for (unsigned i = 0; i < MAX_STEPS && after_m <= RAMP_REACH_M; i++) {
        struct road_edges next = road_from(&s->graph, edge), into;

        if (next.n != 1)
            return false;
        into = road_into(&s->graph, next.edges[0]);
        if (into.n >= 2) {
            *out = new_ramp(RAMP_BY_SIGNAL, edge, best_other(s, into, edge), next.edges[0]);
            return true;
        }
        edge = next.edges[0];
        after_m += s->network->edges[edge].length_m;
    }
    return false;
}

static bool find_by_signal(struct search *s, uint32_t edge)
{
    uint32_t signal = s->graph.signal[edge];
    struct ramp ramp;

    if (signal == NETWORK_NONE || s->is_taken[signal] || !find_joint(s, edge, &ramp))
        return true;
    ramp.signal = signal;
    ramp.waiting = edge;
    find_detectors(s, &ramp);
    return add(s, &ramp);
}

/* --- the list --------------------------------------------------------------------------------- */

static int score(const struct ramp *r)
{
    return 16 * (r->signal != NETWORK_NONE) + 8 * (r->n_occupancy > 0) +
           4 * (r->queue != NETWORK_NONE) + 2 * (r->inflow != NETWORK_NONE) +
           (r->found_by != RAMP_BY_SIGNAL);
}

static int by_score(const void *a, const void *b)
{
    const struct ramp *x = a, *y = b;

    if (score(x) != score(y))
        return score(y) - score(x);
    return x->edge < y->edge ? -1 : x->edge > y->edge;
}

enum platoon_status ramps_find(const struct network *network, struct ramps *out,
                               struct platoon_err *err)
{
    struct search s = {.network = network};
    enum platoon_status st = road_graph_make(&s.graph, network, err);
    uint32_t n_edges = network->edge_ids.n;
    bool ok;

    if (st != PLATOON_OK)
        return st;
    s.is_taken = mem_zero(network->signal_ids.n * sizeof *s.is_taken);
    ok = s.is_taken != NULL;
    for (uint32_t i = 0; i < n_edges && ok; i++)
        ok = find_merging(&s, i);
    for (uint32_t i = 0; i < n_edges && ok; i++)
        ok = find_by_signal(&s, i);
    free(s.is_taken);
    road_graph_release(&s.graph);
    if (!ok) {
        ramps_release(&s.found);
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to look for ramps");
    }
    if (s.found.n)
        qsort(s.found.list, s.found.n, sizeof *s.found.list, by_score);
    *out = s.found;
    return PLATOON_OK;
}

void ramps_release(struct ramps *ramps)
{
    free(ramps->list);
    *ramps = (struct ramps){0};
}

const char *ramp_evidence_name(enum ramp_evidence evidence)
{
    static const char *const names[] = {"type", "rank", "signal"};

    return names[evidence];
}

bool ramp_is_complete(const struct ramp *ramp)
{
    return ramp->signal != NETWORK_NONE && ramp->n_occupancy > 0 && ramp->queue != NETWORK_NONE &&
           ramp->inflow != NETWORK_NONE;
}
