/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - what a manager and its queues are made of, and the one way a proxy's call is made. */
#ifndef PLATOON_MANAGER_PROXY_H
#define PLATOON_MANAGER_PROXY_H

#include <platoon/manager.h>

#include "manager/reply.h"
#include "manager/request.h"
#include "manager/session.h"

struct platoon_manager {
    struct session session;
    platoon_queue *first; /* all queues, newest first: Python drops them in that order too */
};

struct platoon_queue {
    platoon_manager *manager;
    platoon_queue *next, *previous;
    char *typeid_;
    char *ident; /* the server's name for this proxy */
    platoon_value
        *args; /* of create(), kept to make the proxy again after a reconnect; else NULL */
};

/* The encoding of one call, so that it can be done again for another ident. `what` is the caller's.
 */
typedef enum platoon_status (*proxy_encode)(struct buf *b, const struct request_head *head,
                                            const void *what, struct platoon_err *err);

/* Encode `method` with `encode`, send it, and wait. PLATOON_OK is any answer with a REPLY_RETURN:
 * *out_value, if wanted, is its value (yours). All else is the failure it stands for, see
 * session_ask() and reply_failure(). */
enum platoon_status proxy_call(platoon_queue *q, const char *method, proxy_encode encode,
                               const void *what, platoon_value **out_value,
                               struct platoon_err *err);

/* Make the proxy again at a server that has forgotten it. */
enum platoon_status proxy_renew(platoon_queue *q, struct platoon_err *err);
/* Free it; with `is_told` after the server's answer to a decref, whose status is returned. */
enum platoon_status proxy_drop(platoon_queue *q, bool is_told);

#endif
