/* SPDX-License-Identifier: Apache-2.0 */
/* encode_survey.c - the first pass of the encoder: which nodes are met more than once, and what the
 * opaque ones need.
 *
 * Only a node with NODE_SHARED can be met twice (node.h, invariant 2), so only those are looked up:
 * a list of millions of floats costs a walk.
 *
 * A tuple that contains itself shows as one that is met while it is being walked; encode_write.c
 * says what follows from that. */
#include "pickle/encoder.h"

static uint64_t pack(struct encode_note note)
{
    return (uint64_t)note.memo << 32 | (uint64_t)note.is_open << 8 | note.n_visits;
}

static struct encode_note unpack(uint64_t x)
{
    return (struct encode_note){(uint8_t)x, (x >> 8 & 1) != 0, (uint32_t)(x >> 32)};
}

struct encode_note encoder_note(const struct encoder *e, const platoon_value *v)
{
    const uint64_t *there = map_find(&e->notes, (uint64_t)(uintptr_t)v, 0);

    return there ? unpack(*there) : (struct encode_note){0, false, 0};
}

bool encoder_set_note(struct encoder *e, const platoon_value *v, struct encode_note note)
{
    uint64_t *there = map_put(&e->notes, (uint64_t)(uintptr_t)v, 0, NULL);

    if (!there)
        return encoder_no_memory(e);
    *there = pack(note);
    return true;
}

/* Kinds whose sharing is kept; small scalars are written again. */
static bool is_memoized(const platoon_value *v)
{
    if (v->kind == PLATOON_TUPLE)
        return v->u.items->n > 0;
    return v->kind >= PLATOON_STR || v->kind == PLATOON_BIGINT;
}

void encode_read_opaque(const platoon_value *opaque, struct opaque_facts *out)
{
    const uint8_t *p = (const uint8_t *)opaque->u.text->data;
    size_t len = opaque->u.text->len, size;
    uint64_t number;

    *out = (struct opaque_facts){0, false, false, 0, 0};
    for (size_t at = 0; at < len; at += size) {
        size = opcode_length(p + at, len - at);
        if (size == 0)
            return; /* an OPAQUE value was read whole when it was made: never */
        number = 0;
        switch (p[at]) {
        case OP_PROTO:
            if (at == 0)
                out->proto = p[1];
            break;
        case OP_GET:
        case OP_BINGET:
        case OP_LONG_BINGET:
            out->has_get = true;
            break;
        case OP_MEMOIZE:
            out->n_entries++;
            break;
        case OP_PUT:
            for (size_t i = at + 1; i < at + size - 1; i++)
                number = number * 10 + (uint64_t)(p[i] - '0');
            out->n_entries++;
            break;
        case OP_BINPUT:
        case OP_LONG_BINPUT:
            for (size_t i = at + size; i-- > at + 1;)
                number = number << 8 | p[i];
            out->n_entries++;
            break;
        case OP_BYTEARRAY8:
            out->has_proto5 = true;
            break;
        default:
            break;
        }
        if ((p[at] == OP_PUT || p[at] == OP_BINPUT || p[at] == OP_LONG_BINPUT) &&
            number >= out->highest)
            out->highest = number + 1;
    }
}

static bool survey_opaque(struct encoder *e, const platoon_value *v)
{
    struct opaque_facts facts;

    if (!e->embeds_opaque)
        return encoder_fail(
            e, PLATOON_ETYPE,
            "an opaque value (a pickle that names globals) can only be encoded alone, "
            "not inside other values");
    encode_read_opaque(v, &facts);
    if (e->n_opaque == 0) {
        e->lowest_proto = facts.proto;
        e->highest_proto = facts.proto;
    }
    if (facts.proto < e->lowest_proto)
        e->lowest_proto = facts.proto;
    if (facts.proto > e->highest_proto)
        e->highest_proto = facts.proto;
    e->n_opaque++;
    e->n_opaque_needing_memo += facts.has_get;
    e->has_proto5 = e->has_proto5 || facts.has_proto5;
    e->opaque_entries += facts.n_entries;
    if (facts.highest > e->opaque_highest)
        e->opaque_highest = facts.highest;
    return true;
}

/* Meet one node. Containers met for the first time go on the stack. */
static bool visit(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    struct encode_frame *f;
    bool is_noted = false;

    if (kind < PLATOON_STR && kind != PLATOON_BIGINT)
        return true;
    if (kind == PLATOON_OBJECT)
        return encoder_fail(
            e, PLATOON_ETYPE,
            "a value that came from looking into a pickle that names globals cannot "
            "be encoded; keep the pickle's bytes instead (platoon_opaque)");
    /* A list of arguments is written as a tuple: nothing inside may refer to that as to the
     * list. */
    if (v->flags & NODE_SHARED && kind == v->kind && is_memoized(v)) {
        struct encode_note note = encoder_note(e, v);

        if (note.n_visits > 0) {
            e->n_shared += note.n_visits == 1;
            note.n_visits = 2;
            if (note.is_open && kind != PLATOON_LIST && kind != PLATOON_DICT)
                e->has_recursive_tuple = true;
            return encoder_set_note(e, v, note);
        }
        is_noted = true;
        if (!encoder_set_note(e, v, (struct encode_note){1, node_is_container(v), 0}))
            return false;
    }
    if (kind == PLATOON_OPAQUE)
        return survey_opaque(e, v);
    if (!node_is_container(v))
        return true;
    f = encoder_push(e, v, kind);
    if (!f)
        return false;
    f->is_noted = is_noted;
    e->n_containers++;
    return true;
}

static bool leave(struct encoder *e, const struct encode_frame *f)
{
    struct encode_note note;

    e->n_frames--;
    if (!f->is_noted)
        return true;
    note = encoder_note(e, f->v);
    note.is_open = false;
    return encoder_set_note(e, f->v, note);
}

bool encode_survey(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    node_mark_root(v);
    if (!visit(e, v, kind))
        return false;
    while (e->n_frames > 0) {
        struct encode_frame *f = &e->frames[e->n_frames - 1];
        const platoon_value *child;

        if (f->next == f->width) {
            if (!leave(e, f))
                return false;
            continue;
        }
        child = f->v->u.items->at[f->next++];
        if (!visit(e, child, child->kind))
            return false;
    }
    if (e->has_recursive_tuple)
        e->n_shared = e->notes.n + e->n_containers; /* lists with one parent go there too */
    return true;
}
