/* SPDX-License-Identifier: Apache-2.0 */
/* encode.h - values to pickles of protocol 2, 3 or 4. Never recurses.
 *
 * What comes out has no FRAME, and memo opcodes (BINPUT, LONG_BINPUT with numbers of their own)
 * only for nodes that are met more than once, as identity has it, not equality. So what is a tree
 * can be moved anywhere in a message.
 *
 * An OPAQUE value goes into a message as the body of its pickle (no PROTO, no FRAME, no STOP). Two
 * things follow. Where it uses its memo it must find that memo empty: nothing that memoizes may
 * stand before it, and only one such value fits in a message. And Python maps the module names of
 * Python 2 in messages of protocol 0 to 2 only, so the message is written in the class (0-2, 3-5)
 * in which the value was. */
#ifndef PLATOON_PICKLE_ENCODE_H
#define PLATOON_PICKLE_ENCODE_H

#include <platoon/pickle.h>

#include "base/buf.h"

/* Append the body of `v` (no PROTO, no STOP) to `out`. Memo numbers are taken from *next_memo on,
 * which is moved past those used: several values in one message share one counter. OPAQUE and
 * OBJECT: ETYPE. On failure `out` has its old length. */
enum platoon_status encode_body(struct buf *out, const platoon_value *v, int protocol,
                                uint32_t *next_memo, struct platoon_err *err);

/* Append one whole message of a single value; an OPAQUE may be anywhere in it. */
enum platoon_status encode_message(struct buf *out, const platoon_value *v, int protocol,
                                   struct platoon_err *err);

/* Append a whole request (ident, method, args, kwds) of the manager protocol.
 *
 *   ident     NULL: None
 *   args      list or tuple, or NULL: ()
 *   kwds      dict, or NULL: {}
 *   protocol  2 to 4; another one is used where an OPAQUE value among the arguments needs it
 *
 * EINVAL, ETYPE, ELIMIT (text of 4 GiB before protocol 4), ENOMEM. On failure `out` has its old
 * length. */
enum platoon_status encode_request(struct buf *out, const char *ident, const char *method,
                                   const platoon_value *args, const platoon_value *kwds,
                                   int protocol, struct platoon_err *err);

#endif
