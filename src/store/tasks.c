/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - the steps of tasks.h. Memory is asked for before the first step of a call, so that none
 * stops half-way:
 *
 * Invariant 2: `expiring` and `delayed` have room for every lease there is. With invariant 1
 * (task_queue.h) nothing that ends a lease can fail. */
#include "store/tasks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/put_keys.h"
#include "store/task_queue.h"

enum { DEFAULT_MAX_ATTEMPTS = 5, NS_IN_MS = 1000000 };

struct tasks {
    struct hash_index by_id;  /* every task */
    struct hash_index leases; /* of leased tasks, by counter */
    struct heap expiring;     /* leases with a deadline */
    struct heap delayed;      /* tasks, by the instant they are due */
    struct put_keys keys;
    struct task_queue **queues;  /* queue id - 1 */
    struct task_queue **by_name; /* the same, sorted */
    size_t n_queues, cap_queues;
    store_task_id last_id;
    uint64_t last_place;
    uint64_t first_epoch, last_epoch; /* 0, 0: none admitted */
    struct task_queue *first_hinting, **end_hinting;
    void (*changed)(const struct task *task, void *arg);
    void *changed_arg;
};

/* --- the table -------------------------------------------------------------------------------- */

struct tasks *tasks_new(void)
{
    struct tasks *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->end_hinting = &t->first_hinting;
    if (!hash_index_init(&t->by_id) || !hash_index_init(&t->leases)) {
        tasks_free(t);
        return NULL;
    }
    return t;
}

static void free_task(struct task *task)
{
    if (task->where == TASK_HELD)
        free(task->lease);
    payload_unref(task->value);
    free(task);
}

void tasks_free(struct tasks *t)
{
    struct hash_node *node;
    size_t cursor = 0;

    if (!t)
        return;
    while ((node = hash_index_drain(&t->by_id, &cursor)))
        free_task(HASH_OWNER(node, struct task, node));
    hash_index_release(&t->by_id);
    hash_index_release(&t->leases);
    heap_release(&t->expiring);
    heap_release(&t->delayed);
    put_keys_release(&t->keys);
    for (size_t i = 0; i < t->n_queues; i++)
        task_queue_free(t->queues[i]);
    free(t->queues);
    free(t->by_name);
    free(t);
}

void tasks_admit_epoch(struct tasks *t, uint64_t epoch)
{
    if (!t->first_epoch)
        t->first_epoch = epoch;
    t->last_epoch = epoch;
}

void tasks_on_change(struct tasks *t, void (*changed)(const struct task *, void *), void *arg)
{
    t->changed = changed;
    t->changed_arg = arg;
}

