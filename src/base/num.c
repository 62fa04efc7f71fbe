/* SPDX-License-Identifier: Apache-2.0 */
/* num.c - see num.h.
 *
 * Doubles go through the C library, whose conversions are exact, but only as digits and an exponent
 * without a decimal point ("15e-1"), because the point is the one thing in them that depends on the
 * locale. */
#include "base/num.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

__extension__ typedef unsigned __int128 u128;

enum {
    MAX_DIGITS = 17 /* always enough for a double */
};

/* d = 0.DIGITS * 10^point */
struct decimal {
    char digits[MAX_DIGITS + 2];
    int n;
    int point;
};

static void round_to(double d, int n_digits, struct decimal *out)
{
    char text[64];
    const char *p = text;

    (void)snprintf(text, sizeof text, "%.*e", n_digits - 1, d); /* fits: 17 digits, point, e-324 */
    out->n = 0;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && out->n < MAX_DIGITS)
            out->digits[out->n++] = *p;
    out->point = (*p ? atoi(p + 1) : 0) + 1;
}

static double read_back(const struct decimal *x)
{
    char text[64];

    (void)snprintf(text, sizeof text, "%.*se%d", x->n, x->digits, x->point - x->n); /* fits */
    return strtod(text, NULL);
}

/* One more in the last place. */
static void step_up(struct decimal *x)
{
    int i = x->n - 1;

    while (i >= 0 && x->digits[i] == '9')
        x->digits[i--] = '0';
    if (i >= 0) {
        x->digits[i]++;
    } else {
        x->digits[0] = '1'; /* 999 became 1000 */
        x->point++;
    }
}

/* The shortest decimal that reads back as `d` (finite, positive). Between 1e-290 and the largest
 * double every decimal of up to 15 digits survives a trip through a double, so that 15 rounded
 * digits, less their zeros, are the shortest where they read back at all. Below a power of two
 * doubles stand twice as dense as above it: there a decimal above the nearest one can read back
 * where the nearest does not. */
static void shortest(double d, struct decimal *out)
{
    int exponent;
    bool is_power_of_two = frexp(d, &exponent) == 0.5;

    for (int n = d < 1e-290 ? 1 : DBL_DIG; n <= MAX_DIGITS; n++) {
        round_to(d, n, out);
        if (read_back(out) == d)
            break;
        if (is_power_of_two) {
            step_up(out);
            if (read_back(out) == d)
                break;
        }
    }
    while (out->n > 1 && out->digits[out->n - 1] == '0')
        out->n--;
}

/* As Python: an exponent below 1e-4 and from 1e16 on. */
static size_t layout(const struct decimal *x, char *out)
{
    char *p = out;

    if (x->point <= -4 || x->point > 16) {
        int e = x->point - 1;

        *p++ = x->digits[0];
        if (x->n > 1) {
            *p++ = '.';
            memcpy(p, x->digits + 1, (size_t)x->n - 1);
            p += x->n - 1;
        }
        p += sprintf(p, "e%c%02d", e < 0 ? '-' : '+', e < 0 ? -e : e);
        return (size_t)(p - out);
    }
    if (x->point <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = x->point; i < 0; i++)
            *p++ = '0';
        memcpy(p, x->digits, (size_t)x->n);
        p += x->n;
    } else {
        for (int i = 0; i < x->n || i < x->point; i++) {
            if (i == x->point)
                *p++ = '.';
            if (i < x->n)
                *p++ = x->digits[i];
            else
                *p++ = '0';
        }
        if (x->n <= x->point) {
            *p++ = '.';
            *p++ = '0';
        }
    }
    return (size_t)(p - out);
}

size_t num_double_text(double d, char out[NUM_DOUBLE_ROOM])
{
    struct decimal x;
    size_t len = 0;

    if (isnan(d))
        return (size_t)sprintf(out, "nan");
    if (signbit(d)) {
        out[len++] = '-';
        d = -d;
    }
    if (isinf(d)) {
        len += (size_t)sprintf(out + len, "inf");
    } else if (d < 1e15 && d == (double)(int64_t)d) {
        len += (size_t)sprintf(out + len, "%lld.0", (long long)d);
    } else {
        shortest(d, &x);
        len += layout(&x, out + len);
    }
    out[len] = '\0';
    return len;
}

