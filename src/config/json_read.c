/* SPDX-License-Identifier: Apache-2.0 */
/* json_read.c - a JSON reader with a stack of its own.
 *
 * The state between two tokens is: what may come next (enum expect), and the stack of open
 * containers with, for a dict, the key that waits for its value. */
#include "config/json_read.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "base/text.h"

enum { MAX_DIGITS = 4300 };

struct level {
    platoon_value *container;
    platoon_value *key; /* read, its value not yet; else NULL */
    bool is_dict;
};

struct reader {
    const char *start, *at, *end;
    struct level *levels;
    size_t n_levels, cap_levels;
    struct buf scratch; /* a string or a number being read */
    struct platoon_err *err;
};

static enum platoon_status bad(struct reader *r, const char *what)
{
    return platoon_fail(r->err, PLATOON_EINVAL, "%s at byte %zu", what, (size_t)(r->at - r->start));
}

static enum platoon_status no_memory(struct reader *r)
{
    return platoon_fail(r->err, PLATOON_ENOMEM, "out of memory");
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* --- strings ---------------------------------------------------------------------------------- */

static bool read_hex4(const struct reader *r, const char *at, unsigned *out)
{
    unsigned code = 0;

    if (r->end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return false;
        code = code << 4 | digit;
    }
    *out = code;
    return true;
}

/* r->at stands behind the backslash. */
static enum platoon_status read_escape(struct reader *r)
{
    static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
    const char *name;
    unsigned code, low;
    uint8_t utf8[4];
    size_t n;

    if (r->at == r->end)
        return bad(r, "a string without its end");
    if (*r->at != 'u') {
        name = memchr(names, *r->at, sizeof names - 1);
        if (!name)
            return bad(r, "an escape that JSON does not have");
        r->at++;
        return buf_append(&r->scratch, &codes[name - names], 1) ? PLATOON_OK : no_memory(r);
    }
    if (!read_hex4(r, r->at + 1, &code))
        return bad(r, "\\u without four hexadecimal digits");
    r->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' &&
        r->at[1] == 'u' && read_hex4(r, r->at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    n = utf8_put(code, utf8);
    return buf_append(&r->scratch, utf8, n) ? PLATOON_OK : no_memory(r);
}

static enum platoon_status read_string(struct reader *r, platoon_value **out)
{
    enum platoon_status st;

    r->scratch.len = 0;
    r->at++; /* the quote */
    for (;;) {
        const char *from = r->at;

        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20)
            r->at++;
        if (!buf_append(&r->scratch, from, (size_t)(r->at - from)))
            return no_memory(r);
        if (r->at == r->end)
            return bad(r, "a string without its end");
        if (*r->at == '"')
            break;
        if (*r->at != '\\')
            return bad(r, "a control character in a string");
        r->at++;
        if ((st = read_escape(r)) != PLATOON_OK)
            return st;
    }
    r->at++;
    *out = platoon_str_n(r->scratch.len ? (const char *)r->scratch.data : "", r->scratch.len);
    return *out ? PLATOON_OK : no_memory(r);
}

/* --- numbers and names ------------------------------------------------------------------------ */

static size_t skip_digits(struct reader *r)
{
    const char *from = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - from);
}

static enum platoon_status read_number(struct reader *r, platoon_value **out)
{
    const char *from = r->at, *digits;
    bool is_float = false;
    size_t n_digits;

    if (*r->at == '-')
        r->at++;
    digits = r->at;
    n_digits = skip_digits(r);
    if (n_digits == 0 || (n_digits > 1 && *digits == '0'))
        return bad(r, "not a number");
    if (r->at + 1 < r->end && *r->at == '.' && r->at[1] >= '0' && r->at[1] <= '9') {
        r->at++;
        (void)skip_digits(r);
        is_float = true;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        const char *before = r->at++;

        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        if (skip_digits(r) > 0)
            is_float = true;
        else
            r->at = before; /* what follows the number is wrong, and says so next */
    }
    if (is_float) {
        double d;

        if (!num_double_parse(from, (size_t)(r->at - from), &d))
            return bad(r, "a number of more than 4000 characters");
        *out = platoon_float(d);
    } else if (n_digits <= MAX_DIGITS) {
        buf_reset(&r->scratch);
        if (num_int_parse(from, (size_t)(r->at - from), &r->scratch) != NUM_OK)
            return no_memory(r);
        *out = platoon_int_from_bytes(r->scratch.data, r->scratch.len);
    } else {
        return bad(r, "an integer of more than 4300 digits");
    }
    return *out ? PLATOON_OK : no_memory(r);
}

static bool take_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static enum platoon_status read_scalar(struct reader *r, platoon_value **out)
{
    if (r->at == r->end)
        return bad(r, "a value is missing");
    if (*r->at == '"')
        return read_string(r, out);
    if (take_word(r, "null"))
        *out = platoon_none();
    else if (take_word(r, "true"))
        *out = platoon_bool(true);
    else if (take_word(r, "false"))
        *out = platoon_bool(false);
    else if (take_word(r, "NaN"))
        *out = platoon_float((double)NAN);
    else if (take_word(r, "Infinity"))
        *out = platoon_float((double)INFINITY);
    else if (take_word(r, "-Infinity"))
        *out = platoon_float((double)-INFINITY);
    else if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
        return read_number(r, out);
    else
        return bad(r, "not a JSON value");
    return *out ? PLATOON_OK : no_memory(r);
}

