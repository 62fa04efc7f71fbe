/* SPDX-License-Identifier: Apache-2.0 */
/* workers.c - see workers.h. */
#include "server/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

enum {
    FIRST_BUCKETS = 64,
    HASH_DOMAIN = 0x776f726b /* "work" */
};

void workers_init(struct workers *all)
{
    memset(all, 0, sizeof *all);
    list_init(&all->by_age);
    idmap_init(&all->leases);
}

void workers_release(struct workers *all)
{
    while (!list_is_empty(&all->by_age)) {
        struct worker *w = LIST_ENTRY(all->by_age.next, struct worker, by_age);

        list_remove(&w->by_age);
        free(w);
    }
    free(all->buckets);
    idmap_release(&all->leases);
    workers_init(all);
}

/* --- the table -------------------------------------------------------------------------------- */

static struct worker **bucket_of(const struct workers *all, uint64_t hash)
{
    return &all->buckets[hash & (all->n_buckets - 1)];
}

static bool grow(struct workers *all)
{
    size_t n = all->n_buckets ? all->n_buckets * 2 : FIRST_BUCKETS;
    struct worker **buckets;

    if (all->n < all->n_buckets)
        return true;
    buckets = calloc(n, sizeof *buckets);
    if (!buckets)
        return all->n_buckets > 0; /* longer chains will do */
    free(all->buckets);
    all->buckets = buckets;
    all->n_buckets = n;
    LIST_EACH (w, &all->by_age, struct worker, by_age) {
        w->next_in_bucket = *bucket_of(all, w->hash);
        *bucket_of(all, w->hash) = w;
    }
    return true;
}

static void forget(struct workers *all, struct worker *w)
{
    struct worker **at = bucket_of(all, w->hash);

    while (*at != w)
        at = &(*at)->next_in_bucket;
    *at = w->next_in_bucket;
    list_remove(&w->by_age);
    all->n--;
    free(w);
}

static void make_room(struct workers *all)
{
    if (all->n < WORKERS_MAX)
        return;
    LIST_EACH (w, &all->by_age, struct worker, by_age) {
        if (!w->n_leases && !w->n_users) {
            forget(all, w);
            return;
        }
    }
}

static struct worker *add(struct workers *all, const struct worker_facts *facts, size_t name_len,
                          uint64_t hash)
{
    struct worker *w;

    make_room(all);
    if (!grow(all))
        return NULL;
    w = calloc(1, sizeof *w + name_len + 1 + WORKERS_MAX_NAME + 1);
    if (!w)
        return NULL;
    memcpy(w->name, facts->name, name_len);
    w->host = w->name + name_len + 1;
    w->hash = hash;
    w->next_in_bucket = *bucket_of(all, hash);
    *bucket_of(all, hash) = w;
    list_init(&w->by_age);
    all->n++;
    return w;
}

static struct worker *find(const struct workers *all, const char *name, size_t len, uint64_t hash)
{
    struct worker *w = all->n_buckets ? *bucket_of(all, hash) : NULL;

    while (w && (w->hash != hash || strlen(w->name) != len || memcmp(w->name, name, len) != 0))
        w = w->next_in_bucket;
    return w;
}

static void heard_of(struct workers *all, struct worker *w, uint64_t now_ns)
{
    w->last_ns = now_ns;
    list_remove(&w->by_age);
    list_append(&all->by_age, &w->by_age);
}

struct worker *workers_see(struct workers *all, const struct worker_facts *facts, uint64_t now_ns)
{
    size_t len = text_cut(facts->name, WORKERS_MAX_NAME);
    uint64_t hash = hash_bytes(HASH_DOMAIN, facts->name, len);
    struct worker *w = find(all, facts->name, len, hash);

    if (!w) {
        w = add(all, facts, len, hash);
        if (!w)
            return NULL;
        w->first_ns = now_ns;
    }
    heard_of(all, w, now_ns);
    if (facts->slots)
        w->slots = facts->slots;
    if (facts->host) {
        size_t host_len = text_cut(facts->host, WORKERS_MAX_NAME);

        memcpy(w->host, facts->host, host_len);
        w->host[host_len] = '\0';
    }
    snprintf(w->peer, sizeof w->peer, "%s", facts->peer);
    return w;
}

/* --- leases ----------------------------------------------------------------------------------- */

void workers_lease(struct workers *all, struct worker *w, uint64_t lease_counter)
{
    if (idmap_set(&all->leases, lease_counter, w))
        w->n_leases++;
}

struct worker *workers_holder(struct workers *all, uint64_t lease_counter, uint64_t now_ns)
{
    struct worker *w = idmap_get(&all->leases, lease_counter);

    if (w && now_ns)
        heard_of(all, w, now_ns);
    return w;
}

struct worker *workers_end_lease(struct workers *all, uint64_t lease_counter)
{
    struct worker *w = idmap_remove(&all->leases, lease_counter);

    if (w)
        w->n_leases--;
    return w;
}
