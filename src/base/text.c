/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - table 3-7 of the Unicode standard ("Well-Formed UTF-8 Byte Sequences"). */
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The length of the character at `p`, 0 if there is none. */
static size_t character_len(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    size_t len;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < len)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

size_t text_valid_prefix(const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t at = 0;

    while (at < len) {
        size_t n = character_len(p + at, len - at);

        if (n == 0)
            break;
        at += n;
    }
    return at;
}

size_t text_cut(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    if (len <= max)
        return len;
    for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

char *text_repaired(const void *text, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const uint8_t *p = text;
    char *out, *to;

    if (len > (SIZE_MAX - 1) / 3)
        return NULL;
    out = to = malloc(len * 3 + 1);
    for (size_t at = 0; out && at < len;) {
        size_t n = p[at] ? character_len(p + at, len - at) : 0;

        if (n == 0) {
            memcpy(to, replacement, 3);
            to += 3;
            at++;
        } else {
            memcpy(to, p + at, n);
            to += n;
            at += n;
        }
    }
    if (out)
        *to = '\0';
    return out;
}
