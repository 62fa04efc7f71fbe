/* SPDX-License-Identifier: Apache-2.0 */
/* reply.h - what a server answered: a pickled pair (kind, payload). Pure: bytes in, values and
 * statuses out.
 *
 *     #RETURN         the value that the method returned
 *     #ERROR          the exception that the method raised, an object
 *     #TRACEBACK      text: the call never reached the method (no such ident, method, typeid, ..)
 *     #UNSERIALIZABLE text: the answer could not be pickled there
 *     #PROXY          (exposed, Token): the method returned something that stays at the server
 *
 * Opening a reply reads its kind only, so that an answer nobody wants costs no decoding. A payload
 * that names globals comes out as PLATOON_OPAQUE holding a pickle of its own: the bytes of the
 * payload behind those of the kind, which are replayed and dropped, so that every memo number of
 * the payload still holds. */
#ifndef PLATOON_MANAGER_REPLY_H
#define PLATOON_MANAGER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/pickle.h>
#include <platoon/value.h>

enum reply_kind { REPLY_RETURN, REPLY_ERROR, REPLY_TRACEBACK, REPLY_UNSERIALIZABLE, REPLY_PROXY };

struct reply {
    const uint8_t *bytes; /* the whole pickle, borrowed */
    size_t len;
    enum reply_kind kind;
    uint8_t protocol;            /* as written; 0 if none was */
    bool is_python2;             /* its text is 8-bit: nothing newer than Python 2 writes that */
    bool has_mark;               /* the pair was opened by a MARK */
    size_t kind_start, kind_end; /* the kind's text and the memo opcode behind it */
};

/* Read the kind. `bytes` is borrowed as long as `r` is used. EPROTO: no reply of a manager server.
 */
enum platoon_status reply_open(struct reply *r, const void *bytes, size_t len,
                               struct platoon_err *err);

/* The payload of a REPLY_RETURN (or the text of a traceback). Statuses of platoon_pickle_decode(),
 * and EPROTO if the reply is no pair. *out is yours. */
enum platoon_status reply_decode(const struct reply *r, platoon_value **out,
                                 struct platoon_err *err);

/* What any other kind means: EEMPTY, EFULL, EREMOTE with err->type and err->message filled, or why
 * it could not be read. Never PLATOON_OK. A REPLY_PROXY is ETYPE: its object has no form here (and
 * see reply_proxy_ident()). */
enum platoon_status reply_failure(const struct reply *r, struct platoon_err *err);

/* The ident that a REPLY_PROXY counts a reference for, cut to fit; false if it holds none that
 * fits. */
bool reply_proxy_ident(const struct reply *r, char *out, size_t cap);

#endif
