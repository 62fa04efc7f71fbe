/* SPDX-License-Identifier: Apache-2.0 */
/* decoder.h - the decoder's insides, shared by decode.c (bytes to opcodes), decode_ops.c (opcodes
 * to values) and decode_plain.c (the constructors of plain data). For these three only.
 *
 * Functions that can fail return false after having recorded the failure with decoder_fail(). */
#ifndef PLATOON_PICKLE_DECODER_H
#define PLATOON_PICKLE_DECODER_H

#include "base/buf.h"
#include "pickle/decode.h"
#include "pickle/decode_memo.h"
#include "pickle/opcodes.h"
#include "value/node.h"

struct decoder {
    struct platoon_pickle_limits limits;
    struct owner *owner; /* of all nodes made here; NULL after decoder_take() */
    platoon_value *root;

    platoon_value **stack;
    size_t n_stack, cap_stack;
    size_t *marks; /* heights of the stack at which MARKs stand */
    size_t n_marks, cap_marks;
    struct decode_memo memo;

    const struct opcode_info *op; /* the one at work */
    uint64_t offset;              /* where it begins */
    uint64_t n_nodes;
    bool is_done;
    bool names_global;

    struct buf pending; /* the bytes of an opcode that is not complete */
    struct buf scratch; /* text being unescaped */
    struct platoon_err err;
    enum platoon_status status;
};

bool decoder_fail(struct decoder *d, enum platoon_status status, const char *format, ...)
    PLATOON_PRINTF(3, 4);
bool decoder_no_memory(struct decoder *d);
/* Count `n` more values, or the same work in copying. */
bool decoder_charge(struct decoder *d, uint64_t n);
/* Push a value that was made just now; NULL means that there was no memory for it. */
bool decoder_push_new(struct decoder *d, platoon_value *v);
/* The topmost value, taken off. The caller knows that there is one. */
platoon_value *decoder_pop(struct decoder *d);
/* Append to a LIST or TUPLE; put into a DICT or SET. Depth is checked, objects inside are
 * noticed. */
bool decoder_append(struct decoder *d, platoon_value *v, platoon_value *const *children, size_t n);
bool decoder_table_put(struct decoder *d, platoon_value *table, platoon_value *key,
                       platoon_value *child);

/* Run the opcode d->op with the `len` bytes of its argument (length prefix and all). */
bool decoder_run(struct decoder *d, const uint8_t *arg, size_t len);

#endif
