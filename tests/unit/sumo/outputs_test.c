/* SPDX-License-Identifier: Apache-2.0 */
/* SUMO's output files: recorded ones, cut ones, strange ones. */
#include "support/test.h"

#include <unistd.h>

#include "sumo/outputs.h"
#include "sumo/xml_scan.h"

#define DATA(name) PLATOON_TEST_DATA "/sumo/" name

static struct platoon_err err;

static void assert_near(double got, double wanted)
{
    if (got - wanted > 1e-6 || wanted - got > 1e-6)
        fail_msg("%.12g is not %.12g", got, wanted);
}

/* A file with `len` bytes; its path, to be removed by drop(). */
static char *file_with(const char *text, size_t len)
{
    char *path = strdup("/tmp/platoon-outputs-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    return path;
}

static char *file_of(const char *text)
{
    return file_with(text, strlen(text));
}

static void drop(char *path)
{
    unlink(path);
    free(path);
}

static char *slurp(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "r");
    char *text = malloc(1 << 16);

    assert_non_null(file);
    *out_len = fread(text, 1, 1 << 16, file);
    fclose(file);
    return text;
}

TEST(statistics_of_a_run_that_was_cut_off_by_its_end)
{
    struct sumo_statistics s;

    assert_int_equal(outputs_read_statistics(DATA("cut_off_by_its_end.statistic.xml"), &s, &err),
                     PLATOON_OK);
    assert_near(s.loaded, 395);
    assert_near(s.inserted, 395);
    assert_near(s.running, 176);
    assert_near(s.waiting, 0);
    assert_near(s.mean_speed, 23.05);
    /* totalTravelTime 81286.00 and totalDepartDelay 11.00 */
    assert_near(outputs_total_time_spent_s(&s), 81297.0);
    assert_near(outputs_mean_delay_s(&s), 22.75 + 11.0 / 395.0);
}

TEST(mean_delay_of_a_gridlock_counts_those_that_never_departed)
{
    struct sumo_statistics s;

    assert_int_equal(outputs_read_statistics(DATA("gridlock.statistic.xml"), &s, &err), PLATOON_OK);
    assert_near(s.waiting, 950);
    assert_near(outputs_total_time_spent_s(&s), 2824016.0 + 4964188.0);
    /* 4433 departed with a mean loss of 387.05 s; 5383 wanted to. SUMO's own means say 387.2 s. */
    assert_near(outputs_mean_delay_s(&s), (387.05 * 4433.0 + 4964188.0) / 5383.0);
}

TEST(mean_delay_of_no_vehicles_is_none)
{
    const struct sumo_statistics s = {0};

    assert_near(outputs_mean_delay_s(&s), 0.0);
}

TEST(statistics_cut_at_any_byte_are_refused)
{
    size_t len;
    char *text = slurp(DATA("cut_off_by_its_end.statistic.xml"), &len);
    struct sumo_statistics s;

    while (len > 0 && text[len - 1] != '>')
        len--;
    for (size_t cut = 0; cut < len; cut++) {
        char *path = file_with(text, cut);

        assert_int_equal(outputs_read_statistics(path, &s, &err), PLATOON_EPROTO);
        assert_int_equal(xml_check_end(path, &err), PLATOON_EPROTO);
        drop(path);
    }
    free(text);
}

TEST(statistics_that_lack_figures_are_refused)
{
    char *path = file_of("<statistics><vehicles loaded=\"1\" inserted=\"1\" running=\"0\" "
                         "waiting=\"0\"/></statistics>");
    struct sumo_statistics s;

    assert_int_equal(outputs_read_statistics(path, &s, &err), PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "lacks some of the figures"));
    drop(path);
}

TEST(statistics_of_an_older_sumo_have_no_count_of_trips)
{
    char *path =
        file_of("<statistics><vehicles loaded=\"9\" inserted=\"7\" running=\"0\" waiting=\"0\"/>"
                "<teleports total=\"2\"/><safety collisions=\"3\"/>"
                "<vehicleTripStatistics speed=\"10\" timeLoss=\"4\" totalTravelTime=\"70\" "
                "totalDepartDelay=\"14\"/></statistics>");
    struct sumo_statistics s;

    assert_int_equal(outputs_read_statistics(path, &s, &err), PLATOON_OK);
    assert_near(s.trips, 7);
    assert_near(s.teleports, 2);
    assert_near(s.collisions, 3);
    assert_near(outputs_mean_delay_s(&s), 6.0);
    drop(path);
}

TEST(missing_files_are_named)
{
    struct sumo_statistics s;

    assert_int_equal(outputs_read_statistics("/nowhere/x.xml", &s, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "/nowhere/x.xml"));
}

