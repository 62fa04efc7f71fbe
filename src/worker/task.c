/* SPDX-License-Identifier: Apache-2.0 */
/* task.c - tasks and their outcomes. */
#include "worker/task.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <platoon/pickle.h>

struct task *task_new(void)
{
    struct task *t = calloc(1, sizeof *t);

    if (t)
        list_init(&t->link);
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    platoon_value_unref(t->value);
    free(t->lease);
    outcome_release(&t->outcome);
    free(t);
}

uint64_t task_number(const struct task *t)
{
    return t->id ? t->id : t->serial;
}

const char *task_name(const struct task *t, char *out)
{
    if (t->id)
        (void)snprintf(out, 24, "%" PRIu64, t->id);
    else
        (void)snprintf(out, 24, "#%" PRIu64, t->serial);
    return out;
}

void outcome_release(struct outcome *o)
{
    platoon_value_unref(o->value);
    free(o->pickle);
    failure_release(&o->failure);
    *o = (struct outcome){.kind = OUTCOME_NONE};
}

void outcome_take_pickle(struct outcome *o, void *pickle, size_t len)
{
    outcome_release(o);
    o->kind = OUTCOME_RESULT;
    o->pickle = pickle;
    o->pickle_len = len;
}

void outcome_take_value(struct outcome *o, platoon_value *value, size_t encoded_bytes)
{
    struct platoon_err err;
    void *pickle;
    size_t len;

    outcome_release(o);
    if (encoded_bytes <= OUTCOME_PLAIN_BYTES) {
        o->kind = OUTCOME_RESULT;
        o->value = value;
        o->value_bytes = encoded_bytes;
        return;
    }
    if (platoon_pickle_encode(value, 4, &pickle, &len, &err) == PLATOON_OK)
        outcome_take_pickle(o, pickle, len);
    else
        outcome_fail(o, FAILURE_INTERNAL, "its result could not be encoded: %s", err.message);
    platoon_value_unref(value);
}

void outcome_fail(struct outcome *o, enum failure_kind kind, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut to fit */
    va_end(args);
    outcome_release(o);
    o->kind = OUTCOME_FAILURE;
    failure_set(&o->failure, kind, "%s", text);
}
