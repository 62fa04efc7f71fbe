/* SPDX-License-Identifier: Apache-2.0 */
#include "sumo/pace.h"

#include "support/test.h"

TEST(pace_is_unknown_before_anything_was_told)
{
    struct pace p = {.n = 0};

    assert_true(pace_real_time_factor(&p) < 0);
    pace_note(&p, 0.0, 0.0);
    assert_true(pace_real_time_factor(&p) < 0);
}

TEST(pace_at_first_is_that_since_the_start)
{
    struct pace p = {.n = 0};

    pace_note(&p, 100.0, 2.0);
    assert_float_equal(pace_real_time_factor(&p), 50.0, 1e-9);
    pace_note(&p, 300.0, 4.0);
    assert_float_equal(pace_real_time_factor(&p), 75.0, 1e-9);
}

TEST(pace_follows_a_simulation_that_slows_down)
{
    struct pace p = {.n = 0};

    for (int i = 1; i <= 100; i++) /* 100 times as fast as real time */
        pace_note(&p, 100.0 * i, i);
    assert_float_equal(pace_real_time_factor(&p), 100.0, 1e-9);
    for (int i = 1; i <= 10; i++)
        pace_note(&p, 10000.0 + i, 100.0 + i);
    assert_float_equal(pace_real_time_factor(&p), (1000.0 + 10.0) / 20.0, 1e-9);
    for (int i = 11; i <= 40; i++)
        pace_note(&p, 10000.0 + i, 100.0 + i);
    assert_float_equal(pace_real_time_factor(&p), 1.0, 1e-9);
}

TEST(pace_of_rare_news_looks_back_as_far_as_they_do)
{
    struct pace p = {.n = 0};

    pace_note(&p, 500.0, 50.0);
    pace_note(&p, 600.0, 100.0);
    assert_float_equal(pace_real_time_factor(&p), 2.0, 1e-9);
}
