/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - values as text for people and programs, appended to a buffer; platoon_repr() and
 * platoon_json() are these two. Never recurses. A small value with shared children can unfold to an
 * enormous text: give the buffer a `max`. */
#ifndef PLATOON_VALUE_SHOW_H
#define PLATOON_VALUE_SHOW_H

#include "base/buf.h"
#include "value/node.h"

/* Append Python's repr of `v`, or its JSON, as value.h describes them. Failure sticks to `out`. */
void show_repr(struct buf *out, const platoon_value *v);
void show_json(struct buf *out, const platoon_value *v);
/* Append repr(v), cut to `max_bytes` (at least 4) with a final "..." where it is longer. For logs
 * and tables. */
void show_short(struct buf *out, const platoon_value *v, size_t max_bytes);

/* Pieces of both (show.c). */
void show_str_repr(struct buf *out, const char *text, size_t len);
/* Python's bytearray escapes ' within either quotes; bytes do so only where they must. */
void show_bytes_repr(struct buf *out, enum platoon_kind kind, const char *data, size_t len);
void show_int(struct buf *out, const platoon_value *v);
void show_float(struct buf *out, double d);

/* Containers that are open, with what of them is still to be shown. */
struct show_frame {
    platoon_value *v;
    size_t next;
    bool is_bare; /* the arguments of a call: no brackets of their own */
};

struct show_stack {
    struct show_frame *at;
    size_t n, cap;
};

/* Open `v`; false when out of memory, which sticks to `out`. A value that is open must not be
 * opened again. */
bool show_push(struct show_stack *s, struct buf *out, const platoon_value *v, bool is_bare);
void show_pop(struct show_stack *s);
void show_stack_release(struct show_stack *s);
static inline bool show_is_open(const platoon_value *v)
{
    return v->flags & NODE_BUSY;
}

#endif
