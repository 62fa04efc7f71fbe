/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"

TEST(a_buffer_fails_once_and_stays_failed)
{
    struct buf b;

    buf_init(&b);
    b.max = 4;
    assert_true(buf_text(&b, "abc"));
    assert_false(buf_text(&b, "de"));
    assert_false(buf_byte(&b, 'f')); /* it would fit, but a hole must not be */
    assert_true(b.has_failed && b.is_full);
    assert_int_equal(b.len, 3);
    assert_null(buf_take_text(&b, NULL));
    assert_null(b.data);

    mem_fail_from(1);
    assert_false(buf_printf(&b, "%d", 5));
    mem_fail_from(0);
    assert_true(b.has_failed && !b.is_full);
    buf_reset(&b);
    assert_true(buf_printf(&b, "%d-%s", 5, "x"));
    assert_memory_equal(b.data, "5-x", 3);
    buf_release(&b);
}

TEST(text_is_given_away_with_its_nul)
{
    struct buf b;
    size_t len = 0;
    char *text;

    buf_init(&b);
    for (int i = 0; i < 1000; i++)
        assert_true(buf_byte(&b, 'x'));
    text = buf_take_text(&b, &len);
    assert_int_equal(len, 1000);
    assert_int_equal(strlen(text), 1000);
    assert_int_equal(b.cap, 0);
    free(text);
}

TEST(a_map_keeps_what_was_put)
{
    struct map m;
    bool is_new;

    map_init(&m);
    assert_null(map_find(&m, 1, 1));
    for (uint64_t i = 0; i < 5000; i++) {
        *map_put(&m, i * 4096, i & 1, &is_new) = i;
        assert_true(is_new);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(*map_find(&m, i * 4096, i & 1), i);
        assert_null(map_find(&m, i * 4096, 2));
    }
    (void)map_put(&m, 0, 0, &is_new);
    assert_false(is_new);
    assert_int_equal(m.n, 5000);
    map_release(&m);
}

TEST(characters_of_every_length_are_put_and_read)
{
    static const uint32_t all[] = {0, 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xffff, 0x10000, 0x10ffff};
    uint8_t text[4];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t n = utf8_put(all[i], text), at = 0;

        assert_true(utf8_is_valid(text, n));
        assert_int_equal(utf8_next(text, &at), all[i]);
        assert_int_equal(at, n);
    }
    assert_false(utf8_is_valid("\xe2\x82", 2));
}
