/* SPDX-License-Identifier: Apache-2.0 */
/* decode_object.c - opcodes about globals and what is called with them. They are written down,
 * never carried out. */
#include "pickle/decode_ops.h"

#include <string.h>

#include "base/utf8.h"
#include "pickle/decode_plain.h"
#include "pickle/globals.h"

static platoon_value *new_object(struct decoder *d)
{
    platoon_value *v = node_container(d->owner, PLATOON_OBJECT, 0);

    if (!v)
        (void)decoder_no_memory(d); /* recorded; the caller sees NULL */
    return v;
}

static void set_slot(struct decoder *d, platoon_value *object, enum object_slot slot,
                     platoon_value *child)
{
    node_set_slot(object, slot, child);
    if (child->kind == PLATOON_OBJECT)
        d->names_global = true;
}

/* The global module.name. Constructors of plain data are no matter until something else than a call
 * is done with them. */
static platoon_value *new_global(struct decoder *d, platoon_value *module, platoon_value *name)
{
    platoon_value *v = new_object(d);

    if (!v)
        return NULL;
    set_slot(d, v, OBJECT_MODULE, module);
    set_slot(d, v, OBJECT_NAME, name);
    if (!global_is_plain(module->u.text->data, module->u.text->len, name->u.text->data,
                         name->u.text->len))
        d->names_global = true;
    return v;
}

/* The two lines of GLOBAL and INST. NULL: failed. */
static platoon_value *global_from_lines(struct decoder *d, const uint8_t *lines, size_t len)
{
    const uint8_t *end = memchr(lines, '\n', len), *second = end + 1;
    size_t n_module = (size_t)(end - lines), n_name = len - n_module - 2;
    platoon_value *module, *name;

    if (!utf8_is_valid(lines, n_module) || !utf8_is_valid(second, n_name)) {
        (void)decoder_fail(d, PLATOON_EPICKLE, "a module or name that is not UTF-8");
        return NULL;
    }
    module = node_text(d->owner, PLATOON_STR, lines, n_module);
    name = node_text(d->owner, PLATOON_STR, second, n_name);
    if (!module || !name) {
        (void)decoder_no_memory(d);
        return NULL;
    }
    return new_global(d, module, name);
}

/* An object made by calling `callable`. NULL: failed. */
static platoon_value *new_call(struct decoder *d, platoon_value *callable, platoon_value *args,
                               platoon_value *kwargs)
{
    platoon_value *v;

    d->names_global = true;
    if (callable->kind != PLATOON_OBJECT) {
        (void)decoder_fail(d, PLATOON_EPICKLE, "a value of type %s is called",
                           platoon_kind_name((enum platoon_kind)callable->kind));
        return NULL;
    }
    if (args->kind != PLATOON_TUPLE || (kwargs && kwargs->kind != PLATOON_DICT)) {
        (void)decoder_fail(d, PLATOON_EPICKLE, "the arguments of a call are of type %s",
                           platoon_kind_name((enum platoon_kind)args->kind));
        return NULL;
    }
    v = new_object(d);
    if (!v)
        return NULL;
    if (node_slot(callable, OBJECT_ARGS)->kind == PLATOON_NONE) {
        set_slot(d, v, OBJECT_MODULE, node_slot(callable, OBJECT_MODULE));
        set_slot(d, v, OBJECT_NAME, node_slot(callable, OBJECT_NAME));
    } else {
        set_slot(d, v, OBJECT_CALLABLE, callable);
    }
    set_slot(d, v, OBJECT_ARGS, args);
    if (kwargs)
        set_slot(d, v, OBJECT_KWARGS, kwargs);
    if (v->height > d->limits.max_depth) {
        (void)decoder_fail(d, PLATOON_ELIMIT, "nested more than %zu deep, the limit for a pickle",
                           d->limits.max_depth);
        return NULL;
    }
    return v;
}

