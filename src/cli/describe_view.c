/* SPDX-License-Identifier: Apache-2.0 */
/* describe_view.c - the same facts twice: as tables, as a dict. */
#include "cli/describe_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "sumo/clean_text.h"
#include "sumo/network/ramp_notes.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- tables ----------------------------------------------------------------------------------- */

static bool finish(struct table *t)
{
    bool is_printed = t && table_print(t, stdout);

    table_free(t);
    return is_printed;
}

/* The states of its phases, a space between; yours, NULL when out of memory. */
static char *states_of(const struct network *n, const struct network_program *p)
{
    struct buf b;

    buf_init(&b);
    for (uint32_t i = 0; i < p->n_phases; i++)
        buf_printf(&b, "%s%s", i ? " " : "", n->phases[p->first_phase + i].state);
    return buf_take_text(&b, NULL);
}

static bool print_signals(const struct network *n)
{
    static const struct table_column columns[] = {
        {.title = "signal"},
        {.title = "links", .is_right = true},
        {.title = "stops edge"},
        {.title = "program"},
        {.title = "type"},
        {.title = "phases", .is_right = true},
        {.title = "states", .is_cut = true},
    };
    struct table *t = table_new(columns, N_OF(columns));
    bool ok = t != NULL;

    for (uint32_t i = 0; ok && i < n->signal_ids.n; i++) {
        const struct network_signal *s = &n->signals[i];
        uint32_t j = 0;

        do {
            const struct network_program *p =
                j < s->n_programs ? &n->programs[s->first_program + j] : NULL;
            char *states = p ? states_of(n, p) : NULL;

            table_row(t);
            table_cell(t, 0, "%s", n->signal_ids.text[i]);
            table_cell(t, 1, "%u", s->n_links);
            table_cell(t, 2, "%s", s->edge == NETWORK_NONE ? "-" : network_edge_id(n, s->edge));
            if (p) {
                table_cell(t, 3, "%s", p->id);
                table_cell(t, 4, "%s", p->type);
                table_cell(t, 5, "%u", p->n_phases);
                table_cell(t, 6, "%s", states ? states : "");
                ok = states != NULL;
            }
            free(states);
        } while (ok && ++j < s->n_programs);
    }
    if (!ok) {
        table_free(t);
        return false;
    }
    return finish(t);
}

static void show_metres(struct table *t, size_t column, double m)
{
    if (isfinite(m))
        table_cell(t, column, "%.1f", m);
    else
        table_cell(t, column, "-");
}

static bool print_detectors(const struct network *n)
{
    static const struct table_column columns[] = {
        {.title = "detector"},
        {.title = "kind"},
        {.title = "at m", .is_right = true},
        {.title = "length m", .is_right = true},
        {.title = "lanes", .is_cut = true},
    };
    struct table *t = table_new(columns, N_OF(columns));

    for (size_t i = 0; t && i < n->n_detectors; i++) {
        const struct network_detector *d = &n->detectors[i];

        table_row(t);
        table_cell(t, 0, "%s", d->id);
        table_cell(t, 1, "%s", network_detector_kind_name(d->kind));
        show_metres(t, 2, d->position_m);
        show_metres(t, 3, d->length_m);
        table_cell(t, 4, "%s", *d->lanes ? d->lanes : "-");
    }
    return finish(t);
}

static const char *detector_id(const struct network *n, uint32_t detector)
{
    return detector == NETWORK_NONE ? "-" : n->detectors[detector].id;
}

static bool print_ramps(const struct network *n, const struct ramps *ramps)
{
    static const struct table_column columns[] = {
        {.title = "ramp"},
        {.title = "joins at"},
        {.title = "found by"},
        {.title = "signal"},
        {.title = "queue"},
        {.title = "inflow"},
        {.title = "occupancy", .is_cut = true},
    };
    struct table *t = table_new(columns, N_OF(columns));

    for (size_t i = 0; t && i < ramps->n; i++) {
        const struct ramp *r = &ramps->list[i];
        struct buf loops;

        table_row(t);
        table_cell(t, 0, "%s", network_edge_id(n, r->edge));
        table_cell(t, 1, "%s", network_edge_id(n, r->merge));
        table_cell(t, 2, "%s", ramp_evidence_name(r->found_by));
        table_cell(t, 3, "%s", r->signal == NETWORK_NONE ? "-" : network_signal_id(n, r->signal));
        table_cell(t, 4, "%s", detector_id(n, r->queue));
        table_cell(t, 5, "%s", detector_id(n, r->inflow));
        buf_init(&loops);
        for (unsigned j = 0; j < r->n_occupancy; j++)
            buf_printf(&loops, "%s%s", j ? " " : "", detector_id(n, r->occupancy[j]));
        buf_text(&loops, r->n_occupancy ? "" : "-");
        buf_byte(&loops, '\0');
        if (loops.has_failed) {
            buf_release(&loops);
            table_free(t);
            return false;
        }
        table_cell(t, 6, "%s", (const char *)loops.data);
        buf_release(&loops);
    }
    return finish(t);
}

