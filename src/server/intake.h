/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - reads what a call of the `platoon` type brings, a slice a turn: a list of values, rows
 * or leases becomes payloads and lease ids that the store takes.
 *
 * The list is decoded whole, as plain data, with at most INTAKE_MAX_NODES values in it; a value
 * under 'pickle' is checked by the scanner and passed on as the bytes that came. Both are done in
 * slices, so that a list of 64 MB does not hold the loop. A list that is not as it must be is
 * answered here, with the exception that says which row and what. */
#ifndef PLATOON_SERVER_INTAKE_H
#define PLATOON_SERVER_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pickle/decode.h"
#include "server/deadline.h"
#include "server/dispatch.h"
#include "server/skeleton.h"
#include "value/task_progress.h"

enum { INTAKE_MAX_NODES = 250000, INTAKE_MAX_ATTEMPTS = 65535 };

enum intake_kind {
    INTAKE_VALUES,   /* each item is a value */
    INTAKE_ROWS,     /* {'value': ...} or {'pickle': bytes}, and perhaps 'attempts' */
    INTAKE_LEASES,   /* the text of a lease, or a row that has it under 'lease', or (task, lease) */
    INTAKE_RENEWALS, /* the same, and perhaps 'progress' in a row that is a dict */
    INTAKE_RESULTS,  /* {'task', 'lease', 'value' | 'pickle'} */
    INTAKE_FAILURES  /* {'task', 'lease', 'kind', 'message', 'exit', 'stderr_tail'}, the last two if
                       there are any; the last four may stand in a dict under 'error' */
};

enum intake_phase { INTAKE_CUTTING, INTAKE_DECODING, INTAKE_READING };

/* In a rope. */
struct intake_place {
    size_t segment, offset;
};

struct intake_row {
    struct store_lease_ref ref;     /* of LEASES, RENEWALS, RESULTS, FAILURES */
    struct payload *value;          /* of VALUES, ROWS, RESULTS */
    uint32_t max_attempts;          /* of ROWS; 0: not told */
    platoon_value *error;           /* of FAILURES: {'kind', 'message', 'exit', 'stderr_tail'}, and
                                 * 'outcome' if it was told */
    struct task_progress *progress; /* of RENEWALS; NULL: not told */
};

struct intake {
    struct server *srv;
    struct request *rq;
    const char *method; /* for texts: "complete(rows)" */
    enum intake_kind kind;
    void (*on_read)(struct intake *in);
    void *arg; /* the method's own */
    struct intake_row *rows;
    size_t n;
    /* intake.c's own: */
    uint64_t spent; /* of this turn's cost */
    size_t n_read;  /* rows done */
    enum intake_phase phase;
    struct payload *source;   /* the list's bytes */
    struct skeleton skeleton; /* without cuts: `source` itself is decoded */
    struct intake_place at;   /* how far it is cut or decoded */
    struct decoder *decoder;
    platoon_value *list;         /* decoded */
    struct scan *scan;           /* of a value under 'pickle': */
    struct rope bytes;           /* its bytes */
    struct intake_place scanned; /* how far, where they were cut out */
    struct deadline again;
};

/* Inside a handler. Read `arg`; when all is read, in the call or in a later turn, `on_read` is
 * called, which owns the intake and the request then (the scratch is free for it). What cannot be
 * read is answered, and the intake is gone; the same when the client goes. */
void intake_begin(struct request *rq, const struct scan_arg *arg, enum intake_kind kind,
                  const char *method, void (*on_read)(struct intake *in), void *arg_of_method);
void intake_free(struct intake *in); /* NULL is fine */

#endif
