/* SPDX-License-Identifier: Apache-2.0 */
/* queue_table.c - see queue_table.h. */
#include "server/queue_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/queue_internal.h"
#include "server/queue_spec.h"
#include "server/server.h"

enum { HASH_DOMAIN = 0x7175 };

static const char default_spec[] = "get_task_queue=get_result_queue";

void queue_table_init(struct queue_table *t)
{
    memset(t, 0, sizeof *t);
    list_init(&t->open);
    list_init(&t->dirty);
    idmap_init(&t->by_id);
}

void queue_table_release(struct queue_table *t)
{
    for (struct list *at = t->open.next, *next; at != &t->open; at = next) {
        next = at->next;
        queue_free(LIST_ENTRY(at, struct queue, link));
    }
    for (size_t i = 0; i < t->n_kinds; i++) {
        idmap_release(&t->kinds[i]->by_name);
        free(t->kinds[i]->typeid_);
        free(t->kinds[i]);
    }
    free(t->kinds);
    idmap_release(&t->by_id);
    queue_table_init(t);
}

/* --- specifications --------------------------------------------------------------------------- */

static struct queue_kind *find_kind(struct queue_table *t, const char *typeid_)
{
    for (size_t i = 0; i < t->n_kinds; i++)
        if (strcmp(t->kinds[i]->typeid_, typeid_) == 0)
            return t->kinds[i];
    return NULL;
}

static struct queue_kind *add_kind(struct queue_table *t, const char *typeid_)
{
    struct queue_kind *kind = mem_zero(sizeof *kind);
    struct queue_kind **grown = mem_realloc(t->kinds, (t->n_kinds + 1) * sizeof *grown);

    if (grown)
        t->kinds = grown;
    if (!kind || !grown || !(kind->typeid_ = strdup(typeid_))) {
        free(kind);
        return NULL;
    }
    idmap_init(&kind->by_name);
    t->kinds[t->n_kinds++] = kind;
    return kind;
}

/* The kind of one end of a specification, made if it is new. Two specifications may name the same
 * queue, as the result of one and the tasks of another, but must not contradict each other. */
static enum platoon_status merge_end(struct queue_table *t, const char *text,
                                     const struct queue_spec_end *end, struct queue_kind **out,
                                     struct platoon_err *err)
{
    struct queue_kind *kind = find_kind(t, end->name);

