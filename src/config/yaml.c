/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - libyaml's events into a tree, with an explicit stack and the limits kept on the way.
 *
 * libyaml is quadratic in the depth of flow collections, so depth is refused as soon as it is seen,
 * and the size before anything is parsed. */
#include "config/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/suggest.h"

enum { MAX_DEPTH = 64, MAX_BYTES = 1024 * 1024, MAX_NODES = 100000 };

/* --- errors ----------------------------------------------------------------------------------- */

static enum platoon_status fail_at(const char *path, int line, int column, struct platoon_err *err,
                                   const char *format, va_list args)
{
    char text[512];

    (void)vsnprintf(text, sizeof text, format, args); /* cut to fit */
    return platoon_fail(err, PLATOON_EINVAL, "%s:%d:%d: %s", path, line, column, text);
}

enum platoon_status yaml_fail(const struct yaml_doc *doc, const struct yaml_node *at,
                              struct platoon_err *err, const char *format, ...)
{
    enum platoon_status st;
    va_list args;

    va_start(args, format);
    st = fail_at(doc->path, at ? at->line : 1, at ? at->column : 1, err, format, args);
    va_end(args);
    return st;
}

static enum platoon_status fail_mark(const char *path, yaml_mark_t mark, struct platoon_err *err,
                                     const char *format, ...)
{
    enum platoon_status st;
    va_list args;

    va_start(args, format);
    st = fail_at(path, (int)mark.line + 1, (int)mark.column + 1, err, format, args);
    va_end(args);
    return st;
}

/* --- the tree --------------------------------------------------------------------------------- */

/* Depth is at most MAX_DEPTH, so this recursion is bounded. */
static void node_free(struct yaml_node *n)
{
    size_t count;

    if (!n)
        return;
    count = n->kind == YAML_MAP ? 2 * n->n_items : n->n_items;
    for (size_t i = 0; i < count; i++)
        node_free(n->items[i]);
    free(n->items);
    free(n->text);
    free(n);
}

void yaml_free(struct yaml_doc *doc)
{
    if (!doc)
        return;
    node_free(doc->root);
    free(doc->path);
    free(doc);
}

struct reader {
    const char *path;
    struct platoon_err *err;
    yaml_parser_t parser;
    struct yaml_node *root;
    struct yaml_node *open[MAX_DEPTH]; /* collections being read; all hang below root */
    struct yaml_node *key[MAX_DEPTH];  /* of open[i]: a map's key that waits for its value; ours */
    size_t depth, n_nodes;
};

static bool append_item(struct yaml_node *parent, struct yaml_node *a, struct yaml_node *b)
{
    size_t width = parent->kind == YAML_MAP ? 2 : 1, n = parent->n_items;

    if ((n & (n - 1)) == 0) { /* grow at powers of two */
        size_t cap = n ? 2 * n : 1;
        struct yaml_node **grown = realloc(parent->items, cap * width * sizeof(struct yaml_node *));

        if (!grown)
            return false;
        parent->items = grown;
    }
    parent->items[n * width] = a;
    if (width == 2)
        parent->items[n * width + 1] = b;
    parent->n_items++;
    return true;
}

static enum platoon_status check_key(struct reader *r, const struct yaml_node *map,
                                     const struct yaml_node *key, yaml_mark_t mark)
{
    if (key->kind != YAML_SCALAR)
        return fail_mark(r->path, mark, r->err, "a key must be text, not a list or map");
    if (yaml_get(map, key->text, NULL))
        return fail_mark(r->path, mark, r->err, "the key \"%s\" stands here twice", key->text);
    return PLATOON_OK;
}

/* Put a finished scalar or a collection just begun where it belongs. Takes `node`. */
static enum platoon_status place(struct reader *r, struct yaml_node *node, yaml_mark_t mark)
{
    struct yaml_node *parent = r->depth ? r->open[r->depth - 1] : NULL;
    struct yaml_node **key = r->depth ? &r->key[r->depth - 1] : NULL;
    enum platoon_status st = PLATOON_OK;

