/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - the constructors of value.h, and putting children into containers. */
#include "value/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"

platoon_value *platoon_none(void)
{
    return node_none();
}

platoon_value *platoon_bool(bool b)
{
    return node_bool(b);
}

/* A value made alone is the first thing in an owner of its own: `v` keeps the owner, without `v` it
 * goes. */
static platoon_value *alone(struct owner *o, platoon_value *v)
{
    if (!v || !v->owner)
        owner_unref(o);
    return v;
}

platoon_value *platoon_int(int64_t i)
{
    struct owner *o = owner_new(0);

    return o ? alone(o, node_int(o, i)) : NULL;
}

platoon_value *platoon_int_from_bytes(const void *le, size_t len)
{
    struct owner *o = owner_new(0);

    return o ? alone(o, node_int_from_bytes(o, le, len)) : NULL;
}

platoon_value *platoon_float(double d)
{
    struct owner *o = owner_new(0);

    return o ? alone(o, node_float(o, d)) : NULL;
}

static platoon_value *new_text(enum platoon_kind kind, const void *data, size_t len)
{
    size_t expected = sizeof(platoon_value) + sizeof(struct text) + 16;
    struct owner *o = owner_new(len < 4096 ? expected + len : expected);

    return o ? alone(o, node_text(o, kind, data, len)) : NULL;
}

platoon_value *platoon_str_n(const char *text, size_t len)
{
    return utf8_is_valid(text, len) ? new_text(PLATOON_STR, text, len) : NULL;
}

platoon_value *platoon_str(const char *text)
{
    return text ? platoon_str_n(text, strlen(text)) : NULL;
}

platoon_value *platoon_strf(const char *format, ...)
{
    platoon_value *v = NULL;
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return NULL;
    v = platoon_str_n(text, (size_t)len);
    free(text);
    return v;
}

platoon_value *platoon_bytes(const void *data, size_t len)
{
    return new_text(PLATOON_BYTES, data, len);
}

platoon_value *platoon_bytearray(const void *data, size_t len)
{
    return new_text(PLATOON_BYTEARRAY, data, len);
}

static platoon_value *new_container(enum platoon_kind kind, size_t cap)
{
    struct owner *o = owner_new(0);

    return o ? alone(o, node_container(o, kind, cap)) : NULL;
}

platoon_value *platoon_list(void)
{
    return new_container(PLATOON_LIST, 0);
}

platoon_value *platoon_dict(void)
{
    return new_container(PLATOON_DICT, 0);
}

platoon_value *platoon_set(void)
{
    return new_container(PLATOON_SET, 0);
}

platoon_value *platoon_frozenset(void)
{
    return new_container(PLATOON_FROZENSET, 0);
}

platoon_value *platoon_tuple(size_t n, ...)
{
    platoon_value *tuple = new_container(PLATOON_TUPLE, n);
    enum platoon_status st = PLATOON_OK;
    va_list args;

    va_start(args, n);
    for (size_t i = 0; i < n; i++) {
        enum platoon_status added = platoon_append(tuple, va_arg(args, platoon_value *));

        if (added != PLATOON_OK)
            st = added;
    }
    va_end(args);
    if (st != PLATOON_OK) {
        platoon_value_unref(tuple);
        return NULL;
    }
    return tuple;
}

/* Make the container's owner keep the child's: the child is taken either way. */
static bool take(platoon_value *container, platoon_value *child)
{
    return owner_take(container->owner, child->owner);
}

enum platoon_status platoon_append(platoon_value *container, platoon_value *child)
{
    if (!container || !child) {
        platoon_value_unref(child);
        return PLATOON_ENOMEM;
    }
    switch ((enum platoon_kind)container->kind) {
    case PLATOON_LIST:
    case PLATOON_TUPLE:
        if (!take(container, child) || !node_append(container, &child, 1))
            return PLATOON_ENOMEM;
        return PLATOON_OK;
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        if (!take(container, child))
            return PLATOON_ENOMEM;
        switch (table_put(container, child, NULL)) {
        case TABLE_ADDED:
        case TABLE_THERE:
            return PLATOON_OK;
        case TABLE_UNHASHABLE:
            return PLATOON_ETYPE;
        case TABLE_NO_MEMORY:
            break;
        }
        return PLATOON_ENOMEM;
    default:
        platoon_value_unref(child);
        return PLATOON_ETYPE;
    }
}

enum platoon_status platoon_dict_put(platoon_value *dict, platoon_value *key, platoon_value *child)
{
    if (!dict || !key || !child || dict->kind != PLATOON_DICT) {
        platoon_value_unref(key);
        platoon_value_unref(child);
        return dict && key && child ? PLATOON_ETYPE : PLATOON_ENOMEM;
    }
    if (!take(dict, key)) {
        platoon_value_unref(child);
        return PLATOON_ENOMEM;
    }
    if (!take(dict, child))
        return PLATOON_ENOMEM;
    switch (table_put(dict, key, child)) {
    case TABLE_ADDED:
    case TABLE_THERE:
        return PLATOON_OK;
    case TABLE_UNHASHABLE:
        return PLATOON_ETYPE;
    case TABLE_NO_MEMORY:
        break;
    }
    return PLATOON_ENOMEM;
}

enum platoon_status platoon_dict_set(platoon_value *dict, const char *key, platoon_value *child)
{
    platoon_value *text = NULL;

    if (dict && child && dict->kind != PLATOON_DICT) {
        platoon_value_unref(child);
        return PLATOON_ETYPE;
    }
    /* The key is a node of the dict's own owner: one reference more for dict_put() to take. */
    if (dict && child && key && utf8_is_valid(key, strlen(key)))
        text = platoon_value_ref(node_text(dict->owner, PLATOON_STR, key, strlen(key)));
    return platoon_dict_put(dict, text, child);
}

platoon_value *platoon_value_ref(platoon_value *v)
{
    if (v && v->owner)
        owner_ref(v->owner);
    return v;
}

void platoon_value_unref(platoon_value *v)
{
    if (v)
        owner_unref(v->owner);
}
