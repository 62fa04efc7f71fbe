/* SPDX-License-Identifier: Apache-2.0 */
/* task_progress.h - how far a running task is, as its worker tells it: small, of a bounded size, and
 * the same for a runner, its agent and the server.
 *
 * As plain data one flat dict:
 *
 *     {'done': 0.4,                        a fraction, 0 to 1
 *      'text': 'second pass',              at most TASK_PROGRESS_TEXT_BYTES of UTF-8, no control characters
 *      'left_s': 90.0, 'waiting': 12, ...} up to TASK_PROGRESS_NUMBERS other numbers by name
 *
 * Every key may be missing or None. `left_s` is the time it still needs, by its own reckoning. */
#ifndef PLATOON_VALUE_TASK_PROGRESS_H
#define PLATOON_VALUE_TASK_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/value.h>

enum {
    TASK_PROGRESS_TEXT_BYTES = 120,
    TASK_PROGRESS_NUMBERS = 16,
    TASK_PROGRESS_NAME_BYTES = 32 /* letters, digits and _ */
};

struct task_progress_number {
    char name[TASK_PROGRESS_NAME_BYTES + 1];
    double value; /* finite */
};

struct task_progress {
    double done;                             /* < 0: not told */
    char text[TASK_PROGRESS_TEXT_BYTES + 1]; /* "": none */
    size_t n_numbers;
    struct task_progress_number numbers[TASK_PROGRESS_NUMBERS];
};

/* Always fills *out with all that fits. False if something does not: *out_fault (static) says what
 * that is, the first of it. */
bool task_progress_read(const platoon_value *v, struct task_progress *out, const char **out_fault);
/* The number of that name; `missing` if it was not told. */
double task_progress_number(const struct task_progress *p, const char *name, double missing);
/* Add a number, or change it. Left out where there is no room. */
void task_progress_set(struct task_progress *p, const char *name, double value);
/* As a dict, yours; NULL when out of memory. */
platoon_value *task_progress_value(const struct task_progress *p);

#endif
