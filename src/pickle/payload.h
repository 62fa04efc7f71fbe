/* SPDX-License-Identifier: Apache-2.0 */
/* payload.h - one value on its way through the server: immutable, refcounted, always a whole
 * pickle.
 *
 * Whatever a client put, its payload is a standalone pickle of just that value:
 *
 *     80 <proto>  body  2e
 *
 * `body` is the value's own bytes S without FRAME opcodes where S holds no GET opcode; else the
 * prefix replay 28 P 31 x (1+open marks) S, which sets a reader's memo as it was when S was
 * written, so that not one byte of S needs rewriting (padding `4e 94 x k 30` may stand for the
 * prefix where every GET of S stays inside S and S memoizes by MEMOIZE only). Because the replay
 * starts with an empty memo, nothing that memoizes may stand before `body` in a message, and a
 * reply is
 *
 *     80 <proto>  58 07000000 "#RETURN"  body  86 2e
 *
 * One thing is not seen: a request whose later argument reaches back into an earlier one and
 * changes it there. No pickler writes such a thing (what it has written is finished); the
 * earlier argument is cut out as it was at its end.
 *
 * A store keeps the standalone bytes as they are; Python's pickle.loads() reads them. */
#ifndef PLATOON_PICKLE_PAYLOAD_H
#define PLATOON_PICKLE_PAYLOAD_H

#include <platoon/pickle.h>
#include <platoon/value.h>

#include "base/rope.h"
#include "pickle/scan.h"

struct payload {
    size_t refs;
    struct rope pickle;  /* the standalone pickle, whole */
    uint64_t cold_bytes; /* not 0: only a store has the bytes, this many; `pickle` is empty until it
                            reads them back, and nobody is handed the value before */
    uint8_t protocol;
    uint8_t kind;   /* enum scan_kind */
    uint32_t flags; /* enum scan_flags; 0 SCAN_HAS_GET means `body` may be moved anywhere */
};

/* Cut argument `arg` out of the request whose bytes are `frame` (shared, not copied, where
 * large; copied into a block of exactly its size where the payload is at most 16 KiB). ENOMEM.
 * *out has one reference, yours. */
enum platoon_status payload_cut(const struct scan *s, const struct scan_arg *arg,
                                const struct rope *frame, struct payload **out);
/* From a standalone pickle whose scan (SCAN_VALUE) is done: `bytes` holds it (shared). */
enum platoon_status payload_from_pickle(const struct scan *s, const struct rope *bytes,
                                        struct payload **out);
/* From a value of ours, encoded with `protocol`. */
enum platoon_status payload_from_value(const platoon_value *v, int protocol, struct payload **out);
struct payload *payload_ref(struct payload *p);
void payload_unref(struct payload *p); /* NULL is fine */

/* Length of the standalone pickle in bytes. */
uint64_t payload_bytes(const struct payload *p);
/* Append `body` (no PROTO, no STOP) to `r`, whose PROTO must be on the payload's side of the
 * border between 2 and 3 where the body names anything (SCAN_HAS_GLOBAL, SCAN_HAS_PLAIN_CALL);
 * sharing blocks where it is large. This and the next: false when out of memory, `r` is as it
 * was. */
bool payload_append_body(const struct payload *p, struct rope *r);
/* Append a whole reply message ('#RETURN', value) for a reader whose own messages use
 * `reader_protocol`. PROTO is 4 at most unless the bytes need 5. What the reader could not load
 * is decoded and encoded anew where that is possible (plain data), else sent as it is: protocol
 * 3 and above to a reader of 2 (Python 2.7), protocol 5's opcodes to a reader of 3 (Python 3.6,
 * 3.7; those that write 4 read 5). */
bool payload_append_reply(const struct payload *p, int reader_protocol, struct rope *r);
/* Decode; opaque values come as PLATOON_OPAQUE. */
enum platoon_status payload_decode(const struct payload *p,
                                   const struct platoon_pickle_limits *limits, platoon_value **out,
                                   struct platoon_err *err);
/* Are the standalone bytes equal? (A program that puts its task back.) */
bool payload_equal(const struct payload *a, const struct payload *b);

#endif
