/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/rope.h"

static void fill(struct rope *r, const char *text)
{
    assert_true(rope_append_copy(r, text, strlen(text)));
}

TEST(rope_copies_come_out_in_order)
{
    struct rope r;
    char out[8] = "";

    (void)state;
    rope_init(&r);
    fill(&r, "abc");
    fill(&r, "def");
    rope_copy_out(&r, 1, out, 4);
    assert_string_equal(out, "bcde");
    assert_int_equal(r.len, 6);
    rope_release(&r);
}

TEST(rope_range_shares_blocks_and_leaves_gaps)
{
    struct rope r, cut;
    char out[8] = "";

    (void)state;
    rope_init(&r);
    rope_init(&cut);
    fill(&r, "abcdefgh");
    assert_true(rope_append_range(&cut, &r, 0, 2));
    assert_true(rope_append_range(&cut, &r, 5, 8));
    rope_release(&r);
    rope_copy_out(&cut, 0, out, 5);
    assert_string_equal(out, "abfgh");
    assert_int_equal(cut.n_segments, 2);
    assert_true(rope_compact(&cut));
    assert_int_equal(cut.n_segments, 1);
    rope_copy_out(&cut, 0, out, 5);
    assert_string_equal(out, "abfgh");
    rope_release(&cut);
}

TEST(rope_does_not_write_into_a_shared_block)
{
    struct rope a, b;
    char out[8] = "";

    (void)state;
    rope_init(&a);
    rope_init(&b);
    fill(&a, "abc");
    assert_true(rope_append_range(&b, &a, 0, 3));
    fill(&a, "X");
    fill(&b, "Y");
    rope_copy_out(&a, 0, out, 4);
    assert_string_equal(out, "abcX");
    rope_copy_out(&b, 0, out, 4);
    assert_string_equal(out, "abcY");
    rope_release(&a);
    rope_release(&b);
}

TEST(a_copy_behind_a_large_shared_block_takes_little_room)
{
    struct rope r;
    struct block *large = block_new(1000000);

    rope_init(&r);
    assert_true(rope_append_block(&r, large, 0, 1000000));
    fill(&r, "x");
    assert_true(r.segments[1].block->size < 1000);
    rope_release(&r);
    block_unref(large);
}

/* A rope of `text` in blocks of `size` bytes each. */
static void fill_in_blocks(struct rope *r, const char *text, size_t size)
{
    rope_init(r);
    for (size_t at = 0, len = strlen(text); at < len; at += size) {
        size_t n = len - at < size ? len - at : size;
        struct block *b = block_new(n);

        assert_non_null(b);
        memcpy(b->data, text + at, n);
        assert_true(rope_append_block(r, b, 0, n));
        block_unref(b);
    }
}

TEST(rope_cursor_takes_ranges_across_blocks)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz";

    for (size_t size = 1; size <= 26; size++) {
        struct rope from, to;
        struct rope_cursor c, copy;
        char out[27] = "";

        fill_in_blocks(&from, text, size);
        rope_init(&to);
        rope_cursor_init(&c, &from);
        rope_cursor_init(&copy, &from);
        assert_true(rope_cursor_append(&c, 0, 0, &to));
        assert_true(rope_cursor_append(&c, 1, 5, &to));
        assert_true(rope_cursor_append(&c, 7, 8, &to));
        assert_true(rope_cursor_append(&c, 8, 26, &to));
        assert_true(rope_cursor_append(&c, 26, 26, &to));
        rope_copy_out(&to, 0, out, (size_t)to.len);
        assert_string_equal(out, "bcdehijklmnopqrstuvwxyz");
        memset(out, 0, sizeof out);
        rope_cursor_copy(&copy, 2, 4, out);
        rope_cursor_copy(&copy, 4, 26, out + 2);
        assert_string_equal(out, "cdefghijklmnopqrstuvwxyz");
        rope_release(&from);
        rope_release(&to);
    }
}

TEST(rope_equality_does_not_depend_on_blocks)
{
    struct rope a, b;

    for (size_t x = 1; x <= 6; x++) {
        for (size_t y = 1; y <= 6; y++) {
            fill_in_blocks(&a, "abcdef", x);
            fill_in_blocks(&b, "abcdef", y);
            assert_true(rope_equal(&a, &b));
            rope_release(&b);
            fill_in_blocks(&b, "abcdeF", y);
            assert_false(rope_equal(&a, &b));
            rope_release(&b);
            fill_in_blocks(&b, "abcde", y);
            assert_false(rope_equal(&a, &b));
            rope_release(&a);
            rope_release(&b);
        }
    }
    rope_init(&a);
    rope_init(&b);
    assert_true(rope_equal(&a, &b));
}

TEST(rope_is_flat_while_it_is_one_segment)
{
    struct rope r;

    rope_init(&r);
    assert_string_equal(rope_flat(&r), "");
    fill(&r, "abc");
    assert_memory_equal(rope_flat(&r), "abc", 3);
    rope_release(&r);
    fill_in_blocks(&r, "abcdef", 4);
    assert_null(rope_flat(&r));
    rope_release(&r);
}

TEST(rope_truncate_cuts_at_any_byte_and_drops_blocks)
{
    for (size_t size = 1; size <= 6; size++) {
        for (size_t len = 0; len <= 6; len++) {
            struct rope r;
            char out[8] = "";

            fill_in_blocks(&r, "abcdef", size);
            rope_truncate(&r, len);
            assert_int_equal(r.len, len);
            rope_copy_out(&r, 0, out, len);
            assert_memory_equal(out, "abcdef", len);
            assert_int_equal(r.n_segments, (len + size - 1) / size);
            fill(&r, "X");
            rope_copy_out(&r, len, out, 1);
            assert_int_equal(out[0], 'X');
            rope_release(&r);
        }
    }
}