static void report(struct tasks *t, const struct task *task)
{
    if (t->changed)
        t->changed(task, t->changed_arg);
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct task_queue *queue_at(const struct tasks *t, store_queue_id id)
{
    assert(id >= 1 && id <= t->n_queues);
    return t->queues[id - 1];
}

size_t tasks_n_queues(const struct tasks *t)
{
    return t->n_queues;
}

const struct store_queue *tasks_queue(const struct tasks *t, store_queue_id id)
{
    return &queue_at(t, id)->options;
}

const struct store_counts *tasks_counts(const struct tasks *t, store_queue_id id)
{
    return &queue_at(t, id)->counts;
}

/* Where `name` stands in by_name, or would stand. */
static size_t find_name(const struct tasks *t, const char *name, bool *out_is_there)
{
    size_t low = 0, high = t->n_queues;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(t->by_name[middle]->options.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_is_there = low < t->n_queues && strcmp(t->by_name[low]->options.name, name) == 0;
    return low;
}

static bool reserve_queue(struct tasks *t)
{
    size_t cap = t->cap_queues ? t->cap_queues * 2 : 8;
    struct task_queue **grown;

    if (t->n_queues < t->cap_queues)
        return true;
    grown = realloc(t->queues, cap * sizeof(struct task_queue *));
    if (!grown)
        return false;
    t->queues = grown;
    grown = realloc(t->by_name, cap * sizeof(struct task_queue *));
    if (!grown)
        return false;
    t->by_name = grown;
    t->cap_queues = cap;
    return true;
}

enum store_status tasks_queue_ensure(struct tasks *t, const struct store_queue *wanted,
                                     const struct store_queue **out)
{
    struct store_queue options = *wanted;
    struct task_queue *q;
    bool is_there;
    size_t at = find_name(t, wanted->name, &is_there);

    assert(wanted->result_queue <= t->n_queues);
    if (is_there) {
        *out = &t->by_name[at]->options;
        return STORE_OK;
    }
    if (t->n_queues == TASKS_MAX_QUEUES)
        return STORE_NOSPACE;
    options.id = (store_queue_id)t->n_queues + 1;
    if (!options.max_attempts)
        options.max_attempts = DEFAULT_MAX_ATTEMPTS;
    if (options.max_attempts > UINT16_MAX)
        options.max_attempts = UINT16_MAX;
    q = reserve_queue(t) ? task_queue_new(&options) : NULL;
    if (!q)
        return STORE_NOMEM;
    t->queues[t->n_queues] = q;
    memmove(&t->by_name[at + 1], &t->by_name[at], (t->n_queues - at) * sizeof(struct task_queue *));
    t->by_name[at] = q;
    t->n_queues++;
    *out = &q->options;
    return STORE_OK;
}

/* --- hints ------------------------------------------------------------------------------------ */

static void hint(struct tasks *t, struct task_queue *q)
{
    if (q->is_hinting)
        return;
    q->is_hinting = true;
    q->next_hinting = NULL;
    *t->end_hinting = q;
    t->end_hinting = &q->next_hinting;
}

static void hint_ready(struct tasks *t, struct task_queue *q)
{
    q->hint_ready = true;
    hint(t, q);
}

static void hint_room(struct tasks *t, struct task_queue *q)
{
    q->hint_room = true;
    hint(t, q);
}

bool tasks_next_hint(struct tasks *t, struct tasks_hint *out)
{
    struct task_queue *q = t->first_hinting;

    if (!q)
        return false;
    t->first_hinting = q->next_hinting;
    if (!t->first_hinting)
        t->end_hinting = &t->first_hinting;
    *out = (struct tasks_hint){q->options.id, q->hint_ready, q->hint_room};
    q->hint_ready = q->hint_room = q->is_hinting = false;
    return true;
}

/* --- small steps ------------------------------------------------------------------------------ */

static struct task *find_task(const struct tasks *t, store_task_id id)
{
    struct hash_node *node = hash_index_find(&t->by_id, id);

    return node ? HASH_OWNER(node, struct task, node) : NULL;
}

static struct lease *find_lease(const struct tasks *t, struct store_lease_id id)
{
    for (struct hash_node *node = hash_index_find(&t->leases, id.counter); node;
         node = hash_index_again(node)) {
        struct lease *lease = HASH_OWNER(node, struct lease, node);

        if (lease->id.epoch == id.epoch)
            return lease;
    }
    return NULL;
}

/* The lease, if it holds just this task now. */
static struct lease *find_held(const struct tasks *t, struct store_lease_ref ref)
{
    struct lease *lease = find_lease(t, ref.lease);

    return lease && lease->task->node.key == ref.task ? lease : NULL;
}

/* One of the queue's unfinished_tasks is finished: once for each task, and never below what stock
 * clients left. */
static void settle_unfinished(struct tasks *t, struct task_queue *q, struct task *task)
{
    if (!task->is_unfinished)
        return;
    task->is_unfinished = false;
    if (q->counts.unfinished && --q->counts.unfinished == 0)
        hint_room(t, q);
}

static void taken_off(struct tasks *t, struct task_queue *q)
{
    if (q->options.maxsize)
        hint_room(t, q);
}

/* A new task, not yet in the table. */
static struct task *new_task(struct payload *value, uint32_t max_attempts)
{
    struct task *task = calloc(1, sizeof *task);

    if (!task)
        return NULL;
    task->value = payload_ref(value);
    task->max_attempts = (uint16_t)(max_attempts < UINT16_MAX ? max_attempts : UINT16_MAX);
    return task;
}

static store_task_id enter_task(struct tasks *t, struct task_queue *q, struct task *task)
{
    task->node.key = ++t->last_id;
    task->place = ++t->last_place;
    task->queue = (uint16_t)q->options.id;
    task->state = STORE_QUEUED;
    task->is_unfinished = true;
    q->counts.unfinished++;
    hash_index_add(&t->by_id, &task->node);
    task_queue_append(q, task);
    hint_ready(t, q);
    report(t, task);
    return task->node.key;
}

/* The lease no longer counts; its memory stays for whoever called. */
static void drop_lease(struct tasks *t, struct lease *lease)
{
    hash_index_remove(&t->leases, &lease->node);
    if (lease->deadline_ns)
        heap_remove(&t->expiring, &lease->seat);
    lease->deadline_ns = 0;
}

static void set_deadline(struct tasks *t, struct lease *lease, uint32_t lease_ms, uint64_t now_ns)
{
    uint64_t deadline_ns = lease_ms ? now_ns + (uint64_t)lease_ms * NS_IN_MS : 0;

    if (deadline_ns && lease->deadline_ns)
        heap_move(&t->expiring, deadline_ns, &lease->seat);
    else if (deadline_ns)
        heap_add(&t->expiring, deadline_ns, &lease->seat);
    else if (lease->deadline_ns)
        heap_remove(&t->expiring, &lease->seat);
    lease->deadline_ns = deadline_ns;
}

/* --- put -------------------------------------------------------------------------------------- */

static bool has_key(const struct store_put_item *item)
{
    return item->key.epoch || item->key.counter;
}

/* Tasks for the items that are no repeats, chained by line.next. False when out of memory. */
static bool make_tasks(const struct store_put_item *items, const struct store_put_answer *answers,
                       size_t n, struct task **out_chain)
{
    struct task *chain = NULL, **end = &chain;

    for (size_t i = 0; i < n; i++) {
        if (answers[i].status == STORE_PUT_DUP)
            continue;
        *end = new_task(items[i].value, items[i].max_attempts);
        if (!*end) {
            while (chain) {
                struct task *next = chain->line.next;

                free_task(chain);
                chain = next;
            }
            return false;
        }
        end = &(*end)->line.next;
    }
    *out_chain = chain;
    return true;
}

/* Answer the repeats, and all others FULL for now; returns how many others there are. */
static size_t find_repeats(const struct tasks *t, const struct store_put_item *items, size_t n,
                           struct store_put_answer *answers)
{
    size_t n_new = 0;

    for (size_t i = 0; i < n; i++) {
        store_task_id seen = has_key(&items[i]) ? put_keys_find(&t->keys, items[i].key) : 0;

        answers[i].status = seen ? STORE_PUT_DUP : STORE_PUT_FULL;
        answers[i].task = seen;
        n_new += !seen;
    }
    return n_new;
}

enum store_status tasks_put(struct tasks *t, store_queue_id queue,
                            const struct store_put_item *items, size_t n, uint64_t limit,
                            struct store_put_answer *answers)
{
    struct task_queue *q = queue_at(t, queue);
    size_t n_new = find_repeats(t, items, n, answers);
    struct task *chain;

    if (limit && q->counts.queued + n_new > limit)
        return STORE_OK;
    if (!put_keys_reserve(&t->keys) || !make_tasks(items, answers, n, &chain))
        return STORE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct task *task = chain;

        if (answers[i].status == STORE_PUT_DUP)
            continue;
        chain = chain->line.next;
        answers[i].status = STORE_PUT_NEW;
        answers[i].task = enter_task(t, q, task);
        if (has_key(&items[i]))
            put_keys_add(&t->keys, items[i].key, answers[i].task);
    }
    return STORE_OK;
}

/* --- claim, renew ----------------------------------------------------------------------------- */

static uint32_t limit_of(const struct task_queue *q, const struct task *task)
{
    return task->max_attempts ? task->max_attempts : q->options.max_attempts;
}

static struct store_claimed claimed_as(const struct task_queue *q, const struct task *task)
{
    return (struct store_claimed){.task = task->node.key,
                                  .lease = task->lease->id,
                                  .attempt = (uint32_t)task->losses + 1,
                                  .is_last = (uint32_t)task->losses + 1 >= limit_of(q, task),
                                  .may_be_repeat = task->may_be_repeat,
                                  .value = task->value};
}

/* What an earlier claim with these lease ids got and still has: the answer to its repeat. */
static size_t claimed_before(const struct tasks *t, const struct store_lease_id *leases, size_t n,
                             struct store_claimed *claimed)
{
    size_t n_held = 0;

    for (size_t i = 0; i < n; i++) {
        const struct lease *lease = find_lease(t, leases[i]);

        if (lease)
            claimed[n_held++] = claimed_as(queue_at(t, lease->task->queue), lease->task);
    }
    return n_held;
}

/* Memory for `n` leases: chained by node.next; invariants 1 and 2. */
static bool make_leases(struct tasks *t, struct task_queue *q, size_t n, struct lease **out_chain)
{
    size_t n_held = t->leases.n + n;
    struct lease *chain = NULL;

    if (!task_queue_reserve(q, n) || !heap_reserve(&t->expiring, n_held) ||
        !heap_reserve(&t->delayed, t->delayed.n + n_held))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct lease *lease = calloc(1, sizeof *lease);

        if (!lease) {
            while (chain) {
                struct hash_node *next = chain->node.next;

                free(chain);
                chain = next ? HASH_OWNER(next, struct lease, node) : NULL;
            }
            return false;
        }
        lease->node.next = chain ? &chain->node : NULL;
        chain = lease;
    }
    *out_chain = chain;
    return true;
}

