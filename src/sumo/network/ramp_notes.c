/* SPDX-License-Identifier: Apache-2.0 */
/* ramp_notes.c - sentences with an example that can be pasted. */
#include "sumo/network/ramp_notes.h"

#include <stdlib.h>
#include <string.h>

const char *ramp_subject_key(enum ramp_subject subject)
{
    static const char *const keys[] = {"tls", "occupancy_detectors", "queue_detector",
                                       "ramp_inflow_detector"};

    return keys[subject];
}

size_t ramp_unprintable(const char *text, unsigned *out_character)
{
    const unsigned char *at = (const unsigned char *)text;

    if (*at < 0x20 || *at == 0x7f) {
        *out_character = *at;
        return 1;
    }
    if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
        *out_character = at[1];
        return 2;
    }
    if (*at == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
        *out_character = 0x2000u + (at[2] & 0x3fu);
        return 3;
    }
    return 0;
}

void ramp_quote(struct buf *b, const char *id)
{
    unsigned character;
    size_t len;

    buf_byte(b, '"');
    while (*id) {
        if ((len = ramp_unprintable(id, &character)) > 0) {
            buf_printf(b, "\\u%04x", character);
            id += len;
            continue;
        }
        if (*id == '"' || *id == '\\')
            buf_byte(b, '\\');
        buf_byte(b, (uint8_t)*id++);
    }
    buf_byte(b, '"');
}

/* As the value of an XML attribute, in its quotes. */
static void quote_xml(struct buf *b, const char *id)
{
    buf_byte(b, '"');
    for (; *id; id++) {
        if (strchr("\"&<>'", *id) || (unsigned char)*id < 0x20)
            buf_printf(b, "&#%d;", *id);
        else
            buf_byte(b, (uint8_t)*id);
    }
    buf_byte(b, '"');
}

/* A word for the shell. */
static void quote_shell(struct buf *b, const char *word)
{
    buf_byte(b, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_text(b, "'\\''");
        else
            buf_byte(b, (uint8_t)*word);
    }
    buf_byte(b, '\'');
}

static void say_lane(struct buf *b, const struct network *n, uint32_t edge, unsigned index)
{
    struct buf lane;

    buf_init(&lane);
    buf_printf(&lane, "%s_%u", network_edge_id(n, edge), index);
    buf_byte(&lane, '\0');
    if (!lane.has_failed)
        quote_xml(b, (const char *)lane.data);
    b->has_failed |= lane.has_failed;
    buf_release(&lane);
}

/* --- what is missing -------------------------------------------------------------------------- */

static void miss_signal(struct buf *b, const struct network *n, const struct ramp *r)
{
    buf_text(b, "no signal meters it. ");
    if (r->site == NETWORK_NONE) {
        buf_text(b, "No junction on it has one edge in and one out: in netedit split edge ");
        ramp_quote(b, network_edge_id(n, r->edge));
        buf_text(b, " where vehicles shall wait (room for them before, 100 m and more to the "
                    "merge after), and make the new junction a traffic_light");
        return;
    }
    buf_text(b, "Make a junction of it one: netconvert --sumo-net-file ");
    quote_shell(b, n->net_file);
    buf_text(b, " --tls.set ");
    quote_shell(b, n->junctions.text[r->site]);
    buf_text(b, " --output-file NEW.net.xml, which the configuration then names as its net-file");
}

static void miss_loops(struct buf *b, const struct network *n, const struct ramp *r)
{
    const struct network_edge *edge = &n->edges[r->merge];
    unsigned lane;

    for (lane = edge->first_lane; lane < 31 && edge->acceleration_lanes >> lane & 1; lane++)
        ;
    buf_text(b, "no induction loop (E1) stands where congestion begins. Put one on each through "
                "lane of edge ");
    ramp_quote(b, network_edge_id(n, r->merge));
    buf_printf(
        b, " by a file in additional-files, such as <inductionLoop id=\"merge_%u\" lane=", lane);
    say_lane(b, n, r->merge, lane);
    buf_printf(b, " pos=\"%.0f\" period=\"60\" file=\"detectors.out.xml\"/>",
               edge->length_m > 300.0 ? 150.0 : edge->length_m / 2.0);
}

static void miss_queue(struct buf *b, const struct network *n, const struct ramp *r)
{
    buf_text(b, "no lane area detector (E2) covers the ramp, so the queue on it is not known. "
                "Without one queue_override must be false; to have one: <laneAreaDetector "
                "id=\"ramp_queue\" lane=");
    say_lane(b, n, r->waiting, n->edges[r->waiting].first_lane);
    buf_text(b, " pos=\"0\" endPos=\"-0.1\" period=\"60\" file=\"detectors.out.xml\"/>");
}

