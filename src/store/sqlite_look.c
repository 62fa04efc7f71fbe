/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_look.c - see sqlite_look.h. Statements are made anew for each look: people are slow. */
#include "store/sqlite_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *to, size_t size, sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);

    (void)snprintf(to, size, "%s", text ? (const char *)text : ""); /* cut to fit */
}

static struct payload *value_of(sqlite3_stmt *s)
{
    struct payload *p = calloc(1, sizeof *p);
    int len = sqlite3_column_bytes(s, 15);

    if (!p)
        return NULL;
    p->refs = 1;
    rope_init(&p->pickle);
    p->protocol = (uint8_t)sqlite3_column_int(s, 12);
    p->kind = (uint8_t)sqlite3_column_int(s, 13);
    p->flags = (uint32_t)sqlite3_column_int64(s, 14);
    if (!rope_append_copy(&p->pickle, sqlite3_column_blob(s, 15), (size_t)len)) {
        payload_unref(p);
        return NULL;
    }
    return p;
}

static bool take_row(struct look *l, sqlite3_stmt *s)
{
    struct store_row *row = look_add_row(l);

    if (!row)
        return false;
    row->task = (store_task_id)sqlite3_column_int64(s, 0);
    row->queue = (store_queue_id)sqlite3_column_int64(s, 1);
    row->state = (enum store_task_state)sqlite3_column_int(s, 2);
    row->losses = (uint32_t)sqlite3_column_int64(s, 3);
    row->may_be_repeat = sqlite3_column_int(s, 4) != 0;
    row->bytes = (uint64_t)sqlite3_column_int64(s, 5);
    row->result_of = (store_task_id)sqlite3_column_int64(s, 6);
    row->result = (store_task_id)sqlite3_column_int64(s, 7);
    copy_text(row->outcome, sizeof row->outcome, s, 8);
    row->created_ms = sqlite3_column_int64(s, 9);
    row->changed_ms = sqlite3_column_int64(s, 10);
    if (l->filter.with_values && sqlite3_column_type(s, 15) != SQLITE_NULL)
        row->value = value_of(s);
    else
        return true;
    l->value_bytes += row->bytes;
    return row->value != NULL;
}

static bool take_attempt(struct look *l, sqlite3_stmt *s)
{
    struct store_attempt *a = look_add_attempt(l);

    if (!a)
        return false;
    a->number = (uint32_t)sqlite3_column_int64(s, 0);
    copy_text(a->client, sizeof a->client, s, 1);
    copy_text(a->worker, sizeof a->worker, s, 2);
    a->taken_ms = sqlite3_column_int64(s, 3);
    a->ended_ms = sqlite3_column_int64(s, 4);
    copy_text(a->ending, sizeof a->ending, s, 5);
    return true;
}

static bool take_event(struct look *l, sqlite3_stmt *s)
{
    struct store_event *e = look_add_event(l);

    if (!e)
        return false;
    e->at_ms = sqlite3_column_int64(s, 0);
    copy_text(e->what, sizeof e->what, s, 1);
    copy_text(e->detail, sizeof e->detail, s, 2);
    return true;
}

static bool take_metric(struct look *l, sqlite3_stmt *s)
{
    struct store_metric *m = look_add_metric(l);

    if (!m)
        return false;
    copy_text(m->name, sizeof m->name, s, 0);
    m->value = sqlite3_column_double(s, 1);
    return true;
}

/* Run `sql`, whose parameters are numbered as in `bind`. */
static void each(sqlite3 *handle, struct look *l, const char *sql,
                 void (*bind)(const struct look *l, sqlite3_stmt *s),
                 bool (*take)(struct look *l, sqlite3_stmt *s))
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(handle, sql, -1, &s, NULL);

    if (l->status == STORE_OK && rc == SQLITE_OK) {
        bind(l, s);
        while (l->status == STORE_OK && l->value_bytes <= LOOK_MAX_BYTES &&
               (rc = sqlite3_step(s)) == SQLITE_ROW)
            if (!take(l, s))
                l->status = STORE_NOMEM;
    }
    if (l->status == STORE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        l->status = rc == SQLITE_CORRUPT ? STORE_CORRUPT : STORE_DOWN;
    (void)sqlite3_finalize(s); /* says what step said */
}

static void bind_filter(const struct look *l, sqlite3_stmt *s)
{
    const struct store_filter *f = &l->filter;

    (void)sqlite3_bind_int64(s, 1, f->queue); /* what fails here fails the step */
    (void)sqlite3_bind_int64(s, 2, f->states);
    (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)f->task);
    (void)sqlite3_bind_int64(s, 4, (sqlite3_int64)f->after);
    (void)sqlite3_bind_int(s, 5, f->only_results);
    (void)sqlite3_bind_int64(s, 6, f->limit);
    (void)sqlite3_bind_int(s, 7, f->with_values);
    (void)sqlite3_bind_int(s, 8, f->only_tasks);
}

static void bind_task(const struct look *l, sqlite3_stmt *s)
{
    (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)l->filter.task);
    (void)sqlite3_bind_int(s, 2, LOOK_MAX_HISTORY);
}

void sqlite_look(sqlite3 *handle, struct look *l)
{
    each(handle, l,
         "SELECT task.id, queue, state, attempts_lost, may_be_repeat, bytes, result_of, result, "
         "outcome,"
         " created_ms, changed_ms, 0, protocol, kind, flags, value.pickle FROM task"
         " LEFT JOIN value ON ?7 AND value.task = task.id"
         " WHERE (?3 = 0 OR id = ?3) AND id > ?4 AND (?1 = 0 OR queue = ?1)"
         " AND (?2 = 0 OR (?2 >> state) & 1)"
         " AND (NOT ?5 OR queue IN (SELECT result_queue FROM queue))"
         " AND (NOT ?8 OR queue NOT IN (SELECT r.id FROM queue q JOIN queue r ON r.id = "
         "q.result_queue"
         " WHERE r.result_queue = 0)) ORDER BY id LIMIT ?6",
         bind_filter, take_row);
    if (!l->filter.with_history)
        return;
    each(handle, l,
         "SELECT number, client, worker, taken_ms, ended_ms, ending FROM attempt WHERE task = ?1"
         " ORDER BY taken_ms, number LIMIT ?2",
         bind_task, take_attempt);
    each(handle, l, "SELECT at_ms, what, detail FROM event WHERE task = ?1 ORDER BY id LIMIT ?2",
         bind_task, take_event);
    each(handle, l, "SELECT name, value FROM metric WHERE task = ?1 ORDER BY name LIMIT ?2",
         bind_task, take_metric);
}
