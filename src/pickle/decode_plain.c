/* SPDX-License-Identifier: Apache-2.0 */
/* decode_plain.c - see decode_plain.h. */
#include "pickle/decode_plain.h"

#include <string.h>

#include "base/utf8.h"

enum constructor {
    MAKES_SET,
    MAKES_FROZENSET,
    MAKES_LIST,
    MAKES_DICT,
    MAKES_BYTES,
    MAKES_BYTEARRAY,
    ENCODES,
    NO_CONSTRUCTOR
};

static const struct {
    const char *name;
    enum constructor makes;
} builtins[] = {
    {"set", MAKES_SET},   {"frozenset", MAKES_FROZENSET}, {"list", MAKES_LIST},
    {"dict", MAKES_DICT}, {"bytes", MAKES_BYTES},         {"bytearray", MAKES_BYTEARRAY},
};

static enum constructor find(const char *module, const char *name)
{
    if (strcmp(module, "_codecs") == 0)
        return strcmp(name, "encode") == 0 ? ENCODES : NO_CONSTRUCTOR;
    if (strcmp(module, "builtins") != 0 && strcmp(module, "__builtin__") != 0)
        return NO_CONSTRUCTOR;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strcmp(name, builtins[i].name) == 0)
            return builtins[i].makes;
    return NO_CONSTRUCTOR;
}

static bool is_sequence(const platoon_value *v)
{
    return v->kind == PLATOON_LIST || v->kind == PLATOON_TUPLE;
}

static bool make_set(struct decoder *d, enum platoon_kind kind, const platoon_value *from,
                     platoon_value **out)
{
    platoon_value *set = node_container(d->owner, kind, 0);

    if (!set)
        return decoder_no_memory(d);
    if (from && !decoder_charge(d, from->u.items->n))
        return false;
    for (size_t i = 0; from && i < from->u.items->n; i++)
        if (!decoder_table_put(d, set, from->u.items->at[i], NULL))
            return false;
    *out = set;
    return true;
}

static bool make_list(struct decoder *d, const platoon_value *from, platoon_value **out)
{
    platoon_value *list = node_container(d->owner, PLATOON_LIST, 0);

    if (!list)
        return decoder_no_memory(d);
    if (from && (!decoder_charge(d, from->u.items->n) ||
                 !decoder_append(d, list, from->u.items->at, from->u.items->n)))
        return false;
    *out = list;
    return true;
}

static bool is_list_of_pairs(const platoon_value *v)
{
    if (!is_sequence(v))
        return false;
    for (size_t i = 0; i < v->u.items->n; i++) {
        const platoon_value *pair = v->u.items->at[i];

        if (!is_sequence(pair) || pair->u.items->n != 2)
            return false;
    }
    return true;
}

static bool make_dict(struct decoder *d, const platoon_value *from, platoon_value **out)
{
    platoon_value *dict = node_container(d->owner, PLATOON_DICT, 0);

    if (!dict)
        return decoder_no_memory(d);
    if (from && !decoder_charge(d, from->u.items->n))
        return false;
    for (size_t i = 0; from && i < from->u.items->n; i++) {
        platoon_value *const *pair = from->kind == PLATOON_DICT ? &from->u.items->at[2 * i]
                                                                : from->u.items->at[i]->u.items->at;

        if (!decoder_table_put(d, dict, pair[0], pair[1]))
            return false;
    }
    *out = dict;
    return true;
}

/* Code points below 256 to bytes. */
static bool encode_latin1(struct decoder *d, enum platoon_kind kind, const platoon_value *text,
                          platoon_value **out)
{
    const struct text *t = text->u.text;
    platoon_value *bytes;
    size_t at = 0, n = 0;

    if (!decoder_charge(d, t->len / 32))
        return false;
    while (at < t->len) {
        if (utf8_next(t->data, &at) > 0xff)
            return decoder_fail(d, PLATOON_EPICKLE,
                                "text that stands for bytes holds a character above U+00FF");
        n++;
    }
    bytes = node_text(d->owner, kind, NULL, n);
    if (!bytes)
        return decoder_no_memory(d);
    at = 0;
    for (size_t i = 0; i < n; i++)
        bytes->u.text->data[i] = (char)utf8_next(t->data, &at);
    *out = bytes;
    return true;
}

