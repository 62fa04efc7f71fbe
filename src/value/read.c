/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - looking at values; see value.h. A NULL value reads as None. */
#include "value/node.h"

#include <string.h>

static const char *const kind_names[] = {
    [PLATOON_NONE] = "NoneType",
    [PLATOON_BOOL] = "bool",
    [PLATOON_INT] = "int",
    [PLATOON_BIGINT] = "int",
    [PLATOON_FLOAT] = "float",
    [PLATOON_STR] = "str",
    [PLATOON_BYTES] = "bytes",
    [PLATOON_BYTEARRAY] = "bytearray",
    [PLATOON_LIST] = "list",
    [PLATOON_TUPLE] = "tuple",
    [PLATOON_DICT] = "dict",
    [PLATOON_SET] = "set",
    [PLATOON_FROZENSET] = "frozenset",
    [PLATOON_OPAQUE] = "opaque",
    [PLATOON_OBJECT] = "object",
};

enum platoon_kind platoon_value_kind(const platoon_value *v)
{
    return v ? (enum platoon_kind)v->kind : PLATOON_NONE;
}

const char *platoon_kind_name(enum platoon_kind kind)
{
    if ((unsigned)kind >= sizeof kind_names / sizeof *kind_names)
        return "unknown";
    return kind_names[kind];
}

bool platoon_is_none(const platoon_value *v)
{
    return platoon_value_kind(v) == PLATOON_NONE;
}

enum platoon_status platoon_as_bool(const platoon_value *v, bool *out)
{
    if (platoon_value_kind(v) != PLATOON_BOOL)
        return PLATOON_ETYPE;
    *out = v->u.as_bool;
    return PLATOON_OK;
}

enum platoon_status platoon_as_int(const platoon_value *v, int64_t *out)
{
    switch (platoon_value_kind(v)) {
    case PLATOON_BOOL:
        *out = v->u.as_bool;
        return PLATOON_OK;
    case PLATOON_INT:
        *out = v->u.as_int;
        return PLATOON_OK;
    case PLATOON_BIGINT:
        return PLATOON_ELIMIT;
    default:
        return PLATOON_ETYPE;
    }
}

enum platoon_status platoon_as_float(const platoon_value *v, double *out)
{
    int64_t i = 0;
    enum platoon_status st;

    if (platoon_value_kind(v) == PLATOON_FLOAT) {
        *out = v->u.as_float;
        return PLATOON_OK;
    }
    st = platoon_as_int(v, &i);
    if (st == PLATOON_OK)
        *out = (double)i;
    return st;
}

const char *platoon_as_str(const platoon_value *v, size_t *out_len)
{
    if (platoon_value_kind(v) != PLATOON_STR)
        return NULL;
    if (out_len)
        *out_len = v->u.text->len;
    return v->u.text->data;
}

const void *platoon_as_bytes(const platoon_value *v, size_t *out_len)
{
    switch (platoon_value_kind(v)) {
    case PLATOON_BYTES:
    case PLATOON_BYTEARRAY:
    case PLATOON_BIGINT:
    case PLATOON_OPAQUE:
        if (out_len)
            *out_len = v->u.text->len;
        return v->u.text->data;
    default:
        return NULL;
    }
}

size_t platoon_len(const platoon_value *v)
{
    if (!v || !node_is_container(v))
        return 0;
    return v->u.items->n;
}

platoon_value *platoon_item(const platoon_value *v, size_t i)
{
    if (!v || !node_is_container(v) || v->kind == PLATOON_DICT || i >= v->u.items->n)
        return NULL;
    return v->u.items->at[i];
}

bool platoon_dict_entry(const platoon_value *dict, size_t i, platoon_value **out_key,
                        platoon_value **out_child)
{
    if (platoon_value_kind(dict) != PLATOON_DICT || i >= dict->u.items->n)
        return false;
    *out_key = dict->u.items->at[i * 2];
    *out_child = dict->u.items->at[i * 2 + 1];
    return true;
}

platoon_value *platoon_dict_get(const platoon_value *dict, const char *key)
{
    int64_t entry;

    if (platoon_value_kind(dict) != PLATOON_DICT)
        return NULL;
    entry = table_find_text(dict, key, strlen(key));
    return entry < 0 ? NULL : dict->u.items->at[entry * 2 + 1];
}