    if (!parent) {
        r->root = node;
    } else if (parent->kind == YAML_LIST) {
        if (!append_item(parent, node, NULL))
            goto no_memory;
    } else if (!*key) {
        st = check_key(r, parent, node, mark);
        if (st != PLATOON_OK) {
            node_free(node);
            return st;
        }
        *key = node;
    } else {
        if (!append_item(parent, *key, node))
            goto no_memory;
        *key = NULL;
    }
    return st;

no_memory:
    node_free(node);
    return platoon_fail(r->err, PLATOON_ENOMEM, "out of memory reading %s", r->path);
}

static enum platoon_status new_node(struct reader *r, enum yaml_kind kind, yaml_mark_t mark,
                                    struct yaml_node **out)
{
    struct yaml_node *n;

    if (++r->n_nodes > MAX_NODES)
        return fail_mark(r->path, mark, r->err, "more than %d entries", MAX_NODES);
    n = calloc(1, sizeof *n);
    if (!n)
        return platoon_fail(r->err, PLATOON_ENOMEM, "out of memory reading %s", r->path);
    n->kind = kind;
    n->line = (int)mark.line + 1;
    n->column = (int)mark.column + 1;
    *out = n;
    return PLATOON_OK;
}

static enum platoon_status on_scalar(struct reader *r, const yaml_event_t *e)
{
    struct yaml_node *n;
    enum platoon_status st;

    if (e->data.scalar.tag || e->data.scalar.anchor)
        return fail_mark(r->path, e->start_mark, r->err, "tags and anchors are not allowed here");
    if (memchr(e->data.scalar.value, '\0', e->data.scalar.length))
        return fail_mark(r->path, e->start_mark, r->err, "a text with a NUL character");
    st = new_node(r, YAML_SCALAR, e->start_mark, &n);
    if (st != PLATOON_OK)
        return st;
    n->is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->text = strdup((const char *)e->data.scalar.value);
    if (!n->text) {
        node_free(n);
        return platoon_fail(r->err, PLATOON_ENOMEM, "out of memory reading %s", r->path);
    }
    return place(r, n, e->start_mark);
}

static enum platoon_status on_begin(struct reader *r, enum yaml_kind kind, const yaml_event_t *e,
                                    bool is_marked)
{
    struct yaml_node *n;
    enum platoon_status st;

    if (is_marked)
        return fail_mark(r->path, e->start_mark, r->err, "tags and anchors are not allowed here");
    if (r->depth == MAX_DEPTH)
        return fail_mark(r->path, e->start_mark, r->err, "nested deeper than %d levels", MAX_DEPTH);
    st = new_node(r, kind, e->start_mark, &n);
    if (st == PLATOON_OK)
        st = place(r, n, e->start_mark);
    if (st == PLATOON_OK) {
        r->open[r->depth] = n;
        r->key[r->depth++] = NULL;
    }
    return st;
}

static enum platoon_status on_event(struct reader *r, const yaml_event_t *e, bool *out_end)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_begin(r, YAML_LIST, e,
                        e->data.sequence_start.tag || e->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_begin(r, YAML_MAP, e, e->data.mapping_start.tag || e->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return PLATOON_OK;
    case YAML_ALIAS_EVENT:
        return fail_mark(r->path, e->start_mark, r->err, "aliases (*%s) are not allowed here",
                         e->data.alias.anchor);
    case YAML_DOCUMENT_START_EVENT:
        if (r->root)
            return fail_mark(r->path, e->start_mark, r->err, "only one document a file");
        return PLATOON_OK;
    case YAML_STREAM_END_EVENT:
        *out_end = true;
        return PLATOON_OK;
    default:
        return PLATOON_OK;
    }
}

static enum platoon_status read_events(struct reader *r)
{
    enum platoon_status st = PLATOON_OK;
    bool is_end = false;