static bool is_list_of_bytes(const platoon_value *v)
{
    if (!is_sequence(v))
        return false;
    for (size_t i = 0; i < v->u.items->n; i++) {
        const platoon_value *byte = v->u.items->at[i];

        if (byte->kind != PLATOON_INT || byte->u.as_int < 0 || byte->u.as_int > 255)
            return false;
    }
    return true;
}

static bool make_bytes(struct decoder *d, enum platoon_kind kind, const platoon_value *from,
                       platoon_value **out)
{
    size_t n = from->kind == PLATOON_BYTES ? from->u.text->len : from->u.items->n;
    platoon_value *bytes;

    if (!decoder_charge(d, n / 32))
        return false;
    bytes = node_text(d->owner, kind, from->kind == PLATOON_BYTES ? from->u.text->data : NULL, n);
    if (!bytes)
        return decoder_no_memory(d);
    for (size_t i = 0; from->kind != PLATOON_BYTES && i < n; i++)
        bytes->u.text->data[i] = (char)from->u.items->at[i]->u.as_int;
    *out = bytes;
    return true;
}

static bool is_latin1_pair(const platoon_value *args)
{
    const platoon_value *name;

    if (args->u.items->n != 2 || args->u.items->at[0]->kind != PLATOON_STR)
        return false;
    name = args->u.items->at[1];
    return name->kind == PLATOON_STR && (strcmp(name->u.text->data, "latin1") == 0 ||
                                         strcmp(name->u.text->data, "latin-1") == 0);
}

bool decode_plain_call(struct decoder *d, const platoon_value *callable, const platoon_value *args,
                       platoon_value **out)
{
    const platoon_value *module = node_slot(callable, OBJECT_MODULE);
    const platoon_value *name = node_slot(callable, OBJECT_NAME);
    const platoon_value *first = args->u.items->n == 1 ? args->u.items->at[0] : NULL;
    enum constructor makes;

    *out = NULL;
    if (module->kind != PLATOON_STR || name->kind != PLATOON_STR ||
        node_slot(callable, OBJECT_ARGS)->kind != PLATOON_NONE)
        return true;
    makes = find(module->u.text->data, name->u.text->data);
    switch (makes) {
    case MAKES_SET:
    case MAKES_FROZENSET:
        if (args->u.items->n == 0 || (first && is_sequence(first)))
            return make_set(d, makes == MAKES_SET ? PLATOON_SET : PLATOON_FROZENSET, first, out);
        break;
    case MAKES_LIST:
        if (args->u.items->n == 0 || (first && is_sequence(first)))
            return make_list(d, first, out);
        break;
    case MAKES_DICT:
        if (args->u.items->n == 0 ||
            (first && (first->kind == PLATOON_DICT || is_list_of_pairs(first))))
            return make_dict(d, first, out);
        break;
    case MAKES_BYTES:
    case MAKES_BYTEARRAY: {
        enum platoon_kind kind = makes == MAKES_BYTES ? PLATOON_BYTES : PLATOON_BYTEARRAY;

        if (args->u.items->n == 0) {
            *out = node_text(d->owner, kind, NULL, 0);
            return *out || decoder_no_memory(d);
        }
        if (first && (first->kind == PLATOON_BYTES || is_list_of_bytes(first)))
            return make_bytes(d, kind, first, out);
        if (is_latin1_pair(args))
            return encode_latin1(d, kind, args->u.items->at[0], out);
        break;
    }
    case ENCODES:
        if (is_latin1_pair(args))
            return encode_latin1(d, PLATOON_BYTES, args->u.items->at[0], out);
        break;
    case NO_CONSTRUCTOR:
        break;
    }
    return true;
}
