/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include "campaign/tally.h"
#include "campaign/verdict.h"

/* Arms a, b; `n_points` values of x; nothing else. */
static struct campaign_plan *make_plan(size_t n_points, bool has_arms)
{
    platoon_value *d = platoon_dict(), *factors = platoon_list(), *arms = platoon_list();
    platoon_value *values = platoon_list(), *seeds = platoon_list();
    struct campaign_plan *plan = NULL;

    for (size_t i = 0; i < n_points; i++)
        platoon_append(values, platoon_int((int64_t)i));
    if (n_points > 1) {
        platoon_value *factor = platoon_list();

        platoon_append(factor, platoon_str("x"));
        platoon_append(factor, platoon_value_ref(values));
        platoon_append(factors, factor);
    }
    for (int i = 0; has_arms && i < 2; i++) {
        platoon_value *arm = platoon_list();

        platoon_append(arm, platoon_str(i ? "b" : "a"));
        platoon_append(arm, platoon_dict());
        platoon_append(arms, arm);
    }
    platoon_append(seeds, platoon_int(1));
    platoon_dict_set(d, "name", platoon_str("t"));
    platoon_dict_set(d, "factors", factors);
    if (has_arms)
        platoon_dict_set(d, "arms", arms);
    else
        platoon_value_unref(arms);
    platoon_dict_set(d, "seeds", seeds);
    assert_int_equal(plan_new(d, &plan, NULL), PLATOON_OK);
    platoon_value_unref(values);
    platoon_value_unref(d);
    return plan;
}

static const struct tally_metric delay = {"delay", "s", TALLY_LOWER};

static void add(struct tally *t, size_t index, double x)
{
    platoon_value *result = platoon_dict();

    platoon_dict_set(result, "delay", platoon_float(x));
    assert_int_equal(tally_add(t, index, result), PLATOON_OK);
    platoon_value_unref(result);
}

static void check_sentence(const struct tally *t, const struct campaign_plan *plan,
                           enum verdict_kind kind, const char *wanted)
{
    struct verdict v;
    char *sentence;

    assert_int_equal(verdict_find(t, plan, 0, &v), PLATOON_OK);
    assert_int_equal(v.kind, kind);
    sentence = verdict_sentence(&v, t, plan, 0, VERDICT_ENGLISH);
    assert_string_equal(sentence, wanted);
    free(sentence);
    sentence = verdict_sentence(&v, t, plan, 0, VERDICT_CHINESE);
    assert_non_null(sentence);
    assert_string_not_equal(sentence, wanted);
    free(sentence);
}

TEST(a_cell_has_its_own_runs_only)
{
    struct campaign_plan *plan = make_plan(2, true);
    struct tally *t = tally_new(plan, 3, &delay, 1, 0.5);
    struct tally_cell cell;

    for (size_t i = 0; i < 12; i++) /* replication, point, arm: 100, 10, 1 */
        add(t, i, (double)(i / 4 * 100 + i / 2 % 2 * 10 + i % 2));
    assert_int_equal(tally_cell(t, 1, 1, 0, TALLY_ALL, &cell), PLATOON_OK);
    assert_int_equal(cell.n_done, 3);
    assert_true(cell.sample.mean == 111);
    assert_true(cell.sample.min == 11 && cell.sample.max == 211 && cell.median == 111);
    assert_int_equal(tally_cell(t, 1, 1, 0, 2, &cell), PLATOON_OK);
    assert_true(cell.sample.mean == 61);
    tally_free(t);
    plan_free(plan);
}

TEST(pairs_need_both_figures)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 4, &delay, 1, 1);
    struct tally_comparison d;

    for (size_t i = 0; i < 8; i++)
        if (i != 2)
            add(t, i, i % 2 ? 5 : 3 + (double)i);
    tally_fail(t, 2);
    assert_int_equal(tally_compare(t, 0, 1, 0, TALLY_ALL, &d), PLATOON_OK);
    assert_int_equal(d.paired.n, 3);
    assert_true(d.base_mean == (3.0 + 7 + 9) / 3);
    assert_true(fabs(d.paired.mean_difference - (5 - (3.0 + 7 + 9) / 3)) < 1e-12);
    tally_free(t);
    plan_free(plan);
}