enum store_status tasks_claim(struct tasks *t, store_queue_id queue,
                              const struct store_lease_id *leases, size_t n, uint32_t lease_ms,
                              uint64_t now_ns, struct store_claimed *claimed, size_t *out_n)
{
    struct task_queue *q = queue_at(t, queue);
    size_t n_before = claimed_before(t, leases, n, claimed);
    size_t n_taken = n < q->counts.queued ? n : (size_t)q->counts.queued;
    struct lease *chain;

    if (n_before || !n_taken) {
        *out_n = n_before;
        return STORE_OK;
    }
    if (!make_leases(t, q, n_taken, &chain))
        return STORE_NOMEM;
    for (size_t i = 0; i < n_taken; i++) {
        struct lease *lease = chain;
        struct task *task = task_queue_take(q);

        chain = lease->node.next ? HASH_OWNER(lease->node.next, struct lease, node) : NULL;
        lease->id = leases[i];
        lease->node.key = leases[i].counter;
        lease->task = task;
        hash_index_add(&t->leases, &lease->node);
        set_deadline(t, lease, lease_ms, now_ns);
        task->lease = lease;
        task->where = TASK_HELD;
        task->state = STORE_LEASED;
        q->counts.leased++;
        claimed[i] = claimed_as(q, task);
        report(t, task);
    }
    taken_off(t, q);
    *out_n = n_taken;
    return STORE_OK;
}

