/* SPDX-License-Identifier: Apache-2.0 */
/* draft.c - YAML with comments, out of a ramp and the tables of the controller. */
#include "sumo/network/draft.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/clean_text.h"
#include "sumo/control/controller.h"
#include "sumo/network/ramp_notes.h"

#define VEHICLE_M       7.5 /* that one takes in a queue, with the gap before it */
#define SHARE_OF_RAMP   0.8
#define LINE_CHARACTERS 96

/* Nothing of it ends a line, or is none of YAML's characters: paths hold what they like. */
static void make_plain(char *text)
{
    unsigned character;
    size_t len;

    clean_text(text);
    for (; *text; text++) {
        if ((len = ramp_unprintable(text, &character)) > 0)
            memset(text, '?', len);
    }
}

/* The text in `s` (released) as comment lines. A word that is longer than a line stays whole. */
static void comment_of(struct buf *b, struct buf *s)
{
    char *whole = buf_take_text(s, NULL), *text = whole;

    b->has_failed |= !whole;
    if (whole)
        make_plain(whole);
    while (text && *text) {
        size_t len = strlen(text), end;

        if (len > LINE_CHARACTERS) {
            for (end = LINE_CHARACTERS; end > 0 && text[end] != ' '; end--)
                ;
            len = end ? end : strcspn(text, " ");
        }
        buf_text(b, "  # ");
        buf_append(b, text, len);
        buf_byte(b, '\n');
        text += len;
        text += *text == ' ';
    }
    free(whole);
}

static void comment(struct buf *b, const char *text, const char *more)
{
    struct buf s;

    buf_init(&s);
    buf_printf(&s, "%s%s", text, more);
    comment_of(b, &s);
}

/* Where the ramp is, in a sentence. */
static void comment_ramp(struct buf *b, const struct network *n, const struct ramp *r)
{
    struct buf s;

    buf_init(&s);
    buf_text(&s, "The ramp: edge ");
    ramp_quote(&s, network_edge_id(n, r->edge));
    buf_text(&s, " joins ");
    ramp_quote(&s, network_edge_id(n, r->mainline));
    buf_text(&s, " where ");
    ramp_quote(&s, network_edge_id(n, r->merge));
    buf_text(&s, " begins");
    if (r->signal != NETWORK_NONE) {
        buf_text(&s, "; vehicles wait on edge ");
        ramp_quote(&s, network_edge_id(n, r->waiting));
    }
    buf_text(&s, ". Found by its ");
    buf_text(&s, ramp_evidence_name(r->found_by));
    buf_byte(&s, '.');
    comment_of(b, &s);
}

/* The names of one place, unless one is longer than `control` takes. */
static void write_place(struct buf *b, enum ramp_subject subject, const char *const *ids, size_t n)
{
    bool is_list = subject == RAMP_OCCUPANCY;

    for (size_t i = 0; i < n; i++) {
        if (strlen(ids[i]) <= PLATOON_CONTROLLER_MAX_ID_BYTES)
            continue;
        comment(b, ramp_subject_key(subject),
                ": an id of it is longer than a controller can name; rename it in the "
                "network's files.");
        return;
    }
    buf_printf(b, "  %s: %s", ramp_subject_key(subject), is_list ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        buf_text(b, i ? ", " : "");
        ramp_quote(b, ids[i]);
    }
    buf_text(b, is_list ? "]\n" : "\n");
}

static size_t ids_of(const struct network *n, const struct ramp *r, enum ramp_subject subject,
                     const char *ids[RAMP_MAX_LANES])
{
    uint32_t detector = subject == RAMP_QUEUE ? r->queue : r->inflow;

    if (subject == RAMP_TLS) {
        ids[0] = network_signal_id(n, r->signal);
        return 1;
    }
    if (subject != RAMP_OCCUPANCY) {
        ids[0] = n->detectors[detector].id;
        return 1;
    }
    for (unsigned i = 0; i < r->n_occupancy; i++)
        ids[i] = n->detectors[r->occupancy[i]].id;
    return r->n_occupancy;
}

