/* SPDX-License-Identifier: Apache-2.0 */
/* template.c - parse once at start, expand for each task. */
#include "worker/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* --- parsing ---------------------------------------------------------------------------------- */

void template_release(struct template *t)
{
    for (size_t i = 0; i < t->n_pieces; i++)
        free(t->pieces[i].text);
    free(t->pieces);
    free(t->source);
    *t = (struct template){.pieces = NULL};
}

bool template_has_keys(const struct template *t)
{
    for (size_t i = 0; i < t->n_pieces; i++)
        if (t->pieces[i].is_key)
            return true;
    return false;
}

static bool add_piece(struct template *t, const char *text, size_t len, bool is_key)
{
    struct template_piece *grown = realloc(t->pieces, (t->n_pieces + 1) * sizeof *grown);
    char *copy = strndup(text, len);

    if (grown)
        t->pieces = grown;
    if (!grown || !copy) {
        free(copy);
        return false;
    }
    t->pieces[t->n_pieces++] = (struct template_piece){copy, is_key};
    return true;
}

/* One piece from *at on: literal text up to a single brace (doubled ones are part of it), or a
 * {key}. */
static enum platoon_status next_piece(struct template *t, const char **at, struct platoon_err *err)
{
    struct buf literal = {.data = NULL};
    enum platoon_status st = PLATOON_OK;
    const char *p = *at;

    while (*p && (p[0] == p[1] || (*p != '{' && *p != '}'))) {
        if (!buf_append(&literal, p, 1))
            goto no_memory;
        p += *p == '{' || *p == '}' ? 2 : 1;
    }
    if (literal.len > 0) {
        if (!add_piece(t, (const char *)literal.data, literal.len, false))
            goto no_memory;
    } else if (*p == '{') {
        size_t len = strcspn(p + 1, "{}");

        if (p[1 + len] != '}' || len == 0)
            st = platoon_fail(err, PLATOON_EINVAL,
                              "in the argument '%s': '{' needs a key and '}' after it; a brace "
                              "itself is written '{{'",
                              t->source);
        else if (!add_piece(t, p + 1, len, true))
            goto no_memory;
        p += len + 2;
    } else {
        st = platoon_fail(err, PLATOON_EINVAL,
                          "in the argument '%s': '}' without '{' before it; a brace itself is "
                          "written '}}'",
                          t->source);
    }
    *at = p;
    buf_release(&literal);
    return st;

no_memory:
    buf_release(&literal);
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

enum platoon_status template_parse(const char *source, struct template *out,
                                   struct platoon_err *err)
{
    struct template t = {.source = strdup(source)};
    enum platoon_status st = PLATOON_OK;

    if (!t.source)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    for (const char *at = t.source; st == PLATOON_OK && *at;)
        st = next_piece(&t, &at, err);
    if (st != PLATOON_OK) {
        template_release(&t);
        return st;
    }
    *out = t;
    return PLATOON_OK;
}

/* --- expanding -------------------------------------------------------------------------------- */

/* "'filename', 'seed'": the text keys of a dict, as many as fit. */
static void list_keys(const platoon_value *dict, char *out, size_t size)
{
    platoon_value *key, *value;
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; platoon_dict_entry(dict, i, &key, &value); i++) {
        const char *text = platoon_as_str(key, NULL);
        int n;

        if (!text)
            continue;
        n = snprintf(out + len, size - len, "%s'%s'", len ? ", " : "", text);
        if (n < 0 || (size_t)n >= size - len) {
            out[len] = '\0';
            return;
        }
        len += (size_t)n;
    }
}

static enum platoon_status find_value(const struct template *t, const char *key,
                                      const platoon_value *task, const platoon_value **out,
                                      struct platoon_err *err)
{
    if (strcmp(key, "task") == 0) {
        *out = task;
        return PLATOON_OK;
    }
    if (platoon_value_kind(task) != PLATOON_DICT)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the command's argument '%s' takes '%s' from the task, but the task is "
                            "of type %s, not a dict",
                            t->source, key, platoon_kind_name(platoon_value_kind(task)));
    *out = platoon_dict_get(task, key);
    if (!*out) {
        char keys[400];

        list_keys(task, keys, sizeof keys);
        return platoon_fail(err, PLATOON_EINVAL,
                            "the command's argument '%s' takes '%s' from the task, which has no "
                            "such key; it has %s",
                            t->source, key, keys[0] ? keys : "none");
    }
    return PLATOON_OK;
}

/* Append a value: text bare (but {task} always as JSON), others as JSON. */
static enum platoon_status append_value(const struct template *t, const char *key,
                                        const platoon_value *value, bool is_task, struct buf *out,
                                        struct platoon_err *err)
{
    size_t len;
    const char *text = is_task ? NULL : platoon_as_str(value, &len);
    char *json = NULL;
    bool ok;

    if (text && strlen(text) != len)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the command's argument '%s' takes '%s' from the task, whose text "
                            "holds a NUL character: no argument can",
                            t->source, key);
    if (!text) {
        text = json = platoon_json(value);
        len = json ? strlen(json) : 0;
    }
    ok = text && buf_append(out, text, len);
    free(json);
    return ok ? PLATOON_OK : platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

enum platoon_status template_expand(const struct template *t, const platoon_value *task,
                                    bool is_operand, char **out, struct platoon_err *err)
{
    struct buf arg = {.data = NULL};
    enum platoon_status st = PLATOON_OK;

    for (size_t i = 0; i < t->n_pieces && st == PLATOON_OK; i++) {
        const struct template_piece *piece = &t->pieces[i];
        const bool is_first = arg.len == 0;
        const platoon_value *value = NULL;

        if (!piece->is_key) {
            if (!buf_append(&arg, piece->text, strlen(piece->text)))
                st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
            continue;
        }
        st = find_value(t, piece->text, task, &value, err);
        if (st == PLATOON_OK)
            st = append_value(t, piece->text, value, strcmp(piece->text, "task") == 0, &arg, err);
        if (st == PLATOON_OK && is_first && !is_operand && arg.len > 0 && arg.data[0] == '-')
            st = platoon_fail(err, PLATOON_EINVAL,
                              "'%s' of the task begins with '-', and the command's argument '%s' "
                              "would let it pass for an option: write it behind an option's name "
                              "(--name={%s}), or put -- before it",
                              piece->text, t->source, piece->text);
    }
    if (st == PLATOON_OK) {
        char *text = buf_take_text(&arg, NULL);

        if (text)
            *out = text;
        else
            st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    }
    buf_release(&arg);
    return st;
}