static bool is_epoch_known(const struct tasks *t, struct store_lease_id lease)
{
    return lease.epoch >= t->first_epoch && lease.epoch <= t->last_epoch;
}

/* Would a result of it be ALREADY? As finish() says it. */
static bool has_ended(const struct tasks *t, struct store_lease_ref ref)
{
    const struct task *task = find_task(t, ref.task);

    if (!is_epoch_known(t, ref.lease) || ref.task == 0 || ref.task > t->last_id)
        return false;
    return !task || task->has_failure_value;
}

void tasks_renew(struct tasks *t, const struct store_lease_ref *leases, size_t n, uint32_t lease_ms,
                 uint64_t now_ns, enum store_lease_status *answers)
{
    for (size_t i = 0; i < n; i++) {
        struct lease *lease = find_held(t, leases[i]);

        answers[i] = lease                     ? STORE_LEASE_HELD
                     : has_ended(t, leases[i]) ? STORE_LEASE_ENDED
                                               : STORE_LEASE_LOST;
        if (lease) {
            set_deadline(t, lease, lease_ms, now_ns);
            report(t, lease->task);
        }
    }
}

/* --- done ------------------------------------------------------------------------------------- */

/* Take the task out of wherever it stands. */
static void pull_out(struct tasks *t, struct task_queue *q, struct task *task)
{
    switch ((enum task_where)task->where) {
    case TASK_IN_LINE:
    case TASK_RETURNED:
        task_queue_remove(q, task);
        taken_off(t, q);
        return;
    case TASK_DELAYED:
        heap_remove(&t->delayed, &task->seat);
        q->counts.delayed--;
        break;
    case TASK_HELD:
        if (task->state == STORE_LEASED) {
            drop_lease(t, task->lease);
            q->counts.leased--;
        } else {
            q->counts.dead--;
        }
        free(task->lease);
        break;
    case TASK_NOWHERE:
        q->counts.abandoned--;
        break;
    }
    task->where = TASK_NOWHERE;
    q->n_away--;
}

