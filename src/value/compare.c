/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - equality as in Python, for cycles and shared children too, with an explicit stack.
 *
 * Two values are equal unless a pair of parts is found that differs, so the loop below only ever
 * looks for a difference. A pair of containers in which one is reachable more than once is
 * remembered: met again it needs no second look, be it because of a cycle or because of sharing,
 * which keeps small pickles that unfold to astronomical trees cheap. */
#include "value/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"

static bool same_bytes(const platoon_value *a, const platoon_value *b)
{
    return a->u.text->len == b->u.text->len &&
           memcmp(a->u.text->data, b->u.text->data, a->u.text->len) == 0;
}

static bool is_byte_text(const platoon_value *v)
{
    return v->kind == PLATOON_BYTES || v->kind == PLATOON_BYTEARRAY;
}

static bool is_number(const platoon_value *v)
{
    return v->kind >= PLATOON_BOOL && v->kind <= PLATOON_FLOAT;
}

/* Trimmed two's complement of an integral number of any kind; false for other floats. */
static bool integer_bytes(const platoon_value *v, uint8_t room[136], const uint8_t **out,
                          size_t *out_len)
{
    *out = room;
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_BOOL:
        *out_len = num_int_from_i64(v->u.as_bool, room);
        return true;
    case PLATOON_INT:
        *out_len = num_int_from_i64(v->u.as_int, room);
        return true;
    case PLATOON_BIGINT:
        *out = (const uint8_t *)v->u.text->data;
        *out_len = v->u.text->len;
        return true;
    default:
        if (!isfinite(v->u.as_float) || v->u.as_float != floor(v->u.as_float))
            return false;
        *out_len = num_int_from_double(v->u.as_float, room);
        return true;
    }
}

static bool same_number(const platoon_value *a, const platoon_value *b)
{
    uint8_t room_a[136], room_b[136];
    const uint8_t *bytes_a, *bytes_b;
    size_t len_a, len_b;

    if (a->kind == PLATOON_INT && b->kind == PLATOON_INT)
        return a->u.as_int == b->u.as_int;
    if (a->kind == PLATOON_FLOAT && b->kind == PLATOON_FLOAT)
        return a->u.as_float == b->u.as_float;
    return integer_bytes(a, room_a, &bytes_a, &len_a) &&
           integer_bytes(b, room_b, &bytes_b, &len_b) && len_a == len_b &&
           memcmp(bytes_a, bytes_b, len_a) == 0;
}

bool compare_leaves(const platoon_value *a, const platoon_value *b)
{
    if (is_number(a) && is_number(b))
        return same_number(a, b);
    if (is_byte_text(a) && is_byte_text(b))
        return same_bytes(a, b);
    if (a->kind != b->kind)
        return false;
    switch ((enum platoon_kind)a->kind) {
    case PLATOON_NONE:
        return true;
    case PLATOON_STR:
    case PLATOON_OPAQUE:
        return same_bytes(a, b);
    default:
        return false; /* containers and objects, which are not the same one */
    }
}

struct pairs {
    const platoon_value *(*at)[2];
    size_t n, cap;
    struct map seen;
};

/* Have a pair compared later. */
static bool push(struct pairs *p, const platoon_value *a, const platoon_value *b)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 32;
        const platoon_value *(*grown)[2] = mem_realloc(p->at, cap * sizeof *grown);

        if (!grown)
            return false;
        p->at = grown;
        p->cap = cap;
    }
    p->at[p->n][0] = a;
    p->at[p->n][1] = b;
    p->n++;
    return true;
}

static bool is_set(const platoon_value *v)
{
    return v->kind == PLATOON_SET || v->kind == PLATOON_FROZENSET;
}

/* Compare two hashed containers of the same size: every key of `a` has its partner in `b`. */
static enum compared compare_tables(struct pairs *p, const platoon_value *a, const platoon_value *b)
{
    bool is_dict = a->kind == PLATOON_DICT;

    for (size_t i = 0; i < a->u.items->n; i++) {
        const platoon_value *key = a->u.items->at[is_dict ? i * 2 : i];
        size_t entry = 0;
        uint64_t hash = 0;
        enum compared found;

        if (table_hash(key, &hash) != HASH_OK)
            return COMPARE_NO_MEMORY; /* it was hashed when it was put in */
        found = table_lookup(b, key, hash, BY_HASH, &entry);
        if (found != SAME)
            return found;
        if (!push(p, key, b->u.items->at[is_dict ? entry * 2 : entry]))
            return COMPARE_NO_MEMORY;
        if (is_dict && !push(p, a->u.items->at[i * 2 + 1], b->u.items->at[entry * 2 + 1]))
            return COMPARE_NO_MEMORY;
    }
    return SAME;
}

/* Compare one pair as far as it can be without its children; those are pushed. */
static enum compared compare_pair(struct pairs *p, const platoon_value *a, const platoon_value *b)
{
    if (a == b)
        return SAME; /* also a nan, as Python does for what is inside a container */
    if (!node_is_container(a) || !node_is_container(b))
        return compare_leaves(a, b) ? SAME : DIFFERENT;
    if (a->kind != b->kind && !(is_set(a) && is_set(b)))
        return DIFFERENT;
    if (a->u.items->n != b->u.items->n)
        return DIFFERENT;
    if ((a->flags | b->flags) & NODE_SHARED) {
        bool is_new;

        if (!map_put(&p->seen, (uint64_t)(uintptr_t)a, (uint64_t)(uintptr_t)b, &is_new))
            return COMPARE_NO_MEMORY;
        if (!is_new)
            return SAME;
    }
    if (a->kind == PLATOON_DICT || is_set(a))
        return compare_tables(p, a, b);
    for (size_t i = a->u.items->n; i-- > 0;)
        if (!push(p, a->u.items->at[i], b->u.items->at[i]))
            return COMPARE_NO_MEMORY;
    return SAME;
}

enum compared compare_values(const platoon_value *a, const platoon_value *b)
{
    struct pairs p = {NULL, 0, 0, {NULL, 0, 0}};
    enum compared result = push(&p, a, b) ? SAME : COMPARE_NO_MEMORY;

    node_mark_root(a);
    node_mark_root(b);
    while (result == SAME && p.n > 0) {
        p.n--;
        result = compare_pair(&p, p.at[p.n][0], p.at[p.n][1]);
    }
    free(p.at);
    map_release(&p.seen);
    return result;
}

bool platoon_equal(const platoon_value *a, const platoon_value *b)
{
    if (!a)
        a = node_none();
    if (!b)
        b = node_none();
    if (!node_is_container(a) || !node_is_container(b))
        return compare_leaves(a, b);
    return compare_values(a, b) == SAME;
}
