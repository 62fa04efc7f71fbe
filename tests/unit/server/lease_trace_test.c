/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of real clients (tests/data/lease-traces), replayed without sockets: each event must cause exactly
 * the decisions written beside it, in their order. */
#include "support/test.h"

#include <dirent.h>
#include <jansson.h>

#include "server/lease.h"

enum { MAX_NAMED = 512, MAX_TASKS = 4096 };

struct named {
    char name[128];
    void *handle;
};

struct replay {
    struct lease_table *table;
    struct named idents[MAX_NAMED], conns[MAX_NAMED];
    size_t n_idents, n_conns;
    struct lease_ident *asked[MAX_NAMED]; /* by conn */
    char method[MAX_NAMED][32];
    json_t *pairs;
    json_t *decided; /* array, since the last event */
    int lost[MAX_TASKS];
    int attempts;
    long long conn;
};

static int role_of(const struct replay *r, const char *queue)
{
    const char *key;
    json_t *value;
    int role = LEASE_PLAIN;

    json_object_foreach(r->pairs, key, value)
    {
        if (strcmp(key, queue) == 0)
            role |= LEASE_TASKS;
        if (strcmp(json_string_value(value), queue) == 0)
            role |= LEASE_RESULTS;
    }
    return role;
}

static void on_decision(const struct lease_decision *d, void *arg)
{
    static const char *const names[] = {"lease", "done",  "front",    "back",
                                        "aside", "grace", "forgotten"};
    struct replay *r = arg;
    json_t *row = json_object(), *tasks = json_array();

    for (size_t i = 0; i < d->n_tasks; i++)
        json_array_append_new(tasks, json_integer((json_int_t)d->tasks[i]));
    json_object_set_new(row, "tasks", tasks);
    json_object_set_new(row, "decision", json_string(names[d->kind]));
    if (d->kind == LEASE_TAKEN)
        json_object_set_new(row, "conn", json_integer(r->conn));
    if (d->kind == LEASE_DONE && !d->is_sure)
        json_object_set_new(row, "sure", json_false());
    if (d->kind == LEASE_FRONT || d->kind == LEASE_BACK) {
        json_object_set_new(row, "attempt", json_boolean(d->counts_attempt));
        json_object_set_new(row, "why", json_string(d->why));
    }
    if (d->may_be_repeat)
        json_object_set_new(row, "repeat", json_true());
    json_array_append_new(r->decided, row);
    /* The limit of attempts is the store's; the recordings name it too. */
    for (size_t i = 0; i < d->n_tasks && d->counts_attempt; i++) {
        if (++r->lost[d->tasks[i]] == r->attempts) {
            row = json_object();
            json_object_set_new(row, "decision", json_string("dead"));
            json_object_set_new(row, "tasks", json_pack("[I]", (json_int_t)d->tasks[i]));
            json_array_append_new(r->decided, row);
        }
    }
}

static size_t find_named(struct named *all, size_t n, const char *name)
{
    for (size_t i = n; i-- > 0;)
        if (strcmp(all[i].name, name) == 0)
            return i;
    return MAX_NAMED;
}

static struct lease_ident *ident(struct replay *r, const char *name, bool is_created, uint64_t now)
{
    size_t i = find_named(r->idents, r->n_idents, name);
    char queue[128];

    if (i < MAX_NAMED)
        return r->idents[i].handle;
    snprintf(queue, sizeof queue, "%.*s", (int)strcspn(name, "#"), name);
    assert_true(r->n_idents < MAX_NAMED);
    snprintf(r->idents[r->n_idents].name, 128, "%s", name);
    return r->idents[r->n_idents++].handle =
               lease_ident_new(r->table, role_of(r, queue), is_created, now);
}

static void reply(struct replay *r, size_t c, json_t *event, uint64_t now)
{
    json_t *ok = json_object_get(event, "ok"), *task = json_object_get(event, "task");
    struct lease_conn *conn = r->conns[c].handle;

    if (ok && !json_is_true(ok))
        lease_replied_other(conn);
    else if (task)
        lease_replied_item(conn, (uint64_t)json_integer_value(task),
                           json_is_true(json_object_get(event, "work")), now);
    else if (strncmp(r->method[c], "put", 3) == 0)
        lease_replied_put(conn, (uint64_t)json_integer_value(json_object_get(event, "same")), now);
    else if (strcmp(r->method[c], "task_done") == 0)
        lease_replied_task_done(conn, now);
    else
        lease_replied_other(conn);
}

