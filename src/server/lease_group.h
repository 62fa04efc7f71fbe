/* SPDX-License-Identifier: Apache-2.0 */
/* lease_group.h - the things lease.c reasons about, and their memory: clients, processes,
 * connections, idents, tasks.
 *
 * Who keeps whom alive:
 *
 *     ident       the caller's handle, and each connection that used it
 *     connection  while live, and while a task names it as its holder
 *     process     its client (idle ones are dropped beyond KEEP_IDLE_PROCESSES)
 *     client      while it has an ident or a connection
 *     task        from its reply to the decision that ends it; always in exactly one list (see
 *     lease_where)
 *
 * Clients merge when a connection uses an ident of another client: the smaller one's members move
 * over. */
#ifndef PLATOON_SERVER_LEASE_GROUP_H
#define PLATOON_SERVER_LEASE_GROUP_H

#include "base/idmap.h"
#include "base/list.h"
#include "server/lease.h"

struct lease_client {
    struct lease_table *table;
    struct list idents, conns, processes;
    size_t n_members; /* idents and connections: the smaller client moves */
    struct list idle; /* processes without a connection or a task */
    size_t n_idle;
    bool was_answered; /* some answer was counted for a task of this client */
};

enum lease_verdict { VERDICT_NONE, VERDICT_LEFT, VERDICT_DIED };

struct lease_process {
    struct lease_client *client;
    struct list in_client, in_idle, in_deadlines;
    struct list live, ended; /* connections; ended ones only while they hold open tasks */
    bool has_taken;          /* ever took a task */
    bool is_mixed;           /* its threads answer for each other: done only when all are even */
    enum lease_verdict verdict;
    uint64_t deadline_ns; /* when in_deadlines: judged as died then */
    size_t base_len;
    const char *peer; /* both in text[] */
    const char *base;
    char text[];
};

enum { CREDITS_KEPT = 64 };

struct lease_ident {
    struct lease_table *table;
    struct lease_client *client; /* NULL before its first use by a connection */
    struct list in_client;
    size_t refs;
    int role;
    int64_t count;
    uint64_t born_ns;
    bool awaits_incref; /* created, its first incref not seen */
    bool owes_decref;   /* create's own decref is still to come */
    bool was_dropped;
    uint64_t dropped_ns;
    uint64_t
        *credits; /* times of decrefs beyond create's own, oldest first; at most CREDITS_KEPT */
    size_t n_credits, cap_credits;
};

/* Which list a task is in. */
enum lease_where { TASK_OPEN, TASK_IN_GRACE, TASK_ASIDE };

struct lease_task {
    uint64_t id;
    uint64_t seq; /* order of taking */
    uint64_t taken_ns;
    struct lease_conn *conn;
    struct list link; /* conn->open, table->grace or table->aside */
    enum lease_where where;
    uint64_t due_ns; /* TASK_IN_GRACE */
    bool fifo_open, lifo_open;
    bool is_noted; /* somebody of its host put a result that may be this one's */
    bool is_work;
};

struct lease_conn {
    struct lease_table *table;
    struct lease_client *client;   /* NULL before its first call */
    struct lease_process *process; /* same; NULL again when ended without open tasks */
    struct list in_client, in_process;
    size_t refs;
    bool is_live, is_main, has_used_idents;
    struct lease_ident *
        *idents; /* those it used, each once; the dropped are forgotten beyond a few */
    size_t n_idents, cap_idents;
    uint64_t first_born_ns;    /* of the idents it used */
    struct lease_ident *asked; /* of the call in progress or answered last */
    uint64_t asked_ns;
    uint64_t last_task; /* taken by its last call on the pair; 0 */
    size_t n_taken, n_puts, n_task_dones, n_answered;
    struct list open; /* oldest first */
    size_t n_open;
    uint64_t got_item; /* handed out by the last reply; 0 */
    struct lease_ident *got_ident;
    uint64_t got_ns;
    struct lease_task *spare; /* reserved by lease_request(), so that a reply cannot fail */
    const char *peer, *name;  /* both in text[] */
    size_t base_len;          /* of name, up to the bar */
    char text[];
};

struct lease_table {
    struct lease_settings settings;
    lease_decide_fn decide;
    void *arg;
    struct idmap tasks; /* id -> struct lease_task */
    size_t n_reserved;  /* spares: room is kept for them in `tasks` and in the scratch arrays */
    uint64_t next_seq;
    struct list grace; /* tasks by due time */
    struct list aside; /* oldest first */
    size_t n_aside;
    struct list deadlines;       /* processes by deadline */
    struct lease_task **scratch; /* gathered sets; room for every task */
    uint64_t *scratch_ids;
    size_t cap_scratch;
};

/* lease_group.c */
void group_ident_unref(struct lease_ident *i);
/* Put the connection and the ident into one client, and the connection (at its first call) into
 * its process. False when out of memory, nothing changed. */
bool group_join(struct lease_conn *c, struct lease_ident *i);
struct lease_conn *group_conn_new(struct lease_table *t, const char *peer, const char *name);
void group_conn_ref(struct lease_conn *c);
void group_conn_unref(struct lease_conn *c);
/* An ended connection without open tasks is no part of its process any more. */
void group_conn_leave_process(struct lease_conn *c);
/* A spare task for the connection, with room for it in every table. False when out of memory. */
bool group_reserve_task(struct lease_conn *c);
/* Take the task out of its list; it is in none then. */
void group_task_unlink(struct lease_task *task);
/* The same, and free it. */
void group_task_free(struct lease_task *task);

#endif
