/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - from a frame's bytes to a handler, and the request's own memory. dispatch.h has what
 * handlers see.
 *
 * A request is pooled. It belongs to its handler until the reply; `session` is NULL once the client
 * has gone or has given it up. Its frame and scan are there while the handler runs; request_keep()
 * holds them longer, for a call that must wait before its handler can even begin (a private queue
 * that is being opened). */
#ifndef PLATOON_SERVER_REQUEST_H
#define PLATOON_SERVER_REQUEST_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rope.h"
#include "server/dispatch.h"

struct session;
struct sessions;
struct ident;

struct request {
    struct server *srv;
    struct session *session; /* NULL: cancelled */
    void (*on_cancel)(struct request *rq);
    const struct rope *frame; /* while a handler runs */
    struct scan *scan;        /* while a handler runs */
    struct rope kept;         /* the frame, for request_keep() */
    uint8_t protocol;
    bool is_one_shot; /* one reply, then the connection ends */
    bool is_kept;
    bool is_tracked; /* track.h was told what the reply is */
    bool is_parked;  /* waits for other clients; else for the store */
    alignas(max_align_t) unsigned char scratch[REQUEST_SCRATCH_BYTES];
};

/* A frame's body came on an authenticated session. `scan` has read it already, or is NULL;
 * taken. */
void request_receive(struct session *s, const struct rope *body, struct scan *scan);
/* A frame was dropped; answer `why` ("ValueError: ...") to it. */
void request_refuse(struct session *s, const char *why);
/* What came is no frame: say so in the log and end the connection. */
void request_protocol_error(struct session *s, const char *why);

/* The client does not wait for it any more. */
void request_cancel(struct request *rq);
/* Keep the frame and the scan until request_unkeep(). false when out of memory: the error reply is
 * made. */
bool request_keep(struct request *rq);
void request_unkeep(struct request *rq);
/* The reply is queued, or never will be: forget the request. */
void request_end(struct request *rq);

#endif
