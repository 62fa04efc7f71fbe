/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - see utf8.h. The table of RFC 3629, section 4, with the surrogates let through. */
#include "base/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080u

/* How many of the bytes at `p` are ASCII before the first that is not, counted in steps of 32. */
static size_t ascii_run(const uint8_t *p, size_t len)
{
    size_t i = 0;
    uint64_t w[4];

    for (; i + sizeof w <= len; i += sizeof w) {
        memcpy(w, p + i, sizeof w);
        if ((w[0] | w[1] | w[2] | w[3]) & HIGH_BITS)
            break;
    }
    return i;
}

/* How many of the 8 bytes at `p`, in the order of memory, are ASCII before the first that is
 * not. */
static size_t ascii_before_other(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    w &= HIGH_BITS;
    return w ? (size_t)__builtin_ctzll(w) / 8 : sizeof w;
}

/* Start a character of more than one byte. false where no character starts with `lead`. */
static bool start_character(struct utf8_check *c, uint8_t lead)
{
    c->low = 0x80;
    c->high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    if (lead < 0xe0) {
        c->left = 1;
    } else if (lead < 0xf0) {
        c->left = 2;
        if (lead == 0xe0)
            c->low = 0xa0;
    } else {
        c->left = 3;
        if (lead == 0xf0)
            c->low = 0x90;
        else if (lead == 0xf4)
            c->high = 0x8f;
    }
    return true;
}

/* Whole characters at `p`, `len` bytes being there. Returns how many bytes they take; stops at
 * the first that needs a closer look (a special range, a bad byte, the end of the piece) and
 * where long runs of ASCII begin. */
static size_t plain_run(const uint8_t *p, size_t len)
{
    size_t i = 0, ascii;

    while (i + 11 <=
           len) { /* 8 bytes to look at, and a character of 3 that may begin behind them */
        const uint8_t *c = p + i;

        if (c[0] < 0x80) {
            ascii = ascii_before_other(c);
            i += ascii;
            c += ascii;
            if (ascii == 8)
                break;
        }
        if (c[0] > 0xe0 && c[0] < 0xf0 && (c[1] & 0xc0) == 0x80 && (c[2] & 0xc0) == 0x80)
            i += 3;
        else if (c[0] >= 0xc2 && c[0] < 0xe0 && (c[1] & 0xc0) == 0x80)
            i += 2;
        else
            break;
    }
    return i;
}

bool utf8_check_feed(struct utf8_check *c, const void *data, size_t len)
{
    const uint8_t *p = data, *end = p + len;

    while (p < end) {
        size_t n;

        if (c->left) {
            if (*p < c->low || *p > c->high)
                return false;
            c->low = 0x80;
            c->high = 0xbf;
            c->left--;
            p++;
            continue;
        }
        p += ascii_run(p, (size_t)(end - p));
        n = plain_run(p, (size_t)(end - p));
        p += n;
        if (n > 0 || p == end)
            continue;
        if (*p < 0x80)
            p++;
        else if (!start_character(c, *p++))
            return false;
    }
    return true;
}

uint32_t utf8_next(const void *text, size_t *at)
{
    const uint8_t *p = (const uint8_t *)text + *at;

    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *at += 2;
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    }
    if (p[0] < 0xf0) {
        *at += 3;
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    }
    *at += 4;
    return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
           (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

size_t utf8_put(uint32_t cp, uint8_t out[4])
{
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (uint8_t)(0xc0 | cp >> 6);
        out[1] = (uint8_t)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (uint8_t)(0xe0 | cp >> 12);
        out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | cp >> 18);
    out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (cp & 0x3f));
    return 4;
}
