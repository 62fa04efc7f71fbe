/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c - see bind.h. The texts are those of Python 3.10 and newer. */
#include "server/bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longest wait of a lock in CPython, in seconds: PY_TIMEOUT_MAX, 2^63 ns. */
#define LONGEST_WAIT_S 9223372036.0

const struct bind_error bind_overflow = {"OverflowError",
                                         "timestamp out of range for platform time_t"};

static bool refuse(struct bind_error *err, const char *class_name, const char *format, ...)
    PLATOON_PRINTF(3, 4);

static bool refuse(struct bind_error *err, const char *class_name, const char *format, ...)
{
    va_list args;

    err->class_name = class_name;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

/* `self` counts, as it does in Python's text. */
static bool refuse_count(const struct bind_signature *sig, size_t n_given, struct bind_error *err)
{
    size_t most = sig->n_params + 1, least = sig->n_required + 1;

    if (least == most)
        return refuse(err, "TypeError", "%s() takes %zu positional argument%s but %zu were given",
                      sig->function, most, most == 1 ? "" : "s", n_given + 1);
    return refuse(err, "TypeError",
                  "%s() takes from %zu to %zu positional arguments but %zu were given",
                  sig->function, least, most, n_given + 1);
}

static bool refuse_missing(const struct bind_signature *sig, const struct scan_arg *const *got,
                           struct bind_error *err)
{
    char names[200] = "";
    size_t n_missing = 0, len = 0;

    for (size_t i = 0; i < sig->n_required; i++) {
        if (got[i] || len >= sizeof names)
            continue;
        len += (size_t)snprintf(names + len, sizeof names - len, "%s'%s'", n_missing ? " and " : "",
                                sig->params[i]);
        n_missing++;
    }
    return refuse(err, "TypeError", "%s() missing %zu required positional argument%s: %s",
                  sig->function, n_missing, n_missing == 1 ? "" : "s", names);
}

bool bind_args(const struct bind_signature *sig, const struct scan_request *call,
               const struct scan_arg *out[BIND_MAX_PARAMS], struct bind_error *err)
{
    for (size_t i = 0; i < BIND_MAX_PARAMS; i++)
        out[i] = NULL;
    for (size_t i = 0; i < call->n_args && i < sig->n_params; i++)
        out[i] = &call->args[i];
    for (size_t k = 0; k < call->n_kwds; k++) {
        const char *name = call->kwds[k].name;
        size_t i = 0;

        while (i < sig->n_params && strcmp(sig->params[i], name) != 0)
            i++;
        if (i == sig->n_params)
            return refuse(err, "TypeError", "%s() got an unexpected keyword argument '%s'",
                          sig->function, name);
        if (out[i])
            return refuse(err, "TypeError", "%s() got multiple values for argument '%s'",
                          sig->function, name);
        out[i] = &call->kwds[k].value;
    }
    if (call->n_args > sig->n_params)
        return refuse_count(sig, call->n_args, err);
    for (size_t i = 0; i < sig->n_required; i++)
        if (!out[i])
            return refuse_missing(sig, out, err);
    return true;
}

static bool wait_seconds(double s, struct bind_wait *out, struct bind_error *err)
{
    if (s < 0)
        return refuse(err, "ValueError", "'timeout' must be a non-negative number");
    if (isnan(s)) { /* compares false with everything: Python waits on */
        out->kind = BIND_FOREVER;
    } else if (s > LONGEST_WAIT_S) {
        out->kind = BIND_OVERFLOW;
    } else {
        out->kind = BIND_TIMEOUT;
        out->timeout_ns = (uint64_t)ceil(s * 1e9);
    }
    return true;
}

bool bind_wait(bool block, const struct scan_arg *timeout, const char *kind_name,
               struct bind_wait *out, struct bind_error *err)
{
    *out = (struct bind_wait){BIND_NOWAIT, 0};
    if (!block)
        return true;
    if (!timeout || timeout->kind == SCAN_NONE) {
        out->kind = BIND_FOREVER;
        return true;
    }
    switch (timeout->kind) {
    case SCAN_BOOL:
    case SCAN_INT:
        return wait_seconds((double)timeout->as_int, out, err);
    case SCAN_FLOAT:
        return wait_seconds(timeout->as_float, out, err);
    default:
        return refuse(err, "TypeError", "'<' not supported between instances of '%s' and 'int'",
                      kind_name);
    }
}
