/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include "report/axis.h"

static void check(double low, double high, size_t max_ticks, double first, double step, size_t n,
                  const char *last)
{
    struct axis a;
    char text[AXIS_TEXT];

    axis_fit(&a, low, high, max_ticks);
    assert_true(fabs(axis_tick(&a, 0) - first) <= fabs(first) * 1e-12);
    assert_true(fabs(a.step - step) <= step * 1e-12);
    assert_int_equal(a.n_ticks, n);
    assert_string_equal(axis_text(&a, axis_tick(&a, n - 1), text), last);
    assert_true(a.low <= low + a.step * 1e-6 && a.high >= high - a.step * 1e-6);
    assert_true(fabs(axis_share(&a, a.low)) <= 0);
    assert_true(fabs(axis_share(&a, a.high) - 1) <= 0);
}

TEST(ticks_are_round_and_cover_the_range)
{
    check(0, 100, 6, 0, 20, 6, "100");
    check(445.2, 713.7, 6, 400, 100, 5, "800");
    check(-178.3, 3.4, 7, -200, 50, 6, "50");
    check(0.1, 0.5, 6, 0.1, 0.1, 5, "0.5");
    check(0.00021, 0.00078, 6, 0.0002, 0.0002, 4, "0.0008");
    check(1, 6, 6, 1, 1, 6, "6");
    check(3, 3.0000001, 6, 3, 2e-8, 6, "3.0000001");
    check(-7e6, 3e6, 6, -1e7, 5e6, 4, "5e+06");
    check(200000, 200090, 6, 200000, 20, 6, "200100");
}

TEST(any_range_gets_ticks)
{
    static const double values[] = {0,    1,        -1,    1e-300, 1e300, 593.2,
                                    1e15, 1e15 + 1, -0.25, 1e-9,   65535, 3e-5,
                                    99.9, 100.1,    1e308, -1e308, 5e-324};
    size_t n = sizeof values / sizeof *values;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t most = 4; most < 9; most++) {
                double low = fmin(values[i], values[j]), high = fmax(values[i], values[j]);
                struct axis a;

                axis_fit(&a, low, high, most);
                assert_true(a.n_ticks >= 2 && a.n_ticks <= most);
                assert_true(a.low < a.high);
                if (fabs(low) <= 1e300 && fabs(high) <= 1e300) /* beyond, ends stick out */
                    assert_true(axis_share(&a, low) > -1e-6 && axis_share(&a, high) < 1 + 1e-6);
            }
}

TEST(long_numbers_get_fewer_ticks)
{
    struct axis a;

    axis_fit_across(&a, 0, 6, 7);
    assert_int_equal(a.n_ticks, 7);
    axis_fit_across(&a, 0, 600000, 7);
    assert_int_equal(a.n_ticks, 4);
    axis_fit_across(&a, 3, 3.00000001, 7);
    assert_int_equal(a.n_ticks, 3);
}

TEST(one_value_stands_in_the_middle)
{
    struct axis a;

    axis_fit(&a, 42, 42, 6);
    assert_true(axis_share(&a, 42) > 0.2 && axis_share(&a, 42) < 0.8);
    axis_fit(&a, 0, 0, 6);
    assert_true(fabs(axis_share(&a, 0) - 0.5) <= 1e-12);
}

TEST(no_tick_is_minus_zero)
{
    struct axis a;
    char text[AXIS_TEXT];

    axis_fit(&a, -0.3, 0.3, 7);
    for (size_t i = 0; i < a.n_ticks; i++)
        assert_string_not_equal(axis_text(&a, axis_tick(&a, i), text), "-0.0");
}

static void check_time(double seconds, double step, const char *last)
{
    struct axis a;
    char text[AXIS_TEXT];

    axis_fit_time(&a, seconds, 6);
    assert_true(fabs(a.step - step) <= 1e-9);
    assert_true(a.n_ticks >= 2 && a.n_ticks <= 6);
    assert_string_equal(axis_time_text(&a, 0, text), "0");
    assert_string_equal(axis_time_text(&a, axis_tick(&a, a.n_ticks - 1), text), last);
}

TEST(time_has_the_steps_of_clocks)
{
    check_time(0.42, 0.1, "400 ms");
    check_time(47, 10, "40 s");
    check_time(139, 30, "120 s");
    check_time(600, 120, "10 min");
    check_time(5 * 3600.0, 3600, "5 h");
    check_time(4 * 86400.0, 86400, "4 d");
    check_time(100 * 86400.0, 32 * 86400.0, "96 d");
}
