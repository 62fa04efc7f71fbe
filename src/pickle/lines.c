/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - see lines.h. The grammar is that of CPython's unpickler: load_int, load_string,
 * load_unicode and so on. */
#include "pickle/lines.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

void line_begin(struct line *l, uint8_t code)
{
    l->code = code;
    l->len = 0;
    l->has_name = false;
    l->name_at = 0;
    l->first = l->held = 0;
    l->escape = 0;
    l->escaped = 0;
    l->saw_digit = l->saw_end = false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* --- checks, a byte at a time ---------------------------------------------------------------- */

static const char *check_long(struct line *l, char c)
{
    if (l->saw_end)
        return "there is something behind its final L";
    if (is_digit(c))
        l->saw_digit = true;
    else if (c == 'L' && l->saw_digit)
        l->saw_end = true;
    else if (c != '-' || l->len > 0)
        return "it is no decimal number";
    return NULL;
}

/* One byte between the quotes. */
static const char *check_quoted(struct line *l, char c)
{
    switch (l->escape) {
    case 0:
        l->escape = c == '\\';
        return NULL;
    case 1:
        l->escape = c == 'x' ? 3 : 0;
        return NULL;
    default:
        if (hex_value(c) < 0)
            return "an \\x escape lacks its two digits";
        l->escape = l->escape == 3 ? 2 : 0;
        return NULL;
    }
}

static const char *check_string(struct line *l, char c)
{
    const char *wrong = NULL;

    if (l->len == 0) {
        if (c != '\'' && c != '"')
            return "it is not quoted";
        l->first = (uint8_t)c;
        return NULL;
    }
    if (l->len > 1)
        wrong = check_quoted(l, (char)l->held);
    l->held = (uint8_t)c; /* known to be inside only when another byte follows */
    return wrong;
}

static const char *check_unicode(struct line *l, char c)
{
    switch (l->escape) {
    case 0:
        l->escape = c == '\\';
        return NULL;
    case 1:
        l->escape = c == 'u' ? 5 : c == 'U' ? 9 : 0;
        l->escaped = 0;
        return NULL;
    default:
        if (hex_value(c) < 0)
            return "a \\u escape lacks digits";
        l->escaped = l->escaped << 4 | (uint32_t)hex_value(c);
        if (l->escaped > 0x10ffff)
            return "an escape is above U+10FFFF";
        l->escape = l->escape == 2 ? 0 : (uint8_t)(l->escape - 1);
        return NULL;
    }
}

const char *line_feed(struct line *l, const char *data, size_t len)
{
    const char *(*check)(struct line *, char) = l->code == OP_LONG      ? check_long
                                                : l->code == OP_STRING  ? check_string
                                                : l->code == OP_UNICODE ? check_unicode
                                                                        : NULL;

    if (!check && len > LINE_MAX_BYTES - l->len)
        return "its line is longer than 511 bytes";
    for (size_t i = 0; i < len; i++, l->len++) {
        const char *wrong = check ? check(l, data[i]) : NULL;

        if (wrong)
            return wrong;
        if (l->len < LINE_MAX_BYTES)
            l->text[l->len] = data[i];
    }
    return NULL;
}

/* --- short lines, understood ----------------------------------------------------------------- */

/* An optional sign and digits. false where that is not it; *out_fits where it fits 64 bits. */
static bool read_decimal(const char *text, int64_t *out, bool *out_fits)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    char *end;

    if (!is_digit(*digits) || (digits[0] == '0' && digits[1] != '\0'))
        return false; /* Python takes a leading zero for octal, or for an error */
    errno = 0;
    *out = strtoll(text, &end, 10);
    *out_fits = errno == 0;
    while (is_digit(*end))
        end++;
    return *end == '\0';
}

static const char *read_int(struct line *l, struct opcode_value *out)
{
    int64_t number;
    bool fits;

    out->kind = SCAN_BOOL;
    if (strcmp(l->text, "00") == 0 || strcmp(l->text, "01") == 0) {
        out->number = l->text[1] == '1';
        return NULL;
    }
    if (!read_decimal(l->text, &number, &fits))
        return "it is no decimal number";
    out->kind = fits ? SCAN_INT : SCAN_LONG_TEXT;
    out->number = (uint64_t)number;
    return NULL;
}

static const char *read_long(struct line *l, struct opcode_value *out)
{
    int64_t number;
    bool fits;

    if (!l->saw_digit)
        return "it is no decimal number";
    out->kind = SCAN_LONG_TEXT;
    if (l->len > LINE_MAX_BYTES)
        return NULL;
    if (l->saw_end)
        l->text[l->len - 1] = '\0';
    if (!read_decimal(l->text, &number, &fits))
        return "it is no decimal number";
    out->kind = fits ? SCAN_INT : SCAN_LONG_TEXT;
    out->number = (uint64_t)number;
    return NULL;
}

static const char *read_float(struct line *l, struct opcode_value *out)
{
    const char *word = l->text + (*l->text == '-' || *l->text == '+');
    char *end;

    if (strspn(word, "0123456789.eE+-") != strlen(word) && strcasecmp(word, "nan") != 0 &&
        strcasecmp(word, "inf") != 0 && strcasecmp(word, "infinity") != 0)
        return "it is no decimal number";
    errno = 0;
    out->real = strtod(l->text, &end);
    if (end == l->text || *end != '\0')
        return "it is no decimal number";
    return errno == ERANGE && fabs(out->real) > 1 ? "it is too large for a float" : NULL;
}

