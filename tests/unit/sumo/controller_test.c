/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers: periods, readings, parameters that do not fit together. */
#include "support/test.h"

#include "sumo/control/controller.h"

enum { TLS, OCCUPANCY, QUEUE, INFLOW, N_PLACES };

static void presets(double *p)
{
    for (size_t i = 0; i < controller_alinea.n_parameters; i++)
        p[i] = controller_alinea.parameters[i].preset;
}

static double *parameter(double *p, const char *name)
{
    for (size_t i = 0; i < controller_alinea.n_parameters; i++) {
        if (strcmp(controller_alinea.parameters[i].name, name) == 0)
            return &p[i];
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

/* A run that uses every place with one thing. */
static void *create(const struct platoon_controller *type, const double *p, double step_s)
{
    static const size_t n_ids[PLATOON_CONTROLLER_MAX_PLACES] = {1, 1, 1, 1, 1, 1, 1, 1};
    const struct platoon_controller_run run = {p, n_ids, 0.0, -1.0, step_s, "/"};
    char why[CONTROLLER_WHY_BYTES];

    return type->create(&run, why, sizeof why);
}

static char lamp_of(const struct platoon_controller *type, void *c, double time_s)
{
    char state[3] = "oo";
    const struct platoon_controller_signal signal = {TLS, 0, state, 2};

    type->actuate(c, time_s, &signal);
    assert_int_equal(state[0], state[1]);
    return state[0];
}

static void observe(const struct platoon_controller *type, void *c, double time_s,
                    const struct platoon_controller_reading *readings)
{
    char why[CONTROLLER_WHY_BYTES];

    assert_true(type->observe(c, time_s, readings, why, sizeof why));
}

/* `n` seconds in which the detectors see the same; counts greens that begin. */
static int drive_for(void *c, double *time_s, int n, double occupancy_1, double occupancy_2,
                     double queue, double passed)
{
    const double occupancy[] = {occupancy_1, occupancy_2};
    struct platoon_controller_reading readings[N_PLACES] = {
        [OCCUPANCY] = {occupancy, 2},
        [QUEUE] = {&queue, 1},
        [INFLOW] = {&passed, 1},
    };
    static char before;
    int greens = 0;

    for (int i = 0; i < n; i++) {
        char lamp = lamp_of(&controller_alinea, c, *time_s);

        greens += lamp == 'G' && before == 'r';
        before = lamp;
        *time_s += 1.0;
        observe(&controller_alinea, c, *time_s, readings);
    }
    return greens;
}

TEST(alinea_leaves_the_ramp_open_while_traffic_is_light)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS], time_s = 0.0;
    void *c;

    presets(p);
    c = create(&controller_alinea, p, 1.0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(drive_for(c, &time_s, 30, 10.0, 12.0, 2.0, 0.1), 0);
        assert_int_equal(lamp_of(&controller_alinea, c, time_s), 'G');
    }
    controller_alinea.destroy(c);
}

TEST(alinea_meters_harder_period_by_period_while_the_merge_is_full)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS], time_s = 0.0;
    void *c;

    presets(p);
    c = create(&controller_alinea, p, 1.0);
    drive_for(c, &time_s, 30, 19.0, 21.0, 20.0, 0.2); /* mean 20: 900 - 140 = 760 */
    /* 760 veh/h: 6.3 greens in 30 s */
    assert_in_range(drive_for(c, &time_s, 30, 19.0, 21.0, 20.0, 0.2), 5, 7);
    for (int i = 0; i < 5; i++)
        drive_for(c, &time_s, 30, 19.0, 21.0, 20.0, 0.2);
    /* at r_min, 240 veh/h: 2 greens */
    assert_in_range(drive_for(c, &time_s, 30, 19.0, 21.0, 20.0, 0.2), 1, 3);
    controller_alinea.destroy(c);
}

TEST(alinea_lets_a_full_ramp_go)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS], time_s = 0.0;
    void *c;

    presets(p);
    c = create(&controller_alinea, p, 1.0);
    for (int i = 0; i < 8; i++)
        drive_for(c, &time_s, 30, 30.0, 30.0, 170.0, 0.25);
    /* the override asks for r_max, 900 veh/h: 7.5 greens */
    assert_in_range(drive_for(c, &time_s, 30, 30.0, 30.0, 170.0, 0.25), 7, 8);
    *parameter(p, "queue_override") = 0.0;
    controller_alinea.destroy(c);

    time_s = 0.0;
    c = create(&controller_alinea, p, 1.0);
    for (int i = 0; i < 12; i++)
        drive_for(c, &time_s, 30, 30.0, 30.0, 170.0, 0.25);
    assert_in_range(drive_for(c, &time_s, 30, 30.0, 30.0, 170.0, 0.25), 1, 3);
    controller_alinea.destroy(c);
}

