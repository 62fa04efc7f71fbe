/* SPDX-License-Identifier: Apache-2.0 */
/* The control law against numbers worked out by hand. */
#include "support/test.h"

#include "sumo/control/alinea.h"

static const struct alinea_parameters law = {
    .K_R = 70.0,
    .o_target = 18.0,
    .r_min_vph = 240.0,
    .r_max_vph = 900.0,
    .storage_vehicles = 160.0,
    .open_queue_vehicles = 8.0,
    .queue_override = true,
};

static void assert_near(double got, double wanted)
{
    if (got - wanted > 1e-9 || wanted - got > 1e-9)
        fail_msg("%.12g is not %.12g", got, wanted);
}

TEST(alinea_rate_rises_below_the_target_and_falls_above_it)
{
    assert_near(alinea_rate(&law, 600.0, 16.5), 600.0 + 70.0 * 1.5); /* 705 */
    assert_near(alinea_rate(&law, 600.0, 20.0), 600.0 - 140.0);
    assert_near(alinea_rate(&law, 600.0, 18.0), 600.0);
}

TEST(alinea_rate_stays_within_its_limits)
{
    assert_near(alinea_rate(&law, 600.0, 0.0), 900.0);
    assert_near(alinea_rate(&law, 600.0, 60.0), 240.0);
}

TEST(alinea_queue_rate_empties_what_the_ramp_cannot_hold)
{
    /* 10 places left, 30 s: 750 arrive an hour, 10 * 120 an hour find room. */
    struct alinea_period period = {30.0, 20.0, 150.0, 750.0};

    assert_near(alinea_queue_rate(&law, &period), 750.0 - 1200.0);
    period.queue_vehicles = 158.0;
    assert_near(alinea_queue_rate(&law, &period), 750.0 - 240.0);
    period.queue_vehicles = 165.0; /* 5 too many */
    assert_near(alinea_queue_rate(&law, &period), 750.0 + 600.0);
}

TEST(alinea_override_wins_over_the_law_but_not_over_the_greatest_rate)
{
    struct alinea_period period = {30.0, 30.0, 158.0, 750.0};

    /* the law alone: 600 - 70 * 12 < 240 */
    assert_near(alinea_next(&law, 600.0, &period), 510.0);
    period.queue_vehicles = 170.0; /* asks for 750 + 1200 */
    assert_near(alinea_next(&law, 600.0, &period), 900.0);
    period.queue_vehicles = 0.0;
    assert_near(alinea_next(&law, 600.0, &period), 240.0);
}

TEST(alinea_without_override_ignores_the_queue)
{
    struct alinea_parameters plain = law;
    const struct alinea_period period = {30.0, 30.0, 170.0, 750.0};

    plain.queue_override = false;
    assert_near(alinea_next(&plain, 600.0, &period), 240.0);
}

TEST(alinea_does_not_wind_up_while_the_override_is_active)
{
    struct alinea_period period = {30.0, 30.0, 158.0, 750.0};
    double rate = 600.0;

    for (int k = 0; k < 20; k++)
        rate = alinea_next(&law, rate, &period);
    assert_near(rate, 510.0);
    /* The jam is gone: the next rate starts from what was used, not from far below r_min. */
    period.occupancy_percent = 17.0;
    period.queue_vehicles = 100.0;
    assert_near(alinea_next(&law, rate, &period), 580.0);
}

TEST(alinea_opens_only_with_nothing_to_hold_back_and_hardly_a_queue)
{
    struct alinea_period period = {30.0, 10.0, 8.0, 300.0};

    assert_true(alinea_may_open(&law, 900.0, &period));
    assert_false(alinea_may_open(&law, 899.0, &period));
    period.queue_vehicles = 9.0;
    assert_false(alinea_may_open(&law, 900.0, &period));
    period.queue_vehicles = 0.0;
    period.occupancy_percent = 18.0;
    assert_false(alinea_may_open(&law, 900.0, &period));
}
