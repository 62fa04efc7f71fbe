/* SPDX-License-Identifier: Apache-2.0 */
/* lease_group.c - see lease_group.h. */
#include "server/lease_group.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEEP_IDLE_PROCESSES = 1000, /* a client's finished children: nobody asks for more */
    IDENTS_BEFORE_PRUNING = 32,
    MAX_TEXT = 256 /* of a peer or a name */
};

/* --- clients ---------------------------------------------------------------------------------- */

static struct lease_client *client_new(struct lease_table *t)
{
    struct lease_client *cl = calloc(1, sizeof *cl);

    if (!cl)
        return NULL;
    cl->table = t;
    list_init(&cl->idents);
    list_init(&cl->conns);
    list_init(&cl->processes);
    list_init(&cl->idle);
    return cl;
}

static void process_free(struct lease_process *p)
{
    list_remove(&p->in_client);
    list_remove(&p->in_idle);
    list_remove(&p->in_deadlines);
    free(p);
}

static void client_lose_member(struct lease_client *cl)
{
    if (--cl->n_members > 0)
        return;
    while (!list_is_empty(&cl->processes))
        process_free(LIST_ENTRY(cl->processes.next, struct lease_process, in_client));
    free(cl);
}

static struct lease_process *find_process(struct lease_client *cl, const char *peer,
                                          const char *base, size_t base_len)
{
    LIST_EACH (p, &cl->processes, struct lease_process, in_client) {
        if (p->base_len == base_len && memcmp(p->base, base, base_len) == 0 &&
            strcmp(p->peer, peer) == 0)
            return p;
    }
    return NULL;
}

static void leave_idle(struct lease_process *p)
{
    if (!list_is_empty(&p->in_idle)) {
        list_remove(&p->in_idle);
        p->client->n_idle--;
    }
}

/* The process lost a connection: note it if it is idle now. */
static void check_idle(struct lease_process *p)
{
    struct lease_client *cl = p->client;

    if (!list_is_empty(&p->live) || !list_is_empty(&p->ended) || !list_is_empty(&p->in_idle))
        return;
    list_append(&cl->idle, &p->in_idle);
    cl->n_idle++;
    if (cl->n_idle > KEEP_IDLE_PROCESSES) {
        struct lease_process *oldest = LIST_ENTRY(cl->idle.next, struct lease_process, in_idle);

        cl->n_idle--;
        process_free(oldest);
    }
}

/* One process under two clients that turn out to be one. */
static void merge_process(struct lease_process *into, struct lease_process *from)
{
    LIST_EACH (c, &from->live, struct lease_conn, in_process) {
        c->process = into;
    }
    LIST_EACH (c, &from->ended, struct lease_conn, in_process) {
        c->process = into;
    }
    list_move_all(&into->live, &from->live);
    list_move_all(&into->ended, &from->ended);
    into->has_taken |= from->has_taken;
    into->is_mixed |= from->is_mixed;
    if (into->verdict == VERDICT_NONE)
        into->verdict = from->verdict;
    if (list_is_empty(&into->in_deadlines) && !list_is_empty(&from->in_deadlines)) {
        into->deadline_ns = from->deadline_ns;
        /* Takes from's place, so that the list stays in order of time. */
        list_append(&from->in_deadlines, &into->in_deadlines);
    }
    leave_idle(from);
    process_free(from);
    leave_idle(into);
    check_idle(into);
}

static void merge_clients(struct lease_client *into, struct lease_client *from)
{
    LIST_EACH (i, &from->idents, struct lease_ident, in_client) {
        i->client = into;
    }
    LIST_EACH (c, &from->conns, struct lease_conn, in_client) {
        c->client = into;
    }
    list_move_all(&into->idents, &from->idents);
    list_move_all(&into->conns, &from->conns);
    into->n_members += from->n_members;
    into->was_answered |= from->was_answered;
    while (!list_is_empty(&from->processes)) {
        struct lease_process *p = LIST_ENTRY(from->processes.next, struct lease_process, in_client);
        struct lease_process *same = find_process(into, p->peer, p->base, p->base_len);

        if (same) {
            merge_process(same, p);
            continue;
        }
        leave_idle(p);
        list_remove(&p->in_client);
        list_append(&into->processes, &p->in_client);
        p->client = into;
        check_idle(p);
    }
    free(from);
}

/* --- idents ----------------------------------------------------------------------------------- */

void group_ident_unref(struct lease_ident *i)
{
    if (!i || --i->refs > 0)
        return;
    list_remove(&i->in_client);
    if (i->client)
        client_lose_member(i->client);
    free(i->credits);
    free(i);
}

/* A proxy made anew for each call leaves an ident behind each time; those dropped for good tell
 * nothing more. */
static void prune_idents(struct lease_conn *c)
{
    size_t kept = 0;

    for (size_t k = 0; k < c->n_idents; k++) {
        struct lease_ident *i = c->idents[k];

        if (i->count > 0 || i == c->asked || i == c->got_ident)
            c->idents[kept++] = i;
        else
            group_ident_unref(i);
    }
    c->n_idents = kept;
}

static bool remember_ident(struct lease_conn *c, struct lease_ident *i)
{
    for (size_t k = 0; k < c->n_idents; k++)
        if (c->idents[k] == i)
            return true;
    if (c->n_idents == c->cap_idents && c->n_idents >= IDENTS_BEFORE_PRUNING)
        prune_idents(c);
    if (c->n_idents == c->cap_idents) {
        size_t cap = c->cap_idents ? c->cap_idents * 2 : 2;
        struct lease_ident **grown = realloc(c->idents, cap * sizeof(struct lease_ident *));

        if (!grown)
            return false;
        c->idents = grown;
        c->cap_idents = cap;
    }
    if (!c->has_used_idents || i->born_ns < c->first_born_ns)
        c->first_born_ns = i->born_ns;
    c->has_used_idents = true;
    i->refs++;
    c->idents[c->n_idents++] = i;
    return true;
}

