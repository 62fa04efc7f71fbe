/* SPDX-License-Identifier: Apache-2.0 */
/* encoder.h - the encoder's insides, shared by encode.c (messages), encode_survey.c (what is
 * shared) and encode_write.c (values to opcodes). For these three only.
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
    size_t next;   /* item to come */
    size_t width;  /* all items */
    uint8_t kind;  /* as it is written: a list of arguments is a tuple */
    bool is_noted; /* survey: the node has a note; write: it goes into the memo */
};

/* Facts about a node that can be met more than once, packed into a map's value. */
struct encode_note {
    uint8_t n_visits; /* 1, or 2 for "more than once" */
    uint16_t n_open;  /* how often it is being walked or written right now */
    uint32_t memo;    /* its number + 1; 0: not in the memo */
};

struct encoder {
    struct buf *out;
    int protocol;       /* of the opcodes */
    bool embeds_opaque; /* else ETYPE */
    struct map notes;   /* node address -> struct encode_note */
    uint32_t next_memo;
    uint64_t n_shared; /* nodes with n_visits 2; with memoizes_all no fewer than go into the memo */
    uint64_t n_containers; /* walked */
    bool memoizes_all;     /* a tuple contains itself: every container goes into the memo */

    struct encode_frame *frames;
    size_t n_frames, cap_frames;

    /* of the OPAQUE values that were surveyed */
    size_t n_opaque, n_opaque_needing_memo;
    int lowest_proto, highest_proto;
    bool has_proto5;         /* one of them holds an opcode of protocol 5 */
    uint64_t opaque_entries; /* what they put into the memo */
    uint64_t opaque_highest; /* their highest number of their own + 1 */

    uint64_t n_memoized; /* PUTs written, and PUTs and MEMOIZEs of OPAQUE values */
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
void opaque_read(const platoon_value *opaque, struct opaque_facts *out);

/* encode_survey.c: count the visits to what is below `v` (as a tuple, if `kind` says so). false:
 * failed. */
bool survey(struct encoder *e, const platoon_value *v, uint8_t kind);
struct encode_note encoder_note(const struct encoder *e, const platoon_value *v);
bool encoder_set_note(struct encoder *e, const platoon_value *v, struct encode_note note);

/* encode_write.c */
bool write_value(struct encoder *e, const platoon_value *v, uint8_t kind);
bool write_text(struct encoder *e, const char *text, size_t len);

#endif
