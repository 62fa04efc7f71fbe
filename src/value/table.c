/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - dicts and sets: finding a key as Python does (1 == 1.0 == True), in the order of
 * insertion.
 *
 * Entries stand in `items`; above SMALL_TABLE of them an index of entry numbers is kept beside,
 * open addressing, at most half full. Hashes are SipHash with the process's key, so that a peer
 * cannot choose keys that meet; those of texts, tuples and frozensets are kept in the node, so that
 * one long key used a million times is hashed once. */
#include "value/table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

enum { SMALL_TABLE = 8, MAX_ENTRIES = 0x7ffffffe };

enum domain {
    DOMAIN_INT = 1,
    DOMAIN_BIGINT,
    DOMAIN_FLOAT,
    DOMAIN_STR,
    DOMAIN_BYTES,
    DOMAIN_OPAQUE,
    DOMAIN_TUPLE,
    DOMAIN_FROZENSET,
    DOMAIN_IDENTITY
};

static uint64_t hash_float(const platoon_value *v)
{
    double d = v->u.as_float;
    uint8_t le[136];
    uint64_t bits;
    int64_t i;
    size_t len;

    if (isnan(d)) /* as Python: a nan is only ever found by identity */
        return hash_pair(DOMAIN_IDENTITY, (uint64_t)(uintptr_t)v);
    if (isinf(d) || d != floor(d)) {
        memcpy(&bits, &d, sizeof bits);
        return hash_pair(DOMAIN_FLOAT, bits);
    }
    len = num_int_from_double(d, le);
    if (num_int_to_i64(le, len, &i))
        return hash_pair(DOMAIN_INT, (uint64_t)i);
    return hash_bytes(DOMAIN_BIGINT, le, len);
}

static uint64_t hash_text(const platoon_value *v, enum domain domain)
{
    platoon_value *cache = (platoon_value *)v; /* values belong to one thread: value.h */

    if (!(v->flags & NODE_HAS_HASH)) {
        cache->u.text->hash = hash_bytes(domain, v->u.text->data, v->u.text->len);
        cache->flags |= NODE_HAS_HASH;
    }
    return v->u.text->hash;
}

enum leaf {
    LEAF_HASHED,
    LEAF_UNHASHABLE,
    LEAF_NOT /* tuple or frozenset whose hash is not known yet */
};

static enum leaf hash_leaf(const platoon_value *v, uint64_t *out)
{
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_NONE:
        *out = hash_pair(DOMAIN_IDENTITY, 0);
        return LEAF_HASHED;
    case PLATOON_BOOL:
        *out = hash_pair(DOMAIN_INT, v->u.as_bool);
        return LEAF_HASHED;
    case PLATOON_INT:
        *out = hash_pair(DOMAIN_INT, (uint64_t)v->u.as_int);
        return LEAF_HASHED;
    case PLATOON_BIGINT:
        *out = hash_text(v, DOMAIN_BIGINT);
        return LEAF_HASHED;
    case PLATOON_FLOAT:
        *out = hash_float(v);
        return LEAF_HASHED;
    case PLATOON_STR:
        *out = hash_text(v, DOMAIN_STR);
        return LEAF_HASHED;
    case PLATOON_BYTES:
        *out = hash_text(v, DOMAIN_BYTES);
        return LEAF_HASHED;
    case PLATOON_OPAQUE:
        *out = hash_text(v, DOMAIN_OPAQUE);
        return LEAF_HASHED;
    case PLATOON_OBJECT:
        *out = hash_pair(DOMAIN_IDENTITY, (uint64_t)(uintptr_t)v);
        return LEAF_HASHED;
    case PLATOON_TUPLE:
    case PLATOON_FROZENSET:
        if (v->flags & NODE_UNHASHABLE)
            return LEAF_UNHASHABLE;
        if (!(v->flags & NODE_HAS_HASH))
            return LEAF_NOT;
        *out = v->u.items->hash;
        return LEAF_HASHED;
    case PLATOON_LIST:
    case PLATOON_DICT:
    case PLATOON_SET:
    case PLATOON_BYTEARRAY:
        break;
    }
    return LEAF_UNHASHABLE;
}

struct hash_frame {
    platoon_value *v;
    size_t next;
    uint64_t sum;
};

struct hash_stack {
    struct hash_frame *at;
    size_t n, cap;
};

static bool push(struct hash_stack *s, platoon_value *v)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct hash_frame *grown = mem_realloc(s->at, cap * sizeof *grown);

        if (!grown)
            return false;
        s->at = grown;
        s->cap = cap;
    }
    v->flags |= NODE_BUSY; /* met again below itself: a tuple in itself, which has no hash */
    s->at[s->n++] = (struct hash_frame){v, 0, v->u.items->n};
    return true;
}

