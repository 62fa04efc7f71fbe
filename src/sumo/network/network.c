/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - freeing a network, and names of its lanes. */
#include "sumo/network/network.h"

#include <stdlib.h>
#include <string.h>

void network_release(struct network *n)
{
    for (size_t i = 0; i < n->n_programs; i++) {
        free(n->programs[i].id);
        free(n->programs[i].type);
    }
    for (size_t i = 0; i < n->n_phases; i++)
        free(n->phases[i].state);
    for (size_t i = 0; i < n->n_detectors; i++) {
        free(n->detectors[i].id);
        free(n->detectors[i].lanes);
    }
    names_release(&n->edge_ids);
    names_release(&n->junctions);
    names_release(&n->types);
    names_release(&n->signal_ids);
    free(n->net_file);
    free(n->edges);
    free(n->links);
    free(n->signals);
    free(n->programs);
    free(n->phases);
    free(n->detectors);
    *n = (struct network){0};
}

const char *network_edge_id(const struct network *n, uint32_t edge)
{
    return edge == NETWORK_NONE ? "" : n->edge_ids.text[edge];
}

const char *network_signal_id(const struct network *n, uint32_t signal)
{
    return signal == NETWORK_NONE ? "" : n->signal_ids.text[signal];
}

bool network_find_lane(const struct network *n, const char *lane, size_t len, uint32_t *out_edge,
                       unsigned *out_index)
{
    size_t cut = len;
    unsigned index = 0;
    char *name;

    while (cut > 0 && lane[cut - 1] != '_')
        cut--;
    if (cut < 2 || cut == len || len - cut > 4)
        return false;
    for (size_t i = cut; i < len; i++) {
        if (lane[i] < '0' || lane[i] > '9')
            return false;
        index = 10 * index + (unsigned)(lane[i] - '0');
    }
    name = strndup(lane, cut - 1);
    if (!name)
        return false;
    *out_edge = names_find(&n->edge_ids, name);
    *out_index = index;
    free(name);
    return *out_edge != NETWORK_NONE;
}

const char *network_detector_kind_name(enum network_detector_kind kind)
{
    static const char *const names[] = {"E1", "E2", "E3"};

    return names[kind];
}

bool network_next_lane(const char **at, const char **out_lane, size_t *out_len)
{
    *out_lane = *at + strspn(*at, " \t");
    *out_len = strcspn(*out_lane, " \t");
    *at = *out_lane + *out_len;
    return *out_len > 0;
}
