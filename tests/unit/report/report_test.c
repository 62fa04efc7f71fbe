/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <math.h>

#include "report/report.h"

enum { N_SEEDS = 6 };

static const int64_t seeds[N_SEEDS] = {11, 12, 13, 14, 15, 16};

/* `n` values of one factor, two arms. */
static struct campaign_plan *make_plan(int n)
{
    platoon_value *d = platoon_dict(), *values = platoon_list(), *factors = platoon_list();
    platoon_value *factor = platoon_list(), *arms = platoon_list();
    struct campaign_plan *plan = NULL;

    for (int i = 0; i < n; i++)
        platoon_append(values, platoon_int(i));
    platoon_append(factor, platoon_str("x<&>"));
    platoon_append(factor, values);
    platoon_append(factors, factor);
    for (int i = 0; i < 2; i++) {
        platoon_value *arm = platoon_list();

        platoon_append(arm, platoon_str(i ? "<b>on" : "off"));
        platoon_append(arm, platoon_dict());
        platoon_append(arms, arm);
    }
    platoon_dict_set(d, "name", platoon_str("<i>name"));
    platoon_dict_set(d, "factors", factors);
    platoon_dict_set(d, "arms", arms);
    assert_int_equal(plan_new(d, &plan, NULL), PLATOON_OK);
    platoon_value_unref(d);
    return plan;
}

static char *write_report(struct report *r)
{
    struct buf b;

    buf_init(&b);
    assert_int_equal(report_write(r, &b), PLATOON_OK);
    return buf_take_text(&b, NULL);
}

static struct report make_report(const struct campaign_plan *plan, struct tally *t)
{
    return (struct report){.plan = plan,
                           .tally = t,
                           .seeds = seeds,
                           .n_seeds = N_SEEDS,
                           .max_failed_share = 0.1,
                           .file_path = "a<b>.yaml",
                           .file_text = "name: <i>name\n",
                           .file_sha256 = "00",
                           .command = "platoon run 'a<b>.yaml'"};
}

TEST(an_empty_campaign_has_a_report_in_both_languages)
{
    struct campaign_plan *plan = make_plan(3);
    struct tally *t = tally_new(plan, N_SEEDS, NULL, 0, 0.1);
    struct report r = make_report(plan, t);
    char *english = write_report(&r), *chinese;

    r.language = VERDICT_CHINESE;
    chinese = write_report(&r);
    assert_non_null(strstr(english, "no answer"));
    assert_non_null(strstr(english, "<html lang=\"en\">"));
    assert_non_null(strstr(chinese, "没有结论"));
    assert_non_null(strstr(chinese, "<html lang=\"zh-Hans\">"));
    free(english);
    free(chinese);
    tally_free(t);
    plan_free(plan);
}

TEST(no_name_is_markup)
{
    static const struct report_problem problems[] = {{3, true, "<img src=x>"}};
    static const char *const workers[] = {"<u>host"};
    struct report_run runs[] = {{100, 101, 0, 0, false}};
    struct campaign_plan *plan = make_plan(2);
    struct tally *t = tally_new(plan, N_SEEDS, NULL, 0, 0.1);
    struct report r = make_report(plan, t);
    char *text;

    for (size_t i = 0; i < N_SEEDS * 4; i++) {
        platoon_value *result = platoon_dict();

        platoon_dict_set(result, "<s>m", platoon_float((double)(i * i % 7)));
        assert_int_equal(tally_add(t, i, result), PLATOON_OK);
        platoon_value_unref(result);
    }
    r.problems = problems;
    r.n_problems = r.n_failed = 1;
    r.runs = runs;
    r.n_runs = r.n_workers = 1;
    r.workers = workers;
    text = write_report(&r);
    assert_non_null(strstr(text, "&lt;i&gt;name"));
    assert_non_null(strstr(text, "&lt;img src=x&gt;"));
    assert_non_null(strstr(text, "&lt;u&gt;host"));
    assert_non_null(strstr(text, "&lt;s&gt;m"));
    assert_null(strstr(text, "<i>"));
    assert_null(strstr(text, "<img"));
    assert_null(strstr(text, "<u>"));
    assert_null(strstr(text, "<s>"));
    assert_null(strstr(text, "<b>on"));
    assert_null(strstr(text, "x<&>"));
    free(text);
    tally_free(t);
    plan_free(plan);
}