static void end_task(struct tasks *t, struct task *task, const struct store_done_item *item)
{
    struct task_queue *q = queue_at(t, task->queue);

    pull_out(t, q, task);
    if (item->counts_unfinished)
        settle_unfinished(t, q, task);
    task->state = (uint8_t)item->state;
    if (item->state == STORE_FAILED)
        q->counts.failed++;
    else if (item->state == STORE_CANCELLED)
        q->counts.cancelled++;
    else
        q->counts.done++;
    report(t, task);
    hash_index_remove(&t->by_id, &task->node);
    free_task(task);
}

/* Record for a dead task what its master is told. Once, and only by whoever was told that it
 * died. */
static bool record_death(struct tasks *t, struct task *task, const struct store_done_item *item)
{
    const struct lease *last = task->lease;

    if (task->state != STORE_DEAD || last->id.epoch != item->ref.lease.epoch ||
        last->id.counter != item->ref.lease.counter)
        return false;
    task->has_failure_value = true;
    report(t, task);
    return true;
}

static enum store_done_status finish(struct tasks *t, const struct store_done_item *item)
{
    store_task_id id = item->ref.task;
    struct task *task = find_task(t, id);

    if (!is_epoch_known(t, item->ref.lease) || id == 0 || id > t->last_id)
        return STORE_DONE_GONE;
    /* Ids are given in turn: one that was given and is not here any more has ended. */
    if (!task || (task->has_failure_value && item->state != STORE_CANCELLED))
        return STORE_DONE_ALREADY;
    if (item->state == STORE_DEAD)
        return record_death(t, task, item) ? STORE_DONE_RECORDED : STORE_DONE_ALREADY;
    end_task(t, task, item);
    return STORE_DONE_RECORDED;
}

/* The queue where the result of an item goes; NULL: nowhere. */
static struct task_queue *result_queue_of(const struct tasks *t, const struct store_done_item *item)
{
    const struct task *task = item->result ? find_task(t, item->ref.task) : NULL;
    store_queue_id to = task ? queue_at(t, task->queue)->options.result_queue : 0;

    return to ? queue_at(t, to) : NULL;
}

static void free_blanks(struct task *chain)
{
    while (chain) {
        struct task *next = chain->line.next;

        free(chain);
        chain = next;
    }
}

/* A blank entry for every result of a batch, chained by line.next: more than are used, where
 * results come late or have no queue to go to. False when out of memory. */
static bool make_blanks(const struct store_done_item *items, size_t n, struct task **out_chain)
{
    struct task *chain = NULL;

    for (size_t i = 0; i < n; i++) {
        struct task *entry;

        if (!items[i].result)
            continue;
        entry = calloc(1, sizeof *entry);
        if (!entry) {
            free_blanks(chain);
            return false;
        }
        entry->line.next = chain;
        chain = entry;
    }
    *out_chain = chain;
    return true;
}

enum store_status tasks_done(struct tasks *t, const struct store_done_item *items, size_t n,
                             struct store_done_answer *answers)
{
    struct task *blanks;

    if (!make_blanks(items, n, &blanks))
        return STORE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct task_queue *to = result_queue_of(t, &items[i]);
        struct task *entry = blanks;

        answers[i].result = 0;
        answers[i].status = finish(t, &items[i]);
        if (answers[i].status == STORE_DONE_RECORDED && to) {
            blanks = entry->line.next;
            entry->value = payload_ref(items[i].result);
            answers[i].result = enter_task(t, to, entry);
        }
    }
    free_blanks(blanks);
    return STORE_OK;
}

void tasks_get(const struct tasks *t, const store_task_id *ids, size_t n, struct store_task *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct task *task = find_task(t, ids[i]);

        if (task)
            out[i] = (struct store_task){.task = ids[i],
                                         .queue = task->queue,
                                         .state = (enum store_task_state)task->state,
                                         .losses = task->losses,
                                         .value = task->value};
        else
            out[i] = (struct store_task){0};
    }
}

