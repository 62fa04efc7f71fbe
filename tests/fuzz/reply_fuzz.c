/* SPDX-License-Identifier: Apache-2.0 */
/* reply_fuzz.c - what a server may answer to a client: any bytes at all. */
#include <stdlib.h>
#include <string.h>

#include "manager/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

/* An opaque payload is a pickle of its own, and still one that names globals. */
static void check_opaque(const platoon_value *v)
{
    platoon_value *again = NULL;
    size_t len;
    const void *bytes = platoon_as_bytes(v, &len);
    enum platoon_status st = platoon_pickle_decode(bytes, len, NULL, &again, NULL);

    must(st == PLATOON_OK || st == PLATOON_ELIMIT);
    platoon_value_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct platoon_err err;
    platoon_value *v = NULL;
    struct reply r;
    char ident[64];

    if (reply_open(&r, data, size, &err) != PLATOON_OK) {
        must(err.status == PLATOON_EPROTO);
        return 0;
    }
    must(r.kind_start < r.kind_end && r.kind_end <= size);
    if (r.kind == REPLY_RETURN) {
        if (reply_decode(&r, &v, &err) == PLATOON_OK && platoon_value_kind(v) == PLATOON_OPAQUE)
            check_opaque(v);
        platoon_value_unref(v);
        return 0;
    }
    must(reply_failure(&r, &err) != PLATOON_OK);
    must(err.status != PLATOON_OK && err.message[0]);
    if (reply_proxy_ident(&r, ident, sizeof ident))
        must(strlen(ident) < sizeof ident);
    return 0;
}