/* As big as it gets is bounded, and what is left out is said. */
TEST(a_large_campaign_has_a_small_report)
{
    enum { N_POINTS = 5000 };
    const size_t n_tasks = (size_t)N_POINTS * 2 * N_SEEDS;
    static const char *const workers[] = {"one"};
    struct report_run *runs = calloc(n_tasks, sizeof *runs);
    struct campaign_plan *plan = make_plan(N_POINTS);
    struct tally *t = tally_new(plan, N_SEEDS, NULL, 0, 0.1);
    struct report r = make_report(plan, t);
    char *text;

    for (size_t i = 0; i < n_tasks; i++) {
        platoon_value *result = platoon_float((double)(i % 97));

        assert_int_equal(tally_add(t, i, result), PLATOON_OK);
        platoon_value_unref(result);
        runs[i] = (struct report_run){(double)i, (double)i + 2.5, i, 0, i % 10 == 0};
    }
    r.runs = runs;
    r.n_runs = n_tasks;
    r.workers = workers;
    r.n_workers = 1;
    r.n_done = n_tasks;
    text = write_report(&r);
    assert_true(strlen(text) < 2 * 1024 * 1024);
    assert_non_null(strstr(text, "The first 400 of 10000 rows"));
    assert_non_null(strstr(text, "Of 5000 design points the first 30 are shown"));
    assert_non_null(strstr(text, "4600 further design points are left out"));
    assert_non_null(strstr(text, "Of 60000 runs the first 3000 are drawn"));
    free(text);
    free(runs);
    tally_free(t);
    plan_free(plan);
}

/* More workers than there are lanes, each with a run at the same time. */
TEST(runs_without_a_lane_are_counted)
{
    enum { N = 140 };
    const char *workers[N];
    struct report_run runs[N];
    struct campaign_plan *plan = make_plan(1);
    struct tally *t = tally_new(plan, N_SEEDS, NULL, 0, 0.1);
    struct report r = make_report(plan, t);
    char *text;

    for (size_t i = 0; i < N; i++) {
        workers[i] = "w";
        runs[i] = (struct report_run){1e9, 1e9 + 5, i % 12, i, false};
    }
    r.runs = runs;
    r.n_runs = r.n_workers = N;
    r.workers = workers;
    text = write_report(&r);
    assert_non_null(strstr(text, " 12 runs have no lane: there are more than 128."));
    assert_non_null(strstr(text, " and 76 more"));
    free(text);
    tally_free(t);
    plan_free(plan);
}

TEST(pauses_are_cut_out_of_the_time_line)
{
    static const char *const workers[] = {"one"};
    struct report_run runs[] = {{1e9 + 86400, 1e9 + 86460, 1, 0, false},
                                {1e9, 1e9 + 60, 0, 0, false}};
    struct campaign_plan *plan = make_plan(1);
    struct tally *t = tally_new(plan, N_SEEDS, NULL, 0, 0.1);
    struct report r = make_report(plan, t);
    char *text;

    r.runs = runs;
    r.n_runs = 2;
    r.workers = workers;
    r.n_workers = 1;
    text = write_report(&r);
    assert_non_null(strstr(text, "cut out at the dashed lines: 1."));
    /* Two minutes are drawn, the second run as the second half. */
    assert_non_null(strstr(text, "<rect x=\"50.000%\" y=\"22.0\" width=\"50.000%\""));
    assert_non_null(strstr(text, ">120 s</text>"));
    free(text);
    tally_free(t);
    plan_free(plan);
}
