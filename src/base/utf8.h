/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - is this UTF-8, as Python's "surrogatepass" sees it? Fed in pieces of any size.
 *
 * Well-formed is RFC 3629 (no overlong forms, nothing above U+10FFFF) plus the surrogates U+D800 to
 * U+DFFF as three bytes each, which pickles hold for text that Python could not decode. */
#ifndef PLATOON_BASE_UTF8_H
#define PLATOON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Between two pieces: how many bytes of a character are still to come, and the range of the next
 * one. All zero at the start of a text. */
struct utf8_check {
    uint8_t left;
    uint8_t low, high;
};

/* false: not UTF-8, whatever follows. */
bool utf8_check_feed(struct utf8_check *c, const void *data, size_t len);

/* After the last piece: did the text end between two characters? */
static inline bool utf8_check_is_whole(const struct utf8_check *c)
{
    return c->left == 0;
}

/* Are these bytes all ASCII? Meant for short texts: the checks above are as quick for long ones. */
static inline bool utf8_is_ascii(const void *text, size_t len)
{
    const char *p = text;
    uint64_t all = 0, w;
    uint32_t first, last;

    if (len < 4) {
        for (size_t i = 0; i < len; i++)
            all |= (uint8_t)p[i];
        return all < 0x80;
    }
    if (len < 8) { /* two that overlap */
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + len - sizeof last, sizeof last);
        return ((first | last) & 0x80808080u) == 0;
    }
    for (size_t i = 0; i + sizeof w <= len; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        all |= w;
    }
    memcpy(&w, p + len - sizeof w, sizeof w);
    return ((all | w) & 0x8080808080808080u) == 0;
}

/* Whether a whole text is well-formed. */
static inline bool utf8_is_valid(const void *text, size_t len)
{
    struct utf8_check c = {0, 0, 0};

    return utf8_check_feed(&c, text, len) && utf8_check_is_whole(&c);
}

/* Read one code point at text[*at] of well-formed text and step over it. */
uint32_t utf8_next(const void *text, size_t *at);
/* Write `cp` (0..0x10ffff); returns the number of bytes, 1..4. */
size_t utf8_put(uint32_t cp, uint8_t out[4]);

#endif
