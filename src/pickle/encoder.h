/* SPDX-License-Identifier: Apache-2.0 */
/* encoder.h - the encoder's insides, shared by encode.c (messages), encode_survey.c (what is
 * shared), encode_write.c (containers) and encode_leaf.c (the rest). For these four only.
 *
 * Every root is surveyed first, then every root is written, in the same order. */
#ifndef PLATOON_PICKLE_ENCODER_H
#define PLATOON_PICKLE_ENCODER_H

#include "base/map.h"
#include "base/buf.h"
#include "pickle/opcodes.h"
#include "value/node.h"

struct encode_frame {
    const platoon_value *v;
    size_t next;     /* item to come */
    size_t width;    /* all items */
    uint8_t kind;    /* as it is written: a list of arguments is a tuple */
    bool is_noted;   /* survey: the node has a note; write: it goes into the memo */
    bool is_filling; /* write: it was written empty, and its items come now */
};

/* Facts about a node that can be met more than once, packed into a map's value. */
struct encode_note {
    uint8_t n_visits; /* 1, or 2 for "more than once" */
    bool is_open;     /* being walked or written right now */
    uint32_t memo;    /* its number + 1; 0: not in the memo */
};

struct encoder {
    struct buf *out;
    struct map notes;   /* node address -> struct encode_note */
    int protocol;       /* of the opcodes */
    uint32_t next_memo; /* the number of the next PUT */
    bool embeds_opaque; /* else they are ETYPE */
    bool has_recursive_tuple;
    bool is_filling;       /* one of `deferred` */
    bool has_proto5;       /* an OPAQUE value holds an opcode of protocol 5 */
    uint64_t n_shared;     /* at least as many nodes as will go into the memo */
    uint64_t n_containers; /* walked */
    uint64_t n_memoized;   /* PUTs written, and PUTs and MEMOIZEs of OPAQUE values */

    struct encode_frame *frames;
    size_t n_frames, cap_frames;
    const platoon_value **deferred; /* lists and dicts to be filled later */
    size_t n_deferred, cap_deferred;
    size_t n_open_tuples;

    /* of the OPAQUE values that were surveyed */
    size_t n_opaque, n_opaque_needing_memo;
    int lowest_proto, highest_proto;
    uint64_t opaque_entries; /* what they put into the memo */
    uint64_t opaque_highest; /* their highest number of their own + 1 */

    struct platoon_err *err;
    enum platoon_status status;
};

void encoder_init(struct encoder *e, struct buf *out, int protocol, struct platoon_err *err);
void encoder_release(struct encoder *e);
bool encoder_fail(struct encoder *e, enum platoon_status status, const char *format, ...)
    PLATOON_PRINTF(3, 4);
bool encoder_no_memory(struct encoder *e);
struct encode_frame *encoder_push(struct encoder *e, const platoon_value *v, uint8_t kind);

/* What one pickle does with the memo; `highest` is its highest explicit number + 1. */
struct opaque_facts {
    int proto;
    bool has_get, has_proto5;
    uint64_t n_entries, highest;
};
void encode_read_opaque(const platoon_value *opaque, struct opaque_facts *out);

/* encode_survey.c: count the visits to what is below `v` (as a tuple, if `kind` says so). false:
 * failed. */
bool encode_survey(struct encoder *e, const platoon_value *v, uint8_t kind);
struct encode_note encoder_note(const struct encoder *e, const platoon_value *v);
bool encoder_set_note(struct encoder *e, const platoon_value *v, struct encode_note note);

/* encode_write.c: write `v` (as a tuple, if `kind` says so). */
bool encode_write(struct encoder *e, const platoon_value *v, uint8_t kind);

/* encode_leaf.c */
bool encode_leaf(struct encoder *e, const platoon_value *v);
bool encode_text(struct encoder *e, const char *text, size_t len);
bool encode_emit(struct encoder *e, const void *data, size_t len);
bool encode_op(struct encoder *e, enum opcode op);
/* An opcode with a number of `n` bytes. */
bool encode_number(struct encoder *e, enum opcode op, uint64_t x, unsigned n);
/* GLOBAL of a name in builtins, whatever that module is called in this protocol. */
bool encode_global(struct encoder *e, const char *name);

#endif
