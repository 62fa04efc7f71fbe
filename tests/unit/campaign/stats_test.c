/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics against answers from elsewhere: printed tables, closed forms, GSL 2.7.1 and Python's statistics module. */
#include "support/test.h"

#include <math.h>

#include "campaign/stats.h"

static void assert_close(double got, double wanted, double relative)
{
    if (!(fabs(got - wanted) <= relative * fmax(fabs(wanted), 1e-300)))
        fail_msg("got %.17g, wanted %.17g", got, wanted);
}

/* gsl_cdf_tdist_Pinv(p, df) of GSL 2.7.1, printed with %.17g. */
static const struct {
    double p, df, t;
} quantiles_of_gsl[] = {
    {0.6000, 1, 0.32491969623290623},       {0.7500, 1, 0.99999999999999989},
    {0.9000, 1, 3.0776835371752531},        {0.9500, 1, 6.3137515146750314},
    {0.9750, 1, 12.706204736174696},        {0.9900, 1, 31.820515953773853},
    {0.9950, 1, 63.656741162871697},        {0.9995, 1, 636.61924876873445},
    {0.6000, 2, 0.28867513459481281},       {0.7500, 2, 0.81649658092772615},
    {0.9000, 2, 1.8856180831641272},        {0.9500, 2, 2.9199855803537242},
    {0.9750, 2, 4.3026527297494619},        {0.9900, 2, 6.9645567342832715},
    {0.9950, 2, 9.9248432009182874},        {0.9995, 2, 31.599054576445365},
    {0.6000, 3, 0.27667066233269005},       {0.7500, 3, 0.76489232840434673},
    {0.9000, 3, 1.6377443536962091},        {0.9500, 3, 2.3533634348018229},
    {0.9750, 3, 3.1824463052837038},        {0.9900, 3, 4.5407028585681237},
    {0.9950, 3, 5.840909309733334},         {0.9995, 3, 12.923978636687989},
    {0.6000, 4, 0.27072229470759718},       {0.7500, 4, 0.74069708411268209},
    {0.9000, 4, 1.5332062740589441},        {0.9500, 4, 2.1318467863266504},
    {0.9750, 4, 2.7764451051977925},        {0.9900, 4, 3.7469473879791928},
    {0.9950, 4, 4.6040948713499956},        {0.9995, 4, 8.6103015813795238},
    {0.6000, 5, 0.26718086570414534},       {0.7500, 5, 0.7266868438004227},
    {0.9000, 5, 1.4758840488244807},        {0.9500, 5, 2.0150483733330224},
    {0.9750, 5, 2.5705818356363141},        {0.9900, 5, 3.364929998907221},
    {0.9950, 5, 4.0321429835552269},        {0.9995, 5, 6.8688266258813453},
    {0.6000, 7, 0.26316686135202272},       {0.7500, 7, 0.71114177808178558},
    {0.9000, 7, 1.4149239276505088},        {0.9500, 7, 1.8945786050900066},
    {0.9750, 7, 2.3646242515927844},        {0.9900, 7, 2.9979515668685299},
    {0.9950, 7, 3.4994832973504981},        {0.9995, 7, 5.4078825208618735},
    {0.6000, 9, 0.26095533647391106},       {0.7500, 9, 0.70272214675132583},
    {0.9000, 9, 1.38302873839663},          {0.9500, 9, 1.8331129326562368},
    {0.9750, 9, 2.2621571627982053},        {0.9900, 9, 2.8214379250258088},
    {0.9950, 9, 3.249835541592129},         {0.9995, 9, 4.7809125859311461},
    {0.6000, 10, 0.26018482949207983},      {0.7500, 10, 0.69981206131243068},
    {0.9000, 10, 1.372183641110335},        {0.9500, 10, 1.8124611228116758},
    {0.9750, 10, 2.2281388519862735},       {0.9900, 10, 2.7637694581126953},
    {0.9950, 10, 3.1692726726169447},       {0.9995, 10, 4.5868938587027239},
    {0.6000, 15, 0.25788530093726092},      {0.7500, 15, 0.69119694895848938},
    {0.9000, 15, 1.3406056078504534},       {0.9500, 15, 1.7530503556925725},
    {0.9750, 15, 2.1314495455597751},       {0.9900, 15, 2.6024802950111212},
    {0.9950, 15, 2.9467128834752376},       {0.9995, 15, 4.072765195903858},
    {0.6000, 19, 0.25692281979615456},      {0.7500, 19, 0.6876214602039602},
    {0.9000, 19, 1.3277282090267992},       {0.9500, 19, 1.7291328115213682},
    {0.9750, 19, 2.0930240544083096},       {0.9900, 19, 2.5394831906239621},
    {0.9950, 19, 2.8609346064649719},       {0.9995, 19, 3.8834058525921189},
    {0.6000, 29, 0.25568363457125604},      {0.7500, 29, 0.68304386082161261},
    {0.9000, 29, 1.3114336473015507},       {0.9500, 29, 1.699127026533495},
    {0.9750, 29, 2.0452296421327016},       {0.9900, 29, 2.4620213601504108},
    {0.9950, 29, 2.7563859036705973},       {0.9995, 29, 3.6594050194663956},
    {0.6000, 30, 0.25560536495191283},      {0.7500, 30, 0.68275569332129205},
    {0.9000, 30, 1.3104150253913953},       {0.9500, 30, 1.6972608865939558},
    {0.9750, 30, 2.0422724563012378},       {0.9900, 30, 2.4572615424005875},
    {0.9950, 30, 2.7499956535672196},       {0.9995, 30, 3.645958635042065},
    {0.6000, 40, 0.25503868634581417},      {0.7500, 40, 0.68067271716444888},
    {0.9000, 40, 1.3030770526071951},       {0.9500, 40, 1.6838510133356523},
    {0.9750, 40, 2.0210753903062737},       {0.9900, 40, 2.4232567793348596},
    {0.9950, 40, 2.7044592674331587},       {0.9995, 40, 3.5509657608633263},
    {0.6000, 60, 0.25447339498953114},      {0.7500, 60, 0.67860072064813581},
    {0.9000, 60, 1.2958210935157308},       {0.9500, 60, 1.6706488649046363},
    {0.9750, 60, 2.0002978220142595},       {0.9900, 60, 2.3901194726249142},
    {0.9950, 60, 2.6602830288550376},       {0.9995, 60, 3.4602004691964057},
    {0.6000, 99, 0.25402901215180657},      {0.7500, 99, 0.67697598554615279},
    {0.9000, 99, 1.2901614420344858},       {0.9500, 99, 1.6603911560169902},
    {0.9750, 99, 1.9842169515864176},       {0.9900, 99, 2.3646058617869419},
    {0.9950, 99, 2.6264054572808266},       {0.9995, 99, 3.3915288333636555},
    {0.6000, 120, 0.25390952321492855},     {0.7500, 120, 0.67653972491252035},
    {0.9000, 120, 1.2886462336563784},      {0.9500, 120, 1.657650899355235},
    {0.9750, 120, 1.9799304050824402},      {0.9900, 120, 2.3578246126487548},
    {0.9950, 120, 2.6174211451068619},      {0.9995, 120, 3.3734537685625408},
    {0.6000, 999, 0.25341458333036726},     {0.7500, 999, 0.67473541034671902},
    {0.9000, 999, 1.2823995700373978},      {0.9500, 999, 1.6463803454275352},
    {0.9750, 999, 1.9623414611334493},      {0.9900, 999, 2.330086419039457},
    {0.9950, 999, 2.5807596372676365},      {0.9995, 999, 3.3002924403987666},
    {0.6000, 1000000, 0.25334717053784162}, {0.7500, 1000000, 0.67448999553108735},
    {0.9000, 1000000, 1.2815524121299386},  {0.9500, 1000000, 1.6448551507220401},
    {0.9750, 1000000, 1.9599663568141066},  {0.9900, 1000000, 2.3263516031208047},
    {0.9950, 1000000, 2.5758342201053335},  {0.9995, 1000000, 3.2905364612487213},
};

