/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - is it text? */
#ifndef PLATOON_BASE_TEXT_H
#define PLATOON_BASE_TEXT_H

#include <stddef.h>

/* The length of the longest prefix that is whole, well-formed UTF-8 (no surrogates, no overlong
 * forms, at most U+10FFFF); `len` if all of it is. */
size_t text_valid_prefix(const void *text, size_t len);

/* The length of `text` (UTF-8), at most `max`, and then not in the middle of a character. */
size_t text_cut(const char *text, size_t max);

/* A malloc()ed, NUL-terminated copy in which each byte that belongs to no character stands as
 * U+FFFD, and NUL too. NULL when out of memory. */
char *text_repaired(const void *text, size_t len);

#endif
