/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - the bytes of what the `platoon` type answers: rows of tasks, and the value that stands
 * for a failure. Pure.
 *
 * A value that came from a client goes into a row in one of three ways, each without reference to
 * its neighbours:
 *
 *     spliced      its bytes as they are: plain data that holds no GET, in a protocol class that
 *                  means the same here
 *     written      decoded and encoded anew: plain data with GETs of its own, or in Python 2's
 *                  words
 *     as a pickle  its standalone pickle as `bytes` under the key 'pickle' in place of its own key:
 *                  a value that names globals, so that whoever reads the row loads nothing by
 *                  accident; and what would cost too much to write anew (ROWS_MAX_RECODED)
 *
 * Out of memory is remembered and told by rows_take(). */
#ifndef PLATOON_SERVER_ROWS_H
#define PLATOON_SERVER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rope.h"
#include "pickle/payload.h"
#include "store/store.h"

enum {
    ROWS_MAX_RECODED = 1024 * 1024,        /* of one value */
    ROWS_MAX_RECODED_ALL = 4 * 1024 * 1024 /* of one reply: the loop stands still meanwhile */
};

struct rows {
    struct rope bytes; /* a pickle's body */
    uint64_t recoded;  /* bytes written anew so far */
    uint32_t next_memo;
    uint32_t flags; /* enum scan_flags, of the whole */
    bool has_failed;
};

void rows_init(struct rows *r);
void rows_release(struct rows *r);
/* A list of what is written between. */
void rows_open_list(struct rows *r);
void rows_close_list(struct rows *r);
/* {'task', 'lease', 'attempt', 'repeat', 'value' | 'pickle'}, and 'last' where it is */
void rows_claimed(struct rows *r, const struct store_claimed *c);
/* {'platoon_error': error, 'task' | 'pickle': value, 'task_id': task}. `error` is a dict of plain
 * data (borrowed). */
void rows_failure(struct rows *r, const platoon_value *error, const struct payload *value,
                  store_task_id task);
void rows_int(struct rows *r, int64_t i);
void rows_text(struct rows *r, const char *text);
/* What was written, as a payload with one reference, yours; NULL when out of memory. `r` is as
 * after init. */
struct payload *rows_take(struct rows *r);

/* The opaque text of a lease: epoch, counter and task, so that it is enough to renew or release it,
 * and no result can go to another task by mistake. */
enum { ROWS_LEASE_TEXT = 60 };
void rows_lease_text(const struct store_lease_ref *ref, char out[ROWS_LEASE_TEXT]);
/* False: not such a text. */
bool rows_parse_lease(const char *text, size_t len, struct store_lease_ref *out);

#endif