    while (st == PLATOON_OK && !is_end) {
        yaml_event_t event;

        if (!yaml_parser_parse(&r->parser, &event))
            return fail_mark(r->path, r->parser.problem_mark, r->err, "%s%s%s",
                             r->parser.problem ? r->parser.problem : "not YAML",
                             r->parser.context ? " " : "",
                             r->parser.context ? r->parser.context : "");
        st = on_event(r, &event, &is_end);
        yaml_event_delete(&event);
    }
    return st;
}

enum platoon_status yaml_read_text(const char *path, const char *text, size_t len,
                                   struct yaml_doc **out, struct platoon_err *err)
{
    struct reader r = {.path = path, .err = err};
    struct yaml_doc *doc = NULL;
    enum platoon_status st;

    if (len > MAX_BYTES)
        return platoon_fail(err, PLATOON_ELIMIT, "%s is longer than %d bytes", path, MAX_BYTES);
    if (!yaml_parser_initialize(&r.parser))
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory reading %s", path);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    st = read_events(&r);
    yaml_parser_delete(&r.parser);
    for (size_t i = 0; i < r.depth; i++)
        node_free(r.key[i]);
    if (st == PLATOON_OK && !r.root)
        st = platoon_fail(err, PLATOON_EINVAL, "%s:1:1: the file is empty", path);
    if (st == PLATOON_OK && (!(doc = calloc(1, sizeof *doc)) || !(doc->path = strdup(path))))
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory reading %s", path);
    if (st != PLATOON_OK) {
        free(doc);
        node_free(r.root);
        return st;
    }
    doc->root = r.root;
    *out = doc;
    return PLATOON_OK;
}

enum platoon_status yaml_read_file(const char *path, struct yaml_doc **out, struct platoon_err *err)
{
    FILE *f = fopen(path, "rbe");
    enum platoon_status st;
    char *text = NULL;
    size_t len;

    if (!f)
        return platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    text = malloc(MAX_BYTES + 1);
    if (!text) {
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory reading %s", path);
        goto out;
    }
    len = fread(text, 1, MAX_BYTES + 1, f);
    if (ferror(f))
        st = platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    else
        st = yaml_read_text(path, text, len, out, err);
out:
    free(text);
    (void)fclose(f); /* read only: nothing to lose */
    return st;
}

/* --- looking ---------------------------------------------------------------------------------- */

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key,
                                 const struct yaml_node **out_key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n_items; i++) {
        if (strcmp(map->items[2 * i]->text, key) != 0)
            continue;
        if (out_key)
            *out_key = map->items[2 * i];
        return map->items[2 * i + 1];
    }
    return NULL;
}