static const char *read_memo_number(struct line *l, struct opcode_value *out)
{
    int64_t number;
    bool fits;

    if (!read_decimal(l->text, &number, &fits) || number < 0 || !fits)
        return "its memo number is no decimal number";
    out->number = (uint64_t)number;
    return NULL;
}

static uint32_t read_hex(const char *text, size_t n)
{
    uint32_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 4 | (uint32_t)hex_value(text[i]);
    return value;
}

static const char *read_unicode(struct line *l, struct opcode_value *out)
{
    size_t n = 0;

    if (l->escape > 1)
        return "a \\u escape lacks digits";
    out->text_len = l->len;
    if (l->len > LINE_MAX_BYTES)
        return NULL;
    for (const char *p = l->text; p < l->text + l->len;) {
        size_t digits = p[0] != '\\' ? 0 : p[1] == 'u' ? 4 : p[1] == 'U' ? 8 : 0;

        if (digits) {
            n += utf8_put(read_hex(p + 2, digits), (uint8_t *)l->decoded + n);
            p += 2 + digits;
            continue;
        }
        if (p[0] == '\\' && p + 1 < l->text + l->len) /* the next one begins no escape */
            l->decoded[n++] = *p++;
        n += utf8_put((uint8_t)*p++, (uint8_t *)l->decoded + n); /* Latin-1 */
    }
    out->text = l->decoded;
    out->text_len = n;
    return NULL;
}

/* The escape behind a backslash at `p`; *out_n is how many bytes it makes (a backslash may
 * stay). */
static const char *read_escape(const char *p, char *to, size_t *out_n)
{
    static const char names[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
    const char *name = strchr(names, *p);
    unsigned octal = 0;

    *out_n = 1;
    if (*p && name) {
        *to = values[name - names];
        return p + 1;
    }
    if (*p == 'x') {
        *to = (char)read_hex(p + 1, 2);
        return p + 3;
    }
    if (*p >= '0' && *p <= '7') {
        for (int i = 0; i < 3 && *p >= '0' && *p <= '7'; i++)
            octal = octal << 3 | (unsigned)(*p++ - '0');
        *to = (char)octal;
        return p;
    }
    to[0] = '\\';
    to[1] = *p;
    *out_n = 2;
    return p + 1;
}

static const char *read_string(struct line *l, struct opcode_value *out)
{
    const char *end;
    size_t n = 0, made;

    if (l->len < 2 || l->held != l->first)
        return "it is not quoted";
    if (l->escape)
        return "its last escape is incomplete";
    out->text_len = l->len;
    if (l->len > LINE_MAX_BYTES)
        return NULL;
    end = l->text + l->len - 1;
    for (const char *p = l->text + 1; p < end;) {
        if (*p != '\\') {
            l->decoded[n++] = *p++;
            continue;
        }
        p = read_escape(p + 1, l->decoded + n, &made);
        n += made;
    }
    out->text_len = n;
    if (utf8_is_valid(l->decoded, n))
        out->text = l->decoded; /* else it is Python 2's bytes, no text */
    return NULL;
}

/* Names are UTF-8 without exceptions; those of INST, from before Unicode, ASCII. */
static bool is_name(const struct line *l, const char *text, size_t len)
{
    if (l->code == OP_INST || utf8_is_ascii(text, len))
        return utf8_is_ascii(text, len);
    for (const char *p = text; (p = memchr(p, 0xed, (size_t)(text + len - p))); p++)
        if ((uint8_t)p[1] >= 0xa0) /* a surrogate; the NUL behind the text makes this safe */
            return false;
    return utf8_is_valid(text, len);
}

static const char *read_names(struct line *l, bool *out_is_done, struct opcode_value *out)
{
    if (l->len == l->name_at)
        return "a name is empty";
    if (!is_name(l, l->text + l->name_at, (size_t)l->len - l->name_at))
        return "a name is no UTF-8";
    if (!l->has_name) {
        if (l->len == LINE_MAX_BYTES)
            return "its line is longer than 511 bytes";
        l->text[l->len++] = '\0';
        l->name_at = (size_t)l->len;
        l->has_name = true;
        *out_is_done = false;
        return NULL;
    }
    out->text = l->text;
    out->text_len = l->name_at - 1;
    out->name = l->text + l->name_at;
    out->name_len = (size_t)l->len - l->name_at;
    return NULL;
}

const char *line_end(struct line *l, bool *out_is_done, struct opcode_value *out)
{
    *out_is_done = true;
    l->text[l->len < LINE_MAX_BYTES ? l->len : LINE_MAX_BYTES] = '\0';
    switch (l->code) {
    case OP_INT:
        return memchr(l->text, '\0', (size_t)l->len) ? "it is no decimal number" : read_int(l, out);
    case OP_LONG:
        return read_long(l, out);
    case OP_FLOAT:
        return memchr(l->text, '\0', (size_t)l->len) ? "it is no decimal number"
                                                     : read_float(l, out);
    case OP_GET:
    case OP_PUT:
        return memchr(l->text, '\0', (size_t)l->len) ? "its memo number is no decimal number"
                                                     : read_memo_number(l, out);
    case OP_STRING:
        return read_string(l, out);
    case OP_UNICODE:
        return read_unicode(l, out);
    case OP_PERSID:
        return NULL; /* refused whatever it says */
    default:
        return read_names(l, out_is_done, out);
    }
}
