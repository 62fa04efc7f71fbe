/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "manager/reply.h"
#include "manager/remote_error.h"

/* --- replies of stock servers ------------------------------------------------------------------
 */

struct recorded {
    char version[8];
    uint8_t bytes[1024];
    size_t len;
    char outcome[2048];
};

static bool next_recorded(FILE *f, struct recorded *r)
{
    char line[8192], hex[4096];
    unsigned byte;
    int at;

    do {
        if (!fgets(line, sizeof line, f))
            return false;
    } while (line[0] == '#');
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(sscanf(line, "%7s %4095s %n", r->version, hex, &at), 2);
    snprintf(r->outcome, sizeof r->outcome, "%s", line + at);
    r->len = 0;
    for (const char *p = hex; sscanf(p, "%2x", &byte) == 1; p += 2)
        r->bytes[r->len++] = (uint8_t)byte;
    return true;
}

static void describe_error(const struct reply *r, char *out, size_t cap)
{
    struct platoon_err err;
    char ident[32];

    switch (reply_failure(r, &err)) {
    case PLATOON_EEMPTY:
        assert_string_equal(err.type, "queue.Empty");
        snprintf(out, cap, "empty");
        break;
    case PLATOON_EFULL:
        assert_string_equal(err.type, "queue.Full");
        snprintf(out, cap, "full");
        break;
    case PLATOON_EREMOTE:
        if (strstr(err.message, "and said no more"))
            err.message[0] = '\0';
        snprintf(out, cap, "error %s %s", err.type, err.message);
        break;
    case PLATOON_ETYPE:
        assert_true(reply_proxy_ident(r, ident, sizeof ident));
        assert_false(reply_proxy_ident(r, ident, strlen(ident)));
        assert_true(reply_proxy_ident(r, ident, strlen(ident) + 1));
        snprintf(out, cap, "proxy %s", ident);
        break;
    default:
        snprintf(out, cap, "%s", err.message);
    }
}

static void describe(const struct reply *r, char *out, size_t cap)
{
    struct platoon_err err;
    platoon_value *v = NULL, *again = NULL;

    if (r->kind != REPLY_RETURN) {
        describe_error(r, out, cap);
    } else if (reply_decode(r, &v, &err) != PLATOON_OK) {
        snprintf(out, cap, "%s", err.message);
    } else if (platoon_value_kind(v) == PLATOON_OPAQUE) {
        size_t len;
        const void *bytes = platoon_as_bytes(v, &len);

        assert_int_equal(platoon_pickle_decode(bytes, len, NULL, &again, NULL), PLATOON_OK);
        assert_int_equal(platoon_value_kind(again), PLATOON_OPAQUE);
        snprintf(out, cap, "opaque");
    } else {
        char *text = platoon_repr(v);

        snprintf(out, cap, "ok %s", text);
        free(text);
    }
    platoon_value_unref(v);
    platoon_value_unref(again);
}

TEST(reply_understands_what_stock_servers_sent)
{
    FILE *f = fopen(PLATOON_TEST_DATA "/replies/replies.txt", "r");
    struct recorded rec;
    int n = 0;

    assert_non_null(f);
    for (; next_recorded(f, &rec); n++) {
        char got[2048];
        struct reply r;
        struct platoon_err err;

        if (reply_open(&r, rec.bytes, rec.len, &err) != PLATOON_OK)
            fail_msg("%s %s: %s", rec.version, rec.outcome, err.message);
        assert_int_equal(r.is_python2, rec.version[0] == '2');
        assert_int_equal(r.protocol, rec.version[0] == '2' ? 2 : strlen(rec.version) == 3 ? 3 : 4);
        describe(&r, got, sizeof got);
        assert_string_equal(got, rec.outcome);
    }
    fclose(f);
    assert_true(n > 100);
}

TEST(reply_cut_anywhere_is_refused_and_never_read_beyond)
{
    FILE *f = fopen(PLATOON_TEST_DATA "/replies/replies.txt", "r");
    struct recorded rec;

    assert_non_null(f);
    while (next_recorded(f, &rec)) {
        for (size_t len = 0; len < rec.len; len++) {
            uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees the end */
            struct reply r;
            struct platoon_err err;
            platoon_value *v = NULL;
            char ident[32];

            memcpy(exact, rec.bytes, len);
            if (reply_open(&r, exact, len, &err) == PLATOON_OK) {
                if (r.kind == REPLY_RETURN)
                    assert_int_not_equal(reply_decode(&r, &v, &err), PLATOON_OK);
                assert_null(v);
                assert_int_not_equal(reply_failure(&r, &err), PLATOON_OK);
                assert_false(reply_proxy_ident(&r, ident, sizeof ident));
            } else {
                assert_int_equal(err.status, PLATOON_EPROTO);
            }
            free(exact);
        }
    }
    fclose(f);
}