TEST(too_many_failures_refuse_the_interval)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 10, &delay, 1, 0.1);
    struct tally_comparison d;
    struct tally_cell cell;

    for (size_t i = 0; i < 20; i++)
        if (i != 0)
            add(t, i, (double)(i * i));
    tally_fail(t, 0); /* one in ten is allowed */
    assert_int_equal(tally_cell(t, 0, 0, 0, TALLY_ALL, &cell), PLATOON_OK);
    assert_false(cell.is_refused);
    assert_true(isfinite(cell.half_width));
    tally_free(t);
    t = tally_new(plan, 10, &delay, 1, 0.09);
    for (size_t i = 1; i < 20; i++)
        add(t, i, (double)(i * i));
    tally_fail(t, 0);
    assert_int_equal(tally_cell(t, 0, 0, 0, TALLY_ALL, &cell), PLATOON_OK);
    assert_true(cell.is_refused && isnan(cell.half_width) && isfinite(cell.sample.mean));
    assert_int_equal(tally_compare(t, 0, 1, 0, TALLY_ALL, &d), PLATOON_OK);
    assert_true(d.is_refused && isnan(d.paired.p_value) && isfinite(d.paired.mean_difference));
    check_sentence(t, plan, VERDICT_REFUSED,
                   "no answer: too many runs failed for the others to stand for delay");
    tally_free(t);
    plan_free(plan);
}

TEST(metrics_are_found_where_none_are_declared)
{
    struct campaign_plan *plan = make_plan(2, false);
    struct tally *t = tally_new(plan, 2, NULL, 0, 0.1);
    platoon_value *result = platoon_dict();

    platoon_dict_set(result, "x", platoon_int(1)); /* a parameter that came back */
    platoon_dict_set(result, "speed", platoon_float(2.5));
    platoon_dict_set(result, "is_fine", platoon_bool(true));
    platoon_dict_set(result, "name", platoon_str("n"));
    platoon_dict_set(result, "endless", platoon_float(INFINITY));
    assert_int_equal(tally_add(t, 0, result), PLATOON_OK);
    platoon_value_unref(result);
    result = platoon_int(7);
    assert_int_equal(tally_add(t, 1, result), PLATOON_OK);
    platoon_value_unref(result);
    assert_int_equal(tally_n_metrics(t), 3);
    assert_string_equal(tally_metric(t, 0)->name, "speed");
    assert_true(tally_figure(t, 0, 0) == 2.5 && isnan(tally_figure(t, 1, 0)));
    assert_true(isnan(tally_figure(t, 0, tally_find_metric(t, "endless"))));
    assert_true(tally_figure(t, 1, tally_find_metric(t, "value")) == 7);
    assert_int_equal(tally_find_metric(t, "nothing"), TALLY_MAX_METRICS);
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_a_clear_effect)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 4, &delay, 1, 0.1);
    static const double base[] = {100, 110, 90, 100}, other[] = {80, 92, 69, 79};

    for (size_t i = 0; i < 4; i++) {
        add(t, 2 * i, base[i]);
        add(t, 2 * i + 1, other[i]);
    }
    check_sentence(t, plan, VERDICT_EFFECT,
                   "b lowers delay by 20.00 s (-20.0 %; 95 % interval -22.25 to -17.75; 4 pairs of "
                   "runs, p < 0.001), which is better");
    tally_free(t);
    plan_free(plan);
}

static void add_stopped(struct tally *t, size_t index, double x)
{
    platoon_value *result = platoon_dict();

    platoon_dict_set(result, "delay", platoon_float(x));
    platoon_dict_set(result, "outcome", platoon_str("stopped-early"));
    assert_int_equal(tally_add(t, index, result), PLATOON_OK);
    platoon_value_unref(result);
}

