/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - values as one line of JSON; what JSON has no form for is described at platoon_json() in
 * value.h.
 *
 * An object of platoon_pickle_inspect() is {"object": "module.name"}, with "args", "kwargs",
 * "state", "items" and "entries" where it has them. */
#include "value/show.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

static void json_text(struct buf *out, const char *text, size_t len)
{
    (void)buf_byte(out, '"'); /* failure sticks, here and below */
    for (size_t at = 0, from = 0; at < len; from = at) {
        uint32_t cp = utf8_next(text, &at);
        const char *named = cp < 0x20 ? strchr("\bb\ff\nn\rr\tt", (int)cp) : NULL;

        if (cp == '"' || cp == '\\')
            (void)buf_printf(out, "\\%c", (int)cp);
        else if (named && cp)
            (void)buf_printf(out, "\\%c", named[1]);
        else if (cp < 0x20 || (cp >= 0xd800 && cp <= 0xdfff))
            (void)buf_printf(out, "\\u%04x", cp);
        else
            (void)buf_append(out, text + from, at - from);
    }
    (void)buf_byte(out, '"');
}

static void json_base64(struct buf *out, const char *label, const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;

    (void)buf_printf(out, "{\"%s\": \"", label); /* failure sticks, here and below */
    (void)buf_reserve(out, len / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)p[i] << 16;

        if (i + 1 < len)
            group |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < len)
            group |= p[i + 2];
        (void)buf_byte(out, (uint8_t)digits[group >> 18]);
        (void)buf_byte(out, (uint8_t)digits[group >> 12 & 63]);
        (void)buf_byte(out, (uint8_t)(i + 1 < len ? digits[group >> 6 & 63] : '='));
        (void)buf_byte(out, (uint8_t)(i + 2 < len ? digits[group & 63] : '='));
    }
    (void)buf_text(out, "\"}");
}

/* Above the digits that num_int_text() writes it turns to 0x..., which JSON knows only as text. */
static void json_int(struct buf *out, const platoon_value *v)
{
    struct buf text;

    if (v->kind == PLATOON_INT || v->u.text->len < 8000) {
        show_int(out, v);
        return;
    }
    buf_init(&text);
    show_int(&text, v);
    if (text.has_failed)
        out->has_failed = true;
    else if (memchr(text.data, 'x', text.len))
        json_text(out, (const char *)text.data, text.len);
    else
        (void)buf_append(out, text.data, text.len); /* failure sticks */
    buf_release(&text);
}

static void json_leaf(struct buf *out, const platoon_value *v)
{
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_BOOL:
        (void)buf_text(out, v->u.as_bool ? "true" : "false"); /* failure sticks, here and below */
        break;
    case PLATOON_INT:
    case PLATOON_BIGINT:
        json_int(out, v);
        break;
    case PLATOON_FLOAT:
        if (isfinite(v->u.as_float))
            show_float(out, v->u.as_float);
        else
            (void)buf_text(out, "null");
        break;
    case PLATOON_STR:
        json_text(out, v->u.text->data, v->u.text->len);
        break;
    case PLATOON_BYTES:
    case PLATOON_BYTEARRAY:
        json_base64(out, "base64", v->u.text->data, v->u.text->len);
        break;
    case PLATOON_OPAQUE:
        json_base64(out, "pickle", v->u.text->data, v->u.text->len);
        break;
    default:
        (void)buf_text(out, "null");
        break;
    }
}

/* A dict's key, which JSON wants to be text. */
static void json_key(struct buf *out, const platoon_value *key)
{
    struct buf text;

    if (key->kind == PLATOON_STR) {
        json_text(out, key->u.text->data, key->u.text->len);
        return;
    }
    buf_init(&text);
    text.max = out->max;
    show_repr(&text, key);
    if (text.has_failed) {
        out->has_failed = true;
        out->is_full = text.is_full;
    } else {
        json_text(out, (const char *)text.data, text.len);
    }
    buf_release(&text);
}

static void begin(struct show_stack *s, struct buf *out, const platoon_value *v)
{
    bool is_map = v->kind == PLATOON_DICT || v->kind == PLATOON_OBJECT;

    if (!node_is_container(v)) {
        json_leaf(out, v);
    } else if (show_is_open(v)) {
        (void)buf_text(out,
                       is_map ? "\"{...}\"" : "\"[...]\""); /* failure sticks, here and below */
    } else {
        (void)buf_byte(out, is_map ? '{' : '[');
        (void)show_push(s, out, v, false);
    }
}

static void step_container(struct show_stack *s, struct buf *out, struct show_frame *f)
{
    const platoon_value *v = f->v, *child;
    bool is_dict = v->kind == PLATOON_DICT;

    if (f->next == node_width(v)) {
        (void)buf_byte(out, is_dict ? '}' : ']'); /* failure sticks, here and below */
        show_pop(s);
        return;
    }
    if (f->next > 0)
        (void)buf_text(out, ", ");
    child = v->u.items->at[f->next++];
    if (is_dict) {
        json_key(out, child);
        (void)buf_text(out, ": ");
        child = v->u.items->at[f->next++];
    }
    begin(s, out, child);
}

static void step_object(struct show_stack *s, struct buf *out, struct show_frame *f)
{
    static const struct {
        enum object_slot slot;
        const char *label;
    } parts[] = {
        {OBJECT_CALLABLE, "\"object\": "},  {OBJECT_ARGS, ", \"args\": "},
        {OBJECT_KWARGS, ", \"kwargs\": "},  {OBJECT_STATE, ", \"state\": "},
        {OBJECT_APPENDED, ", \"items\": "}, {OBJECT_ENTRIES, ", \"entries\": "},
    };
    const platoon_value *v = f->v, *child;
    size_t part = f->next++;

    if (part == sizeof parts / sizeof *parts) {
        (void)buf_byte(out, '}'); /* failure sticks, here and below */
        show_pop(s);
        return;
    }
    child = node_slot(v, parts[part].slot);
    if (child->kind != PLATOON_NONE) {
        (void)buf_text(out, parts[part].label);
        begin(s, out, child);
    } else if (parts[part].slot == OBJECT_CALLABLE) {
        const struct text *module = node_slot(v, OBJECT_MODULE)->u.text;
        const struct text *name = node_slot(v, OBJECT_NAME)->u.text;
        struct buf full;

        buf_init(&full);
        (void)buf_append(&full, module->data, module->len);
        (void)buf_byte(&full, '.');
        (void)buf_append(&full, name->data, name->len);
        (void)buf_text(out, parts[part].label);
        if (full.has_failed)
            out->has_failed = true;
        else
            json_text(out, (const char *)full.data, full.len);
        buf_release(&full);
    }
}

void show_json(struct buf *out, const platoon_value *v)
{
    struct show_stack s = {NULL, 0, 0};

    begin(&s, out, v);
    while (s.n > 0 && !out->has_failed) {
        struct show_frame *f = &s.at[s.n - 1];

        if (f->v->kind == PLATOON_OBJECT)
            step_object(&s, out, f);
        else
            step_container(&s, out, f);
    }
    show_stack_release(&s);
}
