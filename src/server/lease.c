/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - the rules of lease.h, event by event.
 *
 * The picture behind them:
 *
 *     reply(task)            TAKEN          open on its connection, open both ways
 *     put, task_done         answer()       one way closed for the oldest, one for the youngest
 *     all of a holder even   DONE
 *     connection ends        judge()        by what became of its process:
 *                              died         out FRONT, perhaps BACK, answered ASIDE
 *                              left         one task just taken GRACE, else ASIDE;
 *                                           noted or answered DONE (a guess)
 *                              unknown      kept as an ended connection of the process: judged
 *                                           with it, or at a deadline as died
 *     grace runs out         FRONT          a late put still completes it until it is taken again
 *
 * Invariants: (1) a task is in exactly one list: of its connection, grace, or aside; (2) it is
 * named in at most one decision that ends it, and after DONE never again; (3) an answer closes at
 * most one way of two tasks. */
#include "server/lease.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/lease_group.h"

enum { DEFAULT_KEEP = 1000 };

/* --- sets of tasks ------------------------------------------------------------------------------
 * Sets are gathered in table->scratch, which has room for every task there is. */

static size_t gather_conn(struct lease_conn *c, size_t n)
{
    LIST_EACH (task, &c->open, struct lease_task, link) {
        c->table->scratch[n++] = task;
    }
    return n;
}

static size_t gather_process(struct lease_process *p)
{
    size_t n = 0;

    LIST_EACH (c, &p->ended, struct lease_conn, in_process) {
        n = gather_conn(c, n);
    }
    LIST_EACH (c, &p->live, struct lease_conn, in_process) {
        n = gather_conn(c, n);
    }
    return n;
}

