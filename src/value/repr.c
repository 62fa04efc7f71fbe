/* SPDX-License-Identifier: Apache-2.0 */
/* repr.c - Python's repr(), byte for byte for plain data. Sets come in the order in which they were
 * filled; Python's own order changes from run to run.
 *
 * An object of platoon_pickle_inspect() is shown as the call that would make it, module.name(args),
 * and where more would be done to it, as <module.name(args) state=... items=... entries=...>. */
#include "value/show.h"

#include <string.h>

static const char *const openings[] = {
    [PLATOON_LIST] = "[",
    [PLATOON_TUPLE] = "(",
    [PLATOON_DICT] = "{",
    [PLATOON_SET] = "{",
    [PLATOON_FROZENSET] = "frozenset({",
};
static const char *const closings[] = {
    [PLATOON_LIST] = "]", [PLATOON_TUPLE] = ")",      [PLATOON_DICT] = "}",
    [PLATOON_SET] = "}",  [PLATOON_FROZENSET] = "})",
};
static const char *const empties[] = {
    [PLATOON_LIST] = "[]",
    [PLATOON_TUPLE] = "()",
    [PLATOON_DICT] = "{}",
    [PLATOON_SET] = "set()",
    [PLATOON_FROZENSET] = "frozenset()",
};
static const char *const again[] = {
    [PLATOON_LIST] = "[...]",
    [PLATOON_TUPLE] = "(...)",
    [PLATOON_DICT] = "{...}",
    [PLATOON_SET] = "set(...)",
    [PLATOON_FROZENSET] = "frozenset(...)",
    [PLATOON_OBJECT] = "<...>",
};

static void show_leaf(struct buf *out, const platoon_value *v)
{
    switch ((enum platoon_kind)v->kind) {
    case PLATOON_BOOL:
        (void)buf_text(out, v->u.as_bool ? "True" : "False"); /* failure sticks, here and below */
        break;
    case PLATOON_INT:
    case PLATOON_BIGINT:
        show_int(out, v);
        break;
    case PLATOON_FLOAT:
        show_float(out, v->u.as_float);
        break;
    case PLATOON_STR:
        show_str_repr(out, v->u.text->data, v->u.text->len);
        break;
    case PLATOON_BYTES:
        show_bytes_repr(out, (enum platoon_kind)v->kind, v->u.text->data, v->u.text->len);
        break;
    case PLATOON_BYTEARRAY:
        (void)buf_text(out, "bytearray(");
        show_bytes_repr(out, (enum platoon_kind)v->kind, v->u.text->data, v->u.text->len);
        (void)buf_byte(out, ')');
        break;
    case PLATOON_OPAQUE:
        (void)buf_printf(out, "<pickle of %zu bytes>", v->u.text->len);
        break;
    default:
        (void)buf_text(out, "None");
        break;
    }
}

static bool has_extras(const platoon_value *object)
{
    return node_slot(object, OBJECT_STATE)->kind != PLATOON_NONE ||
           node_slot(object, OBJECT_APPENDED)->kind != PLATOON_NONE ||
           node_slot(object, OBJECT_ENTRIES)->kind != PLATOON_NONE;
}

static void show_global(struct buf *out, const platoon_value *object)
{
    const struct text *module = node_slot(object, OBJECT_MODULE)->u.text;
    const struct text *name = node_slot(object, OBJECT_NAME)->u.text;

    (void)buf_append(out, module->data, module->len); /* failure sticks, here and below */
    (void)buf_byte(out, '.');
    (void)buf_append(out, name->data, name->len);
}

/* Show a leaf whole; open a container. */
static void begin(struct show_stack *s, struct buf *out, const platoon_value *v, bool is_bare)
{
    if (!node_is_container(v)) {
        show_leaf(out, v);
    } else if (show_is_open(v)) {
        (void)buf_text(out, again[v->kind]); /* failure sticks, here and below */
    } else if (v->kind == PLATOON_OBJECT) {
        if (has_extras(v))
            (void)buf_byte(out, '<');
        (void)show_push(s, out, v, false);
    } else if (is_bare) {
        (void)show_push(s, out, v, true);
    } else if (v->u.items->n == 0) {
        (void)buf_text(out, empties[v->kind]);
    } else {
        (void)buf_text(out, openings[v->kind]);
        (void)show_push(s, out, v, false);
    }
}

static void step_container(struct show_stack *s, struct buf *out, struct show_frame *f)
{
    const platoon_value *v = f->v, *child;

    if (f->next == node_width(v)) {
        if (!f->is_bare) {
            if (v->kind == PLATOON_TUPLE && f->next == 1)
                (void)buf_byte(out, ','); /* failure sticks, here and below */
            (void)buf_text(out, closings[v->kind]);
        }
        show_pop(s);
        return;
    }
    if (f->next > 0)
        (void)buf_text(out, v->kind == PLATOON_DICT && f->next % 2 == 1 ? ": " : ", ");
    child = v->u.items->at[f->next++];
    begin(s, out, child, false);
}

/* The parts of an object, one a step, in the order of this enum. */
enum part {
    PART_CALLABLE,
    PART_ARGS,
    PART_KWARGS,
    PART_STATE,
    PART_APPENDED,
    PART_ENTRIES,
    PART_END
};

static void step_object(struct show_stack *s, struct buf *out, struct show_frame *f)
{
    static const struct {
        enum object_slot slot;
        const char *label;
    } extras[] = {
        [PART_STATE] = {OBJECT_STATE, " state="},
        [PART_APPENDED] = {OBJECT_APPENDED, " items="},
        [PART_ENTRIES] = {OBJECT_ENTRIES, " entries="},
    };
    const platoon_value *v = f->v, *args = node_slot(v, OBJECT_ARGS), *child;
    enum part part = (enum part)f->next++;

    switch (part) {
    case PART_CALLABLE:
        child = node_slot(v, OBJECT_CALLABLE);
        if (child->kind == PLATOON_NONE)
            show_global(out, v);
        else
            begin(s, out, child, false);
        break;
    case PART_ARGS:
        if (args->kind == PLATOON_NONE)
            break;
        (void)buf_byte(out, '('); /* failure sticks, here and below */
        begin(s, out, args, true);
        break;
    case PART_KWARGS:
        if (args->kind == PLATOON_NONE)
            break;
        child = node_slot(v, OBJECT_KWARGS);
        if (child->kind == PLATOON_NONE)
            break;
        (void)buf_text(out, args->u.items->n > 0 ? ", **" : "**");
        begin(s, out, child, false);
        break;
    case PART_STATE:
        if (args->kind != PLATOON_NONE)
            (void)buf_byte(out, ')');
        /* fall through */
    case PART_APPENDED:
    case PART_ENTRIES:
        child = node_slot(v, extras[part].slot);
        if (child->kind == PLATOON_NONE)
            break;
        (void)buf_text(out, extras[part].label);
        begin(s, out, child, false);
        break;
    case PART_END:
        if (has_extras(v))
            (void)buf_byte(out, '>');
        show_pop(s);
        break;
    }
}

void show_repr(struct buf *out, const platoon_value *v)
{
    struct show_stack s = {NULL, 0, 0};

    begin(&s, out, v, false);
    while (s.n > 0 && !out->has_failed) {
        struct show_frame *f = &s.at[s.n - 1];

        if (f->v->kind == PLATOON_OBJECT)
            step_object(&s, out, f);
        else
            step_container(&s, out, f);
    }
    show_stack_release(&s);
}