TEST(t_quantiles_agree_with_gsl)
{
    (void)state;
    for (size_t i = 0; i < sizeof quantiles_of_gsl / sizeof quantiles_of_gsl[0]; i++) {
        double p = quantiles_of_gsl[i].p, df = quantiles_of_gsl[i].df;

        assert_close(stats_t_quantile(p, df), quantiles_of_gsl[i].t, 1e-9);
        assert_close(stats_t_quantile(1 - p, df), -quantiles_of_gsl[i].t, 1e-9);
        /* As good as GSL's own quantile; the closed forms below show what ours is worth. */
        assert_close(stats_t_cdf(quantiles_of_gsl[i].t, df), p, 1e-9);
    }
}

TEST(t_quantiles_agree_with_the_printed_table)
{
    /* E. Pearson, H. Hartley, Biometrika Tables for Statisticians, vol. 1, table 12: two-sided 5 % points. */
    static const double table[] = {12.706, 4.303, 3.182, 2.776, 2.571,
                                   2.447,  2.365, 2.306, 2.262, 2.228};

    (void)state;
    for (int df = 1; df <= 10; df++)
        assert_true(fabs(stats_t_quantile(0.975, df) - table[df - 1]) <= 0.0005);
    assert_true(fabs(stats_t_quantile(0.975, 1e6) - 1.95997) < 5e-5);
}

TEST(t_has_the_closed_forms_of_one_and_two_degrees)
{
    (void)state;
    for (double t = -30; t <= 30; t += 0.37) {
        assert_close(stats_t_cdf(t, 1), 0.5 + atan(t) / M_PI, 1e-11);
        assert_close(stats_t_cdf(t, 2), 0.5 + t / (2 * sqrt(2 + t * t)), 1e-9);
    }
}