/* --- connections ------------------------------------------------------------------------------ */

struct lease_conn *group_conn_new(struct lease_table *t, const char *peer, const char *name)
{
    size_t peer_len = strnlen(peer, MAX_TEXT), name_len = strnlen(name, MAX_TEXT);
    struct lease_conn *c = calloc(1, sizeof *c + peer_len + name_len + 2);

    if (!c)
        return NULL;
    c->table = t;
    list_init(&c->in_client);
    list_init(&c->in_process);
    list_init(&c->open);
    c->refs = 1;
    c->is_live = true;
    memcpy(c->text, peer, peer_len);
    memcpy(c->text + peer_len + 1, name, name_len);
    c->peer = c->text;
    c->name = c->text + peer_len + 1;
    c->base_len = strcspn(c->name, "|");
    c->is_main = c->name[c->base_len] == '\0';
    return c;
}

void group_conn_ref(struct lease_conn *c)
{
    c->refs++;
}

void group_conn_unref(struct lease_conn *c)
{
    if (--c->refs > 0)
        return;
    list_remove(&c->in_process);
    list_remove(&c->in_client);
    for (size_t k = 0; k < c->n_idents; k++)
        group_ident_unref(c->idents[k]);
    if (c->client)
        client_lose_member(c->client);
    if (c->spare) {
        free(c->spare);
        c->table->n_reserved--;
    }
    free(c->idents);
    free(c);
}

static struct lease_process *process_new(struct lease_client *cl, const struct lease_conn *c)
{
    size_t peer_len = strlen(c->peer);
    struct lease_process *p = calloc(1, sizeof *p + peer_len + c->base_len + 2);

    if (!p)
        return NULL;
    p->client = cl;
    list_init(&p->in_idle);
    list_init(&p->in_deadlines);
    list_init(&p->live);
    list_init(&p->ended);
    memcpy(p->text, c->peer, peer_len);
    memcpy(p->text + peer_len + 1, c->name, c->base_len);
    p->peer = p->text;
    p->base = p->text + peer_len + 1;
    p->base_len = c->base_len;
    list_append(&cl->processes, &p->in_client);
    return p;
}

bool group_join(struct lease_conn *c, struct lease_ident *i)
{
    struct lease_client *of_conn = c->client, *of_ident = i->client, *fresh = NULL;

    if (!remember_ident(c, i))
        return false;
    if (of_conn && of_conn == of_ident)
        return true;
    if (!of_conn && !of_ident) {
        if (!(fresh = client_new(c->table)))
            return false;
        of_conn = of_ident = fresh;
    }
    if (!of_conn || !of_ident) { /* one of them joins the other's client */
        of_conn = of_ident = of_conn ? of_conn : of_ident;
    }
    if (!c->process) {
        struct lease_process *p = find_process(of_conn, c->peer, c->name, c->base_len);

        if (!p && !(p = process_new(of_conn, c))) {
            free(fresh);
            return false;
        }
        c->process = p;
        leave_idle(p);
        list_append(&p->live, &c->in_process);
    }
    if (!c->client) {
        c->client = of_conn;
        list_append(&of_conn->conns, &c->in_client);
        of_conn->n_members++;
    }
    if (!i->client) {
        i->client = of_ident;
        list_append(&of_ident->idents, &i->in_client);
        of_ident->n_members++;
    }
    if (of_conn != of_ident) {
        if (of_conn->n_members < of_ident->n_members)
            merge_clients(of_ident, of_conn);
        else
            merge_clients(of_conn, of_ident);
    }
    return true;
}

/* --- tasks ------------------------------------------------------------------------------------ */

bool group_reserve_task(struct lease_conn *c)
{
    struct lease_table *t = c->table;
    size_t wanted = t->tasks.n + t->n_reserved + 1;
    struct lease_task *spare;

    if (c->spare)
        return true;
    if (wanted > t->cap_scratch) {
        size_t cap = wanted < 32 ? 64 : wanted * 2;
        struct lease_task **tasks = realloc(t->scratch, cap * sizeof(struct lease_task *));
        uint64_t *ids;

        if (!tasks)
            return false;
        t->scratch = tasks;
        ids = realloc(t->scratch_ids, cap * sizeof *ids);
        if (!ids)
            return false;
        t->scratch_ids = ids;
        t->cap_scratch = cap;
    }
    spare = calloc(1, sizeof *spare);
    if (!spare)
        return false;
    list_init(&spare->link);
    c->spare = spare;
    t->n_reserved++;
    return true;
}

void group_conn_leave_process(struct lease_conn *c)
{
    struct lease_process *p = c->process;

    list_remove(&c->in_process);
    c->process = NULL;
    check_idle(p);
}

void group_task_unlink(struct lease_task *task)
{
    struct lease_conn *c = task->conn;

    list_remove(&task->link);
    if (task->where == TASK_OPEN) {
        c->n_open--;
        if (!c->is_live && c->n_open == 0)
            group_conn_leave_process(c);
    } else if (task->where == TASK_ASIDE) {
        c->table->n_aside--;
    }
}

void group_task_free(struct lease_task *task)
{
    struct lease_conn *c = task->conn;

    group_task_unlink(task);
    idmap_remove(&c->table->tasks, task->id);
    free(task);
    group_conn_unref(c);
}