/* -?(0|[1-9][0-9]*), also 0x and 0o: the core schema, but for a leading zero. */
static bool is_integer(const char *t, int *out_base)
{
    const char *digits = t + (*t == '-' || *t == '+');

    *out_base = 10;
    if (digits[0] == '0' && digits[1] == 'x' && digits == t) {
        *out_base = 16;
        return digits[2] && digits[2 + strspn(digits + 2, "0123456789abcdefABCDEF")] == '\0';
    }
    if (digits[0] == '0' && digits[1] == 'o' && digits == t) {
        *out_base = 8;
        return digits[2] && digits[2 + strspn(digits + 2, "01234567")] == '\0';
    }
    if (digits[0] == '0' && digits[1] != '\0')
        return false;
    return *digits && digits[strspn(digits, "0123456789")] == '\0';
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, but digits alone are for is_integer(). */
static bool is_float(const char *t)
{
    bool is_digits_only = t[strspn(t, "+-0123456789")] == '\0';
    size_t whole, fraction = 0;

    t += *t == '-' || *t == '+';
    whole = strspn(t, "0123456789");
    t += whole;
    if (*t == '.') {
        fraction = strspn(t + 1, "0123456789");
        t += 1 + fraction;
    }
    if (whole + fraction == 0 || is_digits_only)
        return false;
    if (*t == 'e' || *t == 'E') {
        t++;
        t += *t == '-' || *t == '+';
        whole = strspn(t, "0123456789");
        if (whole == 0)
            return false;
        t += whole;
    }
    return *t == '\0';
}

static bool is_one_of(const char *text, const char *const words[3])
{
    for (int i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

platoon_value *yaml_scalar_value(const char *text)
{
    static const char *const
        nulls[] = {"null", "Null", "NULL"},
        *const trues[] = {"true", "True", "TRUE"}, *const falses[] = {"false", "False", "FALSE"},
        *const nans[] = {".nan", ".NaN", ".NAN"}, *const infinities[] = {".inf", ".Inf", ".INF"};
    int base;

    if (!*text || strcmp(text, "~") == 0 || is_one_of(text, nulls))
        return platoon_none();
    if (is_one_of(text, trues))
        return platoon_bool(true);
    if (is_one_of(text, falses))
        return platoon_bool(false);
    if (is_integer(text, &base)) {
        char *end;
        long long i;

        errno = 0;
        i = strtoll(base == 8 ? text + 2 : text, &end, base);
        if (errno == 0)
            return platoon_int(i);
        return platoon_str(text); /* wider than 64 bits: no simulation parameter */
    }
    if (is_float(text))
        return platoon_float(strtod(text, NULL));
    if (is_one_of(text, nans))
        return platoon_float((double)NAN);
    if (is_one_of(text + (*text == '-' || *text == '+'), infinities))
        return platoon_float(*text == '-' ? -(double)INFINITY : (double)INFINITY);
    return platoon_str(text);
}

/* Depth is bounded by MAX_DEPTH. */
platoon_value *yaml_value(const struct yaml_node *node)
{
    platoon_value *v;
    enum platoon_status st = PLATOON_OK;

    if (!node)
        return platoon_none();
    if (node->kind == YAML_SCALAR)
        return node->is_plain ? yaml_scalar_value(node->text) : platoon_str(node->text);
    v = node->kind == YAML_LIST ? platoon_list() : platoon_dict();
    for (size_t i = 0; v && st == PLATOON_OK && i < node->n_items; i++) {
        if (node->kind == YAML_LIST)
            st = platoon_append(v, yaml_value(node->items[i]));
        else
            st = platoon_dict_set(v, node->items[2 * i]->text, yaml_value(node->items[2 * i + 1]));
    }
    if (st != PLATOON_OK) {
        platoon_value_unref(v);
        return NULL;
    }
    return v;
}

const char *yaml_describe(const struct yaml_node *node)
{
    const char *what = "nothing";
    platoon_value *v;

    if (!node)
        return what;
    if (node->kind != YAML_SCALAR)
        return node->kind == YAML_LIST ? "a list" : "a map";
    if (!node->is_plain)
        return "text";
    v = yaml_scalar_value(node->text);
    switch (platoon_value_kind(v)) {
    case PLATOON_BOOL:
        what = "true or false";
        break;
    case PLATOON_INT:
    case PLATOON_FLOAT:
        what = "a number";
        break;
    case PLATOON_STR:
        what = "text";
        break;
    default:
        break;
    }
    platoon_value_unref(v);
    return what;
}

enum platoon_status yaml_only_keys(const struct yaml_doc *doc, const struct yaml_node *map,
                                   const char *const *known, size_t n, struct platoon_err *err)
{
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n_items; i++) {
        const struct yaml_node *key = map->items[2 * i];
        struct suggest nearest;
        bool is_known = false;

        suggest_init(&nearest, key->text);
        for (size_t k = 0; k < n; k++) {
            is_known |= strcmp(key->text, known[k]) == 0;
            suggest_offer(&nearest, known[k]);
        }
        if (is_known)
            continue;
        if (nearest.best)
            return yaml_fail(doc, key, err, "unknown key \"%s\" (did you mean \"%s\"?)", key->text,
                             nearest.best);
        return yaml_fail(doc, key, err, "unknown key \"%s\"", key->text);
    }
    return PLATOON_OK;
}