static void replay_event(struct replay *r, json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *name = json_string_value(json_object_get(event, "ident"));
    uint64_t now = (uint64_t)(json_number_value(json_object_get(event, "t")) * 1e9 + 0.5);
    char number[32];
    size_t c;

    r->conn = json_integer_value(json_object_get(event, "conn"));
    snprintf(number, sizeof number, "%lld", r->conn);
    c = find_named(r->conns, r->n_conns, number);
    lease_tick(r->table, now);
    if (strcmp(kind, "create") == 0) {
        (void)ident(r, name, true, now);
    } else if (strcmp(kind, "incref") == 0) {
        lease_incref(ident(r, name, false, now));
    } else if (strcmp(kind, "decref") == 0) {
        lease_decref(ident(r, name, false, now), now);
    } else if (strcmp(kind, "accept") == 0) {
        snprintf(r->conns[r->n_conns].name, 128, "%s", number);
        r->conns[r->n_conns++].handle =
            lease_accept(r->table, json_string_value(json_object_get(event, "peer")),
                         json_string_value(json_object_get(event, "name")));
    } else if (strcmp(kind, "request") == 0) {
        snprintf(r->method[c], sizeof r->method[c], "%s",
                 json_string_value(json_object_get(event, "method")));
        assert_true(lease_request(r->conns[c].handle, ident(r, name, false, now), now));
    } else if (strcmp(kind, "reply") == 0) {
        reply(r, c, event, now);
    } else if (strcmp(kind, "end") == 0) {
        lease_end(r->conns[c].handle, json_is_true(json_object_get(event, "undelivered")), now);
        r->conns[c].handle = NULL;
    } else {
        assert_string_equal(kind, "tick");
    }
}

/* "sure": true is the default and not written by us. */
static void normalise(json_t *expected)
{
    size_t i;
    json_t *row;

    json_array_foreach(expected, i, row)
    {
        if (json_is_true(json_object_get(row, "sure")))
            json_object_del(row, "sure");
    }
}

static void replay_file(const char *path)
{
    static struct replay r;
    json_error_t error;
    json_t *trace = json_load_file(path, 0, &error), *settings, *event, *none = json_array();
    struct lease_settings s;
    size_t i;

    if (!trace)
        fail_msg("%s: %s", path, error.text);
    memset(&r, 0, sizeof r);
    settings = json_object_get(trace, "settings");
    s.grace_ns = (uint64_t)(json_number_value(json_object_get(settings, "grace")) * 1e9);
    s.credit_ns = (uint64_t)(json_number_value(json_object_get(settings, "lapse")) * 1e9);
    s.keep = 0;
    r.pairs = json_object_get(settings, "pairs");
    r.attempts = (int)json_integer_value(json_object_get(settings, "attempts"));
    r.table = lease_table_new(&s, on_decision, &r);
    json_array_foreach(json_object_get(trace, "events"), i, event)
    {
        json_t *expected = json_object_get(event, "expect");

        normalise(expected);
        r.decided = json_array();
        replay_event(&r, event);
        if (!json_equal(r.decided, expected ? expected : none))
            fail_msg("%s: %s\n  decided %s", path, json_dumps(event, 0), json_dumps(r.decided, 0));
        json_decref(r.decided);
    }
    r.decided = none;
    for (i = 0; i < r.n_conns; i++)
        lease_end(r.conns[i].handle, false, UINT64_MAX / 2);
    for (i = 0; i < r.n_idents; i++)
        lease_ident_forget(r.idents[i].handle);
    lease_table_free(r.table);
    json_decref(none);
    json_decref(trace);
}

TEST(every_recorded_client_is_judged_as_recorded)
{
    DIR *dir = opendir(PLATOON_TEST_DATA "/lease-traces");
    struct dirent *entry;
    int n = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char path[1024];

        if (!strstr(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, PLATOON_TEST_DATA "/lease-traces/%s", entry->d_name);
        replay_file(path);
        n++;
    }
    closedir(dir);
    assert_true(n >= 150);
}
