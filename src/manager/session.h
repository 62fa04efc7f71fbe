/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one server as a manager sees it: how to get a connection, and what survives one.
 *
 * Two kinds of connection, as the protocol has it. A one-shot call (`dummy`, `create`, `decref`,
 * `shutdown`) opens a connection of its own, authenticates, asks once, and closes. The calls of all
 * proxies share one long-lived connection, the line, which the first of them opens and
 * `accept_connection` names.
 *
 *                  session_ask()               cut off, or found closed
 *     NO LINE  ------------------->  LINE  ------------------------------->  LOST
 *        ^  session_hang_up()         |                                       |
 *        '----------------------------'       session_ask() if may_reconnect: as NO LINE,
 *                                             else ECLOSED for ever
 *
 * What is asked stands encoded in `request` (see request.h), so that it can be sent again over a
 * new line where the old one never took the whole of it. A request that was sent whole is never
 * sent again. */
#ifndef PLATOON_MANAGER_SESSION_H
#define PLATOON_MANAGER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

#include "base/buf.h"
#include "manager/reply.h"
#include "wire/conn.h"

enum { SESSION_NAME_MAX = 255 };

struct session {
    struct conn_peer peer;
    void *key; /* ours; wiped by session_release() */
    size_t key_len;
    char name[SESSION_NAME_MAX + 1]; /* of the line */
    uint64_t connect_timeout_ns;
    size_t max_reply_bytes;
    bool may_reconnect, sha256_only;
    int protocol; /* of our pickles: 2, 3 or 4, by what the server writes */
    struct conn line;
    bool is_lost;
    uint64_t answered_ns; /* when the line last brought an answer */
    struct buf request;
};

/* Everything zero, no connection: then set the fields from `peer` to `sha256_only`. */
void session_init(struct session *s);
void session_release(struct session *s);

/* Is a manager server there, and does it share our key? Learns which protocol it reads. All within
 * the connect timeout. Statuses of platoon_manager_connect(). */
enum platoon_status session_hello(struct session *s, struct platoon_err *err);

/* A one-shot call. `args` is a tuple, taken (NULL: out of memory while it was made). *out_value
 * (yours; out_value may be NULL) on REPLY_RETURN; any other reply is a failure as reply_failure()
 * says.
 *
 *   is_bounded   the connect timeout holds for the answer too */
enum platoon_status session_ask_once(struct session *s, const char *method, platoon_value *args,
                                     bool is_bounded, platoon_value **out_value,
                                     struct platoon_err *err);

/* Send `request` over the line, and wait for the answer as long as it takes. The reply points into
 * the line's buffer: valid until the next call. `what` names the call in sentences ("put").
 *
 * ECONNECT, EADDR, EAUTH (no line could be opened; nothing was sent), ECLOSED (the line was lost
 * before the request was sent whole), EUNKNOWN (after), ELIMIT, EPROTO, ENOMEM (the answer came and
 * cannot be had). */
enum platoon_status session_ask(struct session *s, const char *what, struct reply *out,
                                struct platoon_err *err);

/* Give back the memory that a large request or reply left behind; the last reply is no longer
 * valid. */
void session_settle(struct session *s);

/* Close the line in good order; the next session_ask() opens one. */
void session_hang_up(struct session *s);

#endif
