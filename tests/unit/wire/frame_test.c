/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "wire/frame.h"

static const uint64_t one_gib = 1024u * 1024 * 1024;

static enum frame_result feed_whole(const void *bytes, size_t len, uint64_t limit, uint64_t *out_n,
                                    struct platoon_err *err)
{
    struct frame f;
    enum frame_result r;
    size_t used;

    frame_init(&f, limit);
    r = frame_feed(&f, bytes, len, &used, err);
    *out_n = f.body_bytes;
    return r;
}

TEST(frame_reads_a_normal_header_and_leaves_the_body)
{
    struct frame f;
    struct platoon_err err;
    size_t used = 99;

    (void)state;
    frame_init(&f, 256);
    assert_true(frame_is_idle(&f));
    assert_int_equal(frame_feed(&f, "\0\0\0\5hello", 9, &used, &err), FRAME_READY);
    assert_int_equal(used, 4);
    assert_int_equal(f.body_bytes, 5);
    assert_int_equal(frame_feed(&f, "hello", 5, &used, &err), FRAME_READY);
    assert_int_equal(used, 0);
    frame_reset(&f);
    assert_true(frame_is_idle(&f));
    assert_int_equal(frame_feed(&f, "\0\0\1\0", 4, &used, &err), FRAME_READY);
    assert_int_equal(f.body_bytes, 256);
}

TEST(frame_byte_by_byte_equals_whole)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint64_t n;
    } rows[] = {
        {"\0\0\0\0", 4, 0},
        {"\0\0\0\1", 4, 1},
        {"\x12\x34\x56\x78", 4, 0x12345678},
        {"\x7f\xff\xff\xff", 4, 0x7fffffff},
        {"\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 12, 0},
        {"\xff\xff\xff\xff\0\0\0\0\0\0\0\7", 12, 7},
        {"\xff\xff\xff\xff\0\0\0\1\0\0\0\2", 12, 0x100000002},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct platoon_err err;
        struct frame f;
        uint64_t n;

        assert_int_equal(feed_whole(rows[i].bytes, rows[i].len, UINT64_MAX, &n, &err), FRAME_READY);
        assert_int_equal(n, rows[i].n);
        frame_init(&f, UINT64_MAX);
        for (size_t at = 0; at < rows[i].len; at++) {
            enum frame_result expected = at + 1 < rows[i].len ? FRAME_NEED_MORE : FRAME_READY;
            size_t used;

            assert_int_equal(frame_feed(&f, rows[i].bytes + at, 1, &used, &err), expected);
            assert_int_equal(used, 1);
            assert_false(frame_is_idle(&f));
        }
        assert_int_equal(f.body_bytes, rows[i].n);
    }
}

TEST(frame_refuses_negative_lengths)
{
    struct platoon_err err;
    uint64_t n;

    (void)state;
    assert_int_equal(feed_whole("\xff\xff\xff\xfe", 4, UINT64_MAX, &n, &err), FRAME_BAD);
    assert_int_equal(err.status, PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "-2"));
    assert_int_equal(feed_whole("\x80\0\0\0", 4, UINT64_MAX, &n, &err), FRAME_BAD);
    assert_int_equal(err.status, PLATOON_EPROTO);
}

TEST(frame_refuses_more_than_the_limit_in_both_forms)
{
    struct platoon_err err;
    uint64_t n;

    (void)state;
    assert_int_equal(feed_whole("\x40\0\0\0", 4, one_gib, &n, &err), FRAME_READY);
    assert_int_equal(feed_whole("\x40\0\0\1", 4, one_gib, &n, &err), FRAME_BAD);
    assert_int_equal(err.status, PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "1073741825"));
    assert_int_equal(feed_whole("\xff\xff\xff\xff\0\0\0\0\x40\0\0\1", 12, one_gib, &n, &err),
                     FRAME_BAD);
    assert_int_equal(err.status, PLATOON_ELIMIT);
    assert_int_equal(
        feed_whole("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, one_gib, &n, &err),
        FRAME_BAD);
    assert_int_equal(err.status, PLATOON_ELIMIT);
    assert_int_equal(feed_whole("\0\0\1\1", 4, 256, &n, &err), FRAME_BAD);
}

TEST(frame_names_the_protocol_that_came_by_mistake)
{
    struct platoon_err err;
    uint64_t n;

    (void)state;
    assert_int_equal(feed_whole("GET / HTTP/1.1\r\n", 16, one_gib, &n, &err), FRAME_BAD);
    assert_int_equal(err.status, PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "HTTP request"));
    assert_int_equal(feed_whole("\x16\x03\x01\x02", 4, 256, &n, &err), FRAME_BAD);
    assert_non_null(strstr(err.message, "TLS"));
}

TEST(frame_stays_bad)
{
    struct platoon_err err;
    struct frame f;
    size_t used;

    (void)state;
    frame_init(&f, 256);
    assert_int_equal(frame_feed(&f, "\x80\0\0\0", 4, &used, &err), FRAME_BAD);
    assert_int_equal(frame_feed(&f, "\0\0\0\1", 4, &used, &err), FRAME_BAD);
    assert_int_equal(used, 0);
}

TEST(frame_header_reads_back_as_written)
{
    static const uint64_t lengths[] = {0,          1,          255,         16384,
                                       0x7fffffff, 0x80000000, 0x100000000, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t header[FRAME_HEADER_MAX];
        size_t len = frame_put_header(header, lengths[i]);
        uint64_t n;

        assert_int_equal(len, lengths[i] > 0x7fffffff ? 12 : 4);
        assert_int_equal(feed_whole(header, len, UINT64_MAX, &n, NULL), FRAME_READY);
        assert_int_equal(n, lengths[i]);
    }
}
