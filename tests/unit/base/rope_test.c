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