/* "ramp "x":" and a line each for what it lacks and what to know. */
static bool print_notes(const struct network *n, const struct ramp *r)
{
    struct ramp_notes notes;
    bool has_any = false;
    struct buf b;

    if (ramp_notes_make(n, r, &notes, NULL) != PLATOON_OK)
        return false;
    buf_init(&b);
    buf_text(&b, "\nramp ");
    ramp_quote(&b, network_edge_id(n, r->edge));
    buf_text(&b, ":\n");
    for (unsigned i = 0; i < RAMP_N_SUBJECTS; i++) {
        if (notes.missing[i])
            buf_printf(&b, "  %s is missing: %s\n", ramp_subject_key(i), notes.missing[i]);
        if (notes.remark[i])
            buf_printf(&b, "  %s: %s\n", ramp_subject_key(i), notes.remark[i]);
        has_any |= notes.missing[i] || notes.remark[i];
    }
    if (!has_any)
        buf_text(&b, "  has all that the controller alinea needs\n");
    buf_byte(&b, '\0');
    if (!b.has_failed)
        fputs((const char *)b.data, stdout);
    has_any = !b.has_failed;
    buf_release(&b);
    ramp_notes_release(&notes);
    return has_any;
}

bool describe_view_print(const struct network *network, const struct ramps *ramps)
{
    bool ok = true;

    printf("%s\nedges: %u, signals: %u, detectors: %zu, ramps: %zu\n", network->net_file,
           network->edge_ids.n, network->signal_ids.n, network->n_detectors, ramps->n);
    if (network->signal_ids.n) {
        putchar('\n');
        ok = print_signals(network);
    }
    if (ok && network->n_detectors) {
        putchar('\n');
        ok = print_detectors(network);
    }
    if (ok && ramps->n) {
        putchar('\n');
        ok = print_ramps(network, ramps);
    }
    for (size_t i = 0; ok && i < ramps->n; i++)
        ok = print_notes(network, &ramps->list[i]);
    return ok;
}

/* --- a value ---------------------------------------------------------------------------------- */

static bool put(platoon_value *dict, const char *key, platoon_value *value)
{
    return platoon_dict_set(dict, key, value) == PLATOON_OK;
}

/* Takes `container`: NULL unless it is whole. */
static platoon_value *checked(platoon_value *container, bool is_whole)
{
    if (is_whole)
        return container;
    platoon_value_unref(container);
    return NULL;
}

/* A list of what `make` makes of each of n things; `from` says of which. */
static platoon_value *list_of(const struct network *network, const void *from, size_t n,
                              platoon_value *(*make)(const struct network *network,
                                                     const void *from, size_t i))
{
    platoon_value *list = platoon_list();

    for (size_t i = 0; list && i < n; i++) {
        if (platoon_append(list, make(network, from, i)) != PLATOON_OK)
            return checked(list, false);
    }
    return list;
}

static platoon_value *metres(double m)
{
    return isfinite(m) ? platoon_float(m) : platoon_none();
}

static platoon_value *text_or_none(const char *text)
{
    return text ? platoon_str(text) : platoon_none();
}

/* Text that may hold a path, in whatever character set. */
static platoon_value *clean_value(const char *text)
{
    char *copy = strdup(text);
    platoon_value *value;

    if (!copy)
        return NULL;
    clean_text(copy);
    value = platoon_str(copy);
    free(copy);
    return value;
}

static platoon_value *edge_or_none(const struct network *n, uint32_t edge)
{
    return text_or_none(edge == NETWORK_NONE ? NULL : network_edge_id(n, edge));
}

static platoon_value *phase_value(const struct network *n, const void *program, size_t i)
{
    const struct network_program *p = program;
    const struct network_phase *phase = &n->phases[p->first_phase + i];
    platoon_value *dict = platoon_dict();

    return checked(dict, dict && put(dict, "duration_s", metres(phase->duration_s)) &&
                             put(dict, "state", platoon_str(phase->state)));
}

static platoon_value *program_value(const struct network *n, const void *signal, size_t i)
{
    const struct network_signal *s = signal;
    const struct network_program *p = &n->programs[s->first_program + i];
    platoon_value *dict = platoon_dict();

    return checked(dict, dict && put(dict, "id", platoon_str(p->id)) &&
                             put(dict, "type", platoon_str(p->type)) &&
                             put(dict, "phases", list_of(n, p, p->n_phases, phase_value)));
}

