/* SPDX-License-Identifier: Apache-2.0 */
/* globals.c - see globals.h. */
#include "pickle/globals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void globals_reset(struct globals *g)
{
    g->len = 0;
    g->n = 0;
    g->has_overflowed = false;
    g->is_out_of_memory = false;
}

void globals_release(struct globals *g)
{
    free(g->names);
    memset(g, 0, sizeof *g);
}

static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static bool has(const struct globals *g, const char *entry, size_t len, uint32_t hash)
{
    for (uint32_t i = 0; i < g->n; i++)
        if (g->hashes[i] == hash && memcmp(g->names + g->starts[i], entry, len + 1) == 0)
            return true;
    return false;
}

void globals_add(struct globals *g, const char *module, size_t module_len, const char *name,
                 size_t name_len)
{
    size_t len = module_len + 1 + name_len;
    uint32_t hash;
    char *entry;

    if (g->has_overflowed)
        return;
    if (g->cap - g->len < len + 1) {
        size_t cap = g->cap * 2 + len + 1;
        char *grown = mem_realloc(g->names, cap);

        if (!grown) {
            g->is_out_of_memory = true;
            return;
        }
        g->names = grown;
        g->cap = cap;
    }
    /* Written behind the others first, and counted only when it is new. */
    entry = g->names + g->len;
    memcpy(entry, module, module_len);
    entry[module_len] = '\n';
    memcpy(entry + module_len + 1, name, name_len);
    entry[len] = '\0';
    hash = hash_of(entry, len);
    if (has(g, entry, len, hash))
        return;
    if (g->n == GLOBALS_MAX) {
        g->has_overflowed = true;
        return;
    }
    g->hashes[g->n] = hash;
    g->starts[g->n] = (uint32_t)g->len;
    g->n++;
    g->len += len + 1;
}

static bool is_text(const char *text, size_t len, const char *expected)
{
    return strlen(expected) == len && memcmp(text, expected, len) == 0;
}

bool global_is_plain(const char *module, size_t module_len, const char *name, size_t name_len)
{
    static const char *const builtins[] = {"set",       "frozenset", "bytes",
                                           "bytearray", "list",      "dict"};

    if (is_text(module, module_len, "_codecs"))
        return is_text(name, name_len, "encode");
    if (!is_text(module, module_len, "builtins") && !is_text(module, module_len, "__builtin__"))
        return false;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (is_text(name, name_len, builtins[i]))
            return true;
    return false;
}
