/* SPDX-License-Identifier: Apache-2.0 */
/* failure.c - kinds of failure, their names, and their dict. */
#include "worker/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const names[] = {"exit",       "signal",      "timeout",   "bad-task",
                                    "bad-output", "opaque-task", "not-found", "internal",
                                    "lost",       "cancelled"};

const char *failure_kind_name(enum failure_kind kind)
{
    return names[kind];
}

bool failure_kind_parse(const char *name, enum failure_kind *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum failure_kind)i;
            return true;
        }
    return false;
}

void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut to fit */
    va_end(args);
    failure_release(f);
    f->kind = kind;
    f->message = text_repaired(text, strlen(text));
}

void failure_set_tail(struct failure *f, const void *text, size_t len)
{
    const char *from = text;

    if (len > FAILURE_TAIL_BYTES) {
        const char *line;

        from += len - FAILURE_TAIL_BYTES;
        len = FAILURE_TAIL_BYTES;
        line = memchr(from, '\n', len / 2);
        if (line) {
            len -= (size_t)(line + 1 - from);
            from = line + 1;
        }
        while (len > 0 && ((unsigned char)*from & 0xc0) == 0x80) { /* the rest of a cut character */
            from++;
            len--;
        }
    }
    free(f->stderr_tail);
    f->stderr_tail = len > 0 ? text_repaired(from, len) : NULL;
}

void failure_set_outcome(struct failure *f, const char *outcome)
{
    free(f->outcome);
    f->outcome = text_repaired(outcome, strlen(outcome));
}

void failure_release(struct failure *f)
{
    free(f->outcome);
    free(f->message);
    free(f->stderr_tail);
    *f = (struct failure){.message = NULL};
}

/* Set, and free the dict if that failed. */
static bool set(platoon_value **dict, const char *key, platoon_value *value)
{
    if (platoon_dict_set(*dict, key, value) == PLATOON_OK)
        return true;
    platoon_value_unref(*dict);
    *dict = NULL;
    return false;
}

platoon_value *failure_error(const struct failure *f)
{
    platoon_value *error = platoon_dict();

    if (error && set(&error, "kind", platoon_str(failure_kind_name(f->kind))) &&
        set(&error, "message", platoon_str(f->message ? f->message : "out of memory")) &&
        set(&error, "exit", f->has_exit ? platoon_int(f->exit) : platoon_none()) &&
        set(&error, "stderr_tail", platoon_str(f->stderr_tail ? f->stderr_tail : "")) &&
        (!f->outcome || set(&error, "outcome", platoon_str(f->outcome))))
        return error;
    return NULL;
}

platoon_value *failure_value(const struct failure *f, platoon_value *task, uint64_t task_id)
{
    platoon_value *whole = platoon_dict();

    if (whole && set(&whole, "platoon_error", failure_error(f)) &&
        set(&whole, "task", task ? platoon_value_ref(task) : platoon_none()) &&
        set(&whole, "task_id", task_id ? platoon_int((int64_t)task_id) : platoon_none()))
        return whole;
    return NULL;
}
