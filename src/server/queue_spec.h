/* SPDX-License-Identifier: Apache-2.0 */
/* queue_spec.h - reads TASK[:MAXSIZE][=RESULT[:MAXSIZE]], the queue specification of `--queue`. */
#ifndef PLATOON_SERVER_QUEUE_SPEC_H
#define PLATOON_SERVER_QUEUE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum {
    QUEUE_SPEC_MAX_NAME = 100 /* bytes of a typeid */
};

struct queue_spec_end {
    char name[QUEUE_SPEC_MAX_NAME + 1];
    uint64_t maxsize; /* 0: unbounded */
    bool has_maxsize; /* it was written */
};

struct queue_spec {
    struct queue_spec_end task, result;
    bool has_result;
};

/* Names are what Python can have as a method of a manager: letters, digits and underscores, no
 * digit first; letters may be any UTF-8. EINVAL with a sentence that quotes the specification.
 * Pure. */
enum platoon_status queue_spec_parse(const char *text, struct queue_spec *out,
                                     struct platoon_err *err);

#endif
