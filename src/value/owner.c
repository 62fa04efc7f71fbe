/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - the arena that nodes live in; see node.h.
 *
 * Small pieces are cut from chunks that double in size; pieces above LARGE are malloc()ed one by
 * one and linked, so that a long list grows by realloc() and leaves nothing behind. */
#include "value/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    LARGE = 4096,
    FIRST_CHUNK = 192,          /* one scalar or a small container */
    SMALLEST_CHUNK = 2 * LARGE, /* but for the first */
    LARGEST_CHUNK = 1024 * 1024
};

struct chunk {
    struct chunk *next;
    uint64_t data[];
};

struct large {
    struct large *next, *prev;
    uint64_t data[];
};

struct owner {
    size_t refs;
    uint8_t *at, *end; /* what is left of the newest chunk */
    size_t next_chunk; /* size of the one to come */
    struct chunk *chunks;
    struct large *larges;
    struct owner **foreign;
    size_t n_foreign, cap_foreign;
    struct owner *next_dead;
    uint64_t first[]; /* the first chunk, in one piece with the owner */
};

struct owner *owner_new(size_t expected)
{
    size_t first = expected < FIRST_CHUNK ? FIRST_CHUNK : expected;
    struct owner *o;

    if (first > LARGEST_CHUNK)
        first = LARGEST_CHUNK;
    first &= ~(size_t)7;
    o = mem_alloc(sizeof *o + first);
    if (!o)
        return NULL;
    memset(o, 0, sizeof *o);
    o->refs = 1;
    o->at = (uint8_t *)o->first;
    o->end = o->at + first;
    o->next_chunk = first * 2;
    return o;
}

void owner_ref(struct owner *o)
{
    o->refs++;
}

static void free_memory(struct owner *o)
{
    while (o->chunks) {
        struct chunk *next = o->chunks->next;

        free(o->chunks);
        o->chunks = next;
    }
    while (o->larges) {
        struct large *next = o->larges->next;

        free(o->larges);
        o->larges = next;
    }
    free(o->foreign);
    free(o);
}

void owner_unref(struct owner *o)
{
    struct owner *dead = NULL;

    if (!o || --o->refs > 0)
        return;
    o->next_dead = NULL;
    dead = o;
    while (dead) {
        o = dead;
        dead = o->next_dead;
        for (size_t i = 0; i < o->n_foreign; i++) {
            struct owner *f = o->foreign[i];

            if (--f->refs == 0) {
                f->next_dead = dead;
                dead = f;
            }
        }
        free_memory(o);
    }
}

static struct large *large_of(void *data)
{
    return (struct large *)((uint8_t *)data - offsetof(struct large, data));
}

static void *alloc_large(struct owner *o, size_t size)
{
    struct large *l;

    if (size > PTRDIFF_MAX - sizeof *l || !(l = mem_alloc(sizeof *l + size)))
        return NULL;
    l->prev = NULL;
    l->next = o->larges;
    if (l->next)
        l->next->prev = l;
    o->larges = l;
    return l->data;
}

static bool add_chunk(struct owner *o)
{
    size_t size = o->next_chunk < SMALLEST_CHUNK ? SMALLEST_CHUNK : o->next_chunk;
    struct chunk *c;

    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    c = mem_alloc(sizeof *c + size);
    if (!c)
        return false;
    c->next = o->chunks;
    o->chunks = c;
    o->at = (uint8_t *)c->data;
    o->end = o->at + size;
    o->next_chunk = size * 2;
    return true;
}

void *owner_alloc(struct owner *o, size_t size)
{
    void *p;

    if (size > LARGE)
        return alloc_large(o, size);
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(o->end - o->at) < size && !add_chunk(o))
        return NULL;
    p = o->at;
    o->at += size;
    return p;
}

void *owner_grow(struct owner *o, void *old, size_t old_size, size_t new_size)
{
    void *p;

    if (old && old_size > LARGE) {
        struct large *l = large_of(old), *grown;

        if (new_size > PTRDIFF_MAX - sizeof *l)
            return NULL;
        grown = mem_realloc(l, sizeof *l + new_size);
        if (!grown)
            return NULL;
        if (grown->prev)
            grown->prev->next = grown;
        else
            o->larges = grown;
        if (grown->next)
            grown->next->prev = grown;
        return grown->data;
    }
    p = owner_alloc(o, new_size);
    if (p && old)
        memcpy(p, old, old_size);
    return p;
}

bool owner_take(struct owner *o, struct owner *foreign)
{
    struct owner **grown;
    size_t cap;

    if (!foreign || foreign == o || (o->n_foreign > 0 && o->foreign[o->n_foreign - 1] == foreign)) {
        owner_unref(foreign); /* it stays alive: `o` holds it already, or is it */
        return true;
    }
    if (o->n_foreign == o->cap_foreign) {
        cap = o->cap_foreign ? o->cap_foreign * 2 : 4;
        grown = mem_realloc(o->foreign, cap * sizeof(struct owner *));
        if (!grown) {
            owner_unref(foreign);
            return false;
        }
        o->foreign = grown;
        o->cap_foreign = cap;
    }
    o->foreign[o->n_foreign++] = foreign;
    return true;
}
