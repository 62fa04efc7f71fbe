/* SPDX-License-Identifier: Apache-2.0 */
/* platoon_operate.h - what operators ask of the `platoon` type; docs/platoon-typeid.md is its
 * manual.
 *
 *     tasks(filter={})    rows of tasks or results by queue, states, task, after, limit, values,
 *     results explain(task)       one task's row, attempts, events, metrics, and who holds it now
 *     retry(tasks, again=False)   'retried' | 'not-now' | 'gone' | 'done' each; again: done ones too
 *     free(tasks)         'freed' | 'not-held' each: from a stock holder that keeps it for ever
 *     cancel(tasks)       'cancelled' | 'already' | 'gone' each; the master hears of it as a
 *     failure purge(queue=None)   forget what waits and what has ended; how many waited */
#ifndef PLATOON_SERVER_PLATOON_OPERATE_H
#define PLATOON_SERVER_PLATOON_OPERATE_H

#include "server/dispatch.h"

void operate_tasks(struct request *rq, const struct dispatch_call *call);
void operate_explain(struct request *rq, const struct dispatch_call *call);
void operate_retry(struct request *rq, const struct dispatch_call *call);
void operate_free(struct request *rq, const struct dispatch_call *call);
void operate_cancel(struct request *rq, const struct dispatch_call *call);
void operate_purge(struct request *rq, const struct dispatch_call *call);

#endif
