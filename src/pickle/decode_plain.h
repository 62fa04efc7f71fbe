/* SPDX-License-Identifier: Apache-2.0 */
/* decode_plain.h - calls in a pickle that only make plain data, and are therefore understood.
 *
 * Older protocols have no opcodes for some kinds and write a call instead. Those that Python
 * writes, and no others, are recognised, with the modules builtins and (Python 2, protocols 0 to 2)
 * __builtin__:
 *
 *     set() set(list) set(tuple), frozenset likewise, list likewise, dict() dict(list of pairs)
 *     dict(dict)
 *     bytes() bytes(bytes), bytearray() bytearray(bytes), both (text, "latin-1"), both (list of
 *     0..255)
 *     _codecs.encode(text, "latin1") */
#ifndef PLATOON_PICKLE_DECODE_PLAIN_H
#define PLATOON_PICKLE_DECODE_PLAIN_H

#include "pickle/decoder.h"

/* Call `callable` (any OBJECT) with the tuple `args`. true and *out, NULL if it is not a call that
 * makes plain data. false: failed. */
bool decode_plain_call(struct decoder *d, const platoon_value *callable, const platoon_value *args,
                       platoon_value **out);

#endif