bool num_double_parse(const char *text, size_t len, double *out)
{
    char plain[4096];
    size_t n = 0, i = 0;
    int n_digits = 0;
    long exponent = 0, written = 0;
    bool is_negative = false;

    if (len == 0 || len > 4000)
        return false;
    if (text[0] == '+' || text[0] == '-') {
        is_negative = text[0] == '-';
        i = 1;
    }
    if ((len - i == 3 && strncasecmp(text + i, "inf", 3) == 0) ||
        (len - i == 8 && strncasecmp(text + i, "infinity", 8) == 0)) {
        *out = is_negative ? -INFINITY : INFINITY;
        return true;
    }
    if (len - i == 3 && strncasecmp(text + i, "nan", 3) == 0) {
        *out = is_negative ? -NAN : NAN;
        return true;
    }
    for (; i < len && isdigit((unsigned char)text[i]); i++, n_digits++)
        plain[n++] = text[i];
    if (i < len && text[i] == '.')
        for (i++; i < len && isdigit((unsigned char)text[i]); i++, n_digits++, exponent--)
            plain[n++] = text[i];
    if (n_digits == 0)
        return false;
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        bool is_small = false;

        i++;
        if (i < len && (text[i] == '+' || text[i] == '-'))
            is_small = text[i++] == '-';
        if (i == len)
            return false;
        for (; i < len && isdigit((unsigned char)text[i]); i++)
            written = written > 100000 ? written : written * 10 + (text[i] - '0');
        exponent += is_small ? -written : written;
    }
    if (i != len)
        return false;
    (void)snprintf(plain + n, sizeof plain - n, "e%ld", exponent); /* fits: 4000 + e-1000010 */
    *out = strtod(plain, NULL);
    if (is_negative)
        *out = -*out;
    return true;
}

size_t num_int_trim(const uint8_t *le, size_t len)
{
    while (len > 1 && ((le[len - 1] == 0x00 && !(le[len - 2] & 0x80)) ||
                       (le[len - 1] == 0xff && (le[len - 2] & 0x80))))
        len--;
    return len == 1 && le[0] == 0 ? 0 : len;
}

