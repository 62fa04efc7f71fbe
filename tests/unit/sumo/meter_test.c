/* SPDX-License-Identifier: Apache-2.0 */
/* The lamp: lengths of green and red, and the mean rate that comes out. */
#include "support/test.h"

#include "sumo/control/meter.h"

/* The lamp in steps from_s, from_s + step_s, ..., as 'G' and 'r'. */
static void record(struct meter *m, double from_s, double step_s, size_t n, double rate_vph,
                   char *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = meter_shows_green(m, from_s + (double)i * step_s, rate_vph, false) ? 'G' : 'r';
    out[n] = '\0';
}

static size_t count_greens(const char *lamp)
{
    size_t n = 0;

    for (size_t i = 0; lamp[i]; i++)
        n += lamp[i] == 'G' && (i == 0 || lamp[i - 1] != 'G');
    return n;
}

TEST(meter_starts_metering_with_red)
{
    struct meter m;
    char lamp[32];

    meter_init(&m, 2.0, 1.0, 0.0);
    assert_true(meter_shows_green(&m, 0.0, 600.0, true));
    assert_true(meter_shows_green(&m, 1.0, 600.0, true));
    /* A cycle is 6 s, 4 of them red; the first red counts from the last open step. */
    record(&m, 2.0, 1.0, 14, 600.0, lamp);
    assert_string_equal(lamp, "rrrGGrrrrGGrrr");
}

TEST(meter_stays_green_while_open)
{
    struct meter m;

    meter_init(&m, 2.0, 1.0, 100.0);
    for (int i = 0; i < 50; i++)
        assert_true(meter_shows_green(&m, 100.0 + i, 300.0, true));
}

TEST(meter_opens_in_the_middle_of_a_red)
{
    struct meter m;

    meter_init(&m, 2.0, 1.0, 0.0);
    assert_false(meter_shows_green(&m, 0.0, 240.0, false));
    assert_false(meter_shows_green(&m, 1.0, 240.0, false));
    assert_true(meter_shows_green(&m, 2.0, 240.0, true));
    assert_false(meter_shows_green(&m, 3.0, 240.0, false));
}

TEST(meter_keeps_the_rate_when_a_cycle_is_no_whole_number_of_steps)
{
    static const double rates_vph[] = {240.0, 317.0, 487.0, 700.0, 899.0};
    char lamp[3601];

    for (size_t i = 0; i < sizeof rates_vph / sizeof rates_vph[0]; i++) {
        struct meter m;

        meter_init(&m, 2.0, 1.0, 0.0);
        record(&m, 0.0, 1.0, 3600, rates_vph[i], lamp);
        /* an hour holds as many greens as the rate says, give or take the one at its edge */
        assert_in_range(count_greens(lamp), (size_t)rates_vph[i] - 1, (size_t)rates_vph[i] + 1);
        assert_null(strstr(lamp, "GGG")); /* never a second vehicle */
        assert_null(strstr(lamp, "rGr"));
    }
}

TEST(meter_keeps_the_rate_with_short_and_long_steps)
{
    static char lamp[36001];
    struct meter m;

    meter_init(&m, 2.0, 0.1, 0.0);
    record(&m, 0.0, 0.1, 36000, 700.0, lamp);
    assert_in_range(count_greens(lamp), 699, 701);
    meter_init(&m, 2.0, 2.0, 0.0);
    record(&m, 0.0, 2.0, 1800, 487.0, lamp);
    assert_in_range(count_greens(lamp), 486, 488);
}

TEST(meter_pays_no_debt_for_a_gap_in_time)
{
    struct meter m;
    char lamp[16];

    meter_init(&m, 2.0, 1.0, 0.0);
    assert_false(meter_shows_green(&m, 0.0, 600.0, false));
    record(&m, 1000.0, 1.0, 12, 600.0, lamp);
    assert_in_range(count_greens(lamp), 2, 3);
    assert_null(strstr(lamp, "rGr"));
}

TEST(meter_uses_a_new_rate_from_the_next_change_on)
{
    struct meter m;
    char lamp[32];

    meter_init(&m, 2.0, 1.0, 0.0);
    record(&m, 0.0, 1.0, 6, 600.0, lamp); /* rrrrGG */
    record(&m, 6.0, 1.0, 12, 900.0, lamp + 6);
    assert_string_equal(lamp, "rrrrGGrrGGrrGGrrGG");
}
