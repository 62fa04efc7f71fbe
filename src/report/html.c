/* SPDX-License-Identifier: Apache-2.0 */
#include "report/html.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffdu

/* Shown as something else: controls, non-characters, and the marks that would let a name turn
 * around the text that follows it. */
static bool is_unfit(uint32_t cp)
{
    return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0) ||
           (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e ||
           cp == 0x200f || cp == 0x61c || (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe;
}

static size_t columns_of(uint32_t cp)
{
    return (cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) ||
                   (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
                   (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) || cp >= 0x1f300
               ? 2
               : 1;
}

static void put_character(struct buf *out, uint32_t cp)
{
    uint8_t bytes[4];

    switch (cp) {
    case '&':
        buf_text(out, "&amp;");
        break;
    case '<':
        buf_text(out, "&lt;");
        break;
    case '>':
        buf_text(out, "&gt;");
        break;
    case '"':
        buf_text(out, "&quot;");
        break;
    case '\'':
        buf_text(out, "&#39;");
        break;
    default:
        buf_append(out, bytes, utf8_put(is_unfit(cp) ? REPLACEMENT : cp, bytes));
    }
}

/* How much of well-formed `text` is shown: all, or what leaves a column for the "…". */
static size_t cut_at(const char *text, size_t len, size_t max_columns)
{
    size_t columns = 0, fits = 0, at = 0;

    while (at < len) {
        size_t before = at;
        size_t more = columns_of(utf8_next(text, &at));

        if (columns < max_columns)
            fits = before;
        if (columns + more > max_columns)
            return fits;
        columns += more;
    }
    return len;
}

void html_text_cut(struct buf *out, const char *text, size_t max_columns)
{
    char *whole = text_repaired(text ? text : "", text ? strlen(text) : 0);
    size_t len = whole ? strlen(whole) : 0;
    size_t end = whole ? cut_at(whole, len, max_columns) : 0;

    if (!whole) {
        out->has_failed = true;
        return;
    }
    for (size_t at = 0; at < end;)
        put_character(out, utf8_next(whole, &at));
    if (end < len)
        buf_text(out, "…");
    free(whole);
}

void html_text(struct buf *out, const char *text)
{
    html_text_cut(out, text, SIZE_MAX);
}

void html_textf(struct buf *out, const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
        out->has_failed = true;
    }
    va_end(args);
    if (text)
        html_text(out, text);
    free(text);
}
