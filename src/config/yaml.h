/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - files that people write, as a tree that knows where each thing stood.
 *
 * YAML 1.2's core schema for plain scalars: true/false/null, integers, floats; `yes`, `no`, `on`,
 * `off` and `12:30` stay text, as does `08`. Refused, with a sentence that begins FILE:LINE:COLUMN:
 * aliases and anchors, tags, duplicate keys, several documents, nesting deeper than 64, more than
 * 1 MiB or 100,000 nodes. The limits hold while reading. */
#ifndef PLATOON_CONFIG_YAML_H
#define PLATOON_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/value.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column; /* from 1 */
    char *text;       /* YAML_SCALAR; UTF-8, NUL-terminated, holds no NUL */
    bool is_plain;    /* YAML_SCALAR without quotes: the schema applies */
    struct yaml_node *
        *items; /* YAML_LIST: n_items; YAML_MAP: key, value, key, value: 2 * n_items */
    size_t n_items;
};

struct yaml_doc {
    char *path; /* as errors name it */
    struct yaml_node *root;
};

/* Read a file; `text` variant: from memory, `path` only names it. EIO (cannot be read), EINVAL (the
 * sentence names line and column), ELIMIT, ENOMEM. */
enum platoon_status yaml_read_file(const char *path, struct yaml_doc **out,
                                   struct platoon_err *err);
enum platoon_status yaml_read_text(const char *path, const char *text, size_t len,
                                   struct yaml_doc **out, struct platoon_err *err);
void yaml_free(struct yaml_doc *doc); /* NULL is fine */

/* The value of `key` in a map; NULL if absent or no map. *out_key (may be NULL): the key's node. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key,
                                 const struct yaml_node **out_key);
/* The node as plain data: text, numbers, booleans, None, lists, dicts. Yours; NULL when out of
 * memory. */
platoon_value *yaml_value(const struct yaml_node *node);
/* The value that a plain scalar `text` means; also for words on a command line. */
platoon_value *yaml_scalar_value(const char *text);
/* "a list", "a map", "text", "a number", "true or false", "nothing": for sentences. */
const char *yaml_describe(const struct yaml_node *node);

/* Refuse every key of `map` that is not among the n `known`, suggesting the nearest; EINVAL. */
enum platoon_status yaml_only_keys(const struct yaml_doc *doc, const struct yaml_node *map,
                                   const char *const *known, size_t n, struct platoon_err *err);
/* Fail with EINVAL and "PATH:LINE:COLUMN: ..." */
enum platoon_status yaml_fail(const struct yaml_doc *doc, const struct yaml_node *at,
                              struct platoon_err *err, const char *format, ...)
    PLATOON_PRINTF(4, 5);

#endif