static int by_order_of_taking(const void *a, const void *b)
{
    const struct lease_task *x = *(struct lease_task *const *)a,
                            *y = *(struct lease_task *const *)b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void sort_scratch(struct lease_table *t, size_t n)
{
    if (n > 1)
        qsort(t->scratch, n, sizeof t->scratch[0], by_order_of_taking);
}

static bool is_open_any_way(const struct lease_task *task)
{
    return task->fifo_open || task->lifo_open;
}

static bool any_open(struct lease_task *const *set, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (is_open_any_way(set[k]))
            return true;
    return false;
}

/* The oldest task open in order of work, or the youngest open for a worker that skips; NULL if
 * none. */
static struct lease_task *oldest_fifo(struct lease_task *const *set, size_t n)
{
    struct lease_task *best = NULL;

    for (size_t k = 0; k < n; k++)
        if (set[k]->fifo_open && (!best || set[k]->seq < best->seq))
            best = set[k];
    return best;
}

static struct lease_task *youngest_lifo(struct lease_task *const *set, size_t n)
{
    struct lease_task *best = NULL;

    for (size_t k = 0; k < n; k++)
        if (set[k]->lifo_open && (!best || set[k]->seq > best->seq))
            best = set[k];
    return best;
}

/* What its answers say of a task. */
enum standing { STANDING_ANSWERED, STANDING_PERHAPS, STANDING_OUT };

static enum standing standing_of(const struct lease_task *task)
{
    int ways = task->fifo_open + task->lifo_open;

    if (ways == 2)
        return task->is_noted ? STANDING_PERHAPS : STANDING_OUT;
    return ways == 1 ? STANDING_PERHAPS : STANDING_ANSWERED;
}

/* --- decisions -------------------------------------------------------------------------------- */

static void decide(struct lease_table *t, struct lease_decision d)
{
    if (d.n_tasks > 0)
        t->decide(&d, t->arg);
}

/* Copies the ids of the gathered set, so that its tasks may be freed before the decision is told.
 * */
static const uint64_t *ids_of(struct lease_table *t, struct lease_task *const *set, size_t n)
{
    for (size_t k = 0; k < n; k++)
        t->scratch_ids[k] = set[k]->id;
    return t->scratch_ids;
}

static void tell_done(struct lease_table *t, struct lease_task *const *set, size_t n, bool is_sure,
                      const char *why)
{
    const uint64_t *ids = ids_of(t, set, n);

    for (size_t k = 0; k < n; k++)
        group_task_free(set[k]);
    decide(t, (struct lease_decision){
                  .kind = LEASE_DONE, .tasks = ids, .n_tasks = n, .is_sure = is_sure, .why = why});
}

static void tell_back(struct lease_table *t, enum lease_decision_kind kind,
                      struct lease_task *const *set, size_t n, bool counts_attempt, const char *why)
{
    const uint64_t *ids = ids_of(t, set, n);

    for (size_t k = 0; k < n; k++)
        group_task_free(set[k]);
    decide(t, (struct lease_decision){.kind = kind,
                                      .tasks = ids,
                                      .n_tasks = n,
                                      .counts_attempt = counts_attempt,
                                      .may_be_repeat = kind == LEASE_BACK,
                                      .why = why});
}

static void forget_oldest_aside(struct lease_table *t)
{
    struct lease_task *oldest = LIST_ENTRY(t->aside.next, struct lease_task, link);
    uint64_t id = oldest->id;

    group_task_free(oldest);
    decide(t,
           (struct lease_decision){
               .kind = LEASE_FORGOTTEN, .tasks = &id, .n_tasks = 1, .why = "set aside long ago"});
}

/* Out of its connection's list, into one of those where a late put still finds it. */
static void make_late(struct lease_task *task, enum lease_where where)
{
    struct lease_table *t = task->conn->table;

    group_task_unlink(task);
    task->where = where;
    if (where == TASK_IN_GRACE) {
        list_append(&t->grace, &task->link);
    } else {
        list_append(&t->aside, &task->link);
        t->n_aside++;
        if (t->n_aside > t->settings.keep)
            forget_oldest_aside(t);
    }
}

/* `set` is scratch: the decision is told before anything that could reuse it. */
static void tell_aside(struct lease_table *t, struct lease_task *const *set, size_t n,
                       bool may_be_repeat, const char *why)
{
    decide(t, (struct lease_decision){.kind = LEASE_ASIDE,
                                      .tasks = ids_of(t, set, n),
                                      .n_tasks = n,
                                      .may_be_repeat = may_be_repeat,
                                      .why = why});
    for (size_t k = 0; k < n; k++)
        make_late(set[k], TASK_ASIDE);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Count one answer for the gathered set. */
static void answer_set(struct lease_task *const *set, size_t n)
{
    struct lease_task *oldest = oldest_fifo(set, n), *youngest = youngest_lifo(set, n);

    if (oldest) {
        oldest->fifo_open = false;
        oldest->conn->client->was_answered = true;
    }
    if (youngest) {
        youngest->lifo_open = false;
        youngest->conn->client->was_answered = true;
    }
}

/* Count one answer of `c`: for its own tasks, or where none is open that way, for its process's.
 * True if a task of another connection was touched. */
static bool answer_own(struct lease_conn *c)
{
    struct lease_table *t = c->table;
    size_t n = gather_conn(c, 0);
    struct lease_task *oldest = oldest_fifo(t->scratch, n),
                      *youngest = youngest_lifo(t->scratch, n);

    c->client->was_answered = true;
    if (!oldest || !youngest) {
        n = gather_process(c->process);
        if (!oldest)
            oldest = oldest_fifo(t->scratch, n);
        if (!youngest)
            youngest = youngest_lifo(t->scratch, n);
    }
    if (oldest)
        oldest->fifo_open = false;
    if (youngest)
        youngest->lifo_open = false;
    return (oldest && oldest->conn != c) || (youngest && youngest->conn != c);
}

/* The gathered set is done if it is even. */
static bool finish_set(struct lease_table *t, size_t n)
{
    if (n == 0 || any_open(t->scratch, n))
        return false;
    sort_scratch(t, n);
    tell_done(t, t->scratch, n, true, "answered");
    return true;
}

static void finish_process(struct lease_process *p)
{
    if (finish_set(p->client->table, gather_process(p)))
        p->is_mixed = false;
}

/* Tasks of the client that somebody else must answer for: of connections that never answered, and
 * what was left behind. */
static size_t gather_of_client(struct lease_client *cl)
{
    struct lease_table *t = cl->table;
    size_t n = 0;

    LIST_EACH (c, &cl->conns, struct lease_conn, in_client) {
        if (c->n_answered == 0)
            n = gather_conn(c, n);
    }
    LIST_EACH (task, &t->grace, struct lease_task, link) {
        if (task->conn->client == cl)
            t->scratch[n++] = task;
    }
    LIST_EACH (task, &t->aside, struct lease_task, link) {
        if (task->conn->client == cl)
            t->scratch[n++] = task;
    }
    return n;
}

/* Same address and process name, and taken before this client was born: proxies made anew for each
 * call. */
static bool is_left_by_namesake(const struct lease_task *task, const struct lease_conn *c)
{
    return task->conn->base_len == c->base_len &&
           memcmp(task->conn->name, c->name, c->base_len) == 0 &&
           strcmp(task->conn->peer, c->peer) == 0 && task->taken_ns < c->first_born_ns;
}

static size_t gather_of_namesakes(const struct lease_conn *c)
{
    struct lease_table *t = c->table;
    size_t n = 0;

    LIST_EACH (task, &t->grace, struct lease_task, link) {
        if (is_left_by_namesake(task, c))
            t->scratch[n++] = task;
    }
    LIST_EACH (task, &t->aside, struct lease_task, link) {
        if (is_left_by_namesake(task, c))
            t->scratch[n++] = task;
    }
    return n;
}

/* A note only: a result came from this host, perhaps of a pool behind a parent. */
static void note_oldest_of_host(struct lease_conn *c)
{
    struct lease_table *t = c->table;
    struct lease_task *oldest = NULL;

    for (size_t k = 0; k < t->tasks.cap; k++) {
        struct lease_task *task = t->tasks.slots[k].value;

        if (!task || task->is_noted || task->conn->client->was_answered)
            continue;
        if (task->where == TASK_OPEN && task->conn->n_answered > 0)
            continue;
        if (strcmp(task->conn->peer, c->peer) == 0 && (!oldest || task->seq < oldest->seq))
            oldest = task;
    }
    if (oldest)
        oldest->is_noted = true;
}

/* A put from a process that never took a task. */
static void answer_for_others(struct lease_conn *c)
{
    struct lease_table *t = c->table;
    size_t n = gather_of_client(c->client);

    if (!any_open(t->scratch, n))
        n = gather_of_namesakes(c);
    if (any_open(t->scratch, n)) {
        answer_set(t->scratch, n);
        (void)finish_set(t, n); /* not even yet: the next put goes on */
        return;
    }
    if (t->tasks.n > 0)
        note_oldest_of_host(c);
}

enum mark { MARK_PUT, MARK_TASK_DONE };

static void mark(struct lease_conn *c, enum mark kind)
{
    size_t *count = kind == MARK_PUT ? &c->n_puts : &c->n_task_dones;
    size_t most;

    if (*count < c->n_taken) {
        ++*count;
        most = c->n_puts > c->n_task_dones ? c->n_puts : c->n_task_dones;
        if (most <= c->n_answered)
            return; /* the second mark of one task */
        c->n_answered++;
        if (answer_own(c))
            c->process->is_mixed = true;
        if (c->process->is_mixed)
            finish_process(c->process);
        else
            (void)finish_set(c->table, gather_conn(c, 0)); /* not even yet */
        return;
    }
    if (kind == MARK_TASK_DONE && c->n_taken > 0)
        return; /* one too many */
    size_t n = gather_process(c->process);

    if (any_open(c->table->scratch, n)) { /* a thread answers for its process's others */
        c->process->is_mixed = true;
        answer_set(c->table->scratch, n);
        c->client->was_answered = true;
        finish_process(c->process);
    } else if (kind == MARK_PUT && !c->process->has_taken) {
        answer_for_others(c);
    }
}

/* A holder that stays uneven for ever must not grow for ever. */
static void bound_open(struct lease_conn *c)
{
    if (c->n_open <= c->table->settings.keep)
        return;
    LIST_EACH (task, &c->open, struct lease_task, link) {
        if (!is_open_any_way(task)) {
            tell_done(c->table, &task, 1, false, "answered, as far as can be told");
            return;
        }
    }
}

/* --- ends ------------------------------------------------------------------------------------- */

/* Gather those of `c` with one standing; noted ones count as answered when `noted_is_answered`. */
static size_t gather_standing(struct lease_conn *c, enum standing wanted, bool noted_is_answered)
{
    size_t n = 0;

    LIST_EACH (task, &c->open, struct lease_task, link) {
        enum standing s = standing_of(task);

        if (noted_is_answered && task->is_noted)
            s = STANDING_ANSWERED;
        if (s == wanted)
            c->table->scratch[n++] = task;
    }
    return n;
}

static void judge_died(struct lease_conn *c, const char *why)
{
    struct lease_table *t = c->table;
    size_t n_lost;

    group_conn_ref(c); /* the decisions free its tasks, which keep it */
    n_lost = gather_standing(c, STANDING_OUT, false);
    tell_back(t, LEASE_FRONT, t->scratch, n_lost, true, why);
    size_t n = gather_standing(c, STANDING_PERHAPS, false);

    tell_back(t, LEASE_BACK, t->scratch, n, true, why);
    n_lost += n;
    n = gather_standing(c, STANDING_ANSWERED, false);
    if (n_lost > 0)
        tell_aside(t, t->scratch, n, true, "its holder died; answered, as far as can be told");
    else
        tell_done(t, t->scratch, n, false, "answered, as far as can be told");
    group_conn_unref(c);
}

static void judge_left(struct lease_conn *c, uint64_t now_ns)
{
    struct lease_table *t = c->table;
    struct lease_task *only;
    size_t n;

    group_conn_ref(c);
    n = gather_standing(c, STANDING_ANSWERED, true);
    tell_done(t, t->scratch, n, false, "its holder left; answered, as far as can be told");
    n = gather_conn(c, 0);
    only = n == 1 ? t->scratch[0] : NULL;
    if (only && only->id == c->last_task && only->is_work && standing_of(only) == STANDING_OUT) {
        only->due_ns = now_ns + t->settings.grace_ns;
        make_late(only, TASK_IN_GRACE);
        decide(t, (struct lease_decision){.kind = LEASE_GRACE,
                                          .tasks = &only->id,
                                          .n_tasks = 1,
                                          .why = "its holder left"});
    } else {
        tell_aside(t, t->scratch, n, false, "its holder left with it in hand");
    }
    group_conn_unref(c);
}

static void judge_process(struct lease_process *p, uint64_t now_ns)
{
    while (!list_is_empty(&p->ended)) {
        struct lease_conn *c = LIST_ENTRY(p->ended.next, struct lease_conn, in_process);

        if (p->verdict == VERDICT_DIED)
            judge_died(c, "died");
        else
            judge_left(c, now_ns);
    }
}

static bool has_credit(const struct lease_conn *c, const struct lease_ident *i, uint64_t now_ns)
{
    for (size_t k = i->n_credits; k-- > 0;)
        if (i->credits[k] >= c->asked_ns && now_ns - i->credits[k] <= c->table->settings.credit_ns)
            return true;
    return false;
}

static bool is_good_order(const struct lease_conn *c, uint64_t now_ns)
{
    for (size_t k = 0; k < c->n_idents; k++)
        if (c->idents[k]->count > 0 && !has_credit(c, c->idents[k], now_ns))
            return false;
    return c->has_used_idents;
}

static void spend_credits(struct lease_client *cl)
{
    LIST_EACH (i, &cl->idents, struct lease_ident, in_client) {
        if (i->n_credits > 0)
            memmove(i->credits, i->credits + 1, --i->n_credits * sizeof *i->credits);
    }
}

/* The last reply's item was never received. A lease is given back only while nothing answered it.
 * */
static void give_back_last(struct lease_conn *c)
{
    struct lease_table *t = c->table;
    uint64_t item = c->got_item;

    c->got_item = 0;
    if (!item)
        return;
    if (c->got_ident->role & LEASE_TASKS) {
        struct lease_task *task = idmap_get(&t->tasks, item);

        if (!task || task->conn != c || task->where != TASK_OPEN ||
            standing_of(task) != STANDING_OUT)
            return;
        c->n_taken--;
        group_conn_ref(c);
        group_task_free(task);
        decide(t, (struct lease_decision){
                      .kind = LEASE_FRONT, .tasks = &item, .n_tasks = 1, .why = "never delivered"});
        group_conn_unref(c);
        return;
    }
    decide(t, (struct lease_decision){
                  .kind = LEASE_FRONT, .tasks = &item, .n_tasks = 1, .why = "never delivered"});
}

/* In an orderly leave a program drops its proxies after its last call: a reply written after the
 * ident was dropped went to nobody (Ctrl-C in a blocked get). */
static void give_back_undelivered(struct lease_conn *c)
{
    const struct lease_ident *i = c->got_ident;

    if (!c->got_item)
        return;
    if (i->count <= 0) {
        if (i->was_dropped && i->dropped_ns <= c->got_ns)
            give_back_last(c);
    } else if (i->n_credits > 0 && i->credits[i->n_credits - 1] >= c->asked_ns &&
               i->credits[i->n_credits - 1] <= c->got_ns) {
        give_back_last(c);
    }
}

static void set_deadline(struct lease_process *p, uint64_t now_ns)
{
    struct lease_table *t = p->client->table;

    list_remove(&p->in_deadlines);
    p->deadline_ns = now_ns + t->settings.grace_ns;
    list_append(&t->deadlines, &p->in_deadlines);
}

/* --- events ----------------------------------------------------------------------------------- */

struct lease_ident *lease_ident_new(struct lease_table *t, int role, bool is_created,
                                    uint64_t now_ns)
{
    struct lease_ident *i = calloc(1, sizeof *i);

    if (!i)
        return NULL;
    i->table = t;
    list_init(&i->in_client);
    i->refs = 1;
    i->role = role;
    i->born_ns = now_ns;
    i->count = is_created;
    i->awaits_incref = is_created;
    return i;
}

void lease_incref(struct lease_ident *i)
{
    i->count++;
    if (i->awaits_incref) {
        i->awaits_incref = false;
        i->owes_decref = true;
    }
}

void lease_decref(struct lease_ident *i, uint64_t now_ns)
{
    i->count--;
    if (i->owes_decref) { /* create's own */
        i->owes_decref = false;
        return;
    }
    i->was_dropped = true;
    i->dropped_ns = now_ns;
    if (i->n_credits == i->cap_credits && i->cap_credits < CREDITS_KEPT) {
        size_t cap = i->cap_credits ? i->cap_credits * 2 : 2;
        uint64_t *grown = realloc(i->credits, cap * sizeof *grown);

        if (grown) {
            i->credits = grown;
            i->cap_credits = cap;
        }
    }
    if (i->cap_credits == 0)
        return; /* out of memory: one credit less errs towards giving work back */
    if (i->n_credits == i->cap_credits)
        memmove(i->credits, i->credits + 1, --i->n_credits * sizeof *i->credits);
    i->credits[i->n_credits++] = now_ns;
}

void lease_ident_forget(struct lease_ident *i)
{
    group_ident_unref(i);
}

struct lease_conn *lease_accept(struct lease_table *t, const char *peer, const char *name)
{
    return group_conn_new(t, peer, name);
}

bool lease_request(struct lease_conn *c, struct lease_ident *i, uint64_t now_ns)
{
    bool is_first = !c->process;

    if (!group_reserve_task(c) || !group_join(c, i))
        return false;
    c->asked = i;
    c->asked_ns = now_ns;
    if (i->count <= 0) { /* an ident stays good after its last decref */
        i->count = 1;
        i->n_credits = 0;
        i->was_dropped = false;
    }
    if (is_first) { /* the process shows up (again) */
        c->process->verdict = VERDICT_NONE;
        list_remove(&c->process->in_deadlines);
    }
    if (i->role != LEASE_PLAIN)
        c->last_task = 0;
    return true;
}

void lease_replied_item(struct lease_conn *c, uint64_t id, bool is_work, uint64_t now_ns)
{
    struct lease_table *t = c->table;
    struct lease_task *task;

    c->got_item = id;
    c->got_ident = c->asked;
    c->got_ns = now_ns;
    if (!(c->asked->role & LEASE_TASKS))
        return;
    lease_forget_task(t, id); /* nobody completes it late any more */
    task = c->spare;
    assert(task); /* lease_request() reserved it */
    c->spare = NULL;
    t->n_reserved--;
    task->id = id;
    task->seq = t->next_seq++;
    task->taken_ns = now_ns;
    task->conn = c;
    task->where = TASK_OPEN;
    task->fifo_open = task->lifo_open = true;
    task->is_work = is_work;
    if (!idmap_set(&t->tasks, id, task)) {
        /* No room to watch it: it is handed out as a server without leases would. */
        free(task);
        return;
    }
    group_conn_ref(c);
    list_append(&c->open, &task->link);
    c->n_open++;
    c->n_taken++;
    c->last_task = id;
    c->process->has_taken = true;
    decide(t, (struct lease_decision){
                  .kind = LEASE_TAKEN, .tasks = &id, .n_tasks = 1, .why = "taken"});
    bound_open(c);
}

void lease_replied_put(struct lease_conn *c, uint64_t same_task, uint64_t now_ns)
{
    int role = c->asked->role;

    (void)now_ns;
    c->got_item = 0;
    if ((role & LEASE_TASKS) && same_task) {
        struct lease_task *task = idmap_get(&c->table->tasks, same_task);

        if (task && task->conn == c && task->where == TASK_OPEN) {
            c->n_taken--;
            tell_done(c->table, &task, 1, true, "its holder put it back itself");
        }
    }
    if (role & LEASE_RESULTS)
        mark(c, MARK_PUT);
}

void lease_replied_task_done(struct lease_conn *c, uint64_t now_ns)
{
    (void)now_ns;
    c->got_item = 0;
    if (c->asked->role & LEASE_TASKS)
        mark(c, MARK_TASK_DONE);
}

void lease_replied_other(struct lease_conn *c)
{
    c->got_item = 0;
}

void lease_end(struct lease_conn *c, bool last_reply_lost, uint64_t now_ns)
{
    struct lease_process *p;

    if (!c)
        return;
    p = c->process;
    if (!p) { /* it never made a call */
        group_conn_unref(c);
        return;
    }
    list_remove(&c->in_process);
    if (c->is_main || (list_is_empty(&p->live) && p->verdict == VERDICT_NONE)) {
        if (is_good_order(c, now_ns)) {
            give_back_undelivered(c);
            spend_credits(c->client);
            p->verdict = VERDICT_LEFT;
        } else if (c->is_main) {
            p->verdict = VERDICT_DIED;
        }
    }
    if (last_reply_lost)
        give_back_last(c);
    c->is_live = false;
    if (c->n_open > 0)
        list_append(&p->ended, &c->in_process);
    else
        group_conn_leave_process(c);
    if (p->verdict != VERDICT_NONE)
        judge_process(p, now_ns);
    else if (list_is_empty(&p->live) && !list_is_empty(&p->ended))
        set_deadline(p, now_ns);
    group_conn_unref(c);
}

/* --- time ------------------------------------------------------------------------------------- */

static void grace_over(struct lease_task *task)
{
    struct lease_table *t = task->conn->table;
    enum standing s = standing_of(task);

    if (task->is_noted || s == STANDING_ANSWERED) {
        tell_done(t, &task, 1, false, "its holder left; answered, as far as can be told");
    } else if (s == STANDING_PERHAPS) {
        make_late(task, TASK_ASIDE);
        decide(t, (struct lease_decision){.kind = LEASE_ASIDE,
                                          .tasks = &task->id,
                                          .n_tasks = 1,
                                          .why = "its holder left"});
    } else {
        make_late(task, TASK_ASIDE); /* a late put still finds it, until it is taken again */
        decide(t, (struct lease_decision){.kind = LEASE_FRONT,
                                          .tasks = &task->id,
                                          .n_tasks = 1,
                                          .counts_attempt = true,
                                          .why = "left, and nothing came"});
    }
}

void lease_tick(struct lease_table *t, uint64_t now_ns)
{
    while (!list_is_empty(&t->deadlines)) {
        struct lease_process *p = LIST_ENTRY(t->deadlines.next, struct lease_process, in_deadlines);

        if (p->deadline_ns > now_ns)
            break;
        list_remove(&p->in_deadlines);
        while (!list_is_empty(&p->ended)) {
            bool is_last = p->ended.next == p->ended.prev;

            judge_died(LIST_ENTRY(p->ended.next, struct lease_conn, in_process),
                       "its client did not show up");
            if (is_last)
                break; /* `p` may be gone with its last task */
        }
    }
    while (!list_is_empty(&t->grace)) {
        struct lease_task *task = LIST_ENTRY(t->grace.next, struct lease_task, link);

        if (task->due_ns > now_ns)
            break;
        grace_over(task);
    }
}

uint64_t lease_next_ns(const struct lease_table *t)
{
    uint64_t next = UINT64_MAX;

    if (!list_is_empty(&t->deadlines))
        next = LIST_ENTRY(t->deadlines.next, struct lease_process, in_deadlines)->deadline_ns;
    if (!list_is_empty(&t->grace)) {
        uint64_t due = LIST_ENTRY(t->grace.next, struct lease_task, link)->due_ns;

        if (due < next)
            next = due;
    }
    return next;
}

/* --- looking, and operators ------------------------------------------------------------------- */

void lease_forget_task(struct lease_table *t, uint64_t id)
{
    struct lease_task *task = idmap_get(&t->tasks, id);

    if (task)
        group_task_free(task);
}

size_t lease_open_tasks(const struct lease_conn *c, uint64_t *out_tasks, size_t max)
{
    size_t n = 0;

    LIST_EACH (task, &c->open, struct lease_task, link) {
        if (n < max)
            out_tasks[n] = task->id;
        n++;
    }
    return n;
}

uint64_t lease_sure_task(const struct lease_conn *c)
{
    const struct lease_task *only;
    size_t most = c->n_puts + 1 > c->n_task_dones ? c->n_puts + 1 : c->n_task_dones;

    if (c->n_open != 1 || c->process->is_mixed || c->n_puts >= c->n_taken || most <= c->n_answered)
        return 0;
    only = LIST_ENTRY(c->open.next, struct lease_task, link);
    return only->fifo_open && only->lifo_open ? only->id : 0;
}

bool lease_find(const struct lease_table *t, uint64_t id, struct lease_holder *out)
{
    static const char *const standings[] = {"answered", "perhaps", "out"};
    const struct lease_task *task = idmap_get(&t->tasks, id);

    if (!task)
        return false;
    out->peer = task->conn->peer;
    out->name = task->conn->name;
    out->is_connected = task->conn->is_live;
    out->state = task->where == TASK_IN_GRACE ? "in grace"
                 : task->where == TASK_ASIDE  ? "set aside"
                                              : standings[standing_of(task)];
    return true;
}

/* --- the table -------------------------------------------------------------------------------- */

struct lease_table *lease_table_new(const struct lease_settings *settings,
                                    lease_decide_fn decide_fn, void *arg)
{
    struct lease_table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->settings = *settings;
    if (t->settings.keep == 0)
        t->settings.keep = DEFAULT_KEEP;
    t->decide = decide_fn;
    t->arg = arg;
    t->next_seq = 1;
    idmap_init(&t->tasks);
    list_init(&t->grace);
    list_init(&t->aside);
    list_init(&t->deadlines);
    return t;
}

void lease_table_free(struct lease_table *t)
{
    if (!t)
        return;
    /* The caller has given back its idents and connections; tasks are all that keeps anything. */
    for (size_t k = 0; k < t->tasks.cap;) {
        if (t->tasks.slots[k].id)
            group_task_free(t->tasks.slots[k].value); /* may move another entry into slot k */
        else
            k++;
    }
    idmap_release(&t->tasks);
    free(t->scratch);
    free(t->scratch_ids);
    free(t);
}
