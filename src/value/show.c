/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - what repr and JSON have in common: numbers, quoting, the stack of open containers. */
#include "value/show.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"
#include "value/unprintable_table.h"

static bool is_printable(uint32_t cp)
{
    size_t low = 0, high = sizeof unprintable / sizeof *unprintable;

    if (cp < 0x7f)
        return cp >= 0x20;
    if (cp == 0x7f)
        return false;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cp > unprintable[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low == sizeof unprintable / sizeof *unprintable || cp < unprintable[low][0];
}

/* Python quotes with ' unless the text holds that and no ". */
static char choose_quote(const char *text, size_t len)
{
    return len > 0 && memchr(text, '\'', len) && !memchr(text, '"', len) ? '"' : '\'';
}

/* The escapes that text and bytes share; false if `c` needs none of them. */
static bool short_escape(struct buf *out, uint32_t c, char quote)
{
    const char *escaped = c == '\\'   ? "\\\\"
                          : c == '\n' ? "\\n"
                          : c == '\r' ? "\\r"
                          : c == '\t' ? "\\t"
                                      : NULL;

    if (escaped)
        (void)buf_text(out, escaped); /* failure sticks */
    else if (c == (uint8_t)quote)
        (void)buf_printf(out, "\\%c", quote);
    else
        return false;
    return true;
}

void show_str_repr(struct buf *out, const char *text, size_t len)
{
    char quote = choose_quote(text, len);

    (void)buf_byte(out, (uint8_t)quote); /* failure sticks, here and below */
    for (size_t at = 0, from = 0; at < len; from = at) {
        uint32_t cp = utf8_next(text, &at);

        if (short_escape(out, cp, quote))
            continue;
        if (is_printable(cp))
            (void)buf_append(out, text + from, at - from);
        else if (cp <= 0xff)
            (void)buf_printf(out, "\\x%02x", cp);
        else if (cp <= 0xffff)
            (void)buf_printf(out, "\\u%04x", cp);
        else
            (void)buf_printf(out, "\\U%08x", cp);
    }
    (void)buf_byte(out, (uint8_t)quote);
}

void show_bytes_repr(struct buf *out, enum platoon_kind kind, const char *data, size_t len)
{
    char quote = choose_quote(data, len), escaped = quote;

    if (kind == PLATOON_BYTEARRAY)
        escaped = '\'';
    (void)buf_byte(out, 'b'); /* failure sticks, here and below */
    (void)buf_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)data[i];

        if (short_escape(out, c, escaped))
            continue;
        if (c >= 0x20 && c < 0x7f)
            (void)buf_byte(out, c);
        else
            (void)buf_printf(out, "\\x%02x", c);
    }
    (void)buf_byte(out, (uint8_t)quote);
}

void show_int(struct buf *out, const platoon_value *v)
{
    if (v->kind == PLATOON_INT)
        (void)buf_printf(out, "%lld", (long long)v->u.as_int); /* failure sticks */
    else
        num_int_text(out, (const uint8_t *)v->u.text->data, v->u.text->len);
}

void show_float(struct buf *out, double d)
{
    char text[NUM_DOUBLE_ROOM];

    (void)buf_append(out, text, num_double_text(d, text)); /* failure sticks */
}

bool show_push(struct show_stack *s, struct buf *out, const platoon_value *v, bool is_bare)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct show_frame *grown = mem_realloc(s->at, cap * sizeof *grown);

        if (!grown) {
            out->has_failed = true;
            return false;
        }
        s->at = grown;
        s->cap = cap;
    }
    s->at[s->n] = (struct show_frame){(platoon_value *)v, 0, is_bare};
    s->at[s->n++].v->flags |= NODE_BUSY; /* values belong to one thread: value.h */
    return true;
}

void show_pop(struct show_stack *s)
{
    s->at[--s->n].v->flags &= (uint8_t)~NODE_BUSY;
}

void show_stack_release(struct show_stack *s)
{
    while (s->n > 0)
        show_pop(s);
    free(s->at);
}

static char *to_text(void (*show)(struct buf *, const platoon_value *), const platoon_value *v)
{
    struct buf out;

    buf_init(&out);
    out.max = (size_t)PLATOON_MAX_TEXT_BYTES + 1; /* and the NUL */
    show(&out, v ? v : node_none());
    return buf_take_text(&out, NULL);
}

char *platoon_repr(const platoon_value *v)
{
    return to_text(show_repr, v);
}

char *platoon_json(const platoon_value *v)
{
    return to_text(show_json, v);
}

void show_short(struct buf *out, const platoon_value *v, size_t max_bytes)
{
    struct buf text;
    size_t len;

    buf_init(&text);
    text.max = max_bytes + 4; /* one character more than can be used */
    show_repr(&text, v ? v : node_none());
    len = text.len;
    if (len > max_bytes || text.is_full) {
        if (len > max_bytes - 3)
            len = max_bytes - 3;
        while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80)
            len--;                             /* not inside a character */
        (void)buf_append(out, text.data, len); /* failure sticks */
        (void)buf_text(out, "...");
    } else if (text.has_failed) {
        out->has_failed = true;
    } else {
        (void)buf_append(out, text.data, len);
    }
    buf_release(&text);
}