bool num_int_to_i64(const uint8_t *le, size_t len, int64_t *out)
{
    uint64_t u;

    len = num_int_trim(le, len);
    if (len > 8)
        return false;
    u = len > 0 && (le[len - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = len; i-- > 0;)
        u = u << 8 | le[i];
    *out = (int64_t)u;
    return true;
}

size_t num_int_from_i64(int64_t i, uint8_t out[8])
{
    uint64_t u = (uint64_t)i;

    for (int k = 0; k < 8; k++)
        out[k] = (uint8_t)(u >> (8 * k));
    return num_int_trim(out, 8);
}

static void hex_text(struct buf *out, const uint8_t *magnitude, size_t len)
{
    static const char hex[] = "0123456789abcdef";

    while (len > 0 && magnitude[len - 1] == 0)
        len--;
    (void)buf_text(out, "0x"); /* failure sticks */
    for (size_t i = len; i-- > 0;) {
        if (i + 1 < len || magnitude[i] >= 16)
            (void)buf_byte(out, (uint8_t)hex[magnitude[i] >> 4]);
        (void)buf_byte(out, (uint8_t)hex[magnitude[i] & 15]);
    }
}

/* Divide by 10^9 again and again; the remainders are the digits, last ones first. `limbs` is used
 * up. */
static void decimal_text(struct buf *out, uint32_t *limbs, size_t n)
{
    size_t start = out->len;
    char group[16];

    while (n > 0) {
        uint64_t rest = 0;
        int width;

        for (size_t i = n; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        while (n > 0 && limbs[n - 1] == 0)
            n--;
        width = snprintf(group, sizeof group, n > 0 ? "%09u" : "%u", (unsigned)rest);
        for (int i = width; i-- > 0;)
            (void)buf_byte(out, (uint8_t)group[i]); /* backwards for now; failure sticks */
    }
    if (out->has_failed)
        return;
    for (size_t i = start, j = out->len; i + 1 < j; i++) {
        uint8_t swap = out->data[i];

        out->data[i] = out->data[--j];
        out->data[j] = swap;
    }
}

void num_int_text(struct buf *out, const uint8_t *le, size_t len)
{
    int64_t small;
    uint32_t *limbs;
    uint8_t *magnitude;
    size_t n;
    bool is_negative;

    if (num_int_to_i64(le, len, &small)) {
        (void)buf_printf(out, "%lld", (long long)small); /* failure sticks */
        return;
    }
    n = len / 4 + 1;
    limbs = mem_alloc(n * 4);
    if (!limbs) {
        out->has_failed = true;
        return;
    }
    is_negative = le[len - 1] & 0x80;
    magnitude = (uint8_t *)limbs;
    memset(magnitude, is_negative ? 0xff : 0, n * 4);
    memcpy(magnitude, le, len);
    if (is_negative) {
        unsigned carry = 1;

        (void)buf_byte(out, '-');
        for (size_t i = 0; i < n * 4; i++) {
            carry += (uint8_t)~magnitude[i];
            magnitude[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    if ((double)len * 2.4082399653118496 > NUM_MAX_DIGITS_SHOWN) { /* log10(256) digits a byte */
        hex_text(out, magnitude, n * 4);
    } else {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = magnitude + 4 * i;
            uint32_t limb =
                (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

            limbs[i] = limb;
        }
        while (n > 0 && limbs[n - 1] == 0)
            n--;
        decimal_text(out, limbs, n);
    }
    free(limbs);
}

/* limbs = limbs * factor + term; returns the new count. There is room for one more. */
static size_t multiply_add(uint64_t *limbs, size_t n, uint64_t factor, uint64_t term)
{
    u128 carry = term;

    for (size_t i = 0; i < n; i++) {
        carry += (u128)limbs[i] * factor;
        limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry)
        limbs[n++] = (uint64_t)carry;
    return n;
}

enum num_parsed num_int_parse(const char *text, size_t len, struct buf *out_le)
{
    enum num_parsed result = NUM_NO_MEMORY;
    uint64_t *limbs;
    uint8_t *bytes;
    size_t n = 0, i = 0;
    bool is_negative = false;

    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        is_negative = text[0] == '-';
        i = 1;
    }
    if (i == len)
        return NUM_BAD;
    for (size_t k = i; k < len; k++)
        if (text[k] < '0' || text[k] > '9')
            return NUM_BAD;
    if (len - i > NUM_MAX_DIGITS_READ)
        return NUM_TOO_LONG;
    limbs = mem_alloc((len / 18 + 3) * sizeof *limbs); /* 18 digits are less than 64 bits */
    bytes = mem_alloc((len / 18 + 3) * sizeof *limbs);
    if (!limbs || !bytes)
        goto out;
    while (i < len) {
        uint64_t factor = 1, term = 0;

        for (int k = 0; k < 18 && i < len; k++, i++) {
            factor *= 10;
            term = term * 10 + (uint64_t)(text[i] - '0');
        }
        n = multiply_add(limbs, n, factor, term);
    }
    limbs[n++] = 0; /* room for the sign */
    if (is_negative) {
        bool carry = true;

        for (size_t k = 0; k < n; k++) {
            limbs[k] = ~limbs[k] + carry;
            carry = carry && limbs[k] == 0;
        }
    }
    for (size_t k = 0; k < n * 8; k++)
        bytes[k] = (uint8_t)(limbs[k / 8] >> (8 * (k % 8)));
    if (buf_append(out_le, bytes, num_int_trim(bytes, n * 8)))
        result = NUM_OK;
out:
    free(limbs);
    free(bytes);
    return result;
}

size_t num_int_from_double(double d, uint8_t out[136])
{
    int exponent;
    double fraction = frexp(fabs(d), &exponent); /* |d| = fraction * 2^exponent */
    uint64_t mantissa = (uint64_t)ldexp(fraction, 53);
    int shift = exponent - 53;

    memset(out, 0, 136);
    if (shift < 0) {
        mantissa >>= -shift; /* integral: only zeros are dropped */
        shift = 0;
    }
    for (int bit = 0; bit < 64; bit++)
        if (mantissa >> bit & 1)
            out[(bit + shift) / 8] |= (uint8_t)(1u << ((bit + shift) % 8));
    if (d < 0) {
        unsigned carry = 1;

        for (int i = 0; i < 136; i++) {
            carry += (uint8_t)~out[i];
            out[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    return num_int_trim(out, 136);
}
