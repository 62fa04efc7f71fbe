/* SPDX-License-Identifier: Apache-2.0 */
/* failure.h - why a task has no result, in the form that masters get it:
 *
 *     {'platoon_error': {'kind', 'message', 'exit', 'stderr_tail'}, 'task': VALUE, 'task_id': N} */
#ifndef PLATOON_WORKER_FAILURE_H
#define PLATOON_WORKER_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

enum failure_kind {
    FAILURE_EXIT,        /* it ended by itself, with a code other than 0 or by an exception */
    FAILURE_SIGNAL,      /* a signal ended it that we did not send */
    FAILURE_TIMEOUT,     /* it ran longer than --timeout */
    FAILURE_BAD_TASK,    /* the task is not what the runner takes */
    FAILURE_BAD_OUTPUT,  /* it ended well, but what it gave is no result */
    FAILURE_OPAQUE_TASK, /* the task is a pickle that names globals, which nobody here loads */
    FAILURE_NOT_FOUND,   /* a program or file that is needed is not there */
    FAILURE_INTERNAL,    /* our own trouble: out of memory, no process to be had */
    FAILURE_LOST,        /* its worker was lost too often (said by the server) */
    FAILURE_CANCELLED    /* somebody cancelled it (said by the server) */
};

/* How much of a runner's last words is kept. */
#define FAILURE_TAIL_BYTES 4096

struct failure {
    enum failure_kind kind;
    bool has_exit;
    int exit;          /* the exit code; minus the signal's number */
    char *message;     /* one sentence, UTF-8; owned; NULL when out of memory */
    char *stderr_tail; /* UTF-8; owned; NULL: none */
    char *outcome;     /* how the run ended, in the runner's words; UTF-8; owned; NULL: not told */
};

/* "bad-task". Static. */
const char *failure_kind_name(enum failure_kind kind);
/* false: no such kind. */
bool failure_kind_parse(const char *name, enum failure_kind *out);

/* Set kind and message; what was there before is freed, so `f` must be zero or set. */
void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
    PLATOON_PRINTF(3, 4);
/* The last FAILURE_TAIL_BYTES of `text`, from the start of a line if one is near; bytes that are no
 * UTF-8 become U+FFFD. */
void failure_set_tail(struct failure *f, const void *text, size_t len);
/* The runner's word for how the run ended (docs/sumo.md). Out of memory: it is not told. */
void failure_set_outcome(struct failure *f, const char *outcome);
void failure_release(struct failure *f);

/* The inner dict {'kind', 'message', 'exit', 'stderr_tail'}, and 'outcome' if the runner told one;
 * NULL when out of memory. */
platoon_value *failure_error(const struct failure *f);
/* The whole dict, for a queue. `task` (borrowed, may be NULL when there was no memory for it) must
 * be encodable; `task_id` 0: None. NULL when out of memory. */
platoon_value *failure_value(const struct failure *f, platoon_value *task, uint64_t task_id);

#endif