/* --- bytes made here -----------------------------------------------------------------------------
 */

#define BYTES(text) text, sizeof(text) - 1

static enum platoon_status value_of(const void *bytes, size_t len, platoon_value **out,
                                    struct platoon_err *err)
{
    struct reply r;
    enum platoon_status st = reply_open(&r, bytes, len, err);

    return st == PLATOON_OK ? reply_decode(&r, out, err) : st;
}

TEST(reply_is_refused_where_it_is_none)
{
    struct platoon_err err;
    platoon_value *v = NULL;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {BYTES("")},
        {BYTES("hello")},
        {BYTES("\x80\x04N.")},
        {BYTES("\x80\x04\x8c\x07#BANANAN\x86.")},
        {BYTES("\x80\x04\x8c\x07#RETUR")},
        {BYTES("\x80\x04\x8c\x07#RETURN.")},             /* no pair */
        {BYTES("\x80\x04\x8c\x07#RETURNN.")},            /* no pair */
        {BYTES("\x80\x04\x8c\x07#RETURNNN\x87.")},       /* three */
        {BYTES("\x80\x04\x8c\x07#RETURN\x86.")},         /* one short */
        {BYTES("\x80\x04\x8c\x07#RETURNN\x86")},         /* no end */
        {BYTES("\x80\x04\x8c\x07#RETURNN\x86.N")},       /* more after the end */
        {BYTES("\x80\x04]\x8c\x07#RETURNaN\x86.")},      /* ['#RETURN'], None */
        {BYTES("\x95\xff\xff\xff\xff\xff\xff\xff\xff.")} /* a frame and no more */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum platoon_status st = value_of(rows[i].bytes, rows[i].len, &v, &err);

        if (st != PLATOON_EPROTO && st != PLATOON_EPICKLE)
            fail_msg("row %zu: %s", i, platoon_status_text(st));
        assert_true(err.message[0]);
    }
    assert_null(v);
}

