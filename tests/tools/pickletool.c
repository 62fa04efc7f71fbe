/* SPDX-License-Identifier: Apache-2.0 */
/* pickletool.c - the codec as a filter, for tests that are written in Python.
 *
 * Reads records from stdin until its end and answers each on stdout:
 *
 *     request  u8 verb  u8 protocol  u32 length (little endian)  pickle
 *     answer   u8 status (0: ok, else -platoon_status) u32 length text or pickle, or the sentence
 *              of the error
 *
 *     verbs    r repr   j json   i repr of platoon_pickle_inspect()   e encode with `protocol`
 *              c as e, after a child was cut out and put into a list of our own (shared owners)
 *              m a request ("id", "put", (value, True), {"timeout": 5}) with `protocol`
 *              t as r, but fed byte by byte   q '1' if the two items of a pair are equal, else
 * '0' */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/pickle.h>

#include "pickle/decode.h"
#include "pickle/encode.h"

static struct platoon_pickle_limits limits = {.max_depth = 1000000};

static enum platoon_status decode_by_bytes(const unsigned char *data, size_t len,
                                           platoon_value **out, struct platoon_err *err)
{
    struct decoder *d = decoder_new(&limits, 0);
    enum decoder_state state = DECODER_MORE;
    enum platoon_status st;

    if (!d)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    for (size_t i = 0; i < len && state != DECODER_FAILED; i++)
        state = decoder_feed(d, data + i, 1, err);
    st = decoder_status(d);
    if (state == DECODER_DONE)
        *out = decoder_take(d);
    else if (st == PLATOON_OK)
        st = platoon_fail(err, PLATOON_EPICKLE, "no STOP");
    decoder_free(d);
    return st;
}

static enum platoon_status encode_put(platoon_value *v, int protocol, char **out, size_t *out_len,
                                      struct platoon_err *err)
{
    platoon_value *args = platoon_tuple(2, platoon_value_ref(v), platoon_bool(true));
    platoon_value *kwds = platoon_dict();
    struct buf message;
    enum platoon_status st;

    (void)platoon_dict_set(kwds, "timeout", platoon_int(5)); /* seen in what comes out */
    buf_init(&message);
    st = encode_request(&message, "id", "put", args, kwds, protocol, err);
    *out = (char *)message.data;
    *out_len = message.len;
    platoon_value_unref(args);
    platoon_value_unref(kwds);
    return st;
}

static enum platoon_status run(int verb, int protocol, const unsigned char *data, size_t len,
                               char **out, size_t *out_len, struct platoon_err *err)
{
    platoon_value *v = NULL, *list;
    enum platoon_status st;
    void *pickle = NULL;

    if (verb == 't')
        st = decode_by_bytes(data, len, &v, err);
    else if (verb == 'i')
        st = platoon_pickle_inspect(data, len, &limits, &v, err);
    else
        st = platoon_pickle_decode(data, len, &limits, &v, err);
    if (st != PLATOON_OK)
        return st;
    switch (verb) {
    case 'r':
    case 'i':
    case 't':
    case 'j':
        *out = verb == 'j' ? platoon_json(v) : platoon_repr(v);
        if (*out)
            *out_len = strlen(*out);
        else
            st = platoon_fail(err, PLATOON_ENOMEM, "no text");
        break;
    case 'c':
        list = platoon_list();
        (void)platoon_append(list,
                             platoon_value_ref(platoon_item(v, 0))); /* seen in what comes out */
        (void)platoon_append(list, platoon_value_ref(platoon_item(v, 0)));
        platoon_value_unref(v);
        v = list;
        /* fall through */
    case 'e':
        st = platoon_pickle_encode(v, protocol, &pickle, out_len, err);
        *out = pickle;
        break;
    case 'm':
        st = encode_put(v, protocol, out, out_len, err);
        break;
    case 'q':
        *out = strdup(platoon_equal(platoon_item(v, 0), platoon_item(v, 1)) ? "1" : "0");
        *out_len = 1;
        break;
    default:
        st = platoon_fail(err, PLATOON_EINVAL, "no such verb");
    }
    platoon_value_unref(v);
    return st;
}

static void answer(int status, const char *data, size_t len)
{
    unsigned char head[5] = {(unsigned char)status, (unsigned char)len, (unsigned char)(len >> 8),
                             (unsigned char)(len >> 16), (unsigned char)(len >> 24)};

    if (fwrite(head, 1, 5, stdout) != 5 || fwrite(data, 1, len, stdout) != len || fflush(stdout))
        exit(1);
}

int main(void)
{
    unsigned char head[6];

    while (fread(head, 1, 6, stdin) == 6) {
        size_t len =
            (size_t)head[2] | (size_t)head[3] << 8 | (size_t)head[4] << 16 | (size_t)head[5] << 24;
        unsigned char *data = malloc(len ? len : 1);
        struct platoon_err err;
        char *out = NULL;
        size_t out_len = 0;
        enum platoon_status st;

        if (!data || fread(data, 1, len, stdin) != len)
            return 1;
        st = run(head[0], head[1], data, len, &out, &out_len, &err);
        if (st == PLATOON_OK)
            answer(0, out, out_len);
        else
            answer(-(int)st, err.message, strlen(err.message));
        free(out);
        free(data);
    }
    return 0;
}
