/* SPDX-License-Identifier: Apache-2.0 */
/* outline.c - see outline.h. */
#include "pickle/outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const uint32_t keep_of_level[OUTLINE_LEVELS] = {1, AT_KEY_VALUE + 1, SCAN_MAX_ARGS};

void outline_init(struct outline *o, bool is_request, const struct memo *memo)
{
    memset(o, 0, sizeof *o);
    o->is_request = is_request;
    o->memo = memo;
    for (size_t i = 0; i < OUTLINE_LEVELS; i++)
        o->levels[i].keep = keep_of_level[i];
    outline_reset(o);
}

void outline_reset(struct outline *o)
{
    o->is_complete = false;
    o->level2_is_on = false;
    o->is_out_of_memory = false;
    o->complaint = NULL;
    o->at = 0;
    o->now = o->is_request ? NULL : &o->levels[0];
    o->pending_flags = 0;
    o->all_flags = 0;
    o->pending_get = UINT64_MAX;
    o->args_form = o->kwds_form = FORM_OTHER;
    o->args_number = o->kwds_number = UINT64_MAX;
    o->is_own_container_used = false;
    o->n_args = o->n_kwds = 0;
    o->ident_len = 0;
    outline_begin(o);
}

void outline_release(struct outline *o)
{
    for (size_t i = 0; i < OUTLINE_LEVELS; i++)
        free(o->levels[i].entries);
    free(o->args);
    free(o->kwds);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void begin_level(struct outline *o, struct level *l)
{
    l->begin = o->at;
    l->memo_begin = o->memo->count;
    l->next_begin = o->memo->next;
    l->all_flags = l->waiting_flags = 0;
    l->all_get = l->waiting_get = UINT64_MAX;
}

void outline_begin(struct outline *o)
{
    begin_level(o, &o->levels[0]);
}

/* --- levels ---------------------------------------------------------------------------------- */

/* Could the items of a MARK over `count` values of level 1 become args or kwds? */
static bool items_matter(const struct outline *o, uint64_t count)
{
    switch (count) {
    case AT_ARGS: /* args = MARK .. TUPLE */
        return true;
    case AT_KWDS: /* args is a list that is being filled; or kwds = MARK .. DICT */
        return o->args_form == FORM_LIST || o->args_form == FORM_TUPLE;
    case AT_KEY: /* kwds is being filled */
        return o->kwds_form == FORM_DICT;
    default:
        return false;
    }
}

void outline_open(struct outline *o, size_t n_marks, uint64_t count)
{
    struct level *below = o->now;

    o->now = NULL;
    if (o->is_request && n_marks == 1)
        o->now = &o->levels[1];
    else if (o->is_request && n_marks == 2 && (o->level2_is_on = items_matter(o, count)))
        o->now = &o->levels[2];
    if (!o->now)
        return;
    begin_level(o, o->now);
    if (below) {
        below->waiting_flags |= o->pending_flags;
        below->waiting_get = lower(below->waiting_get, o->pending_get);
    }
    o->pending_flags = 0;
    o->pending_get = UINT64_MAX;
}

static struct level *level_of(struct outline *o, size_t n_marks)
{
    if (!o->is_request)
        return n_marks == 0 ? &o->levels[0] : NULL;
    if (n_marks == 1)
        return &o->levels[1];
    return n_marks == 2 && o->level2_is_on ? &o->levels[2] : NULL;
}

void outline_close(struct outline *o, size_t n_marks)
{
    struct level *closed = o->now;

    o->now = level_of(o, n_marks);
    if (!closed)
        return; /* its flags are pending already */
    /* Everything in there, and what waited before it, belongs to what comes of it. */
    o->pending_flags |= closed->all_flags;
    o->pending_get = lower(o->pending_get, closed->all_get);
    if (o->now) {
        o->pending_flags |= o->now->waiting_flags;
        o->pending_get = lower(o->pending_get, o->now->waiting_get);
        o->now->waiting_flags = 0;
        o->now->waiting_get = UINT64_MAX;
    }
}

static bool grow(void **array, size_t *cap, size_t need, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 4;
    void *grown;

    if (need <= *cap)
        return true;
    grown = mem_realloc(*array, wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *cap = wanted;
    return true;
}

static struct entry *entry_at(struct outline *o, uint64_t position)
{
    struct level *l = o->now;
    struct entry *grown;
    uint32_t cap;

    if (position >= l->keep)
        return NULL;
    if (position < l->cap)
        return &l->entries[position];
    cap = l->cap ? l->cap * 2 : 4;
    grown = mem_realloc(l->entries, cap * sizeof *grown);
    if (!grown) {
        o->is_out_of_memory = true;
        return NULL;
    }
    l->entries = grown;
    l->cap = cap;
    return &l->entries[position];
}

/* The bytes up to here belong to `e`. */
static void absorb(struct outline *o, struct entry *e)
{
    o->now->all_flags |= o->pending_flags;
    o->now->all_get = lower(o->now->all_get, o->pending_get);
    e->arg.flags |= o->pending_flags;
    e->lowest_get = lower(e->lowest_get, o->pending_get);
    o->pending_flags = 0;
    o->pending_get = UINT64_MAX;
    e->arg.end = o->at;
    e->memo_after = o->memo->count;
    e->next_after = o->memo->next;
}

static void forget_role(struct outline *o, uint64_t position)
{
    if (o->now != &o->levels[1])
        return;
    if (position == AT_IDENT)
        o->ident_len = 0;
    if (position == AT_ARGS) {
        o->args_form = FORM_OTHER;
        o->args_number = UINT64_MAX;
    }
    if (position == AT_ARGS || position == AT_KWDS) {
        o->kwds_form = FORM_OTHER;
        o->kwds_number = UINT64_MAX;
        o->is_own_container_used = position == AT_KWDS && o->is_own_container_used;
    }
}

static void describe_as_compound(struct scan_arg *arg)
{
    arg->kind = SCAN_COMPOUND;
    arg->as_bool = false;
    arg->as_int = 0;
    arg->as_float = 0;
    arg->text[0] = '\0';
    arg->text_len = 0;
}

struct entry *outline_push(struct outline *o, uint64_t position)
{
    struct level *l = o->now;
    struct entry *e = entry_at(o, position);

    if (!e)
        return NULL;
    if (position == 0) {
        e->arg.start = l->begin;
        e->arg.memo_before = l->memo_begin;
        e->next_before = l->next_begin;
    } else {
        const struct entry *left = &l->entries[position - 1];

        e->arg.start = left->arg.end;
        e->arg.memo_before = left->memo_after;
        e->next_before = left->next_after;
    }
    e->arg.flags = 0;
    e->arg.open_marks = (uint32_t)(l - o->levels);
    describe_as_compound(&e->arg);
    e->lowest_get = UINT64_MAX;
    absorb(o, e);
    forget_role(o, position);
    return e;
}

void outline_pop(struct outline *o, uint64_t position)
{
    if (position < o->now->keep) {
        o->pending_flags |= o->now->entries[position].arg.flags;
        o->pending_get = lower(o->pending_get, o->now->entries[position].lowest_get);
    }
}

void outline_touch(struct outline *o, uint64_t position, uint64_t old_count)
{
    struct level *l = o->now;

    if (position >= l->keep)
        return;
    for (uint64_t i = position + 1; i < old_count && i < l->keep; i++)
        outline_pop(o, i);
    absorb(o, &l->entries[position]);
}

/* No pickler stores an object twice, and one number is all that is remembered: what has two counts
 * as fetched. */
static void note_number(struct outline *o, uint64_t *own, uint64_t number)
{
    if (*own != UINT64_MAX && *own != number)
        o->is_own_container_used = true;
    *own = number;
}

void outline_memoize(struct outline *o, uint64_t position, uint64_t number)
{
    outline_touch(o, position, position + 1);
    if (o->now != &o->levels[1])
        return;
    if (position == AT_ARGS && o->args_form == FORM_LIST)
        note_number(o, &o->args_number, number);
    else if (position == AT_KWDS && o->kwds_form == FORM_DICT)
        note_number(o, &o->kwds_number, number);
}

struct entry *outline_merge(struct outline *o, uint64_t position, uint64_t old_count)
{
    if (position >= o->now->keep)
        return NULL;
    outline_touch(o, position, old_count);
    forget_role(o, position);
    describe_as_compound(&o->now->entries[position].arg);
    return &o->now->entries[position];
}

void outline_text(struct outline *o, struct entry *e, uint64_t position, const char *text,
                  uint64_t len)
{
    e->arg.kind = SCAN_LONG_TEXT;
    if (!text)
        return;
    if (o->now == &o->levels[1] && position == AT_IDENT && len < sizeof o->ident) {
        memcpy(o->ident, text, (size_t)len);
        o->ident[len] = '\0';
        o->ident_len = (size_t)len;
    }
    if (len < sizeof e->arg.text) {
        e->arg.kind = SCAN_TEXT;
        memcpy(e->arg.text, text, (size_t)len);
        e->arg.text[len] = '\0';
        e->arg.text_len = (size_t)len;
    }
}

/* --- args and kwds --------------------------------------------------------------------------- */

/* Copies no more of the text than there is. */
static void finish_arg(struct scan_arg *to, const struct entry *e)
{
    memcpy(to, &e->arg, offsetof(struct scan_arg, text));
    memcpy(to->text, e->arg.text, e->arg.text_len + 1);
    to->text_len = e->arg.text_len;
    if (e->lowest_get < e->next_before)
        to->flags |= SCAN_GET_OUTSIDE;
}

static void append_args(struct outline *o, const struct entry *items, uint64_t n)
{
    if (o->args_form == FORM_TOO_MANY)
        return;
    if (n > SCAN_MAX_ARGS - o->n_args) {
        o->args_form = FORM_TOO_MANY;
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (!grow((void **)&o->args, &o->cap_args, o->n_args + 1, sizeof *o->args)) {
            o->is_out_of_memory = true;
            return;
        }
        finish_arg(&o->args[o->n_args++], &items[i]);
    }
}

struct entry *outline_tuple(struct outline *o, uint64_t position, uint64_t old_count)
{
    struct entry *e;
    enum outline_form form = FORM_OTHER;

    if (o->now == &o->levels[1] && position == AT_ARGS) {
        o->args_form = FORM_TUPLE;
        o->n_args = 0;
        append_args(o, &o->now->entries[AT_ARGS], old_count - position);
        form = o->args_form;
    }
    e = outline_merge(o, position, old_count);
    if (form != FORM_OTHER)
        o->args_form = form;
    return e;
}

void outline_args_new(struct outline *o, enum outline_form form, uint64_t n)
{
    o->args_form = form;
    o->n_args = 0;
    append_args(o, o->levels[2].entries, n);
}

void outline_args_append(struct outline *o)
{
    append_args(o, &o->levels[1].entries[AT_ARGS + 1], 1);
}

void outline_args_append_items(struct outline *o, uint64_t n)
{
    append_args(o, o->levels[2].entries, n);
}

static bool is_name(const struct scan_arg *key)
{
    return key->kind == SCAN_TEXT && key->text_len < sizeof((struct scan_kwd *)0)->name &&
           strlen(key->text) == key->text_len;
}

static void set_kwd(struct outline *o, const struct entry *key, const struct entry *value)
{
    size_t i = 0;

    if (o->kwds_form != FORM_DICT)
        return;
    if (!is_name(&key->arg)) {
        o->kwds_form = FORM_BAD_KEY;
        return;
    }
    while (i < o->n_kwds && strcmp(o->kwds[i].name, key->arg.text) != 0)
        i++;
    if (i == SCAN_MAX_KWDS) {
        o->kwds_form = FORM_TOO_MANY;
        return;
    }
    if (i == o->n_kwds) {
        if (!grow((void **)&o->kwds, &o->cap_kwds, o->n_kwds + 1, sizeof *o->kwds)) {
            o->is_out_of_memory = true;
            return;
        }
        memcpy(o->kwds[i].name, key->arg.text, key->arg.text_len + 1);
        o->n_kwds++;
    }
    finish_arg(&o->kwds[i].value, value);
}

void outline_kwds_new(struct outline *o)
{
    o->kwds_form = FORM_DICT;
    o->n_kwds = 0;
}

void outline_kwds_set(struct outline *o)
{
    const struct entry *e = o->levels[1].entries;

    set_kwd(o, &e[AT_KEY], &e[AT_KEY_VALUE]);
}

void outline_kwds_set_items(struct outline *o, uint64_t n)
{
    const struct entry *e = o->levels[2].entries;

    if (n > o->levels[2].keep) {
        o->kwds_form = FORM_TOO_MANY;
        return;
    }
    for (uint64_t i = 0; i + 1 < n; i += 2)
        set_kwd(o, &e[i], &e[i + 1]);
}

/* --- the whole request ----------------------------------------------------------------------- */

static const char *complaint_about_ident(struct outline *o, const struct scan_arg *ident)
{
    o->ident_is_none = ident->kind == SCAN_NONE;
    if (o->ident_is_none) {
        o->ident[0] = '\0';
        return NULL;
    }
    if (ident->kind == SCAN_TEXT && o->ident_len == 0) { /* by a memo reference, or empty */
        memcpy(o->ident, ident->text, ident->text_len + 1);
        o->ident_len = ident->text_len;
    } else if (ident->kind != SCAN_TEXT && o->ident_len == 0) {
        return "the ident is neither None nor text of at most 511 bytes";
    }
    return strlen(o->ident) == o->ident_len ? NULL : "the ident holds a NUL character";
}

static const char *complaint_about_method(struct outline *o, const struct scan_arg *method)
{
    if (method->kind != SCAN_TEXT || method->text_len >= sizeof o->method)
        return "the method's name is no text of at most 127 bytes";
    if (strlen(method->text) != method->text_len)
        return "the method's name holds a NUL character";
    memcpy(o->method, method->text, method->text_len + 1);
    return NULL;
}

static const char *complaint_about_args(const struct outline *o)
{
    if (o->args_form == FORM_TOO_MANY)
        return "there are more than 32 arguments";
    if (o->args_form != FORM_TUPLE && o->args_form != FORM_LIST)
        return "args is neither a tuple nor a list of this request's own";
    return NULL;
}

static const char *complaint_about_kwds(const struct outline *o)
{
    switch (o->kwds_form) {
    case FORM_DICT:
        return NULL;
    case FORM_TOO_MANY:
        return "there are more than 16 keyword arguments";
    case FORM_BAD_KEY:
        return "a keyword argument's name is no text of at most 63 bytes";
    default:
        return "kwds is no dict of this request's own";
    }
}

void outline_complete(struct outline *o, uint64_t count)
{
    const struct entry *e = o->levels[1].entries;

    o->is_complete = true;
    o->complaint = "it is no tuple of four: (ident, method, args, kwds)";
    if (count != 4)
        return;
    if (!(o->complaint = complaint_about_ident(o, &e[AT_IDENT].arg)) &&
        !(o->complaint = complaint_about_method(o, &e[AT_METHOD].arg)) &&
        !(o->complaint = complaint_about_args(o)) && !(o->complaint = complaint_about_kwds(o)) &&
        o->is_own_container_used)
        o->complaint = "something in args or kwds refers to args or kwds itself";
}
