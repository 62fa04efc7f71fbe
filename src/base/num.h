/* SPDX-License-Identifier: Apache-2.0 */
/* num.h - numbers to text and back, as Python does it, whatever the locale. */
#ifndef PLATOON_BASE_NUM_H
#define PLATOON_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    NUM_DOUBLE_ROOM = 32,
    /* Conversion between binary and decimal costs the square of the length; so there are ends to
     * it. */
    NUM_MAX_DIGITS_SHOWN = 20000,
    NUM_MAX_DIGITS_READ = 100000
};

/* Write repr(d): the shortest digits that read back as `d`, "inf", "-inf" or "nan". Returns the
 * length, NUL not counted. */
size_t num_double_text(double d, char out[NUM_DOUBLE_ROOM]);
/* Read a decimal float, "inf", "infinity" or "nan" (any case, signed), all of `text` and nothing
 * else; up to 4000 characters. */
bool num_double_parse(const char *text, size_t len, double *out);

/* Integers of any size are two's complement, little endian. */

/* The fewest bytes that hold the same number (0 for zero). */
size_t num_int_trim(const uint8_t *le, size_t len);
/* false if it does not fit. */
bool num_int_to_i64(const uint8_t *le, size_t len, int64_t *out);
/* Write the fewest bytes for `i` (none for zero); returns how many. */
size_t num_int_from_i64(int64_t i, uint8_t out[8]);
/* Append decimal digits; above NUM_MAX_DIGITS_SHOWN hexadecimal ones ("-0x1f..."). Failure sticks
 * to `out`. */
void num_int_text(struct buf *out, const uint8_t *le, size_t len);
enum num_parsed {
    NUM_OK,
    NUM_BAD,      /* not a decimal integer */
    NUM_TOO_LONG, /* more than NUM_MAX_DIGITS_READ digits */
    NUM_NO_MEMORY
};
/* Read an optional sign and decimal digits (all of `text`); appends the trimmed bytes to
 * `out_le`. */
enum num_parsed num_int_parse(const char *text, size_t len, struct buf *out_le);
/* An integral double as an integer: appends its trimmed bytes. `d` is finite and integral. At most
 * 129 bytes. */
size_t num_int_from_double(double d, uint8_t out[136]);

#endif
