/* SPDX-License-Identifier: Apache-2.0 */
/* node.c - making nodes inside an owner; see node.h. */
#include "value/node.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"

/* None, the bools and the small ints that tasks are full of cost nothing: they are static and read
 * only. */
static const platoon_value none = {NULL, PLATOON_NONE, 0, 0, {0}};
static const platoon_value bools[2] = {
    {NULL, PLATOON_BOOL, 0, 0, {.as_bool = false}},
    {NULL, PLATOON_BOOL, 0, 0, {.as_bool = true}},
};

enum { SMALL_FIRST = -16, SMALL_COUNT = 1024 };
#define INT1(i)                                                                                    \
    {                                                                                              \
        NULL, PLATOON_INT, 0, 0,                                                                   \
        {                                                                                          \
            .as_int = SMALL_FIRST + (i)                                                            \
        }                                                                                          \
    }
#define INT4(i)   INT1(i), INT1((i) + 1), INT1((i) + 2), INT1((i) + 3)
#define INT16(i)  INT4(i), INT4((i) + 4), INT4((i) + 8), INT4((i) + 12)
#define INT64(i)  INT16(i), INT16((i) + 16), INT16((i) + 32), INT16((i) + 48)
#define INT256(i) INT64(i), INT64((i) + 64), INT64((i) + 128), INT64((i) + 192)
static const platoon_value small_ints[SMALL_COUNT] = {INT256(0), INT256(256), INT256(512),
                                                      INT256(768)};

platoon_value *node_none(void)
{
    return (platoon_value *)&none;
}

platoon_value *node_bool(bool b)
{
    return (platoon_value *)&bools[b];
}

static platoon_value *node_new(struct owner *o, enum platoon_kind kind)
{
    platoon_value *v = owner_alloc(o, sizeof *v);

    if (!v)
        return NULL;
    v->owner = o;
    v->kind = (uint8_t)kind;
    v->flags = 0;
    v->height = 0;
    return v;
}

platoon_value *node_int(struct owner *o, int64_t i)
{
    platoon_value *v;

    if (i >= SMALL_FIRST && i < SMALL_FIRST + SMALL_COUNT)
        return (platoon_value *)&small_ints[i - SMALL_FIRST];
    v = node_new(o, PLATOON_INT);
    if (v)
        v->u.as_int = i;
    return v;
}

platoon_value *node_int_from_bytes(struct owner *o, const void *le, size_t len)
{
    int64_t i;

    if (num_int_to_i64(le, len, &i))
        return node_int(o, i);
    return node_text(o, PLATOON_BIGINT, le, num_int_trim(le, len));
}

platoon_value *node_float(struct owner *o, double d)
{
    platoon_value *v = node_new(o, PLATOON_FLOAT);

    if (v)
        v->u.as_float = d;
    return v;
}

platoon_value *node_text(struct owner *o, enum platoon_kind kind, const void *data, size_t len)
{
    platoon_value *v = node_new(o, kind);
    struct text *t;

    if (!v || len > PTRDIFF_MAX - sizeof *t - 1)
        return NULL;
    t = owner_alloc(o, sizeof *t + len + 1);
    if (!t)
        return NULL;
    t->hash = 0;
    t->len = len;
    if (data && len > 0)
        memcpy(t->data, data, len);
    t->data[len] = '\0';
    v->u.text = t;
    return v;
}

/* Room for `cap` pointers in all; the items that are there stay. */
static bool reserve(struct owner *o, struct items *items, size_t cap)
{
    platoon_value **at;

    if (cap <= items->cap)
        return true;
    if (cap > PTRDIFF_MAX / sizeof(platoon_value *))
        return false;
    at = owner_grow(o, items->at, items->cap * sizeof(platoon_value *),
                    cap * sizeof(platoon_value *));
    if (!at)
        return false;
    items->at = at;
    items->cap = cap;
    return true;
}

platoon_value *node_container(struct owner *o, enum platoon_kind kind, size_t cap)
{
    platoon_value *v = node_new(o, kind);

    if (!v)
        return NULL;
    v->height = 1;
    v->u.items = owner_alloc(o, sizeof *v->u.items);
    if (!v->u.items)
        return NULL;
    memset(v->u.items, 0, sizeof *v->u.items);
    if (kind == PLATOON_OBJECT)
        cap = OBJECT_SLOTS;
    else if (kind == PLATOON_DICT)
        cap *= 2;
    if (!reserve(o, v->u.items, cap))
        return NULL;
    if (kind == PLATOON_OBJECT) {
        for (int i = 0; i < OBJECT_SLOTS; i++)
            v->u.items->at[i] = node_none();
        v->u.items->n = OBJECT_SLOTS;
    }
    return v;
}

bool node_append(platoon_value *v, platoon_value *const *children, size_t n)
{
    struct items *items = v->u.items;
    size_t cap = items->cap;

    assert(v->kind == PLATOON_LIST || v->kind == PLATOON_TUPLE);
    if (n > cap - items->n) {
        if (n > PTRDIFF_MAX - items->n)
            return false;
        cap = cap < 2 ? 4 : cap + cap / 2 + (cap < 4096 ? cap / 2 : 0);
        if (cap < items->n + n)
            cap = items->n + n;
        if (!reserve(v->owner, items, cap))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        items->at[items->n++] = children[i];
        node_place(v, children[i]);
    }
    v->flags &= (uint8_t) ~(NODE_HAS_HASH | NODE_UNHASHABLE);
    return true;
}

void node_set_slot(platoon_value *object, enum object_slot slot, platoon_value *child)
{
    object->u.items->at[slot] = child;
    node_place(object, child);
}