TEST(reply_of_a_marked_tuple_is_one_too)
{
    platoon_value *v;
    int64_t n;

    assert_int_equal(value_of(BYTES("\x80\x02(U\x07#RETURNK\x07t."), &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_as_int(v, &n), PLATOON_OK);
    assert_int_equal(n, 7);
    platoon_value_unref(v);
}

static void assert_opaque(const void *reply, size_t reply_len, const void *wanted,
                          size_t wanted_len)
{
    platoon_value *v;
    struct platoon_err err;
    size_t len;
    const void *bytes;

    if (value_of(reply, reply_len, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    assert_int_equal(platoon_value_kind(v), PLATOON_OPAQUE);
    bytes = platoon_as_bytes(v, &len);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(bytes, wanted, len);
    platoon_value_unref(v);
}

TEST(reply_opaque_payload_without_memo_references_stands_alone)
{
    /* datetime.timedelta(1, 2), FRAMEs gone */
    assert_opaque(
        BYTES("\x80\x04\x95\x2e\0\0\0\0\0\0\0\x8c\x07#RETURN\x94\x8c\x08"
              "datetime\x94\x8c\x09timedelta\x94\x93\x94K\x01K\x02\x86\x94R\x94\x86\x94."),
        BYTES("\x80\x04\x8c\x08"
              "datetime\x94\x8c\x09timedelta\x94\x93\x94K\x01K\x02\x86\x94R\x94."));
}

TEST(reply_opaque_payload_with_memo_references_replays_the_kind)
{
    /* [x.y, x.y]: the second is a reference by number, which counts the kind's entry too */
    assert_opaque(BYTES("\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x07#RETURN\x94]\x94(cx\ny\n\x94h\x02"
                        "e\x86\x94."),
                  BYTES("\x80\x04(\x8c\x07#RETURN\x94\x31]\x94(cx\ny\n\x94h\x02"
                        "e."));
    /* a marked pair, numbers of its own, and a frame in the middle */
    assert_opaque(
        BYTES("\x80\x03(X\x07\0\0\0#RETURNq\0cx\ny\nq\1\x95\x04\0\0\0\0\0\0\0h\1\x86tq\2."),
        BYTES("\x80\x03(X\x07\0\0\0#RETURNq\0\x31"
              "cx\ny\nq\1h\1\x86."));
}

TEST(reply_that_nobody_wants_is_not_decoded)
{
    struct reply r;

    assert_int_equal(reply_open(&r, BYTES("\x80\x04\x8c\x07#RETURN\x94 no pickle at all"), NULL),
                     PLATOON_OK);
    assert_int_equal(r.kind, REPLY_RETURN);
}

/* --- errors
 * --------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *type, *message;
} tracebacks[] = {
    {"Traceback (most recent call last):\n  File \"managers.py\", line 227, in serve_client\n"
     "    obj = id_to_obj[ident]\nKeyError: '7f25a47de900'\n",
     "KeyError", "'7f25a47de900'"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n    ^^^\n"
     "ValueError: first\n\nDuring handling of the above exception, another exception occurred:\n\n"
     "Traceback (most recent call last):\n  File \"b.py\", line 2, in h\n    i()\n"
     "my.module.Own: two lines\n  of text\n",
     "my.module.Own", "two lines\n  of text"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyboardInterrupt\n",
     "KeyboardInterrupt", "the server raised KeyboardInterrupt and said no more"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nqueue.Empty\n",
     "queue.Empty", "the server raised queue.Empty and said no more"},
    {"Traceback (most recent call last):\n  cut off", "RemoteError",
     "Traceback (most recent call last):\n  cut off"},
    {"no traceback at all", "RemoteError", "no traceback at all"},
    {"KeyError: alone", "KeyError", "alone"},
    {"", "RemoteError", "the server raised RemoteError and said no more"},
    {"\n\n", "RemoteError", "the server raised RemoteError and said no more"},
};

TEST(remote_error_of_a_traceback_is_its_last_exception)
{
    for (size_t i = 0; i < sizeof tracebacks / sizeof tracebacks[0]; i++) {
        struct platoon_err err;

        assert_int_equal(remote_error_from_traceback(tracebacks[i].text, &err), PLATOON_EREMOTE);
        assert_int_equal(err.status, PLATOON_EREMOTE);
        assert_string_equal(err.type, tracebacks[i].type);
        assert_string_equal(err.message, tracebacks[i].message);
    }
    assert_int_equal(remote_error_from_traceback("x", NULL), PLATOON_EREMOTE);
}

TEST(remote_error_long_names_and_texts_are_cut)
{
    char text[4000];
    struct platoon_err err;

    memset(text, 'A', sizeof text);
    memcpy(text + 300, ": ", 2);
    text[sizeof text - 1] = '\0';
    assert_int_equal(remote_error_from_traceback(text, &err), PLATOON_EREMOTE);
    assert_int_equal(strlen(err.type), sizeof err.type - 1);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

TEST(remote_error_that_is_no_exception)
{
    struct reply r;
    struct platoon_err err;

    assert_int_equal(reply_open(&r, BYTES("\x80\x04\x8c\x06#ERRORK\x01\x86."), NULL), PLATOON_OK);
    assert_int_equal(reply_failure(&r, &err), PLATOON_EPROTO);
    assert_int_equal(reply_open(&r, BYTES("\x80\x04\x8c\x0a#TRACEBACKK\x01\x86."), NULL),
                     PLATOON_OK);
    assert_int_equal(reply_failure(&r, &err), PLATOON_EPROTO);
    /* a class that was not called, and one with odd arguments */
    assert_int_equal(reply_open(&r, BYTES("\x80\x04\x8c\x06#ERRORcx\ny\n\x86."), NULL), PLATOON_OK);
    assert_int_equal(reply_failure(&r, &err), PLATOON_EPROTO);
}

TEST(remote_error_unserializable_keeps_the_reason)
{
    struct reply r;
    struct platoon_err err;

    assert_int_equal(
        reply_open(&r,
                   BYTES("\x80\x04\x8c\x0f#UNSERIALIZABLE\x8c\x3fTraceback (most recent "
                         "call last):\nPicklingError: cannot do it\n\x86."),
                   NULL),
        PLATOON_OK);
    assert_int_equal(reply_failure(&r, &err), PLATOON_EREMOTE);
    assert_string_equal(err.type, "RemoteError");
    assert_string_equal(err.message,
                        "the server could not pickle its answer: PicklingError: cannot do it");
}
