/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - the frames of persistent runners (runner.h): what we send, and what they say. Pure. */
#ifndef PLATOON_WORKER_ANSWER_H
#define PLATOON_WORKER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/task.h"

enum answer_kind {
    ANSWER_READY,
    ANSWER_FAILED, /* it can never work; `value` is the reason, a str */
    ANSWER_PROGRESS,
    ANSWER_WARNING, /* for whoever watches the agent; `value` is a str */
    ANSWER_OUTCOME, /* of the task: a result or an error, in `outcome` */
    ANSWER_BAD      /* it breaks the contract; `message` says how */
};

struct answer {
    enum answer_kind kind;
    platoon_value *value; /* owned: READY's and PROGRESS's dict, FAILED's and WARNING's text */
    struct outcome outcome;
    char message[512];
};

/* How much of `data` is a whole frame: its length with the four bytes, 0 if it is not all there.
 * *out_too_long if its length is more than RUNNER_MAX_FRAME. */
size_t answer_frame_len(const uint8_t *data, size_t len, bool *out_too_long);
/* Read the pickle of one frame. Always fills *out; answer_release() it. */
void answer_read(const uint8_t *pickle, size_t len, struct answer *out);
void answer_release(struct answer *a);

/* The frame that hands a task to a runner, with its four bytes, in pickle protocol `protocol`.
 * ENOMEM, ELIMIT. */
enum platoon_status answer_write_task(const struct task *task, unsigned slot, const char *task_dir,
                                      int protocol, struct buf *out, struct platoon_err *err);

#endif