/* Hash tuples and frozensets from the innermost outwards, each of them once. */
static enum hashed hash_nested(platoon_value *root, uint64_t *out)
{
    enum hashed result = HASH_NO_MEMORY;
    struct hash_stack s = {NULL, 0, 0};

    if (!push(&s, root))
        goto out;
    while (s.n > 0) {
        struct hash_frame *f = &s.at[s.n - 1];
        uint64_t h = 0;

        if (f->next == f->v->u.items->n) {
            f->v->u.items->hash =
                hash_pair(f->v->kind == PLATOON_TUPLE ? DOMAIN_TUPLE : DOMAIN_FROZENSET, f->sum);
            f->v->flags |= NODE_HAS_HASH;
            f->v->flags &= (uint8_t)~NODE_BUSY;
            s.n--;
            continue;
        }
        switch (hash_leaf(f->v->u.items->at[f->next], &h)) {
        case LEAF_HASHED:
            /* a tuple's hash depends on the order, a frozenset's must not */
            if (f->v->kind == PLATOON_TUPLE)
                f->sum = hash_pair(f->sum, h);
            else
                f->sum += hash_pair(DOMAIN_FROZENSET, h);
            f->next++;
            continue;
        case LEAF_NOT:
            if (!(f->v->u.items->at[f->next]->flags & NODE_BUSY)) {
                if (!push(&s, f->v->u.items->at[f->next]))
                    goto out;
                continue;
            }
            break;
        case LEAF_UNHASHABLE:
            break;
        }
        for (size_t i = 0; i < s.n; i++)
            s.at[i].v->flags |= NODE_UNHASHABLE;
        result = HASH_NONE;
        goto out;
    }
    *out = root->u.items->hash;
    result = HASH_OK;
out:
    for (size_t i = 0; i < s.n; i++)
        s.at[i].v->flags &= (uint8_t)~NODE_BUSY;
    free(s.at);
    return result;
}

enum hashed table_hash(const platoon_value *v, uint64_t *out)
{
    switch (hash_leaf(v, out)) {
    case LEAF_HASHED:
        return HASH_OK;
    case LEAF_UNHASHABLE:
        return HASH_NONE;
    case LEAF_NOT:
        break;
    }
    return hash_nested((platoon_value *)v, out);
}

const char *table_unhashable(const platoon_value *v)
{
    uint64_t hash;

    if (table_hash(v, &hash) != HASH_NONE)
        return NULL;
    while (v->kind == PLATOON_TUPLE || v->kind == PLATOON_FROZENSET) {
        const platoon_value *inner = NULL;

        for (size_t i = 0; i < v->u.items->n && !inner; i++)
            if (table_hash(v->u.items->at[i], &hash) == HASH_NONE)
                inner = v->u.items->at[i];
        if (!inner || inner->flags & NODE_BUSY)
            break;
        v = inner;
    }
    return platoon_kind_name((enum platoon_kind)v->kind);
}

static size_t stride(const platoon_value *table)
{
    return table->kind == PLATOON_DICT ? 2 : 1;
}

static platoon_value *key_at(const platoon_value *table, size_t entry)
{
    return table->u.items->at[entry * stride(table)];
}

static bool is_nested(const platoon_value *v)
{
    return v->kind == PLATOON_TUPLE || v->kind == PLATOON_FROZENSET;
}

/* Whether `there`, a key of the table, is `key`, whose hash is given. */
static enum compared match(const platoon_value *there, const platoon_value *key, uint64_t hash,
                           enum table_match how)
{
    if (there == key)
        return SAME;
    if (!is_nested(key))
        return compare_leaves(there, key) ? SAME : DIFFERENT;
    if (there->kind != key->kind || !(there->flags & NODE_HAS_HASH) || there->u.items->hash != hash)
        return DIFFERENT;
    return how == BY_HASH ? SAME : compare_values(there, key);
}

enum compared table_lookup(const platoon_value *table, const platoon_value *key, uint64_t hash,
                           enum table_match how, size_t *out_entry)
{
    const struct items *items = table->u.items;
    enum compared result;

    if (!items->index) {
        for (size_t i = 0; i < items->n; i++) {
            result = match(key_at(table, i), key, hash, how);
            if (result != DIFFERENT) {
                *out_entry = i;
                return result;
            }
        }
        return DIFFERENT;
    }
    for (size_t slot = (size_t)hash & (items->index_cap - 1); items->index[slot] != 0;
         slot = (slot + 1) & (items->index_cap - 1)) {
        size_t entry = items->index[slot] - 1;

        result = match(key_at(table, entry), key, hash, how);
        if (result != DIFFERENT) {
            *out_entry = entry;
            return result;
        }
    }
    return DIFFERENT;
}

