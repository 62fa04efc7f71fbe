/* SPDX-License-Identifier: Apache-2.0 */
/* node.h - how values lie in memory. For src/value and src/pickle only.
 *
 * Every node belongs to an owner: an arena with one reference count. A decoded pickle is one owner,
 * a value made by a constructor of value.h has its own. A container that gets a child of another
 * owner keeps a counted reference to that owner. Nodes are never freed alone, so cycles inside one
 * owner need no care, and freeing never recurses: an owner whose count fell to 0 goes on a list,
 * and so do the owners it held.
 *
 * None, the bools and small ints are static: their owner is NULL, and they must not be written to.
 *
 * Invariants
 * 1. `items` of a dict are key, child, key, child: 2 * n pointers. Of all other containers: n
 * pointers. No item is ever NULL.
 * 2. NODE_PLACED is set on a node when it becomes an item, NODE_SHARED when it becomes an item
 * again. So a node that
 *    is reachable twice from one root is NODE_SHARED or the root itself: who walks from a root and
 *    must not go round in
 *    circles calls node_mark_root() first, and then only needs to remember nodes with NODE_SHARED.
 * 3. `height` is at least 1 + the height that every child had when it was put in here and had not
 * been an item
 *    before. So it is the depth of a tree, and does not grow with every turn of a cycle. A child
 *    that grows later does not
 *    tell its parents. */
#ifndef PLATOON_VALUE_NODE_H
#define PLATOON_VALUE_NODE_H

#include <platoon/value.h>

struct owner;

enum node_flag {
    NODE_PLACED = 1,
    NODE_SHARED = 2,
    NODE_BUSY = 4,       /* being shown right now; set and cleared by repr and json */
    NODE_HAS_HASH = 8,   /* body->hash is valid */
    NODE_UNHASHABLE = 16 /* a tuple known to hold a list, dict, set or bytearray somewhere */
};

struct text {
    uint64_t hash; /* with NODE_HAS_HASH */
    size_t len;
    char data[]; /* and a NUL behind it */
};

struct items {
    platoon_value **at;
    size_t n, cap;
    uint64_t hash;    /* tuple and frozenset, with NODE_HAS_HASH */
    uint32_t *index;  /* dict and sets above SMALL_TABLE entries: number of the entry + 1, or 0 */
    size_t index_cap; /* a power of two */
};

/* What a PLATOON_OBJECT's items are. Each may be None. */
enum object_slot {
    OBJECT_MODULE,   /* str; None if the callable is an object itself */
    OBJECT_NAME,     /* str; "Class.method" for nested names */
    OBJECT_ARGS,     /* tuple: what it was called with; None: the global itself */
    OBJECT_STATE,    /* of BUILD */
    OBJECT_KWARGS,   /* dict, of NEWOBJ_EX */
    OBJECT_CALLABLE, /* where it is more than module.name: another object */
    OBJECT_APPENDED, /* list: of APPEND, APPENDS, ADDITEMS */
    OBJECT_ENTRIES,  /* dict: of SETITEM, SETITEMS */
    OBJECT_SLOTS
};

struct platoon_value {
    struct owner *owner; /* NULL: static */
    uint8_t kind;
    uint8_t flags;
    uint32_t height; /* 0 for what is no container */
    union {
        bool as_bool;
        int64_t as_int;
        double as_float;
        struct text *text;   /* STR, BYTES, BYTEARRAY, BIGINT, OPAQUE */
        struct items *items; /* containers and OBJECT */
    } u;
};

/* --- owners --- */

/* One reference, yours. `expected` bytes of nodes are likely to follow. NULL when out of memory. */
struct owner *owner_new(size_t expected);
void owner_ref(struct owner *o);
void owner_unref(struct owner *o);
/* Memory that lives as long as the owner, aligned to 8. NULL when out of memory. */
void *owner_alloc(struct owner *o, size_t size);
/* Move `old` (old_size bytes, from owner_alloc or owner_grow, or NULL) to a place of `new_size`
 * bytes. */
void *owner_grow(struct owner *o, void *old, size_t old_size, size_t new_size);
/* Hold one counted reference to `foreign`, the caller's, until `o` is freed: taken, also on failure
 * (false). */
bool owner_take(struct owner *o, struct owner *foreign);

/* --- nodes in an owner; NULL when out of memory --- */

platoon_value *node_none(void);
platoon_value *node_bool(bool b);
platoon_value *node_int(struct owner *o, int64_t i);
platoon_value *node_int_from_bytes(struct owner *o, const void *le, size_t len);
platoon_value *node_float(struct owner *o, double d);
/* STR (not checked), BYTES, BYTEARRAY, OPAQUE (not checked). `data` may be NULL: then the bytes are
 * for the caller to write. */
platoon_value *node_text(struct owner *o, enum platoon_kind kind, const void *data, size_t len);
/* LIST, TUPLE, DICT, SET, FROZENSET with room for `cap` items, or OBJECT with all its slots
 * None. */
platoon_value *node_container(struct owner *o, enum platoon_kind kind, size_t cap);

static inline bool node_is_container(const platoon_value *v)
{
    return v->kind >= PLATOON_LIST && v->kind != PLATOON_OPAQUE;
}

/* Number of pointers in `at` (invariant 1). */
static inline size_t node_width(const platoon_value *v)
{
    return v->kind == PLATOON_DICT ? v->u.items->n * 2 : v->u.items->n;
}

/* Note that `child` becomes an item of `parent` (invariants 2 and 3). Does not count owners. */
static inline void node_place(platoon_value *parent, platoon_value *child)
{
    if (!child->owner)
        return;
    if (child->flags & NODE_PLACED) {
        child->flags |= NODE_SHARED;
        return;
    }
    child->flags |= NODE_PLACED;
    if (child->height >= parent->height)
        parent->height = child->height < UINT32_MAX ? child->height + 1 : UINT32_MAX;
}

static inline void node_mark_root(const platoon_value *root)
{
    if (root->owner)
        ((platoon_value *)root)->flags |= NODE_SHARED; /* values belong to one thread: value.h */
}

/* Append children of the same owner (or static) to a LIST or TUPLE. */
bool node_append(platoon_value *v, platoon_value *const *children, size_t n);
/* Set slot `slot` of an OBJECT to a child of the same owner. */
void node_set_slot(platoon_value *object, enum object_slot slot, platoon_value *child);
static inline platoon_value *node_slot(const platoon_value *object, enum object_slot slot)
{
    return object->u.items->at[slot];
}

/* --- hashed containers (table.c) --- */

enum table_result {
    TABLE_ADDED,
    TABLE_THERE, /* an equal key was there: a dict's child was replaced, a set left as it was */
    TABLE_UNHASHABLE,
    TABLE_NO_MEMORY
};

/* Put `key` (and `child`, in a dict) of the same owner. No change on failure. */
enum table_result table_put(platoon_value *table, platoon_value *key, platoon_value *child);
/* Number of the entry whose key equals `key`, or -1. -1 too if `key` cannot be hashed or memory ran
 * out while it was tried. */
int64_t table_find(const platoon_value *table, const platoon_value *key);
int64_t table_find_text(const platoon_value *table, const char *key, size_t len);
/* What makes `v` no key: the kind that cannot be hashed, or NULL. */
const char *table_unhashable(const platoon_value *v);

#endif
