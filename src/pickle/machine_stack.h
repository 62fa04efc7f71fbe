/* SPDX-License-Identifier: Apache-2.0 */
/* machine_stack.h - what the files of the stack machine (machine*.c) share: the stack, and its
 * shapes. For them only. */
#ifndef PLATOON_PICKLE_MACHINE_STACK_H
#define PLATOON_PICKLE_MACHINE_STACK_H

#include "pickle/machine.h"

enum { SHAPES_KEPT = 16 };

#define BIT(shape)         (1u << (shape))
#define ONE_OF(shape, set) (((set) >> (shape)) & 1u)

/* What was above a MARK that was closed. */
struct items {
    uint64_t n, shapes;
    bool are_kept; /* in level 2 of the outline */
    bool are_level1;
};

/* machine.c */
bool machine_close_mark(struct machine *m, struct items *out);
/* machine_memo.c */
bool machine_memoize(struct machine *m, uint64_t number);
bool machine_put(struct machine *m, uint64_t number, uint64_t start);
bool machine_get(struct machine *m, uint64_t number);
void machine_push_text(struct machine *m, const struct opcode_value *v);
void machine_note_global(struct machine *m, const char *module, size_t module_len, const char *name,
                         size_t name_len);
bool machine_stack_global(struct machine *m);
/* machine_build.c: containers and objects; one function an opcode, or a few that are alike */
void machine_empty(struct machine *m, enum shape shape);
bool machine_append(struct machine *m);
bool machine_appends(struct machine *m);
bool machine_setitem(struct machine *m);
bool machine_setitems(struct machine *m);
bool machine_additems(struct machine *m);
bool machine_sequence(struct machine *m, enum shape shape); /* MARK .. TUPLE or LIST */
bool machine_small_tuple(struct machine *m, unsigned n);
bool machine_dict(struct machine *m);
bool machine_frozenset(struct machine *m);
bool machine_call(struct machine *m, unsigned n); /* REDUCE, NEWOBJ, NEWOBJ_EX: of n values */
bool machine_build(struct machine *m);
bool machine_instance(struct machine *m, const struct opcode_value *v); /* INST; NULL: OBJ */

static inline bool refuse(struct machine *m, enum platoon_status status, const char *complaint)
{
    m->status = status;
    m->complaint = complaint;
    return false;
}

static inline bool malformed(struct machine *m, const char *complaint)
{
    return refuse(m, PLATOON_EPICKLE, complaint);
}

/* 0 is the topmost. */
static inline enum shape shape_at(uint64_t shapes, unsigned depth)
{
    return (enum shape)(shapes >> (4 * depth) & 15u);
}

static inline bool need(struct machine *m, uint64_t n)
{
    return m->count >= n || malformed(m, "the stack holds too few values above the last MARK");
}

/* Is the topmost value the one at `position` of the request's level? */
static inline bool is_level1_at(const struct machine *m, uint64_t position)
{
    return m->outline.now == &m->outline.levels[1] && m->count == position + 1;
}

/* The entry of the new value, or NULL where none is kept. */
static inline struct entry *push(struct machine *m, enum shape shape)
{
    machine_push_untold(m, shape);
    return m->outline.now ? outline_push(&m->outline, m->count - 1) : NULL;
}

/* The topmost `n` values become one. */
static inline void replace(struct machine *m, unsigned n, enum shape shape)
{
    uint64_t old_count = m->count;

    m->shapes = m->shapes >> (4 * n) << 4 | (uint64_t)shape;
    m->turn++;
    m->count -= n - 1;
    if (m->outline.now)
        (void)outline_merge(&m->outline, m->count - 1, old_count);
}

/* The topmost `n` values went into the one below them. */
static inline void put_into(struct machine *m, unsigned n)
{
    uint64_t old_count = m->count;

    m->shapes >>= 4 * n;
    m->turn++;
    m->count -= n;
    if (m->outline.now)
        outline_touch(&m->outline, m->count - 1, old_count);
}

#endif
