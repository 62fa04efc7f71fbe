/* SPDX-License-Identifier: Apache-2.0 */
/* json_read.h - JSON text to a value, as Python's json.loads() reads it.
 *
 * What a command prints is most often Python's json.dumps(), so that dialect is the one read: NaN,
 * Infinity and -Infinity are numbers; integers have any length (up to 4300 digits, Python's own
 * limit); of equal keys the last wins; \ud83d\ude00 is one character, a lone \udXXX stays a lone
 * surrogate. Raw control characters in strings, comments and trailing commas are refused. Numbers
 * with a point or an exponent are floats; 1e999 is inf. */
#ifndef PLATOON_CONFIG_JSON_READ_H
#define PLATOON_CONFIG_JSON_READ_H

#include <stddef.h>

#include <platoon/value.h>

/* Nesting beyond this is refused. */
#define JSON_MAX_DEPTH 1000

/* Read one JSON text (white space around it is fine); it must be UTF-8. No recursion. PLATOON_OK
 * and *out (yours); EINVAL: it is not JSON, `err` says where and why; ENOMEM. */
enum platoon_status json_read(const char *text, size_t len, platoon_value **out,
                              struct platoon_err *err);

#endif
