/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h - the text arguments of protocol 0: checked in pieces of any size, understood where
 * they are short.
 *
 * Numbers and the names of globals must fit LINE_MAX_BYTES; a long integer and text may have any
 * length and are then only checked. What is accepted is what a pickler writes and every stock
 * reader takes: decimal numbers, quoted strings with sound escapes, raw-unicode-escape. */
#ifndef PLATOON_PICKLE_LINES_H
#define PLATOON_PICKLE_LINES_H

#include "pickle/machine.h"

enum { LINE_MAX_BYTES = 511 };

struct line {
    uint8_t code;  /* the opcode */
    uint64_t len;  /* bytes so far, without the newline */
    bool has_name; /* GLOBAL, INST: the first of the two lines is complete */
    size_t name_at;
    /* checks that go on beyond what is gathered */
    uint8_t first, held; /* STRING: the opening quote, and the byte that may be the closing one */
    uint8_t escape;   /* in a backslash sequence: 1 behind the backslash, else digits to come + 1 */
    uint32_t escaped; /* its value so far */
    bool saw_digit, saw_end;
    char text[LINE_MAX_BYTES + 1];        /* what was gathered */
    char decoded[2 * LINE_MAX_BYTES + 2]; /* text without its escapes */
};

void line_begin(struct line *l, uint8_t code);
/* Bytes before a newline. NULL, or what is wrong with them (static). */
const char *line_feed(struct line *l, const char *data, size_t len);
/* The newline. *out_is_done false: a second line follows. *out points into `l`. */
const char *line_end(struct line *l, bool *out_is_done, struct opcode_value *out);

#endif