static void miss_inflow(struct buf *b, const struct network *n, const struct ramp *r)
{
    double length_m = n->edges[r->waiting].length_m;

    buf_text(b, "no induction loop (E1) counts who comes onto the ramp. Without one "
                "queue_override must be false; to have one: <inductionLoop id=\"ramp_in\" lane=");
    say_lane(b, n, r->waiting, n->edges[r->waiting].first_lane);
    buf_printf(b, " pos=\"%.0f\" period=\"60\" file=\"detectors.out.xml\"/>",
               length_m > 200.0 ? 20.0 : length_m / 10.0);
}

/* --- what to know ----------------------------------------------------------------------------- */

static void remark_signal(struct buf *b, const struct network *n, const struct ramp *r)
{
    if (r->signal != NETWORK_NONE && r->bypass != NETWORK_NONE) {
        buf_text(b, "vehicles from edge ");
        ramp_quote(b, network_edge_id(n, r->bypass));
        buf_text(b, " come onto it past the signal, which cannot hold them back");
    }
}

static void remark_loops(struct buf *b, const struct network *n, const struct ramp *r)
{
    unsigned n_lanes;

    if (r->n_occupancy == 0)
        return;
    n_lanes = n->edges[r->occupancy_edge].n_lanes;
    if (r->occupancy_edge != r->merge) {
        buf_text(b, "the loops stand on edge ");
        ramp_quote(b, network_edge_id(n, r->occupancy_edge));
        buf_text(b, ", behind the merge on ");
        ramp_quote(b, network_edge_id(n, r->merge));
        buf_text(b, ": there they may never see the congestion that begins before them");
        return;
    }
    for (unsigned bits = n->edges[r->merge].acceleration_lanes; bits; bits &= bits - 1)
        n_lanes -= n_lanes > 0;
    if (r->n_occupancy < n_lanes)
        buf_printf(b, "only %u of %u through lanes have a loop (E1)", r->n_occupancy, n_lanes);
}

static void remark_inflow(struct buf *b, const struct network *n, const struct ramp *r)
{
    unsigned n_lanes = n->edges[r->waiting].n_lanes;

    if (r->inflow != NETWORK_NONE && n_lanes > 1)
        buf_printf(b, "it counts one of the ramp's %u lanes", n_lanes);
}

/* --- all -------------------------------------------------------------------------------------- */

/* An empty text becomes NULL. */
static bool finish(struct buf *b, char **out)
{
    if (b->has_failed) {
        buf_release(b);
        return false;
    }
    if (b->len == 0)
        return true;
    *out = buf_take_text(b, NULL);
    return *out != NULL;
}

enum platoon_status ramp_notes_make(const struct network *network, const struct ramp *ramp,
                                    struct ramp_notes *out, struct platoon_err *err)
{
    typedef void (*say_fn)(struct buf *, const struct network *, const struct ramp *);
    static const say_fn miss[RAMP_N_SUBJECTS] = {miss_signal, miss_loops, miss_queue, miss_inflow};
    static const say_fn remark[RAMP_N_SUBJECTS] = {remark_signal, remark_loops, NULL,
                                                   remark_inflow};
    const bool is_missing[RAMP_N_SUBJECTS] = {ramp->signal == NETWORK_NONE, ramp->n_occupancy == 0,
                                              ramp->queue == NETWORK_NONE,
                                              ramp->inflow == NETWORK_NONE};

    *out = (struct ramp_notes){{NULL}, {NULL}};
    for (size_t i = 0; i < RAMP_N_SUBJECTS; i++) {
        struct buf b;
        bool ok = true;

        buf_init(&b);
        if (is_missing[i])
            miss[i](&b, network, ramp);
        ok = finish(&b, &out->missing[i]);
        buf_init(&b);
        if (ok && remark[i])
            remark[i](&b, network, ramp);
        if (!ok || !finish(&b, &out->remark[i])) {
            ramp_notes_release(out);
            return platoon_fail(err, PLATOON_ENOMEM, "no memory to describe a ramp");
        }
    }
    return PLATOON_OK;
}

void ramp_notes_release(struct ramp_notes *notes)
{
    for (size_t i = 0; i < RAMP_N_SUBJECTS; i++) {
        free(notes->missing[i]);
        free(notes->remark[i]);
    }
    *notes = (struct ramp_notes){{NULL}, {NULL}};
}
