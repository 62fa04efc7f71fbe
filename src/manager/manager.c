/* SPDX-License-Identifier: Apache-2.0 */
/* manager.c - a manager's life: connect, shut the server down, close. */
#include "manager/proxy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static const char default_host[] = "127.0.0.1";

enum {
    DEFAULT_PORT = 5000,
    DEFAULT_CONNECT_TIMEOUT_S = 30,
    LONGEST_CONNECT_TIMEOUT_S = 24 * 3600,
    DEFAULT_MAX_REPLY_BYTES = 1024 * 1024 * 1024,
};

/* PROGRAM-PID or PROGRAM-PID|NAME. What stands before the first bar names the process, so none may
 * be in PROGRAM. */
static enum platoon_status name_line(struct session *s, const char *name, struct platoon_err *err)
{
    char program[64];
    int n;

    (void)snprintf(program, sizeof program, "%s", program_invocation_short_name); /* cut to fit */
    for (char *p = program; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '|') /* a file's name need not be UTF-8 */
            *p = '_';
    }
    n = snprintf(s->name, sizeof s->name, "%s-%ld%s%s", program, (long)getpid(), name ? "|" : "",
                 name ? name : "");
    if (n < 0 || (size_t)n >= sizeof s->name)
        return platoon_fail(err, PLATOON_EINVAL, "a connection's name is too long: %zu bytes",
                            strlen(name));
    if (!utf8_is_valid(s->name, (size_t)n))
        return platoon_fail(err, PLATOON_EINVAL, "a connection's name that is not UTF-8");
    return PLATOON_OK;
}

static enum platoon_status set_up(struct session *s, const struct platoon_manager_options *o,
                                  struct platoon_err *err)
{
    const char *host = o->host ? o->host : default_host;
    double timeout_s = o->connect_timeout_s == 0 ? DEFAULT_CONNECT_TIMEOUT_S : o->connect_timeout_s;

    if (!*host || strlen(host) > ADDRESS_HOST_MAX)
        return platoon_fail(err, PLATOON_EADDR, "`%.300s` is no name or address of a server", host);
    if (!(timeout_s > 0))
        return platoon_fail(err, PLATOON_EINVAL, "a connect timeout of %g s", timeout_s);
    if (o->authkey_len && !o->authkey)
        return platoon_fail(err, PLATOON_EINVAL, "an authkey of %zu bytes without the bytes",
                            o->authkey_len);
    conn_peer_init(&s->peer, host, o->port ? o->port : DEFAULT_PORT);
    if (timeout_s > LONGEST_CONNECT_TIMEOUT_S)
        timeout_s = LONGEST_CONNECT_TIMEOUT_S;
    s->connect_timeout_ns = (uint64_t)(timeout_s * 1e9);
    s->max_reply_bytes = o->max_reply_bytes ? o->max_reply_bytes : DEFAULT_MAX_REPLY_BYTES;
    s->may_reconnect = o->reconnect;
    s->sha256_only = o->auth_sha256_only;
    s->key_len = o->authkey_len;
    s->key = malloc(o->authkey_len ? o->authkey_len : 1);
    if (!s->key)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a manager");
    if (o->authkey_len)
        memcpy(s->key, o->authkey, o->authkey_len);
    return name_line(s, o->name, err);
}

enum platoon_status platoon_manager_connect(const struct platoon_manager_options *options,
                                            platoon_manager **out, struct platoon_err *err)
{
    platoon_manager *m = calloc(1, sizeof *m);
    enum platoon_status st;

    if (!m)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a manager");
    session_init(&m->session);
    st = set_up(&m->session, options, err);
    if (st == PLATOON_OK)
        st = session_hello(&m->session, err);
    if (st != PLATOON_OK) {
        platoon_manager_abandon(m);
        return st;
    }
    *out = m;
    return PLATOON_OK;
}

void platoon_manager_close(platoon_manager *m)
{
    bool is_there = true;

    if (!m)
        return;
    /* All decrefs are answered before the line ends: so a server knows an orderly leave from a
     * crash. Of a server that does not answer one, the others ask nothing. */
    while (m->first)
        is_there = proxy_drop(m->first, is_there) != PLATOON_ECONNECT && is_there;
    platoon_manager_abandon(m);
}

void platoon_manager_abandon(platoon_manager *m)
{
    if (!m)
        return;
    while (m->first)
        (void)proxy_drop(m->first, false);
    session_release(&m->session);
    free(m);
}

enum platoon_status platoon_manager_shutdown(platoon_manager *m, struct platoon_err *err)
{
    return session_ask_once(&m->session, "shutdown", platoon_tuple(0), true, NULL, err);
}

int platoon_manager_socket(const platoon_manager *m)
{
    return m->session.line.fd;
}

const char *platoon_manager_address(const platoon_manager *m)
{
    return m->session.peer.text;
}
