/* SPDX-License-Identifier: Apache-2.0 */
/* decode_scalar.c - opcodes that make numbers, text and bytes, from binary and from the text forms
 * of protocol 0. */
#include "pickle/decode_ops.h"

#include <endian.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

static bool push_text(struct decoder *d, const void *text, size_t len)
{
    if (!utf8_is_valid(text, len))
        return decoder_fail(d, PLATOON_EPICKLE, "text that is not UTF-8");
    return decoder_push_new(d, node_text(d->owner, PLATOON_STR, text, len));
}

/* Python 2's 8-bit text: see decode.h. */
static bool push_string8(struct decoder *d, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint8_t all = 0;

    for (size_t i = 0; i < len; i++)
        all |= p[i];
    return decoder_push_new(
        d, node_text(d->owner, all < 0x80 ? PLATOON_STR : PLATOON_BYTES, data, len));
}

/* Decimal, as int(text) reads it, but for the forms that Python never writes. */
static bool push_decimal(struct decoder *d, const char *text, size_t len)
{
    size_t sign = len > 0 && (text[0] == '-' || text[0] == '+');
    platoon_value *v;

    if (len - sign > 1 && text[sign] == '0')
        return decoder_fail(d, PLATOON_EPICKLE, "an integer with leading zeros");
    buf_reset(&d->scratch);
    switch (num_int_parse(text, len, &d->scratch)) {
    case NUM_OK:
        break;
    case NUM_BAD:
        return decoder_fail(d, PLATOON_EPICKLE, "not a decimal integer");
    case NUM_TOO_LONG:
        return decoder_fail(d, PLATOON_ELIMIT,
                            "an integer in text of more than %d digits; protocol 2 and later "
                            "have no such limit",
                            NUM_MAX_DIGITS_READ);
    case NUM_NO_MEMORY:
        return decoder_no_memory(d);
    }
    v = node_int_from_bytes(d->owner, d->scratch.data, d->scratch.len);
    return decoder_push_new(d, v);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `n` hexadecimal digits at `p`, of which `left` bytes are there; false if they are not. */
static bool hex_number(const uint8_t *p, size_t left, size_t n, uint32_t *out)
{
    uint32_t x = 0;

    if (left < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return false;
        x = x << 4 | (uint32_t)digit;
    }
    *out = x;
    return true;
}

/* UNICODE: Latin-1, with \uXXXX and \UXXXXXXXX for the rest ("raw-unicode-escape"). */
static bool push_raw_unicode(struct decoder *d, const uint8_t *p, size_t len)
{
    uint8_t utf8[4];

    buf_reset(&d->scratch);
    for (size_t i = 0; i < len;) {
        uint32_t cp = p[i++];

        if (cp == '\\' && i < len) {
            size_t digits = p[i] == 'u' ? 4 : p[i] == 'U' ? 8 : 0;

            if (digits == 0) { /* both stand for themselves */
                (void)buf_byte(&d->scratch, '\\');
                cp = p[i++];
            } else if (!hex_number(p + i + 1, len - i - 1, digits, &cp) || cp > 0x10ffff) {
                return decoder_fail(d, PLATOON_EPICKLE, "a broken \\u escape in text");
            } else {
                i += 1 + digits;
            }
        }
        (void)buf_append(&d->scratch, utf8, utf8_put(cp, utf8)); /* failure sticks */
    }
    if (d->scratch.has_failed)
        return decoder_no_memory(d);
    return decoder_push_new(d, node_text(d->owner, PLATOON_STR, d->scratch.data, d->scratch.len));
}

/* STRING: a Python 2 literal in quotes, with its escapes. */
static bool push_literal(struct decoder *d, const uint8_t *p, size_t len)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *simple;
    uint32_t x = 0;

    if (len < 2 || (p[0] != '\'' && p[0] != '"') || p[len - 1] != p[0])
        return decoder_fail(d, PLATOON_EPICKLE, "a string literal without its quotes");
    p++;
    len -= 2;
    buf_reset(&d->scratch);
    for (size_t i = 0; i < len; i++) {
        if (p[i] != '\\') {
            (void)buf_byte(&d->scratch, p[i]); /* failure sticks */
            continue;
        }
        if (++i == len)
            return decoder_fail(d, PLATOON_EPICKLE, "a string literal that ends in an escape");
        simple = p[i] ? strchr(from, p[i]) : NULL;
        if (simple) {
            (void)buf_byte(&d->scratch, (uint8_t)to[simple - from]);
        } else if (p[i] == 'x') {
            if (!hex_number(p + i + 1, len - i - 1, 2, &x))
                return decoder_fail(d, PLATOON_EPICKLE, "a broken \\x escape in a string");
            (void)buf_byte(&d->scratch, (uint8_t)x);
            i += 2;
        } else if (p[i] >= '0' && p[i] <= '7') {
            size_t n = 0;

            for (x = 0; n < 3 && i + n < len && p[i + n] >= '0' && p[i + n] <= '7'; n++)
                x = x * 8 + (uint32_t)(p[i + n] - '0');
            (void)buf_byte(&d->scratch, (uint8_t)x);
            i += n - 1;
        } else { /* not an escape: kept as it is */
            (void)buf_byte(&d->scratch, '\\');
            (void)buf_byte(&d->scratch, p[i]);
        }
    }
    if (d->scratch.has_failed)
        return decoder_no_memory(d);
    return push_string8(d, d->scratch.data, d->scratch.len);
}