TEST(alinea_without_a_queue_detector_meters_at_the_greatest_rate_instead_of_opening)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS], time_s = 0.0, occupancy = 5.0;
    struct platoon_controller_reading readings[N_PLACES] = {[OCCUPANCY] = {&occupancy, 1}};
    void *c;
    int reds = 0;

    presets(p);
    *parameter(p, "queue_override") = 0.0;
    assert_false(controller_alinea.needs(p, QUEUE));
    assert_false(controller_alinea.needs(p, INFLOW));
    assert_true(controller_alinea.needs(p, OCCUPANCY));
    c = create(&controller_alinea, p, 1.0);
    for (int i = 0; i < 60; i++) {
        reds += lamp_of(&controller_alinea, c, time_s) == 'r';
        time_s += 1.0;
        observe(&controller_alinea, c, time_s, readings);
    }
    assert_in_range(reds, 14, 16); /* open for the first period, then 2 s of each 4 */
    controller_alinea.destroy(c);
}

TEST(alinea_counts_periods_in_simulated_time_whatever_the_step)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS], time_s = 0.0, occupancy = 30.0, queue = 20.0,
                                                 passed = 0.0;
    struct platoon_controller_reading readings[N_PLACES] = {
        [OCCUPANCY] = {&occupancy, 1}, [QUEUE] = {&queue, 1}, [INFLOW] = {&passed, 1}};
    void *c;
    int steps = 0;

    presets(p);
    c = create(&controller_alinea, p, 0.1);
    while (lamp_of(&controller_alinea, c, time_s) == 'G' && steps < 1000) {
        time_s += 0.1;
        observe(&controller_alinea, c, time_s, readings);
        steps++;
    }
    assert_int_equal(steps, 300);
    controller_alinea.destroy(c);
}

TEST(alinea_refuses_parameters_that_do_not_fit_together)
{
    double p[PLATOON_CONTROLLER_MAX_PARAMETERS];
    char why[CONTROLLER_WHY_BYTES];

    presets(p);
    assert_true(controller_alinea.check(p, why, sizeof why));
    *parameter(p, "r_min_vph") = 901.0;
    assert_false(controller_alinea.check(p, why, sizeof why));
    assert_non_null(strstr(why, "r_min_vph (901)"));
    presets(p);
    *parameter(p, "r_max_vph") = 1800.0;
    assert_false(controller_alinea.check(p, why, sizeof why));
    assert_non_null(strstr(why, "leaves no red"));
}

TEST(controllers_are_found_by_name)
{
    assert_ptr_equal(controller_find("alinea"), &controller_alinea);
    assert_null(controller_find("Alinea"));
    assert_null(controller_find(""));
}

/* --- fixed ------------------------------------------------------------------------------------ */

TEST(fixed_shows_its_cycle_whatever_the_step)
{
    static const double steps_s[] = {0.1, 0.5, 1.0};
    const double p[] = {7.5, 2.0};

    for (size_t k = 0; k < 3; k++) {
        void *c = create(&controller_fixed, p, steps_s[k]);
        double green_s = 0.0;
        int greens = 0;
        char before = 'G';

        for (long i = 0; (double)i * steps_s[k] < 3600.0; i++) {
            char lamp = lamp_of(&controller_fixed, c, (double)i * steps_s[k]);

            greens += lamp == 'G' && before == 'r';
            green_s += lamp == 'G' ? steps_s[k] : 0.0;
            before = lamp;
            observe(&controller_fixed, c, (double)(i + 1) * steps_s[k], NULL);
        }
        assert_in_range(greens, 479, 481); /* 3600 / 7.5 */
        assert_true(green_s > 958.0 && green_s < 962.0);
        controller_fixed.destroy(c);
    }
}

TEST(fixed_refuses_a_cycle_without_red)
{
    const double p[] = {4.0, 4.0};
    char why[CONTROLLER_WHY_BYTES];

    assert_false(controller_fixed.check(p, why, sizeof why));
    assert_non_null(strstr(why, "green_s (4) leaves no red in a cycle_s of 4"));
}