int64_t tasks_task_done(struct tasks *t, store_queue_id queue)
{
    struct task_queue *q = queue_at(t, queue);

    if (!q->counts.unfinished)
        return -1;
    if (--q->counts.unfinished == 0)
        hint_room(t, q);
    return (int64_t)q->counts.unfinished;
}

/* --- leases that end without a result --------------------------------------------------------- */

/* Count the lost attempt; true if it was the last one. */
static bool count_loss(const struct task_queue *q, struct task *task)
{
    if (task->losses < UINT16_MAX)
        task->losses++;
    return task->losses >= limit_of(q, task);
}

/* The lease ends and the task goes nowhere any more. */
static void die(struct tasks *t, struct lease *lease)
{
    struct task *task = lease->task;
    struct task_queue *q = queue_at(t, task->queue);

    drop_lease(t, lease);
    task->state = STORE_DEAD;
    q->counts.leased--;
    q->counts.dead++;
    settle_unfinished(t, q, task);
    report(t, task);
}

/* The lease ends; its task is away and nowhere, for the caller to place. */
static struct task *end_lease(struct tasks *t, struct lease *lease)
{
    struct task *task = lease->task;

    drop_lease(t, lease);
    free(lease);
    task->where = TASK_NOWHERE;
    queue_at(t, task->queue)->counts.leased--;
    return task;
}

static void to_front(struct tasks *t, struct task *task)
{
    struct task_queue *q = queue_at(t, task->queue);

    task->state = STORE_QUEUED;
    task_queue_return(q, task);
    hint_ready(t, q);
    report(t, task);
}

static void to_back(struct tasks *t, struct task *task)
{
    struct task_queue *q = queue_at(t, task->queue);

    task->state = STORE_QUEUED;
    task->place = ++t->last_place;
    q->n_away--;
    task_queue_append(q, task);
    hint_ready(t, q);
    report(t, task);
}

static void to_delayed(struct tasks *t, struct task *task, uint64_t due_ns)
{
    task->state = STORE_QUEUED;
    task->place = ++t->last_place;
    task->where = TASK_DELAYED;
    queue_at(t, task->queue)->counts.delayed++;
    heap_add(&t->delayed, due_ns, &task->seat);
    report(t, task);
}

static void to_abandoned(struct tasks *t, struct task *task)
{
    task->state = STORE_ABANDONED;
    queue_at(t, task->queue)->counts.abandoned++;
    report(t, task);
}

void tasks_fail(struct tasks *t, const struct store_fail_item *items, size_t n, uint64_t now_ns,
                enum store_fail_status *answers)
{
    for (size_t i = 0; i < n; i++) {
        struct lease *lease = find_held(t, items[i].ref);

        if (!lease) {
            answers[i] = STORE_FAIL_LOST;
        } else if (count_loss(queue_at(t, lease->task->queue), lease->task)) {
            answers[i] = STORE_FAIL_DEAD;
            die(t, lease);
        } else {
            answers[i] = STORE_FAIL_AGAIN;
            if (items[i].delay_ms)
                to_delayed(t, end_lease(t, lease), now_ns + (uint64_t)items[i].delay_ms * NS_IN_MS);
            else
                to_back(t, end_lease(t, lease));
        }
    }
}

static enum store_release_status release_one(struct tasks *t, const struct store_release_item *item)
{
    struct lease *lease = find_held(t, item->ref);
    bool was_last;

    if (!lease)
        return STORE_RELEASE_LOST;
    lease->task->may_be_repeat |= item->may_be_repeat;
    was_last = item->count_attempt && count_loss(queue_at(t, lease->task->queue), lease->task);
    if (item->to == STORE_TO_ABANDONED) {
        to_abandoned(t, end_lease(t, lease));
    } else if (was_last) {
        die(t, lease);
        return STORE_RELEASE_DEAD;
    } else if (item->to == STORE_TO_BACK) {
        to_back(t, end_lease(t, lease));
    } else {
        to_front(t, end_lease(t, lease));
    }
    return STORE_RELEASE_OK;
}

void tasks_release(struct tasks *t, const struct store_release_item *items, size_t n,
                   enum store_release_status *answers)
{
    for (size_t i = 0; i < n; i++)
        answers[i] = release_one(t, &items[i]);
}