static bool reduce(struct decoder *d)
{
    platoon_value *args = decoder_pop(d), *callable = decoder_pop(d), *v = NULL;

    if (callable->kind == PLATOON_OBJECT && args->kind == PLATOON_TUPLE &&
        !decode_plain_call(d, callable, args, &v))
        return false;
    if (!v)
        v = new_call(d, callable, args, NULL);
    return v && decoder_push_new(d, v);
}

static bool build(struct decoder *d)
{
    platoon_value *state = decoder_pop(d), *v = d->stack[d->n_stack - 1];

    if (v->kind != PLATOON_OBJECT)
        return decoder_fail(d, PLATOON_EPICKLE, "state for a value of type %s, which has none",
                            platoon_kind_name((enum platoon_kind)v->kind));
    d->names_global = true;
    set_slot(d, v, OBJECT_STATE, state);
    if (v->height > d->limits.max_depth)
        return decoder_fail(d, PLATOON_ELIMIT, "nested more than %zu deep, the limit for a pickle",
                            d->limits.max_depth);
    return true;
}

/* INST and OBJ: call `callable` with the values from `start` on. */
static bool call_from(struct decoder *d, platoon_value *callable, size_t start)
{
    size_t n = d->n_stack - start;
    platoon_value *args = node_container(d->owner, PLATOON_TUPLE, n), *v;

    if (!args)
        return decoder_no_memory(d);
    if (!decoder_append(d, args, d->stack + start, n))
        return false;
    d->n_stack = start;
    v = new_call(d, callable, args, NULL);
    return v && decoder_push_new(d, v);
}

bool decode_object(struct decoder *d, const uint8_t *arg, size_t len, size_t start)
{
    platoon_value *v, *name, *kwargs, *args;

    switch ((enum opcode)d->op->code) {
    case OP_GLOBAL:
        v = global_from_lines(d, arg, len);
        return v && decoder_push_new(d, v);
    case OP_STACK_GLOBAL:
        name = decoder_pop(d);
        v = decoder_pop(d);
        if (name->kind != PLATOON_STR || v->kind != PLATOON_STR)
            return decoder_fail(d, PLATOON_EPICKLE, "a module and name that are no text");
        v = new_global(d, v, name);
        return v && decoder_push_new(d, v);
    case OP_REDUCE:
        return reduce(d);
    case OP_BUILD:
        return build(d);
    case OP_INST:
        v = global_from_lines(d, arg, len);
        return v && call_from(d, v, start);
    case OP_OBJ:
        if (start == d->n_stack)
            return decoder_fail(d, PLATOON_EPICKLE, "nothing to call above the MARK");
        v = d->stack[start];
        memmove(d->stack + start, d->stack + start + 1,
                (d->n_stack - start - 1) * sizeof(platoon_value *));
        d->n_stack--;
        return call_from(d, v, start);
    case OP_NEWOBJ:
        args = decoder_pop(d);
        v = new_call(d, decoder_pop(d), args, NULL);
        return v && decoder_push_new(d, v);
    default: /* NEWOBJ_EX */
        kwargs = decoder_pop(d);
        args = decoder_pop(d);
        v = new_call(d, decoder_pop(d), args, kwargs);
        return v && decoder_push_new(d, v);
    }
}

bool decode_object_append(struct decoder *d, platoon_value *object, platoon_value *const *children,
                          size_t n)
{
    platoon_value *list = node_slot(object, OBJECT_APPENDED);

    d->names_global = true;
    if (list->kind == PLATOON_NONE) {
        list = node_container(d->owner, PLATOON_LIST, n);
        if (!list)
            return decoder_no_memory(d);
        set_slot(d, object, OBJECT_APPENDED, list);
    }
    return decoder_append(d, list, children, n);
}

platoon_value *decode_object_entries(struct decoder *d, platoon_value *object)
{
    platoon_value *dict = node_slot(object, OBJECT_ENTRIES);

    d->names_global = true;
    if (dict->kind == PLATOON_NONE) {
        dict = node_container(d->owner, PLATOON_DICT, 0);
        if (!dict) {
            (void)decoder_no_memory(d);
            return NULL;
        }
        set_slot(d, object, OBJECT_ENTRIES, dict);
    }
    return dict;
}
