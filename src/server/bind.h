/* SPDX-License-Identifier: Apache-2.0 */
/* bind.h - a call's arguments to a method's parameters, by Python's rules and with Python's words
 * when they do not fit. Pure. */
#ifndef PLATOON_SERVER_BIND_H
#define PLATOON_SERVER_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pickle/scan.h"

enum { BIND_MAX_PARAMS = 4 };

/* `def Queue.get(self, block=True, timeout=None)` is {"Queue.get", {"block", "timeout"}, 2, 0}. */
struct bind_signature {
    const char *function;
    const char *params[BIND_MAX_PARAMS];
    size_t n_params, n_required;
};

/* The exception that Python would raise. */
struct bind_error {
    const char *class_name;
    char text[300];
};

/* Set out[i] to the argument for parameter i (borrowed from the scan), NULL where the default
 * stands. */
bool bind_args(const struct bind_signature *sig, const struct scan_request *call,
               const struct scan_arg *out[BIND_MAX_PARAMS], struct bind_error *err);

/* How long a call may wait. */
struct bind_wait {
    enum { BIND_NOWAIT, BIND_TIMEOUT, BIND_FOREVER, BIND_OVERFLOW } kind;
    uint64_t
        timeout_ns; /* BIND_TIMEOUT; BIND_OVERFLOW is an OverflowError if it comes to waiting */
};
extern const struct bind_error bind_overflow;

/* As queue.Queue reads (block, timeout): without block the timeout is not even looked at; None
 * waits for ever; a negative one is a ValueError; one beyond what the platform can wait is an
 * OverflowError only if it has to wait. `timeout` may be NULL. `kind_name`: Python's name of its
 * type, for a timeout that is no number. */
bool bind_wait(bool block, const struct scan_arg *timeout, const char *kind_name,
               struct bind_wait *out, struct bind_error *err);

#endif
