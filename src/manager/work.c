/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - the worker loop. */
#include <platoon/manager.h>

#include <stdio.h>
#include <string.h>

/* One task from its get to its task_done. *out_more is false when `run` wants no more. */
static enum platoon_status do_one(platoon_queue *results, platoon_value *task, platoon_work_fn run,
                                  void *arg, bool *out_more, struct platoon_err *err)
{
    platoon_value *result = NULL;
    enum platoon_status st = PLATOON_OK;

    *out_more = run(task, &result, arg);
    if (result && !results)
        st = platoon_fail(err, PLATOON_EINVAL,
                          "a task has a result, and platoon_work() no queue "
                          "for results");
    else if (result)
        st = platoon_queue_put(results, result, PLATOON_FOREVER, err);
    platoon_value_unref(result);
    return st;
}

enum platoon_status platoon_work(platoon_queue *tasks, platoon_queue *results, double idle_s,
                                 platoon_work_fn run, void *arg, struct platoon_err *err)
{
    bool more = true, has_task_done = true;

    while (more) {
        platoon_value *task;
        enum platoon_status st = platoon_queue_get(tasks, idle_s, &task, err);

        if (st == PLATOON_EEMPTY)
            return PLATOON_OK;
        if (st != PLATOON_OK)
            return st;
        st = do_one(results, task, run, arg, &more, err);
        platoon_value_unref(task);
        if (st == PLATOON_OK && has_task_done) {
            struct platoon_err why;

            st = platoon_queue_task_done(tasks, &why);
            if (st == PLATOON_EREMOTE) { /* an object without it, or one that counts otherwise */
                has_task_done = false;
                st = PLATOON_OK;
            } else if (st != PLATOON_OK && err) {
                *err = why;
            }
        }
        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}
