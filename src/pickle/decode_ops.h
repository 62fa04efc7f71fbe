/* SPDX-License-Identifier: Apache-2.0 */
/* decode_ops.h - the families of opcodes, each in a file of its own. For the decoder only. */
#ifndef PLATOON_PICKLE_DECODE_OPS_H
#define PLATOON_PICKLE_DECODE_OPS_H

#include "pickle/decoder.h"

/* An unsigned little-endian number of `len` bytes (1 to 8). */
static inline uint64_t decode_number(const uint8_t *p, size_t len)
{
    uint64_t x = 0;

    while (len-- > 0)
        x = x << 8 | p[len];
    return x;
}

/* Numbers, text, bytes (decode_scalar.c). */
bool decode_scalar(struct decoder *d, const uint8_t *arg, size_t len);

/* Globals, calls and state (decode_object.c). `start`: for INST and OBJ, where the values above the
 * MARK begin. */
bool decode_object(struct decoder *d, const uint8_t *arg, size_t len, size_t start);
/* APPEND, APPENDS and ADDITEMS on an object. */
bool decode_object_append(struct decoder *d, platoon_value *object, platoon_value *const *children,
                          size_t n);
/* The dict that SETITEM and SETITEMS on an object go to. NULL: failed. */
platoon_value *decode_object_entries(struct decoder *d, platoon_value *object);

#endif
