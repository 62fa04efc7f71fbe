/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_args.h - the arguments of the `platoon` type's methods, as stock Python sends them. What
 * does not fit is answered here, with an exception that begins with `method` ("lease(queue, n=1,
 * wait_s=0, worker=None)"); the request is gone then. Inside a handler only. */
#ifndef PLATOON_SERVER_PLATOON_ARGS_H
#define PLATOON_SERVER_PLATOON_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/bind.h"
#include "server/dispatch.h"

struct queue;
struct worker;

/* By position and keyword; out[i] is NULL where the default stands. */
bool args_bind(struct request *rq, const struct dispatch_call *call,
               const struct bind_signature *sig, const struct scan_arg *out[BIND_MAX_PARAMS]);
/* None, or not given. */
bool args_is_none(const struct scan_arg *arg);
/* By name. NULL: it is not there (LookupError, which lists those that are). Uses the scratch
 * then. */
struct queue *args_queue(struct request *rq, const struct scan_arg *arg, const char *method);
/* A number of items, 1 to QUEUE_MAX_TAKE (more is cut); default 1. */
bool args_count(struct request *rq, const struct scan_arg *arg, const char *method, uint32_t *out);
/* Seconds to wait, as a monotonic instant: 0 for not at all (the default), QUEUE_FOREVER for
 * None. */
bool args_deadline(struct request *rq, const struct scan_arg *arg, const char *method,
                   uint64_t *out_ns);
/* Who works: a text, or a dict with 'name' and perhaps 'host' and 'slots'; the client's own name if
 * it is not given. The worker was heard of now. */
struct worker *args_worker(struct request *rq, const struct scan_arg *arg, const char *method);

#endif
