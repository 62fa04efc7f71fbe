/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - one request, as a whole frame in one run of bytes: header and pickle leave in one
 * write.
 *
 * The pickle is (ident, method, args, kwds). The calls of a queue, which a program makes by the
 * million, are written opcode by opcode around the value's own encoding, without a tuple made for
 * them. */
#ifndef PLATOON_MANAGER_REQUEST_H
#define PLATOON_MANAGER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/value.h>

#include "base/buf.h"

/* What every request begins with. `ident` is NULL for a one-shot call. */
struct request_head {
    int protocol; /* 2, 3 or 4 */
    const char *ident;
    const char *method;
};

/* All of these replace what is in `b`. ENOMEM; ETYPE, ELIMIT for a value that cannot be encoded, or
 * a frame that the server's Python cannot read. */

/* method(*args, **kwds): `args` is a list or tuple, `kwds` a dict; either may be NULL. */
enum platoon_status request_call(struct buf *b, const struct request_head *head,
                                 const platoon_value *args, const platoon_value *kwds,
                                 struct platoon_err *err);
/* method([item,] block, timeout) of a queue, with as few arguments as say it.
 *
 *   item        NULL for get
 *   timeout_s   PLATOON_FOREVER, 0 (do not block), or seconds > 0 */
enum platoon_status request_queue_op(struct buf *b, const struct request_head *head,
                                     const platoon_value *item, double timeout_s,
                                     struct platoon_err *err);

/* The frame in `b`: where it begins, and its length. */
void request_frame(const struct buf *b, uint8_t **out_frame, size_t *out_len);

#endif