static bool push_float_text(struct decoder *d, const uint8_t *line, size_t len)
{
    double x = 0;

    if (!num_double_parse((const char *)line, len, &x))
        return decoder_fail(d, PLATOON_EPICKLE, "not a decimal float");
    return decoder_push_new(d, node_float(d->owner, x));
}

static bool push_int_text(struct decoder *d, const uint8_t *line, size_t len)
{
    if (len == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return decoder_push_new(d, node_bool(line[1] == '1'));
    return push_decimal(d, (const char *)line, len);
}

static double big_endian_double(const uint8_t *p)
{
    uint64_t bits;
    double x;

    memcpy(&bits, p, sizeof bits);
    bits = be64toh(bits);
    memcpy(&x, &bits, sizeof x);
    return x;
}

bool decode_scalar(struct decoder *d, const uint8_t *arg, size_t len)
{
    /* For text and bytes: what follows the length. */
    unsigned prefix = opcode_fixed_bytes((enum opcode_arg)d->op->arg);
    const uint8_t *data = arg + prefix;
    size_t n = len - prefix;

    switch ((enum opcode)d->op->code) {
    case OP_NONE:
        return decoder_push_new(d, node_none());
    case OP_NEWTRUE:
        return decoder_push_new(d, node_bool(true));
    case OP_NEWFALSE:
        return decoder_push_new(d, node_bool(false));
    case OP_BININT:
        return decoder_push_new(d, node_int(d->owner, (int32_t)decode_number(arg, 4)));
    case OP_BININT1:
    case OP_BININT2:
        return decoder_push_new(d, node_int(d->owner, (int64_t)decode_number(arg, len)));
    case OP_LONG1:
    case OP_LONG4:
        return decoder_push_new(d, node_int_from_bytes(d->owner, data, n));
    case OP_BINFLOAT:
        return decoder_push_new(d, node_float(d->owner, big_endian_double(arg)));
    case OP_INT:
        return push_int_text(d, arg, len - 1);
    case OP_LONG:
        len--;
        if (len > 0 && arg[len - 1] == 'L')
            len--;
        return push_decimal(d, (const char *)arg, len);
    case OP_FLOAT:
        return push_float_text(d, arg, len - 1);
    case OP_STRING:
        return push_literal(d, arg, len - 1);
    case OP_UNICODE:
        return push_raw_unicode(d, arg, len - 1);
    case OP_BINSTRING:
    case OP_SHORT_BINSTRING:
        return push_string8(d, data, n);
    case OP_BINUNICODE:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE8:
        return push_text(d, data, n);
    case OP_BYTEARRAY8:
        return decoder_push_new(d, node_text(d->owner, PLATOON_BYTEARRAY, data, n));
    default: /* the three forms of bytes */
        return decoder_push_new(d, node_text(d->owner, PLATOON_BYTES, data, n));
    }
}
