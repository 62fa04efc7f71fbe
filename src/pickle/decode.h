/* SPDX-License-Identifier: Apache-2.0 */
/* decode.h - builds values from a pickle as its bytes arrive. Executes nothing, never recurses.
 *
 * The machine is fed in pieces of any size; what comes out does not depend on how the bytes were
 * cut. It keeps no bytes but those of an opcode that is not complete yet, and allocates nothing for
 * bytes that were only announced.
 *
 * A global becomes a PLATOON_OBJECT node, and so does everything that is done with it, unless it is
 * one of the constructors of plain data called as Python calls them (decode_plain.h).
 * decoder_names_global() tells whether that happened: whoever wants plain data then keeps the bytes
 * instead (platoon_pickle_decode() does).
 *
 * Text of Python 2 (STRING, BINSTRING, SHORT_BINSTRING), which does not say whether it is text or
 * bytes: str if it is ASCII, else bytes. (Python 3 reads the first and refuses the second.) */
#ifndef PLATOON_PICKLE_DECODE_H
#define PLATOON_PICKLE_DECODE_H

#include <platoon/pickle.h>

struct decoder;

enum decoder_state {
    DECODER_MORE,
    DECODER_DONE,  /* STOP was the last byte */
    DECODER_FAILED /* decoder_status() and *err say why; it stays so */
};

/* `limits` is copied, may be NULL. `expected` bytes are likely to come (0: unknown). NULL when out
 * of memory. */
struct decoder *decoder_new(const struct platoon_pickle_limits *limits, size_t expected);
void decoder_free(struct decoder *d); /* NULL is fine */
enum decoder_state decoder_feed(struct decoder *d, const void *data, size_t len,
                                struct platoon_err *err);
/* PLATOON_OK while it has not failed. */
enum platoon_status decoder_status(const struct decoder *d);
/* After DECODER_DONE: the value, yours; once. */
platoon_value *decoder_take(struct decoder *d);
bool decoder_names_global(const struct decoder *d);

#endif