TEST(runs_that_were_stopped_early_count_and_leave_nothing_better_or_worse)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 4, &delay, 1, 0.1);
    static const double base[] = {100, 110, 90, 100}, other[] = {80, 92, 69, 79};
    struct tally_cell cell;

    for (size_t i = 0; i < 4; i++) {
        add(t, 2 * i, base[i]);
        add(t, 2 * i + 1, other[i]);
    }
    assert_int_equal(tally_n_stopped_early(t), 0);
    add_stopped(t, 3, other[1]);
    assert_int_equal(tally_n_stopped_early(t), 1);
    assert_int_equal(tally_cell(t, 0, 0, 0, TALLY_ALL, &cell), PLATOON_OK);
    assert_int_equal(cell.n_not_ok + cell.n_stopped_early, 0);
    assert_int_equal(tally_cell(t, 0, 1, 0, TALLY_ALL, &cell), PLATOON_OK);
    assert_true(cell.n_done == 4 && cell.n_not_ok == 1 && cell.n_stopped_early == 1);
    assert_int_equal(cell.sample.n, 4);
    check_sentence(t, plan, VERDICT_EFFECT,
                   "b lowers delay by 20.00 s (-20.0 %; 95 % interval -22.25 to -17.75; 4 pairs of "
                   "runs, p < 0.001); mind that 1 run was stopped early, with figures of a shorter "
                   "time");
    add_stopped(t, 5, other[2]);
    check_sentence(
        t, plan, VERDICT_EFFECT,
        "b lowers delay by 20.00 s (-20.0 %; 95 % interval -22.25 to -17.75; 4 pairs of "
        "runs, p < 0.001); mind that 2 runs were stopped early, with figures of a shorter "
        "time");
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_no_effect)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 4, &delay, 1, 0.1);
    static const double base[] = {100, 110, 90, 100}, other[] = {110, 90, 95, 103};

    for (size_t i = 0; i < 4; i++) {
        add(t, 2 * i, base[i]);
        add(t, 2 * i + 1, other[i]);
    }
    check_sentence(t, plan, VERDICT_NO_EFFECT,
                   "no effect of b on delay is shown: difference from a -0.500 s (-0.5 %; 95 % "
                   "interval -21.71 to +20.71; 4 pairs of runs, p = 0.94)");
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_too_few_runs_and_of_none)
{
    struct campaign_plan *plan = make_plan(1, true);
    struct tally *t = tally_new(plan, 4, &delay, 1, 0.1);

    check_sentence(t, plan, VERDICT_NOTHING, "no answer: no run has given delay");
    for (size_t i = 0; i < 4; i++)
        add(t, i, (double)i);
    check_sentence(t, plan, VERDICT_TOO_FEW, "no answer yet: delay needs at least 3 pairs of runs");
    tally_free(t);
    t = tally_new(plan, 2, &delay, 1, 0.1);
    for (size_t i = 0; i < 4; i++)
        tally_fail(t, i);
    check_sentence(t, plan, VERDICT_NOTHING, "no answer: no run has given delay");
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_several_comparisons)
{
    struct campaign_plan *plan = make_plan(2, true);
    struct tally *t = tally_new(plan, 5, &delay, 1, 0.1);

    for (size_t i = 0; i < 20; i++) {
        double noise = (double)(i * 7 % 5), base = 100 + (double)(i / 4);

        add(t, i, i % 4 == 3 ? base + 30 + noise / 10 : base + noise);
    }
    check_sentence(t, plan, VERDICT_COMPARISONS,
                   "delay against a in 2 comparisons (Holm's correction, 95 %): lower in 0, higher "
                   "in 1, not told apart in 1; the largest: b at x=1 +28.20 s (+27.1 %; 95 % "
                   "interval +26.13 to +30.27; 5 pairs of runs, p < 0.001), which is worse");
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_means)
{
    struct campaign_plan *plan = make_plan(2, false);
    struct tally *t = tally_new(plan, 3, &delay, 1, 0.1);

    for (size_t i = 0; i < 6; i++)
        add(t, i, (double)(i % 2 * 50 + i));
    check_sentence(t, plan, VERDICT_MEAN,
                   "delay is lowest at x=0: 2.000 ± 4.968 s (95 %, 3 runs), and highest at x=1: "
                   "53.00 ± 4.968 s (95 %, 3 runs)");
    tally_free(t);
    plan_free(plan);
}

TEST(verdict_of_means_that_are_all_the_same)
{
    struct campaign_plan *plan = make_plan(2, false);
    struct tally *t = tally_new(plan, 3, &delay, 1, 0.1);

    for (size_t i = 0; i < 6; i++)
        add(t, i, 7);
    check_sentence(t, plan, VERDICT_MEAN,
                   "delay is the same at every design point: 7.000 ± 0 s (95 %, 3 runs)");
    tally_free(t);
    plan_free(plan);
}

TEST(numbers_have_four_digits)
{
    static const struct {
        double x;
        bool with_sign;
        const char *text;
    } cases[] = {{0, false, "0"},
                 {1234.56, false, "1235"},
                 {12.345, true, "+12.35"},
                 {-0.012345, false, "-0.0123"},
                 {9.99996, false, "10.000"},
                 {1e9, false, "1000000000"},
                 {NAN, false, "-"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[VERDICT_NUMBER];

        assert_string_equal(verdict_number(cases[i].x, cases[i].with_sign, out), cases[i].text);
    }
}
