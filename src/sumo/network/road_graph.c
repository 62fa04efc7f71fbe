/* SPDX-License-Identifier: Apache-2.0 */
/* road_graph.c - counting sort of links by either end; a sorted list of detectors. */
#include "sumo/network/road_graph.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_road(const struct network *n, uint32_t edge)
{
    return n->edges[edge].n_lanes > 0;
}

/* `seen` has room for a number of each edge, all zero. */
static void drop_doubles(size_t *first, uint32_t *list, uint32_t *seen, uint32_t n_edges)
{
    size_t kept = 0, begin = 0;

    for (uint32_t i = 0; i < n_edges; i++) {
        size_t end = first[i + 1];

        for (size_t j = begin; j < end; j++) {
            if (seen[list[j]] == i + 1)
                continue;
            seen[list[j]] = i + 1;
            list[kept++] = list[j];
        }
        begin = end;
        first[i + 1] = kept;
    }
}

/* Links sorted by one end: first[] and list[] as in the header. */
static bool index_links(const struct network *n, bool by_target, size_t **out_first,
                        uint32_t **out_list)
{
    uint32_t n_edges = n->edge_ids.n;
    size_t *first = *out_first = mem_zero(((size_t)n_edges + 2) * sizeof *first);
    uint32_t *list = *out_list = mem_alloc(n->n_links * sizeof *list);
    uint32_t *seen = mem_zero(n_edges * sizeof *seen);

    if (!first || !list || !seen) {
        free(seen);
        return false;
    }
    /* first[i + 2] counts; summed up first[i + 1] is where i's begin, and then where they end. */
    for (size_t i = 0; i < n->n_links; i++) {
        const struct network_link *l = &n->links[i];

        if (is_road(n, l->from) && is_road(n, l->to))
            first[(by_target ? l->to : l->from) + 2]++;
    }
    for (size_t i = 2; i < (size_t)n_edges + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < n->n_links; i++) {
        const struct network_link *l = &n->links[i];

        if (is_road(n, l->from) && is_road(n, l->to))
            list[first[(by_target ? l->to : l->from) + 1]++] = by_target ? l->from : l->to;
    }
    drop_doubles(first, list, seen, n_edges);
    free(seen);
    return true;
}

static bool index_signals(struct road_graph *g)
{
    const struct network *n = g->network;

    g->signal = mem_alloc(n->edge_ids.n * sizeof *g->signal);
    if (!g->signal)
        return false;
    for (uint32_t i = 0; i < n->edge_ids.n; i++)
        g->signal[i] = NETWORK_NONE;
    for (uint32_t i = 0; i < n->signal_ids.n; i++) {
        const struct network_signal *s = &n->signals[i];

        if (s->edge != NETWORK_NONE && !s->is_for_rails && is_road(n, s->edge))
            g->signal[s->edge] = i;
    }
    return true;
}

static int by_place(const void *a, const void *b, void *arg)
{
    const struct road_detector *x = a, *y = b;
    const struct network_detector *all = arg;
    double at = all[x->detector].position_m, other = all[y->detector].position_m;

    if (x->edge != y->edge)
        return x->edge < y->edge ? -1 : 1;
    if (x->lane != y->lane)
        return x->lane < y->lane ? -1 : 1;
    if (at < other || at > other)
        return at < other ? -1 : 1;
    return x->detector < y->detector ? -1 : x->detector > y->detector;
}

static bool index_detectors(struct road_graph *g)
{
    const struct network *n = g->network;
    size_t cap = 0, len;

    for (int is_counted = 0; is_counted < 2; is_counted++) {
        for (uint32_t i = 0; i < n->n_detectors; i++) {
            const char *at = n->detectors[i].lanes, *lane;

            while (network_next_lane(&at, &lane, &len)) {
                struct road_detector d = {.detector = i};

                if (!network_find_lane(n, lane, len, &d.edge, &d.lane))
                    continue;
                if (is_counted)
                    g->detectors[g->n_detectors++] = d;
                else
                    cap++;
            }
        }
        if (!is_counted && !(g->detectors = mem_alloc(cap * sizeof *g->detectors)))
            return false;
    }
    if (g->n_detectors)
        qsort_r(g->detectors, g->n_detectors, sizeof *g->detectors, by_place, n->detectors);
    return true;
}

enum platoon_status road_graph_make(struct road_graph *g, const struct network *network,
                                    struct platoon_err *err)
{
    *g = (struct road_graph){.network = network};
    if (index_links(network, true, &g->in_first, &g->in) &&
        index_links(network, false, &g->out_first, &g->out) && index_signals(g) &&
        index_detectors(g))
        return PLATOON_OK;
    road_graph_release(g);
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to look for ramps");
}

void road_graph_release(struct road_graph *g)
{
    free(g->in_first);
    free(g->out_first);
    free(g->in);
    free(g->out);
    free(g->signal);
    free(g->detectors);
    *g = (struct road_graph){0};
}

struct road_edges road_into(const struct road_graph *g, uint32_t edge)
{
    return (struct road_edges){g->in + g->in_first[edge],
                               g->in_first[edge + 1] - g->in_first[edge]};
}

struct road_edges road_from(const struct road_graph *g, uint32_t edge)
{
    return (struct road_edges){g->out + g->out_first[edge],
                               g->out_first[edge + 1] - g->out_first[edge]};
}

const struct road_detector *road_detectors(const struct road_graph *g, uint32_t edge, size_t *out_n)
{
    size_t low = 0, high = g->n_detectors, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (g->detectors[middle].edge < edge)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < g->n_detectors && g->detectors[end].edge == edge; end++)
        ;
    *out_n = end - low;
    return *out_n ? g->detectors + low : NULL;
}
