/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "report/lanes.h"

TEST(spans_that_follow_each_other_share_a_lane)
{
    struct lanes l = {0};

    assert_int_equal(lanes_place(&l, 0, 10), 0);
    assert_int_equal(lanes_place(&l, 0, 4), 1);
    assert_int_equal(lanes_place(&l, 3, 5), 2);
    assert_int_equal(lanes_place(&l, 4, 8), 1);
    assert_int_equal(lanes_place(&l, 8, 9), 1); /* the first free one */
    assert_int_equal(lanes_place(&l, 10, 12), 0);
    assert_int_equal(l.n, 3);
}

TEST(a_rounded_millisecond_is_no_overlap)
{
    struct lanes l = {0};

    assert_int_equal(lanes_place(&l, 0, 1.001), 0);
    assert_int_equal(lanes_place(&l, 1.0, 2), 0);
    assert_int_equal(lanes_place(&l, 1.99, 3), 1);
}

TEST(more_than_there_is_room_for_have_none)
{
    struct lanes l = {0};

    for (size_t i = 0; i < LANES_MAX; i++)
        assert_int_equal(lanes_place(&l, 0, 1), i);
    assert_int_equal(lanes_place(&l, 0, 1), LANES_MAX);
    assert_int_equal(lanes_place(&l, 1, 2), 0);
}
