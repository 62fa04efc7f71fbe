/* SPDX-License-Identifier: Apache-2.0 */
/* outline.h - the parts of a request: which bytes each argument occupies, in memory that no
 * input makes large.
 *
 * A request is a tuple of four, built above one MARK. Only what may become one of its parts is
 * written down, one `entry` each; three places of the stack can hold such a thing (count the
 * open MARKs):
 *
 *     level 0   the value itself, when it is a lone value that is scanned: 1 entry
 *     level 1   ident, method, args, kwds at positions 0 to 3. Before TUPLE1 to TUPLE3 builds args
 *               its items stand at 2 to 4, and a keyword with its value, before SETITEM, at 4
 *               and 5: 6 entries
 *     level 2   the items of a MARK that may become args (MARK .. TUPLE) or kwds (MARK ..
 *               SETITEMS): 32 entries
 *
 * Values above the last entry kept are operands of something that ends up in that entry or below
 * it, or the MARK is that of some wide tuple and no part of the request: their flags are
 * collected, nothing else.
 *
 * Ranges tile: an entry starts where its left neighbour was last touched (pushed, memoized,
 * appended to), so that bytes which build something and POP it, as for recursive tuples, belong
 * to the entry that follows.
 *
 * The caller is the stack machine (machine.c). It counts; positions given here are counts of
 * values above the topmost MARK. */
#ifndef PLATOON_PICKLE_OUTLINE_H
#define PLATOON_PICKLE_OUTLINE_H

#include "pickle/memo.h"
#include "pickle/scan.h"

enum {
    OUTLINE_LEVELS = 3,
    AT_IDENT = 0,
    AT_METHOD = 1,
    AT_ARGS = 2,
    AT_KWDS = 3,
    AT_KEY = 4,
    AT_KEY_VALUE = 5
};

/* Something on the stack that may be a part of the request. */
struct entry {
    struct scan_arg arg;
    uint64_t lowest_get;  /* the lowest memo number that its bytes GET; UINT64_MAX without one */
    uint64_t next_before; /* memo.next where it starts: numbers below may be set outside it */
    uint64_t memo_after;  /* memo.count and memo.next where it was last touched: */
    uint64_t next_after;  /* its right neighbour starts there */
};

struct level {
    struct entry *entries;
    uint32_t cap, keep;
    uint64_t begin, memo_begin, next_begin; /* where its first entry starts */
    uint32_t all_flags,
        waiting_flags; /* of all its bytes; of those before a MARK above that belong to */
    uint64_t all_get, waiting_get; /* no entry yet. The lowest GET of the same bytes */
};

/* What has been put together at AT_ARGS and AT_KWDS. */
enum outline_form {
    FORM_OTHER, /* not a thing that could be args (kwds) */
    FORM_TUPLE,
    FORM_LIST,
    FORM_DICT,
    FORM_TOO_MANY, /* more items than a request may have */
    FORM_BAD_KEY   /* a dict with a key that is no short text */
};

struct outline {
    bool is_request;
    bool is_complete;  /* the outer tuple was built */
    bool level2_is_on; /* the second open MARK is one whose items are kept */
    bool is_out_of_memory;
    const char *complaint; /* about the complete request; NULL if it is one */
    const struct memo *memo;
    uint64_t at; /* the offset just behind the opcode that is being executed; the caller sets it */
    struct level levels[OUTLINE_LEVELS];
    struct level *now;      /* the level of the topmost MARK, NULL where nothing is kept */
    uint32_t pending_flags; /* of bytes that belong to no entry yet */
    uint32_t all_flags;     /* of all bytes so far */
    uint64_t pending_get;

    enum outline_form args_form, kwds_form;
    uint64_t args_number,
        kwds_number;            /* their memo numbers while they are being filled; UINT64_MAX */
    bool is_own_container_used; /* one of them was fetched: what is in it refers to it */
    struct scan_arg *args;
    size_t n_args, cap_args;
    struct scan_kwd *kwds;
    size_t n_kwds, cap_kwds;

    bool ident_is_none;
    size_t ident_len; /* of `ident`, when AT_IDENT holds text that fits */
    char ident[512];
    char method[128];
};

void outline_init(struct outline *o, bool is_request, const struct memo *memo);
void outline_reset(struct outline *o); /* keeps the buffers */
void outline_release(struct outline *o);

/* The bytes just read have these facts. */
static inline void outline_flag(struct outline *o, uint32_t flags)
{
    o->pending_flags |= flags;
    o->all_flags |= flags;
}

/* The bytes just read GET `number`. */
static inline void outline_flag_get(struct outline *o, uint64_t number)
{
    outline_flag(o, SCAN_HAS_GET);
    if (number == o->args_number || number == o->kwds_number)
        o->is_own_container_used = true;
    if (o->memo->is_wild)
        number = 0; /* lower no longer means earlier: in doubt, it is outside of everything */
    if (number < o->pending_get)
        o->pending_get = number;
}

/* A PROTO at offset 0: the value begins behind it. */
void outline_begin(struct outline *o);
/* A MARK was pushed (`n_marks` with it) over `count` values. */
void outline_open(struct outline *o, size_t n_marks, uint64_t count);
/* The topmost MARK and all above it are gone (`n_marks` without it). */
void outline_close(struct outline *o, size_t n_marks);
/* A new value stands at `position`. Its entry, for the caller to describe (it says
 * SCAN_COMPOUND), or NULL. Only while `now` is set. */
struct entry *outline_push(struct outline *o, uint64_t position);
/* The values at `position` and above, up to `old_count`, became one at `position`. As
 * outline_push(). */
struct entry *outline_merge(struct outline *o, uint64_t position, uint64_t old_count);
/* Those above the value at `position`, up to `old_count`, were put into it. */
void outline_touch(struct outline *o, uint64_t position, uint64_t old_count);
/* The value at `position`, the topmost, was stored under `number`. */
void outline_memoize(struct outline *o, uint64_t position, uint64_t number);
/* The value at `position`, the topmost, was dropped. */
void outline_pop(struct outline *o, uint64_t position);
/* Describe an entry that is text. Text of an ident may be longer than others. `text` NULL: too
 * long to look at. */
void outline_text(struct outline *o, struct entry *e, uint64_t position, const char *text,
                  uint64_t len);

/* --- what the request is made of; these act on level 1 ---------------------------------------- */

/* The values at `position` and above, up to `old_count`, became a tuple: outline_merge() that
 * keeps track of args. On any level. */
struct entry *outline_tuple(struct outline *o, uint64_t position, uint64_t old_count);
/* AT_ARGS now holds a tuple or list of the first `n` items of the MARK at level 2 that was just
 * closed. */
void outline_args_new(struct outline *o, enum outline_form form, uint64_t n);
/* The list at AT_ARGS got one item, from the position above it, or the `n` items of the closed
 * MARK. */
void outline_args_append(struct outline *o);
void outline_args_append_items(struct outline *o, uint64_t n);
/* The same for AT_KWDS. `n` counts keys and values. */
void outline_kwds_new(struct outline *o);
void outline_kwds_set(struct outline *o);
void outline_kwds_set_items(struct outline *o, uint64_t n);
/* The outer tuple was built of `count` values. */
void outline_complete(struct outline *o, uint64_t count);

#endif