/* --- containers ------------------------------------------------------------------------------- */

static enum platoon_status open_container(struct reader *r)
{
    bool is_dict = *r->at == '{';
    platoon_value *container;

    if (r->n_levels == JSON_MAX_DEPTH)
        return bad(r, "nested too deep");
    if (r->n_levels == r->cap_levels) {
        size_t cap = r->cap_levels ? r->cap_levels * 2 : 16;
        struct level *grown = realloc(r->levels, cap * sizeof *grown);

        if (!grown)
            return no_memory(r);
        r->levels = grown;
        r->cap_levels = cap;
    }
    container = is_dict ? platoon_dict() : platoon_list();
    if (!container)
        return no_memory(r);
    r->levels[r->n_levels++] = (struct level){container, NULL, is_dict};
    r->at++;
    return PLATOON_OK;
}

/* Takes `v` into the innermost container. */
static enum platoon_status store(struct reader *r, platoon_value *v)
{
    struct level *l = &r->levels[r->n_levels - 1];
    enum platoon_status st;

    if (l->is_dict) {
        st = platoon_dict_put(l->container, l->key, v);
        l->key = NULL;
    } else {
        st = platoon_append(l->container, v);
    }
    return st == PLATOON_OK ? st : no_memory(r);
}

static enum platoon_status read_key(struct reader *r)
{
    struct level *l = &r->levels[r->n_levels - 1];
    enum platoon_status st;

    skip_space(r);
    if (r->at == r->end || *r->at != '"')
        return bad(r, "a key in double quotes is missing");
    if ((st = read_string(r, &l->key)) != PLATOON_OK)
        return st;
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return bad(r, "':' is missing after a key");
    r->at++;
    return PLATOON_OK;
}

/* After a value: close containers as long as they end here. *out_value is the outermost when all
 * are closed; else the next value of the innermost is to be read. */
static enum platoon_status finish_value(struct reader *r, platoon_value *v,
                                        platoon_value **out_value)
{
    enum platoon_status st;

    for (;;) {
        struct level *l;

        if (r->n_levels == 0) {
            *out_value = v;
            return PLATOON_OK;
        }
        if ((st = store(r, v)) != PLATOON_OK)
            return st;
        l = &r->levels[r->n_levels - 1];
        skip_space(r);
        if (r->at < r->end && *r->at == ',') {
            r->at++;
            return l->is_dict ? read_key(r) : PLATOON_OK;
        }
        if (r->at == r->end || *r->at != (l->is_dict ? '}' : ']'))
            return bad(r, l->is_dict ? "',' or '}' is missing" : "',' or ']' is missing");
        r->at++;
        v = l->container;
        r->n_levels--;
    }
}

/* After '{' or '[': an empty container is a value at once, a dict's first key is read. */
static enum platoon_status begin_container(struct reader *r, platoon_value **out_value)
{
    enum platoon_status st = open_container(r);
    struct level *l;

    if (st != PLATOON_OK)
        return st;
    assert(r->n_levels > 0);
    l = &r->levels[r->n_levels - 1];
    skip_space(r);
    if (r->at < r->end && *r->at == (l->is_dict ? '}' : ']')) {
        platoon_value *v = l->container;

        r->at++;
        r->n_levels--;
        return finish_value(r, v, out_value);
    }
    return l->is_dict ? read_key(r) : PLATOON_OK;
}

static enum platoon_status read_text(struct reader *r, platoon_value **out)
{
    platoon_value *whole = NULL;
    enum platoon_status st;

    while (!whole) {
        platoon_value *v = NULL;

        skip_space(r);
        if (r->at < r->end && (*r->at == '{' || *r->at == '[')) {
            st = begin_container(r, &whole);
        } else {
            st = read_scalar(r, &v);
            if (st == PLATOON_OK)
                st = finish_value(r, v, &whole);
        }
        if (st != PLATOON_OK)
            return st;
    }
    skip_space(r);
    if (r->at < r->end) {
        platoon_value_unref(whole);
        return bad(r, "something follows the value");
    }
    *out = whole;
    return PLATOON_OK;
}

enum platoon_status json_read(const char *text, size_t len, platoon_value **out,
                              struct platoon_err *err)
{
    struct reader r = {.start = text, .at = text, .end = text + len, .err = err};
    size_t valid = text_valid_prefix(text, len);
    enum platoon_status st;

    if (valid < len) {
        r.at = text + valid;
        return bad(&r, "not UTF-8");
    }
    st = read_text(&r, out);
    for (size_t i = 0; i < r.n_levels; i++) {
        platoon_value_unref(r.levels[i].key);
        platoon_value_unref(r.levels[i].container);
    }
    free(r.levels);
    buf_release(&r.scratch);
    return st;
}