static platoon_value *signal_value(const struct network *n, const void *from, size_t i)
{
    const struct network_signal *s = &n->signals[i];
    platoon_value *dict = platoon_dict();

    (void)from; /* all of the network's */
    return checked(dict, dict && put(dict, "id", platoon_str(n->signal_ids.text[i])) &&
                             put(dict, "links", platoon_int(s->n_links)) &&
                             put(dict, "stops_edge", edge_or_none(n, s->edge)) &&
                             put(dict, "programs", list_of(n, s, s->n_programs, program_value)));
}

static platoon_value *lanes_value(const char *lanes)
{
    platoon_value *list = platoon_list();
    const char *lane;
    size_t len;

    while (list && network_next_lane(&lanes, &lane, &len)) {
        if (platoon_append(list, platoon_str_n(lane, len)) != PLATOON_OK)
            return checked(list, false);
    }
    return list;
}

static platoon_value *detector_value(const struct network *n, const void *from, size_t i)
{
    const struct network_detector *d = &n->detectors[i];
    platoon_value *dict = platoon_dict();

    (void)from; /* all of the network's */
    return checked(dict, dict && put(dict, "id", platoon_str(d->id)) &&
                             put(dict, "kind", platoon_str(network_detector_kind_name(d->kind))) &&
                             put(dict, "lanes", lanes_value(d->lanes)) &&
                             put(dict, "position_m", metres(d->position_m)) &&
                             put(dict, "length_m", metres(d->length_m)));
}

/* {key: sentence} of those that there are. */
static platoon_value *sentences_value(char *const texts[RAMP_N_SUBJECTS])
{
    platoon_value *dict = platoon_dict();

    for (unsigned i = 0; dict && i < RAMP_N_SUBJECTS; i++) {
        if (texts[i] && !put(dict, ramp_subject_key(i), clean_value(texts[i])))
            return checked(dict, false);
    }
    return dict;
}

static platoon_value *detector_or_none(const struct network *n, uint32_t detector)
{
    return text_or_none(detector == NETWORK_NONE ? NULL : n->detectors[detector].id);
}

static platoon_value *loop_value(const struct network *n, const void *ramp, size_t i)
{
    return platoon_str(n->detectors[((const struct ramp *)ramp)->occupancy[i]].id);
}

static platoon_value *ramp_value(const struct network *n, const void *ramps, size_t i)
{
    const struct ramp *r = &((const struct ramps *)ramps)->list[i];
    const char *signal = r->signal == NETWORK_NONE ? NULL : network_signal_id(n, r->signal);
    platoon_value *dict = platoon_dict();
    struct ramp_notes notes;
    bool is_whole;

    if (!dict || ramp_notes_make(n, r, &notes, NULL) != PLATOON_OK)
        return checked(dict, false);
    is_whole = put(dict, "edge", platoon_str(network_edge_id(n, r->edge))) &&
               put(dict, "joins", platoon_str(network_edge_id(n, r->mainline))) &&
               put(dict, "merge_edge", platoon_str(network_edge_id(n, r->merge))) &&
               put(dict, "found_by", platoon_str(ramp_evidence_name(r->found_by))) &&
               put(dict, "waiting_edge", platoon_str(network_edge_id(n, r->waiting))) &&
               put(dict, "bypass_edge", edge_or_none(n, r->bypass)) &&
               put(dict, "tls", text_or_none(signal)) &&
               put(dict, "occupancy_detectors", list_of(n, r, r->n_occupancy, loop_value)) &&
               put(dict, "queue_detector", detector_or_none(n, r->queue)) &&
               put(dict, "ramp_inflow_detector", detector_or_none(n, r->inflow)) &&
               put(dict, "is_complete", platoon_bool(ramp_is_complete(r))) &&
               put(dict, "missing", sentences_value(notes.missing)) &&
               put(dict, "remarks", sentences_value(notes.remark));
    ramp_notes_release(&notes);
    return checked(dict, is_whole);
}

platoon_value *describe_view_value(const struct network *network, const struct ramps *ramps)
{
    const struct network *n = network;
    platoon_value *dict = platoon_dict();

    return checked(dict,
                   dict && put(dict, "net_file", clean_value(n->net_file)) &&
                       put(dict, "edges", platoon_int(n->edge_ids.n)) &&
                       put(dict, "signals", list_of(n, NULL, n->signal_ids.n, signal_value)) &&
                       put(dict, "detectors", list_of(n, NULL, n->n_detectors, detector_value)) &&
                       put(dict, "ramps", list_of(n, ramps, ramps->n, ramp_value)));
}
