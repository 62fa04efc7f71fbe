/* SPDX-License-Identifier: Apache-2.0 */
/* ident.h - the names of proxies: made at each create, counted by incref and decref, understood
 * without memory.
 *
 *     get_task_queue#9f31c2aa-17          typeid, # boot of the server, number
 *     get_task_queue:run7#9f31c2aa-18     the same with a private name
 *
 * Each create answers a fresh ident that leads to the same object, so that every later call says
 * which client it comes from. The ident says in clear what it stands for; the table is only a cache
 * with counts: an ident that was forgotten, or was made by an earlier run of the server, is known
 * again when it is used. So the table can be bounded, and a parent's last decref may overtake its
 * child's incref.
 *
 * The table holds at most `max` idents; beyond that it forgets, first those that count 0, then the
 * least recently used. Pointers are good until the next ident_new() or ident_know(). Loop thread
 * only. */
#ifndef PLATOON_SERVER_IDENT_H
#define PLATOON_SERVER_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct dispatch_typeid;
struct lease_ident;

/* Where the parts of an ident stand in its text. */
struct ident_parts {
    size_t typeid_len;           /* from the start */
    size_t name_start, name_len; /* the private name, len 0: none */
    size_t mark;                 /* offset of the '#' */
};
/* Well-formed? */
bool ident_parse(const char *text, size_t len, struct ident_parts *out);

struct ident {
    struct list lru;    /* the table's `counted` or `zero`, least recently used first */
    struct ident *next; /* in its bucket */
    uint64_t hash;
    const struct dispatch_typeid *id;
    void *object;                /* NULL: not looked up yet */
    struct lease_ident *account; /* holders.c's; NULL: none yet */
    int64_t count;               /* creates and increfs less decrefs, never below 0 */
    size_t len;
    char text[];
};

struct ident_table {
    struct ident **buckets;
    size_t n_buckets; /* a power of two */
    size_t n, max;
    size_t n_counted; /* those with count > 0 */
    struct list counted, zero;
    uint64_t next_number;
    void (*on_forget)(struct ident *i); /* before one is freed; NULL: nobody asks */
    char boot[9];                       /* 8 hex digits, drawn at random for each table */
};

/* false when out of memory. */
bool ident_table_init(struct ident_table *t, size_t max);
void ident_table_release(struct ident_table *t);

/* A fresh ident of typeid `id` and `name` ("" for none), count 1. NULL when out of memory. */
struct ident *ident_new(struct ident_table *t, const struct dispatch_typeid *id,
                        const char *id_name, const char *name, void *object);
/* By its text; moved to the most recently used. NULL if it is not in the table. */
struct ident *ident_find(struct ident_table *t, const char *text, size_t len);
/* Put a well-formed ident that is not in the table into it, count 0. NULL when out of memory. */
struct ident *ident_know(struct ident_table *t, const char *text, size_t len,
                         const struct dispatch_typeid *id);
void ident_incref(struct ident_table *t, struct ident *i);
void ident_decref(struct ident_table *t, struct ident *i);

#endif