TEST(last_minutes_of_a_gridlock)
{
    struct sumo_last_minutes last;

    assert_int_equal(outputs_read_last_minutes(DATA("gridlock.summary.xml"), 300.0, &last, &err),
                     PLATOON_OK);
    assert_near(last.time_s, 8940);
    assert_near(last.running, 187);
    assert_near(last.halting, 187);
    assert_near(last.waiting, 950);
    assert_near(last.arrived_lately, 0);
    assert_near(last.window_s, 300);
}

TEST(last_minutes_of_flowing_traffic)
{
    struct sumo_last_minutes last;

    assert_int_equal(
        outputs_read_last_minutes(DATA("cut_off_by_its_end.summary.xml"), 300.0, &last, &err),
        PLATOON_OK);
    assert_near(last.time_s, 540);
    assert_near(last.halting, 0);
    assert_near(last.arrived_lately, 195 - 6); /* since 240 s */
    assert_near(last.window_s, 300);
}

TEST(last_minutes_reach_back_far_enough_with_a_line_each_step)
{
    char *text = malloc(1 << 22), *path;
    size_t len = (size_t)sprintf(text, "<summary>");
    struct sumo_last_minutes last;

    for (int t = 0; t < 20000; t++)
        len += (size_t)sprintf(text + len,
                               "<step time=\"%.1f\" running=\"5\" halting=\"1\" waiting=\"2\" "
                               "ended=\"%d\"/>",
                               t * 0.5, t / 10);
    len += (size_t)sprintf(text + len, "</summary>");
    path = file_with(text, len);
    assert_int_equal(outputs_read_last_minutes(path, 300.0, &last, &err), PLATOON_OK);
    assert_near(last.time_s, 9999.5);
    assert_true(last.window_s >= 300.0 && last.window_s < 320.0);
    assert_true(last.arrived_lately >= 60.0 && last.arrived_lately <= 64.0);
    drop(path);
    free(text);
}

TEST(last_minutes_of_no_lines)
{
    char *path = file_of("<summary/>");
    struct sumo_last_minutes last;

    assert_int_equal(outputs_read_last_minutes(path, 300.0, &last, &err), PLATOON_OK);
    assert_near(last.time_s, -1);
    assert_near(last.window_s, 0);
    drop(path);
}

TEST(whole_files_are_told_from_cut_ones)
{
    static const struct {
        const char *text;
        bool is_whole;
    } cases[] = {
        {"<a></a>", true},
        {"<a></a>\n\n", true},
        {"<?xml version=\"1.0\"?>\n<!-- <b> -->\n<a x=\"1\">\n  <b/>\n</a>\r\n", true},
        {"<a/>", true},
        {"<!-- nothing in it -->\n<a x=\"y\"/>\n", true},
        {"<a><b/>", false},
        {"<a><b></b>", false},
        {"<a>", false},
        {"<a", false},
        {"<a></a", false},
        {"", false},
        {"\n", false},
        {"no XML at all", false},
        {"<a></b></a>", true}, /* not looked into */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = file_of(cases[i].text);

        if ((xml_check_end(path, &err) == PLATOON_OK) != cases[i].is_whole)
            fail_msg("%s is wrongly judged", cases[i].text);
        drop(path);
    }
}

static bool stop_at_b(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    int *n = arg;

    (void)attributes;
    (void)depth;
    ++*n;
    return strcmp(name, "b") != 0;
}

TEST(scan_stops_where_it_is_told)
{
    char *path = file_of("<a><c/><b/><c/><c/></a> and rubbish");
    int n = 0;

    assert_int_equal(xml_scan(path, stop_at_b, &n, &err), PLATOON_OK);
    assert_int_equal(n, 3);
    drop(path);
}

TEST(scan_names_line_and_column)
{
    char *path = file_of("<a>\n  <b x=></b>\n</a>");
    int n = 0;

    assert_int_equal(xml_scan(path, stop_at_b, &n, &err), PLATOON_EPROTO);
    assert_non_null(strstr(err.message, ":2:"));
    drop(path);
}

TEST(scan_refuses_a_billion_laughs)
{
    char text[4096];
    size_t len = (size_t)sprintf(text, "<!DOCTYPE a [<!ENTITY x0 \"ha\">");
    struct sumo_statistics s;
    char *path;

    for (int i = 1; i < 30; i++)
        len += (size_t)sprintf(text + len, "<!ENTITY x%d \"&x%d;&x%d;\">", i, i - 1, i - 1);
    len += (size_t)sprintf(text + len, "]><a>&x29;</a>");
    path = file_with(text, len);
    assert_int_equal(outputs_read_statistics(path, &s, &err), PLATOON_EPROTO);
    drop(path);
}