static void write_places(struct buf *b, const struct network *n, const struct ramp *r,
                         const struct ramp_notes *notes)
{
    const char *ids[RAMP_MAX_LANES];

    for (unsigned i = 0; i < RAMP_N_SUBJECTS; i++) {
        char first[64];

        if (notes->missing[i]) {
            snprintf(first, sizeof first, "%s: missing: ", ramp_subject_key(i));
            comment(b, first, notes->missing[i]);
            continue;
        }
        if (notes->remark[i])
            comment(b, "Note: ", notes->remark[i]);
        write_place(b, i, ids, ids_of(n, r, i, ids));
    }
    if (r->queue == NETWORK_NONE || r->inflow == NETWORK_NONE)
        buf_text(b, "  queue_override: false\n");
}

/* The vehicles that the ramp has room for; 0: not known. */
static unsigned storage(const struct network *n, const struct ramp *r)
{
    const struct network_edge *edge = &n->edges[r->waiting];
    double m = r->queue == NETWORK_NONE ? NAN : n->detectors[r->queue].length_m, vehicles;

    if (!(m > 0.0))
        m = edge->length_m * edge->n_lanes;
    vehicles = SHARE_OF_RAMP * m / VEHICLE_M;
    return vehicles >= 1.0 && vehicles <= 10000.0 ? (unsigned)vehicles : 0;
}

static void write_storage(struct buf *b, const struct network *n, const struct ramp *r)
{
    unsigned vehicles = storage(n, r);

    if (vehicles == 0)
        return;
    comment(b,
            "Decide: vehicles that the ramp has room for, past which the queue override lets "
            "more go. Guessed: four fifths of what fits on the ramp's detector (without one: "
            "its last edge) at 7.5 m each.",
            "");
    buf_printf(b, "  storage_vehicles: %u\n", vehicles);
}

static void write_parameters(struct buf *b, const struct platoon_controller *type)
{
    comment(b,
            "Decide, by runs with other values: these are the presets, for one lane that meets a "
            "two-lane motorway.",
            "");
    for (size_t i = 0; i < type->n_parameters; i++) {
        const struct platoon_controller_parameter *p = &type->parameters[i];

        if (!p->is_switch && strcmp(p->name, "storage_vehicles") != 0)
            buf_printf(b, "  # %s: %g  # %g to %g %s\n", p->name, p->preset, p->min, p->max,
                       p->unit);
    }
}

enum platoon_status draft_settings(struct buf *b, const char *config, const struct network *network,
                                   const struct ramp *ramp, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    struct ramp_notes notes = {{NULL}, {NULL}};
    char *name;

    if (ramp)
        st = ramp_notes_make(network, ramp, &notes, err);
    if (st != PLATOON_OK)
        return st;
    buf_text(b, "# What a controller of ");
    name = strdup(config);
    b->has_failed |= !name;
    if (name) {
        make_plain(name);
        ramp_quote(b, name);
    }
    free(name);
    buf_text(b, " gets unless a task says otherwise.\n"
                "# A first draft by `platoon sumo --describe --write`: look at it before you "
                "believe a result.\ncontrol:\n");
    buf_printf(b, "  type: %s\n", controller_alinea.name);
    if (ramp) {
        comment_ramp(b, network, ramp);
        write_places(b, network, ramp, &notes);
        write_storage(b, network, ramp);
    } else {
        comment(b,
                "No on-ramp and no signal that could meter one was found; name them by hand, "
                "as far as there are any:",
                "");
        for (unsigned i = 0; i < RAMP_N_SUBJECTS; i++)
            buf_printf(b, "  # %s:\n", ramp_subject_key(i));
    }
    write_parameters(b, &controller_alinea);
    ramp_notes_release(&notes);
    return b->has_failed ? platoon_fail(err, PLATOON_ENOMEM, "no memory for a draft") : PLATOON_OK;
}