bool tasks_has_expired(const struct tasks *t, uint64_t now_ns)
{
    uint64_t deadline_ns;

    return heap_first(&t->expiring, &deadline_ns) && deadline_ns <= now_ns;
}

size_t tasks_sweep(struct tasks *t, size_t max, uint64_t now_ns, struct store_swept *swept)
{
    size_t n = 0;

    while (n < max && tasks_has_expired(t, now_ns)) {
        uint64_t deadline_ns;
        struct lease *lease =
            HEAP_OWNER(heap_first(&t->expiring, &deadline_ns), struct lease, seat);
        struct task *task = lease->task;

        swept[n] = (struct store_swept){task->node.key, lease->id, false, task->value};
        if (count_loss(queue_at(t, task->queue), task)) {
            swept[n].dead = true;
            die(t, lease);
        } else {
            to_front(t, end_lease(t, lease));
        }
        n++;
    }
    return n;
}

void tasks_wake_delayed(struct tasks *t, uint64_t now_ns)
{
    struct heap_seat *seat;
    uint64_t due_ns;

    while ((seat = heap_first(&t->delayed, &due_ns)) && due_ns <= now_ns) {
        struct task *task = HEAP_OWNER(seat, struct task, seat);

        heap_remove(&t->delayed, seat);
        queue_at(t, task->queue)->counts.delayed--;
        to_front(t, task); /* front of what is behind it: its place is from the time it failed */
    }
}

/* --- by operators ----------------------------------------------------------------------------- */

enum store_retry_status tasks_retry(struct tasks *t, store_task_id id)
{
    struct task *task = find_task(t, id);
    struct task_queue *q = task ? queue_at(t, task->queue) : NULL;

    if (!task)
        return STORE_RETRY_GONE;
    if (task->state == STORE_ABANDONED) {
        q->counts.abandoned--;
    } else if (task->state == STORE_DEAD) {
        free(task->lease);
        task->where = TASK_NOWHERE;
        q->counts.dead--;
        task->has_failure_value = false;
        task->is_unfinished = true; /* it had fallen when the task died */
        q->counts.unfinished++;
    } else {
        return STORE_RETRY_NOT_NOW;
    }
    task->losses = 0;
    to_front(t, task);
    return STORE_RETRIED;
}

/* A cancel is a done that needs no lease. */
enum store_status tasks_cancel(struct tasks *t, const struct store_cancel_item *items, size_t n,
                               struct store_done_answer *answers)
{
    struct store_done_item *done = calloc(n ? n : 1, sizeof *done);
    enum store_status st;

    if (!done)
        return STORE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct task *task = find_task(t, items[i].task);

        done[i] = (struct store_done_item){
            .ref = {items[i].task, {t->last_epoch, 0}},
            .state = STORE_CANCELLED,
            /* Of a dead one the master has been told already. */
            .result = task && task->has_failure_value ? NULL : items[i].result,
            .counts_unfinished = true};
    }
    st = tasks_done(t, done, n, answers);
    free(done);
    return st;
}

struct purging {
    store_queue_id queue;
    uint32_t states;
    size_t n, max;
    store_task_id *ids;
};

static void note_purged(const struct task *task, void *arg)
{
    struct purging *p = arg;

    if (p->n < p->max && task->queue == p->queue && (p->states & (1u << task->state)) &&
        task->state != STORE_LEASED)
        p->ids[p->n++] = task->node.key;
}

size_t tasks_purge(struct tasks *t, store_queue_id queue, uint32_t states, size_t max,
                   store_task_id *out)
{
    struct purging p = {queue, states, 0, max, out};

    tasks_each(t, note_purged, &p);
    for (size_t i = 0; i < p.n; i++) {
        struct task *task = find_task(t, out[i]);
        struct task_queue *q = queue_at(t, queue);

        pull_out(t, q, task);
        settle_unfinished(t, q, task);
        task->state = STORE_CANCELLED;
        report(t, task);
        hash_index_remove(&t->by_id, &task->node);
        free_task(task);
    }
    return p.n;
}

void tasks_each(const struct tasks *t, void (*visit)(const struct task *, void *), void *arg)
{
    for (size_t i = 0; i < t->by_id.n_buckets; i++)
        for (struct hash_node *node = hash_index_bucket(&t->by_id, i); node; node = node->next)
            visit(HASH_OWNER(node, struct task, node), arg);
}