static void index_add(struct items *items, uint64_t hash, size_t entry)
{
    size_t slot = (size_t)hash & (items->index_cap - 1);

    while (items->index[slot] != 0)
        slot = (slot + 1) & (items->index_cap - 1);
    items->index[slot] = (uint32_t)(entry + 1);
}

/* Make room in the index for one entry more. Every key in the table has been hashed before: nested
 * ones keep it. */
static bool index_reserve(platoon_value *table)
{
    struct items *items = table->u.items;
    size_t cap = items->index_cap;
    uint32_t *index;

    if (items->n < SMALL_TABLE || (items->n + 1) * 2 <= cap)
        return true;
    cap = cap ? cap * 2 : (size_t)SMALL_TABLE * 4;
    index = owner_grow(table->owner, items->index, items->index_cap * sizeof *index,
                       cap * sizeof *index);
    if (!index)
        return false;
    memset(index, 0, cap * sizeof *index);
    items->index = index;
    items->index_cap = cap;
    for (size_t i = 0; i < items->n; i++) {
        uint64_t hash = 0;
        enum leaf leaf = hash_leaf(key_at(table, i), &hash);

        assert(leaf == LEAF_HASHED);
        (void)leaf;
        index_add(items, hash, i);
    }
    return true;
}

static bool reserve_entry(platoon_value *table)
{
    struct items *items = table->u.items;
    size_t width = stride(table), cap = items->cap;
    platoon_value **at;

    if ((items->n + 1) * width <= cap)
        return true;
    cap = cap < 4 * width ? 4 * width : cap * 2;
    at = owner_grow(table->owner, items->at, items->cap * sizeof(platoon_value *),
                    cap * sizeof(platoon_value *));
    if (!at)
        return false;
    items->at = at;
    items->cap = cap;
    return true;
}

enum table_result table_put(platoon_value *table, platoon_value *key, platoon_value *child)
{
    struct items *items = table->u.items;
    uint64_t hash = 0;
    size_t entry = 0;

    switch (table_hash(key, &hash)) {
    case HASH_OK:
        break;
    case HASH_NONE:
        return TABLE_UNHASHABLE;
    case HASH_NO_MEMORY:
        return TABLE_NO_MEMORY;
    }
    switch (table_lookup(table, key, hash, EXACT, &entry)) {
    case SAME:
        if (table->kind == PLATOON_DICT) {
            items->at[entry * 2 + 1] = child;
            node_place(table, child);
        }
        return TABLE_THERE;
    case COMPARE_NO_MEMORY:
        return TABLE_NO_MEMORY;
    case DIFFERENT:
        break;
    }
    if (items->n >= MAX_ENTRIES || !reserve_entry(table) || !index_reserve(table))
        return TABLE_NO_MEMORY;
    if (table->kind == PLATOON_DICT) {
        items->at[items->n * 2] = key;
        items->at[items->n * 2 + 1] = child;
        node_place(table, child);
    } else {
        items->at[items->n] = key;
    }
    node_place(table, key);
    if (items->index)
        index_add(items, hash, items->n);
    items->n++;
    table->flags &= (uint8_t) ~(NODE_HAS_HASH | NODE_UNHASHABLE);
    return TABLE_ADDED;
}

int64_t table_find(const platoon_value *table, const platoon_value *key)
{
    uint64_t hash = 0;
    size_t entry = 0;

    if (table_hash(key, &hash) != HASH_OK || table_lookup(table, key, hash, EXACT, &entry) != SAME)
        return -1;
    return (int64_t)entry;
}

int64_t table_find_text(const platoon_value *table, const char *key, size_t len)
{
    const struct items *items = table->u.items;
    size_t slot;

    if (!items->index) {
        for (size_t i = 0; i < items->n; i++) {
            const platoon_value *there = key_at(table, i);

            if (there->kind == PLATOON_STR && there->u.text->len == len &&
                memcmp(there->u.text->data, key, len) == 0)
                return (int64_t)i;
        }
        return -1;
    }
    for (slot = (size_t)hash_bytes(DOMAIN_STR, key, len) & (items->index_cap - 1);
         items->index[slot] != 0; slot = (slot + 1) & (items->index_cap - 1)) {
        const platoon_value *there = key_at(table, items->index[slot] - 1);

        if (there->kind == PLATOON_STR && there->u.text->len == len &&
            memcmp(there->u.text->data, key, len) == 0)
            return (int64_t)(items->index[slot] - 1);
    }
    return -1;
}
