/* SPDX-License-Identifier: Apache-2.0 */
/* pickle.c - the public functions of pickle.h that read, and platoon_opaque(), which must know what
 * a pickle is. */
#include <platoon/pickle.h>

#include "pickle/decode.h"
#include "value/node.h"

static platoon_value *new_opaque(const void *pickle, size_t len)
{
    struct owner *o = owner_new(0);
    platoon_value *v;

    if (!o)
        return NULL;
    v = node_text(o, PLATOON_OPAQUE, pickle, len);
    if (!v)
        owner_unref(o);
    return v;
}

static enum platoon_status read_pickle(const void *data, size_t len,
                                       const struct platoon_pickle_limits *limits,
                                       bool keeps_opaque, platoon_value **out,
                                       struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    platoon_value *v = NULL;
    bool is_opaque = false;
    struct decoder *d = decoder_new(limits, len);

    if (!d)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a decoder");
    switch (decoder_feed(d, data, len, err)) {
    case DECODER_FAILED:
        st = decoder_status(d);
        break;
    case DECODER_MORE:
        st = platoon_fail(err, PLATOON_EPICKLE, "the pickle of %zu bytes has no end (STOP)", len);
        break;
    case DECODER_DONE:
        is_opaque = keeps_opaque && decoder_names_global(d);
        if (!is_opaque)
            v = decoder_take(d);
        break;
    }
    decoder_free(d); /* before the copy of what may be hundreds of megabytes */
    if (is_opaque && !(v = new_opaque(data, len)))
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory for a pickle of %zu bytes", len);
    if (st == PLATOON_OK)
        *out = v;
    return st;
}

enum platoon_status platoon_pickle_decode(const void *data, size_t len,
                                          const struct platoon_pickle_limits *limits,
                                          platoon_value **out, struct platoon_err *err)
{
    return read_pickle(data, len, limits, true, out, err);
}

enum platoon_status platoon_pickle_inspect(const void *data, size_t len,
                                           const struct platoon_pickle_limits *limits,
                                           platoon_value **out, struct platoon_err *err)
{
    return read_pickle(data, len, limits, false, out, err);
}

platoon_value *platoon_opaque(const void *pickle, size_t len)
{
    platoon_value *v = NULL;

    if (platoon_pickle_inspect(pickle, len, NULL, &v, NULL) != PLATOON_OK)
        return NULL;
    platoon_value_unref(v); /* it was only to be seen whether it can be read */
    return new_opaque(pickle, len);
}