/* --- what a journal kept ---------------------------------------------------------------------- */

const struct task *tasks_find(const struct tasks *t, store_task_id id)
{
    return find_task(t, id);
}

/* As a claim would have left it. */
static bool restore_lease(struct tasks *t, struct task_queue *q, struct task *task,
                          const struct tasks_saved *saved, uint64_t now_ns)
{
    struct lease *lease;

    if (!make_leases(t, q, 1, &lease))
        return false;
    q->n_away++;
    lease->id = saved->lease;
    lease->node.key = saved->lease.counter;
    lease->task = task;
    task->lease = lease;
    task->where = TASK_HELD;
    if (saved->state == STORE_LEASED) {
        hash_index_add(&t->leases, &lease->node);
        set_deadline(t, lease, saved->lease_ms, now_ns);
        q->counts.leased++;
    } else {
        q->counts.dead++;
    }
    return true;
}

static bool restore_place(struct tasks *t, struct task_queue *q, struct task *task,
                          const struct tasks_saved *saved, uint64_t now_ns)
{
    bool is_held = saved->state == STORE_DEAD || (saved->state == STORE_LEASED && saved->lease_ms);

    task->state = (uint8_t)saved->state;
    if (is_held)
        return restore_lease(t, q, task, saved, now_ns);
    if (saved->state == STORE_ABANDONED) {
        if (!task_queue_reserve(q, 1))
            return false;
        q->n_away++;
        q->counts.abandoned++;
        return true;
    }
    task->state = STORE_QUEUED;
    task_queue_append(q, task);
    hint_ready(t, q);
    return true;
}

void tasks_expect(struct tasks *t, size_t n)
{
    hash_index_expect(&t->by_id, n);
}

static enum store_status restore(struct tasks *t, const struct tasks_saved *saved,
                                 bool is_unfinished, uint64_t now_ns)
{
    struct task_queue *q = queue_at(t, saved->queue);
    struct task *task = new_task(saved->value, saved->max_attempts);

    if (!task)
        return STORE_NOMEM;
    task->node.key = saved->task;
    task->place = saved->place;
    task->queue = (uint16_t)saved->queue;
    task->losses = saved->losses < UINT16_MAX ? (uint16_t)saved->losses : UINT16_MAX;
    task->may_be_repeat = saved->may_be_repeat;
    task->has_failure_value = saved->has_failure_value;
    task->is_unfinished = is_unfinished;
    if (!restore_place(t, q, task, saved, now_ns)) {
        free_task(task);
        return STORE_NOMEM;
    }
    hash_index_add(&t->by_id, &task->node);
    return STORE_OK;
}

/* Dead, by a lease with a time, and nobody was told: the server ended between the two. It was lost,
 * then: what a worker says of its own failure is done(FAILED), the end and the value in one, and
 * tasks_fail(), which could kill a task too, is called by no server. */
static bool is_death_untold(const struct tasks_saved *saved)
{
    return saved->state == STORE_DEAD && saved->lease_ms && !saved->has_failure_value;
}

enum store_status tasks_restore(struct tasks *t, const struct tasks_saved *saved, uint64_t now_ns)
{
    struct tasks_saved dying;

    if (!is_death_untold(saved))
        return restore(t, saved, saved->state != STORE_DEAD, now_ns);
    /* As it was before, with a lease that is about to run out: tasks_sweep() counts the loss and
     * says what the master must hear once more. `unfinished` fell when it died. */
    dying = *saved;
    dying.state = STORE_LEASED;
    dying.lease_ms = 1;
    if (dying.losses > 0)
        dying.losses--;
    return restore(t, &dying, false, now_ns);
}

void tasks_restore_counts(struct tasks *t, store_queue_id queue, const struct store_counts *counts)
{
    struct store_counts *c = &queue_at(t, queue)->counts;

    c->unfinished = counts->unfinished;
    c->done = counts->done;
    c->failed = counts->failed;
    c->cancelled = counts->cancelled;
}

store_task_id tasks_last_id(const struct tasks *t)
{
    return t->last_id;
}

void tasks_restore_last(struct tasks *t, store_task_id task, uint64_t place)
{
    t->last_id = task;
    t->last_place = place;
}