static const double base[] = {574.31, 601.22, 548.07, 590.55, 612.9,
                              533.4,  580.01, 566.6,  559.95, 597.3};
static const double arm[] = {487.7,  512.43, 470.02, 501.9, 498.6,
                             476.55, 493.3,  480.01, 489.9, 500.2};

TEST(paired_comparison_agrees_with_an_independent_computation)
{
    struct stats_paired got;

    (void)state;
    stats_compare_paired(base, arm, 10, 0.95, &got);
    /* Python: statistics.mean, stdev, correlation, variance. */
    assert_close(got.mean_difference, -85.37, 1e-12);
    assert_close(got.sd_difference, 15.28793787416877, 1e-12);
    assert_close(got.half_width, 2.2621571628540993 * 15.28793787416877 / sqrt(10), 1e-9);
    assert_close(got.correlation, 0.8631089034517995, 1e-12);
    assert_close(got.variance_ratio, 0.2950821441986714, 1e-12);
    assert_int_equal(got.n_lower, 10);
    assert_int_equal(got.n_higher, 0);
    assert_true(got.p_value > 0 && got.p_value < 1e-6);
}

TEST(quantiles_agree_with_an_independent_computation)
{
    static const double ascending[] = {533.4,  548.07, 559.95, 566.6,  574.31,
                                       580.01, 590.55, 597.3,  601.22, 612.9};

    (void)state; /* Python: statistics.quantiles(n=20, method="inclusive"). */
    assert_close(stats_quantile(ascending, 10, 0.05), 540.0015, 1e-12);
    assert_close(stats_quantile(ascending, 10, 0.25), 561.6125, 1e-12);
    assert_close(stats_quantile(ascending, 10, 0.5), 577.1600000000001, 1e-12);
    assert_close(stats_quantile(ascending, 10, 0.75), 595.6125, 1e-12);
    assert_close(stats_quantile(ascending, 10, 0.95), 607.644, 1e-12);
    assert_close(stats_quantile(ascending, 10, 0), 533.4, 0);
    assert_close(stats_quantile(ascending, 10, 1), 612.9, 0);
}

TEST(moments_do_not_lose_a_small_spread_on_a_large_mean)
{
    struct stats_sample s = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        stats_add(&s, 1e9 + i % 2);
    assert_close(s.mean, 1e9 + 0.5, 1e-15);
    assert_close(stats_sd(&s), sqrt(0.25 * 1000 / 999), 1e-9);
    assert_close(s.min, 1e9, 0);
    assert_close(s.max, 1e9 + 1, 0);
}

TEST(too_few_values_have_no_interval)
{
    struct stats_sample s = {0};
    struct stats_paired pair;

    (void)state;
    assert_true(isnan(stats_half_width(&s, 0.95)));
    stats_add(&s, 3);
    assert_true(isnan(stats_sd(&s)) && isnan(stats_half_width(&s, 0.95)));
    stats_compare_paired(base, arm, 1, 0.95, &pair);
    assert_true(isnan(pair.half_width) && isnan(pair.p_value) && isnan(pair.correlation));
    stats_compare_paired(base, base, 5, 0.95, &pair);
    assert_true(pair.p_value == 1 && pair.mean_difference == 0);
}

TEST(holm_agrees_with_a_worked_example)
{
    /* By hand: sorted 0.005 0.011 0.02 0.04 0.13, factors 5 4 3 2 1, then running maxima. */
    static const double p[] = {0.02, 0.005, 0.13, 0.011, 0.04},
                        wanted[] = {0.06, 0.025, 0.13, 0.044, 0.08};
    static const double ties[] = {0.03, 0.03, 0.9}, wanted_ties[] = {0.09, 0.09, 0.9};
    double got[5];

    (void)state;
    stats_holm(p, 5, got);
    for (int i = 0; i < 5; i++)
        assert_close(got[i], wanted[i], 1e-12);
    stats_holm(ties, 3, got);
    for (int i = 0; i < 3; i++)
        assert_close(got[i], wanted_ties[i], 1e-12);
}

TEST(sequential_rule_wants_a_minimum_two_looks_and_knows_its_cap)
{
    struct stats_target t = {.half_width = 0.05, .is_relative = true, .min_n = 5, .max_n = 9};
    unsigned looks = 0;

    (void)state;
    assert_int_equal(stats_look(&t, 4, 1, 100, &looks), STATS_GO_ON); /* precise, but too few */
    assert_int_equal(stats_look(&t, 5, 4.9, 100, &looks), STATS_GO_ON);
    assert_int_equal(stats_look(&t, 6, 5.1, 100, &looks), STATS_GO_ON); /* starts over */
    assert_int_equal(stats_look(&t, 7, 4.9, -100, &looks), STATS_GO_ON);
    assert_int_equal(stats_look(&t, 8, 4.9, 100, &looks), STATS_PRECISE);
    looks = 0;
    assert_int_equal(stats_look(&t, 9, NAN, 100, &looks), STATS_AT_CAP);
}