    if (strcmp(end->name, "platoon") == 0)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "queue specification '%s': 'platoon' is the name of the server's own interface", text);
    if (!kind && !(kind = add_kind(t, end->name)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for queue '%s'", end->name);
    if (end->has_maxsize && kind->has_maxsize && kind->maxsize != end->maxsize)
        return platoon_fail(err, PLATOON_EINVAL,
                            "queue specification '%s': '%s' has a maximum size of %llu already",
                            text, end->name, (unsigned long long)kind->maxsize);
    if (end->has_maxsize) {
        kind->has_maxsize = true;
        kind->maxsize = end->maxsize;
    }
    *out = kind;
    return PLATOON_OK;
}

static enum platoon_status add_spec(struct queue_table *t, const char *text,
                                    struct platoon_err *err)
{
    struct queue_spec spec;
    struct queue_kind *task, *result = NULL;
    enum platoon_status st = queue_spec_parse(text, &spec, err);

    if (st != PLATOON_OK || (st = merge_end(t, text, &spec.task, &task, err)) != PLATOON_OK)
        return st;
    if (!spec.has_result)
        return PLATOON_OK;
    if ((st = merge_end(t, text, &spec.result, &result, err)) != PLATOON_OK)
        return st;
    if (task->results && task->results != result)
        return platoon_fail(err, PLATOON_EINVAL,
                            "queue specification '%s': the results of '%s' go to '%s' already",
                            text, task->typeid_, task->results->typeid_);
    for (const struct queue_kind *k = result; k; k = k->results)
        if (k == task)
            return platoon_fail(err, PLATOON_EINVAL,
                                "queue specification '%s': results would run in a circle", text);
    task->results = result;
    return PLATOON_OK;
}

/* The default pair yields to what was said of its names: `--queue get_task_queue:10` is the pair
 * with a bound. */
static enum platoon_status add_default(struct queue_table *t, struct platoon_err *err)
{
    struct queue_kind *task = find_kind(t, "get_task_queue");

    if (task && task->results)
        return PLATOON_OK;
    return add_spec(t, default_spec, err);
}

enum platoon_status queue_table_configure(struct server *srv,
                                          const struct platoon_server_options *options,
                                          struct platoon_err *err)
{
    struct queue_table *t = &srv->queues;
    enum platoon_status st = PLATOON_OK;

    for (size_t i = 0; i < options->n_queues && st == PLATOON_OK; i++)
        st = add_spec(t, options->queues[i], err);
    if (st == PLATOON_OK && !options->no_default_queues)
        st = add_default(t, err);
    for (size_t i = 0; i < t->n_kinds && st == PLATOON_OK; i++)
        st = dispatch_register(srv, t->kinds[i]->typeid_, &type_queue, t->kinds[i], err);
    return st;
}

/* --- by name and id --------------------------------------------------------------------------- */

static uint64_t hash_of(const char *name)
{
    return hash_bytes(HASH_DOMAIN, name, strlen(name)) | 1; /* an idmap knows no 0 */
}

static const char *private_name(const struct queue *q)
{
    size_t n = strlen(q->kind->typeid_);

    return q->name[n] == ':' ? q->name + n + 1 : "";
}

struct queue *queue_table_find(struct queue_kind *kind, const char *name)
{
    struct queue *q = idmap_get(&kind->by_name, hash_of(name));

    while (q && strcmp(private_name(q), name) != 0)
        q = q->next;
    return q;
}

struct queue *queue_find(struct server *srv, const char *name)
{
    const char *colon = strchr(name, ':');
    char typeid_[QUEUE_SPEC_MAX_NAME + 1];
    struct queue_kind *kind;

    if (snprintf(typeid_, sizeof typeid_, "%.*s",
                 colon ? (int)(colon - name) : QUEUE_SPEC_MAX_NAME + 1,
                 name) >= (int)sizeof typeid_)
        return NULL;
    kind = find_kind(&srv->queues, typeid_);
    return kind ? queue_table_find(kind, colon ? colon + 1 : "") : NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

struct opening {
    struct server *srv;
    struct queue_kind *kind; /* what is wanted */
    struct queue_kind
        *step; /* what is being opened: the kind itself or one of its chain of results */
    dispatch_opened opened;
    void *arg;
    char name[DISPATCH_MAX_NAME + 1];
};

static void finish_opening(struct opening *o, struct queue *q, const struct platoon_err *err)
{
    dispatch_opened opened = o->opened;
    void *arg = o->arg;

    free(o);
    opened(q, err, arg);
}

static struct queue *add_queue(struct opening *o, const struct store_queue *stored)
{
    struct queue_table *t = &o->srv->queues;
    struct queue *q = queue_new(o->srv, o->step, stored->name, stored);
    uint64_t hash = hash_of(o->name);

    if (!q || !idmap_reserve(&t->by_id) || !idmap_reserve(&o->step->by_name)) {
        queue_free(q);
        return NULL;
    }
    q->results = o->step->results ? queue_table_find(o->step->results, o->name) : NULL;
    q->next = idmap_get(&o->step->by_name, hash);
    (void)idmap_set(&o->step->by_name, hash, q); /* reserved */
    (void)idmap_set(&t->by_id, q->id, q);
    list_append(&t->open, &q->link);
    t->n_private += *o->name != '\0';
    log_line(&o->srv->log, *o->name ? LOG_INFO : LOG_DEBUG,
             "queue-opened name=%s maxsize=%llu results=%s", q->name,
             (unsigned long long)q->maxsize, q->results ? q->results->name : "-");
    return q;
}

static void open_next(struct opening *o);

static void on_ensured(enum store_status st, const struct store_queue *stored, void *arg)
{
    struct opening *o = arg;
    struct platoon_err err;

    /* Two clients may open the same queue in one turn. */
    if (st == STORE_OK && !queue_table_find(o->step, o->name) && !add_queue(o, stored))
        st = STORE_NOMEM;
    if (st == STORE_OK) {
        open_next(o);
        return;
    }
    platoon_fail(&err, PLATOON_EIO, "the store could not open queue '%s%s%s'%s", o->step->typeid_,
                 *o->name ? ":" : "", o->name,
                 st == STORE_NOMEM     ? ": no memory"
                 : st == STORE_NOSPACE ? ": no room"
                                       : "");
    finish_opening(o, NULL, &err);
}

/* From the end of the chain: a queue's results must exist before it. */
static void open_next(struct opening *o)
{
    struct queue_kind *kind = o->kind;
    char name[QUEUE_SPEC_MAX_NAME + 1 + DISPATCH_MAX_NAME + 1];
    struct store_queue wanted = {.name = name};

    if (queue_table_find(kind, o->name)) {
        finish_opening(o, queue_table_find(kind, o->name), NULL);
        return;
    }
    while (kind->results && !queue_table_find(kind->results, o->name))
        kind = kind->results;
    o->step = kind;
    snprintf(name, sizeof name, "%s%s%s", kind->typeid_, *o->name ? ":" : "", o->name);
    wanted.maxsize = kind->maxsize;
    if (kind->results)
        wanted.result_queue = queue_table_find(kind->results, o->name)->id;
    store_queue_ensure(o->srv->store, &wanted, on_ensured, o);
}

void queue_table_open(struct server *srv, struct queue_kind *kind, const char *name,
                      dispatch_opened opened, void *arg)
{
    struct opening *o = mem_zero(sizeof *o);
    struct platoon_err err;

    if (!o) {
        platoon_fail(&err, PLATOON_ENOMEM, "the server has no memory left for another queue");
        opened(NULL, &err, arg);
        return;
    }
    *o = (struct opening){.srv = srv, .kind = kind, .opened = opened, .arg = arg};
    snprintf(o->name, sizeof o->name, "%s", name);
    if (*name && srv->queues.n_private >= QUEUE_TABLE_MAX_PRIVATE &&
        !queue_table_find(kind, name)) {
        platoon_fail(&err, PLATOON_ELIMIT,
                     "there are %d private queues already; use one of them, or restart the server",
                     QUEUE_TABLE_MAX_PRIVATE);
        finish_opening(o, NULL, &err);
        return;
    }
    open_next(o);
}

/* --- the turn --------------------------------------------------------------------------------- */

bool queue_table_pump(struct server *srv)
{
    struct list now;

    if (list_is_empty(&srv->queues.dirty))
        return false;
    list_init(&now);
    list_move_all(&now, &srv->queues.dirty);
    while (!list_is_empty(&now))
        queue_pump(LIST_ENTRY(now.next, struct queue, dirty));
    return true;
}

static void on_ready(store_queue_id id, void *arg)
{
    struct server *srv = arg;
    struct queue *q = idmap_get(&srv->queues.by_id, id);

    if (q)
        queue_hint_items(q);
}

static void on_room(store_queue_id id, void *arg)
{
    struct server *srv = arg;
    struct queue *q = idmap_get(&srv->queues.by_id, id);

    if (q)
        queue_hint_room(q);
}

void queue_table_watch(struct server *srv)
{
    store_watch(srv->store, on_ready, on_room, srv);
}
