/* SPDX-License-Identifier: Apache-2.0 */
/* request_test.c - what the client writes is what the server's scanner reads. */
#include "support/test.h"

#include <platoon/manager.h>

#include "manager/request.h"
#include "pickle/scan.h"
#include "wire/frame.h"

/* The request in `b`, read as a server reads it. `out` points into the scan, which the caller frees. */
static struct scan *read_back(const struct buf *b, struct scan_request *out)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err;
    struct frame f;
    uint8_t *bytes;
    size_t len, used;

    request_frame(b, &bytes, &len);
    frame_init(&f, UINT64_MAX);
    assert_int_equal(frame_feed(&f, bytes, len, &used, &err), FRAME_READY);
    assert_int_equal(used + f.body_bytes, len);
    if (scan_feed(s, bytes + used, len - used, &err) != SCAN_DONE)
        fail_msg("%s", err.message);
    scan_request(s, out);
    return s;
}

TEST(request_of_a_queue_says_no_more_than_it_must)
{
    static const struct {
        bool has_item;
        double timeout_s;
        size_t n_args;
    } rows[] = {
        {false, PLATOON_FOREVER, 0}, {false, 0, 1}, {false, 2.5, 2},
        {true, PLATOON_FOREVER, 1},  {true, 0, 2},  {true, 0.001, 3},
    };
    platoon_value *item = platoon_str("an item");
    struct buf b;

    buf_init(&b);
    for (int protocol = 2; protocol <= 4; protocol++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const char *method = rows[i].has_item ? "put" : "get";
            const struct request_head head = {protocol, "get_task_queue#1", method};
            size_t at = rows[i].has_item ? 1 : 0;
            struct scan_request r;
            struct scan *s;

            assert_int_equal(request_queue_op(&b, &head, rows[i].has_item ? item : NULL,
                                              rows[i].timeout_s, NULL),
                             PLATOON_OK);
            s = read_back(&b, &r);
            assert_int_equal(scan_protocol(s), protocol);
            assert_string_equal(r.ident, "get_task_queue#1");
            assert_string_equal(r.method, method);
            assert_int_equal(r.n_kwds, 0);
            assert_int_equal(r.n_args, rows[i].n_args);
            if (at)
                assert_string_equal(r.args[0].text, "an item");
            if (r.n_args > at) {
                assert_int_equal(r.args[at].kind, SCAN_BOOL);
                assert_int_equal(r.args[at].as_bool, rows[i].timeout_s > 0);
            }
            if (r.n_args > at + 1)
                assert_true(r.args[at + 1].as_float == rows[i].timeout_s);
            scan_free(s);
        }
    }
    buf_release(&b);
    platoon_value_unref(item);
}

TEST(request_puts_an_opaque_item_with_its_timeout)
{
    static const char pickle[] = "\x80\x04\x8c\x08"
                                 "datetime\x94\x8c\x09timedelta\x94\x93\x94K\x01\x85\x94R\x94.";
    platoon_value *item = platoon_opaque(pickle, sizeof pickle - 1);
    const double timeouts[] = {PLATOON_FOREVER, 0, 3};
    struct buf b;

    assert_non_null(item);
    buf_init(&b);
    for (size_t i = 0; i < 3; i++) {
        const struct request_head head = {4, "id", "put"};
        struct scan_request r;
        struct scan *s;

        assert_int_equal(request_queue_op(&b, &head, item, timeouts[i], NULL), PLATOON_OK);
        s = read_back(&b, &r);
        assert_int_equal(r.n_args, i + 1);
        assert_int_equal(r.args[0].kind, SCAN_COMPOUND);
        assert_true(r.args[0].flags & SCAN_HAS_GLOBAL);
        scan_free(s);
    }
    buf_release(&b);
    platoon_value_unref(item);
}

TEST(request_buffer_is_used_again_after_a_failure)
{
    static const char pickle[] = "\x80\x02"
                                 "cx\ny\n.";
    const struct request_head head = {4, NULL, "create"};
    platoon_value *object, *args;
    struct scan_request r;
    struct scan *s;
    struct buf b;

    buf_init(&b);
    assert_int_equal(platoon_pickle_inspect(pickle, sizeof pickle - 1, NULL, &object, NULL),
                     PLATOON_OK);
    args = platoon_tuple(1, object); /* to be looked at only */
    assert_int_equal(request_call(&b, &head, args, NULL, NULL), PLATOON_ETYPE);
    platoon_value_unref(args);
    args = platoon_tuple(2, platoon_str("get_task_queue"), platoon_str("run7"));
    assert_int_equal(request_call(&b, &head, args, NULL, NULL), PLATOON_OK);
    s = read_back(&b, &r);
    assert_true(r.ident_is_none);
    assert_string_equal(r.method, "create");
    assert_int_equal(r.n_args, 2);
    assert_string_equal(r.args[1].text, "run7");
    scan_free(s);
    platoon_value_unref(args);
    buf_release(&b);
}
