/* SPDX-License-Identifier: Apache-2.0 */
/* ident.c - see ident.h. */
#include "server/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_BUCKETS = 256, MAX_IDENT_BYTES = 511, HASH_DOMAIN = 0x6964 };

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* "#xxxxxxxx-N" at the end of `text`? */
static bool parse_tail(const char *text, size_t len, size_t *out_mark)
{
    size_t end = len, mark;

    while (end > 0 && text[end - 1] >= '0' && text[end - 1] <= '9')
        end--;
    if (end == len || len - end > 20 || end < 10 || text[end - 1] != '-')
        return false;
    mark = end - 10;
    if (text[mark] != '#')
        return false;
    for (size_t i = mark + 1; i < end - 1; i++)
        if (!is_hex(text[i]))
            return false;
    *out_mark = mark;
    return true;
}

bool ident_parse(const char *text, size_t len, struct ident_parts *out)
{
    struct ident_parts parts = {0, 0, 0, 0};
    const char *colon;

    if (len > MAX_IDENT_BYTES || !parse_tail(text, len, &parts.mark) || parts.mark == 0)
        return false;
    parts.typeid_len = parts.mark;
    colon = memchr(text, ':', parts.mark);
    if (colon) {
        parts.typeid_len = (size_t)(colon - text);
        parts.name_start = parts.typeid_len + 1;
        parts.name_len = parts.mark - parts.name_start;
        if (parts.typeid_len == 0 || parts.name_len == 0)
            return false;
    }
    *out = parts;
    return true;
}

bool ident_table_init(struct ident_table *t, size_t max)
{
    uint32_t boot = 0;

    memset(t, 0, sizeof *t);
    list_init(&t->counted);
    list_init(&t->zero);
    t->max = max;
    t->n_buckets = FIRST_BUCKETS;
    t->buckets = mem_zero(t->n_buckets * sizeof *t->buckets);
    /* No secret, only different from the last run's; so few bytes fail on no system that has
     * booted. */
    (void)!getrandom(&boot, sizeof boot, 0);
    snprintf(t->boot, sizeof t->boot, "%08x", boot);
    return t->buckets != NULL;
}

void ident_table_release(struct ident_table *t)
{
    for (size_t i = 0; t->buckets && i < t->n_buckets; i++) {
        for (struct ident *at = t->buckets[i], *next; at; at = next) {
            next = at->next;
            if (t->on_forget)
                t->on_forget(at);
            free(at);
        }
    }
    free(t->buckets);
    t->buckets = NULL;
    t->n = t->n_counted = 0;
    list_init(&t->counted);
    list_init(&t->zero);
}

static void unlink_from_bucket(struct ident_table *t, struct ident *i)
{
    struct ident **at = &t->buckets[i->hash & (t->n_buckets - 1)];

    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
}

static void forget(struct ident_table *t, struct ident *i)
{
    unlink_from_bucket(t, i);
    list_remove(&i->lru);
    t->n--;
    if (i->count > 0)
        t->n_counted--;
    if (t->on_forget)
        t->on_forget(i);
    free(i);
}

static void make_room(struct ident_table *t)
{
    while (t->n >= t->max && t->n > 0) {
        struct list *from = list_is_empty(&t->zero) ? &t->counted : &t->zero;

        forget(t, LIST_ENTRY(from->next, struct ident, lru));
    }
}

/* Twice as many buckets; staying with the old ones is fine too, so a failure is no failure. */
static void grow(struct ident_table *t)
{
    size_t n = t->n_buckets * 2;
    struct ident **buckets = mem_zero(n * sizeof *buckets);

    if (!buckets)
        return;
    for (size_t i = 0; i < t->n_buckets; i++) {
        for (struct ident *at = t->buckets[i], *next; at; at = next) {
            struct ident **to = &buckets[at->hash & (n - 1)];

            next = at->next;
            at->next = *to;
            *to = at;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n;
}

static struct ident *add(struct ident_table *t, const char *text, size_t len,
                         const struct dispatch_typeid *id, void *object, int64_t count)
{
    struct ident *i;
    struct ident **bucket;

    make_room(t);
    if (t->n >= t->n_buckets)
        grow(t);
    i = mem_alloc(sizeof *i + len + 1);
    if (!i)
        return NULL;
    i->hash = hash_bytes(HASH_DOMAIN, text, len);
    i->id = id;
    i->object = object;
    i->account = NULL;
    i->count = count;
    i->len = len;
    memcpy(i->text, text, len);
    i->text[len] = '\0';
    bucket = &t->buckets[i->hash & (t->n_buckets - 1)];
    i->next = *bucket;
    *bucket = i;
    list_append(count > 0 ? &t->counted : &t->zero, &i->lru);
    t->n++;
    t->n_counted += count > 0;
    return i;
}

struct ident *ident_new(struct ident_table *t, const struct dispatch_typeid *id,
                        const char *id_name, const char *name, void *object)
{
    char text[MAX_IDENT_BYTES + 1];
    int len = snprintf(text, sizeof text, "%s%s%s#%s-%llu", id_name, *name ? ":" : "", name,
                       t->boot, (unsigned long long)++t->next_number);

    return add(t, text, (size_t)len, id, object, 1);
}

struct ident *ident_find(struct ident_table *t, const char *text, size_t len)
{
    uint64_t hash = hash_bytes(HASH_DOMAIN, text, len);
    struct ident *i = t->buckets[hash & (t->n_buckets - 1)];

    while (i && (i->hash != hash || i->len != len || memcmp(i->text, text, len) != 0))
        i = i->next;
    if (i) {
        list_remove(&i->lru);
        list_append(i->count > 0 ? &t->counted : &t->zero, &i->lru);
    }
    return i;
}

struct ident *ident_know(struct ident_table *t, const char *text, size_t len,
                         const struct dispatch_typeid *id)
{
    return add(t, text, len, id, NULL, 0);
}

void ident_incref(struct ident_table *t, struct ident *i)
{
    if (i->count++ == 0) {
        t->n_counted++;
        list_remove(&i->lru);
        list_append(&t->counted, &i->lru);
    }
}

void ident_decref(struct ident_table *t, struct ident *i)
{
    if (i->count == 0 || --i->count > 0)
        return;
    t->n_counted--;
    list_remove(&i->lru);
    list_append(&t->zero, &i->lru);
}
