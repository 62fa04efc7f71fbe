/* SPDX-License-Identifier: Apache-2.0 */
/* progress_board.c - see progress_board.h. */
#include "server/progress_board.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void progress_board_init(struct progress_board *b)
{
    idmap_init(&b->by_task);
    list_init(&b->by_start);
    list_init(&b->by_age);
}

static void drop(struct progress_board *b, struct progress_entry *e)
{
    (void)idmap_remove(&b->by_task, e->ref.task);
    list_remove(&e->by_start);
    list_remove(&e->by_age);
    free(e);
}

static struct progress_entry *oldest(const struct progress_board *b)
{
    return list_is_empty(&b->by_age) ? NULL
                                     : LIST_ENTRY(b->by_age.next, struct progress_entry, by_age);
}

void progress_board_release(struct progress_board *b)
{
    struct progress_entry *e;

    while ((e = oldest(b)))
        drop(b, e);
    idmap_release(&b->by_task);
    progress_board_init(b);
}

static bool is_same_lease(const struct progress_entry *e, const struct store_lease_ref *ref)
{
    return e->ref.lease.epoch == ref->lease.epoch && e->ref.lease.counter == ref->lease.counter;
}

static struct progress_entry *add(struct progress_board *b, store_task_id task, uint64_t now_ns)
{
    struct progress_entry *e;

    if (b->by_task.n >= PROGRESS_MAX)
        drop(b, oldest(b));
    e = calloc(1, sizeof *e);
    if (!e || !idmap_set(&b->by_task, task, e)) {
        free(e);
        return NULL;
    }
    e->first_ns = now_ns;
    list_append(&b->by_start, &e->by_start);
    list_init(&e->by_age);
    return e;
}

void progress_board_tell(struct progress_board *b, struct store_lease_ref ref, const char *worker,
                         const struct task_progress *p, uint64_t now_ns)
{
    struct progress_entry *e = idmap_get(&b->by_task, ref.task);
    size_t len = text_cut(worker, PROGRESS_MAX_WORKER);

    if (e && !is_same_lease(e, &ref)) {
        drop(b, e);
        e = NULL;
    }
    if (!e && !(e = add(b, ref.task, now_ns)))
        return;
    e->ref = ref;
    e->told_ns = now_ns;
    e->progress = *p;
    memcpy(e->worker, worker, len);
    e->worker[len] = '\0';
    list_remove(&e->by_age);
    list_append(&b->by_age, &e->by_age);
}

void progress_board_forget(struct progress_board *b, struct store_lease_ref ref)
{
    struct progress_entry *e = idmap_get(&b->by_task, ref.task);

    if (e && is_same_lease(e, &ref))
        drop(b, e);
}

void progress_board_expire(struct progress_board *b, uint64_t before_ns)
{
    struct progress_entry *e;

    while ((e = oldest(b)) && e->told_ns < before_ns)
        drop(b, e);
}

const struct progress_entry *progress_board_find(const struct progress_board *b, store_task_id task)
{
    return idmap_get(&b->by_task, task);
}

static platoon_value *age(uint64_t then_ns, uint64_t now_ns)
{
    return platoon_float(now_ns > then_ns ? (double)(now_ns - then_ns) / 1e9 : 0.0);
}

platoon_value *progress_entry_value(const struct progress_entry *e, uint64_t now_ns)
{
    platoon_value *d = platoon_dict();

    (void)platoon_dict_set(d, "task", platoon_int((int64_t)e->ref.task));
    (void)platoon_dict_set(d, "worker", platoon_str(e->worker));
    (void)platoon_dict_set(d, "since_s", age(e->first_ns, now_ns));
    (void)platoon_dict_set(d, "told_s", age(e->told_ns, now_ns));
    (void)platoon_dict_set(d, "progress", task_progress_value(&e->progress));
    if (platoon_len(d) == 5)
        return d;
    platoon_value_unref(d);
    return NULL;
}
