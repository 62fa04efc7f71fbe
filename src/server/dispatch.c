/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c - the table of typeids, and what types ask of the server. */
#include "server/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/call.h"
#include "server/server.h"

enum platoon_status dispatch_register(struct server *srv, const char *typeid_,
                                      const struct dispatch_type *type, void *data,
                                      struct platoon_err *err)
{
    struct dispatch_typeid *grown;
    char *name;

    if (!*typeid_ || strpbrk(typeid_, ":#"))
        return platoon_fail(err, PLATOON_EINVAL,
                            "'%s' cannot be a typeid: it is empty or has ':' or '#' in it",
                            typeid_);
    if (dispatch_find(srv, typeid_, strlen(typeid_)))
        return platoon_fail(err, PLATOON_EINVAL, "the typeid '%s' is taken", typeid_);
    name = strdup(typeid_);
    grown = realloc(srv->typeids, (srv->n_typeids + 1) * sizeof *grown);
    if (grown)
        srv->typeids = grown;
    if (!name || !grown) {
        free(name);
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for the typeid '%s'", typeid_);
    }
    srv->typeids[srv->n_typeids++] = (struct dispatch_typeid){name, type, data};
    return PLATOON_OK;
}

const struct dispatch_typeid *dispatch_find(const struct server *srv, const char *name, size_t len)
{
    for (size_t i = 0; i < srv->n_typeids; i++)
        if (strncmp(srv->typeids[i].name, name, len) == 0 && !srv->typeids[i].name[len])
            return &srv->typeids[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;

    return strcmp(*left, *right);
}

const char *dispatch_list(const struct server *srv, char *text, size_t size)
{
    const char *names[64];
    size_t n = srv->n_typeids < 64 ? srv->n_typeids : 64, len = 0;

    for (size_t i = 0; i < n; i++)
        names[i] = srv->typeids[i].name;
    qsort(names, n, sizeof *names, by_name);
    *text = '\0';
    for (size_t i = 0; i < n && len < size; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "", names[i]);
    return text;
}

struct store *server_store(struct server *srv)
{
    return srv->store;
}

uint64_t server_now_ns(const struct server *srv)
{
    return srv->now_ns;
}

struct store_lease_id server_next_leases(struct server *srv, uint32_t n)
{
    struct store_lease_id first = {srv->epoch, srv->lease_counter + 1};

    srv->lease_counter += n;
    return first;
}

struct store_key server_next_key(struct server *srv)
{
    return (struct store_key){srv->epoch, ++srv->key_counter};
}

uint32_t server_worker_lease_ms(const struct server *srv)
{
    return srv->worker_lease_ms;
}

void server_facts(const struct server *srv, struct server_facts *out)
{
    *out = (struct server_facts){
        .uptime_ms = (srv->now_ns - srv->started_ns) / 1000000u,
        .connections = srv->sessions.n_live,
        .handshakes = srv->sessions.n_handshaking,
        .requests = srv->n_requests,
        .auth_failures = srv->n_auth_failures,
        .bytes_in = srv->bytes_in,
        .bytes_out = srv->bytes_out,
    };
}

void server_each_connection(struct server *srv,
                            bool (*each)(const char *peer, const char *name, uint64_t age_ms,
                                         bool waits, void *arg),
                            void *arg)
{
    LIST_EACH (s, &srv->sessions.open, struct session, link)
        if (s->state == SESSION_LIVE &&
            !each(s->peer, session_name(s), (srv->now_ns - s->since_ns) / 1000000u,
                  s->current != NULL, arg))
            return;
}
