/* SPDX-License-Identifier: Apache-2.0 */
/* What users have measured: texts into metrics, dicts into settings, values into one, and files of
 * SUMO's into all of it. */
#include "support/test.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "sumo/measure/collect.h"
#include "sumo/measure/trips.h"

static struct platoon_err err;

static void assert_near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-9 * fmax(1.0, fabs(wanted))))
        fail_msg("%.17g is not %.17g", got, wanted);
}

static void assert_says(const char *part)
{
    if (!strstr(err.message, part))
        fail_msg("\"%s\" is not in: %s", part, err.message);
}

/* --- texts ------------------------------------------------------------------------------------ */

TEST(metric_texts_are_taken)
{
    static const struct {
        const char *text;
        enum metric_source source;
        const char *detector, *attribute;
        enum metric_aggregate aggregate;
    } good[] = {
        {"tripinfo/timeLoss mean", METRIC_TRIPINFO, "", "timeLoss", METRIC_MEAN},
        {"  summary/halting \t max ", METRIC_SUMMARY, "", "halting", METRIC_MAX},
        {"e1/occupancy p95", METRIC_E1, "", "occupancy", METRIC_P95},
        {"e1/merge_1/speed std", METRIC_E1, "merge_1", "speed", METRIC_STD},
        {"e2/a/b#0/c/maxVehicleNumber sum", METRIC_E2, "a/b#0/c", "maxVehicleNumber", METRIC_SUM},
        {"tripinfo/id count", METRIC_TRIPINFO, "", "id", METRIC_COUNT},
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct metric m = {.name = "x"};

        assert_int_equal(metric_parse(good[i].text, "x", &m, &err), PLATOON_OK);
        assert_string_equal(m.name, "x");
        assert_int_equal(m.source, good[i].source);
        assert_string_equal(m.detector, good[i].detector);
        assert_string_equal(m.attribute, good[i].attribute);
        assert_int_equal(m.aggregate, good[i].aggregate);
    }
}

TEST(bad_metric_texts_are_refused_with_a_sentence)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "SOURCE/ATTRIBUTE AGGREGATE"},
        {"tripinfo/timeLoss", "SOURCE/ATTRIBUTE AGGREGATE"},
        {"tripinfo/timeLoss mean max", "SOURCE/ATTRIBUTE AGGREGATE"},
        {"tripinfo/timeLoss median", "no aggregate"},
        {"tripinfo/timeLoss MEAN", "no aggregate"},
        {"trip/timeLoss mean", "no source"},
        {"tripinfo mean", "name of an attribute"},
        {"tripinfo/ mean", "name of an attribute"},
        {"tripinfo/time=Loss mean", "name of an attribute"},
        {"tripinfo/x/timeLoss mean", "tripinfo has none"},
        {"summary/x/halting mean", "summary has none"},
        {"e1//occupancy mean", "1 to 255 bytes"},
    };
    char text[600], long_id[METRIC_DETECTOR_BYTES + 2], long_attribute[METRIC_ATTRIBUTE_BYTES + 2];
    struct metric m = {.name = "x", .attribute = "as it was"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(metric_parse(bad[i].text, "the task: metrics.x", &m, &err),
                         PLATOON_EINVAL);
        assert_says(bad[i].part);
        assert_says("the task: metrics.x");
    }
    memset(long_id, 'd', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    snprintf(text, sizeof text, "e2/%s/x max", long_id);
    assert_int_equal(metric_parse(text, "x", &m, &err), PLATOON_EINVAL);
    assert_int_equal(metric_parse((snprintf(text, sizeof text, "e2/%s/x max", long_id + 1), text),
                                  "x", &m, &err),
                     PLATOON_OK);
    memset(long_attribute, 'a', sizeof long_attribute - 1);
    long_attribute[sizeof long_attribute - 1] = '\0';
    snprintf(text, sizeof text, "tripinfo/%s max", long_attribute);
    assert_int_equal(metric_parse(text, "x", &m, &err), PLATOON_EINVAL);
}

/* --- settings --------------------------------------------------------------------------------- */

static platoon_value *with(platoon_value *dict, const char *key, platoon_value *value)
{
    assert_int_equal(platoon_dict_set(dict, key, value), PLATOON_OK);
    return dict;
}

/* Takes the dicts. */
static enum platoon_status take(struct measure_settings *s, platoon_value *metrics,
                                platoon_value *measure)
{
    enum platoon_status st = measure_settings_take(s, metrics, measure, "the task", &err);

    platoon_value_unref(metrics);
    platoon_value_unref(measure);
    return st;
}

static platoon_value *window(platoon_value *from, platoon_value *to)
{
    return with(with(platoon_dict(), "from", from), "to", to);
}

TEST(later_metrics_win_by_name_and_none_takes_one_away)
{
    struct measure_settings s = {0};

    assert_int_equal(take(&s,
                          with(with(platoon_dict(), "a", platoon_str("summary/halting max")), "b",
                               platoon_str("e1/flow mean")),
                          window(platoon_int(10), platoon_int(20))),
                     PLATOON_OK);
    assert_false(measure_needs_tripinfo(&(struct measure_settings){0}));
    assert_true(measure_needs_tripinfo(&s)); /* by its window */
    assert_int_equal(take(&s,
                          with(with(with(platoon_dict(), "a", platoon_none()), "b",
                                    platoon_str("tripinfo/timeLoss p50")),
                               "never_there", platoon_none()),
                          window(platoon_float(5), platoon_none())),
                     PLATOON_OK);
    assert_int_equal(s.n_metrics, 1);
    assert_string_equal(s.metrics[0].name, "b");
    assert_int_equal(s.metrics[0].aggregate, METRIC_P50);
    assert_true(s.has_window);
    assert_near(s.from_s, 5);
    assert_true(isinf(s.to_s));
    /* a window that leaves nothing out is none */
    assert_int_equal(take(&s, NULL, platoon_dict()), PLATOON_OK);
    assert_false(s.has_window);
    measure_settings_release(&s);
}

TEST(windows_are_half_open_for_moments_and_closed_for_intervals)
{
    struct measure_settings s = {.has_window = true, .from_s = 10, .to_s = 20}, none = {0};

    assert_false(measure_has_time(&s, 9.99));
    assert_true(measure_has_time(&s, 10));
    assert_true(measure_has_time(&s, 19.99));
    assert_false(measure_has_time(&s, 20));
    assert_true(measure_has_interval(&s, 10, 20));
    assert_false(measure_has_interval(&s, 9, 20));
    assert_false(measure_has_interval(&s, 10, 21));
    assert_true(measure_has_time(&none, 1e9));
    assert_true(measure_has_interval(&none, 0, 1e9));
}

TEST(wrong_settings_are_refused_with_a_sentence)
{
    static const char *const bad_names[] = {"", "1st", "a b", "a-b", "\xc3\xa4"};
    struct measure_settings s = {0};
    platoon_value *many = platoon_dict(), *task = platoon_dict();
    char name[METRIC_NAME_BYTES + 2];

    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        assert_int_equal(
            take(&s, with(platoon_dict(), bad_names[i], platoon_str("summary/halting max")), NULL),
            PLATOON_EINVAL);
        assert_says("a name is a letter");
    }
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(metric_is_name(name));
    assert_true(metric_is_name(name + 1));
    assert_int_equal(take(&s, platoon_str("x"), NULL), PLATOON_EINVAL);
    assert_says("metrics must be a dict");
    assert_int_equal(take(&s, with(platoon_dict(), "a", platoon_int(1)), NULL), PLATOON_EINVAL);
    assert_says("metrics.a must be a text");
    assert_int_equal(take(&s, NULL, platoon_list()), PLATOON_EINVAL);
    assert_says("measure must be a dict");
    assert_int_equal(take(&s, NULL, window(platoon_int(20), platoon_int(20))), PLATOON_EINVAL);
    assert_says("is not after");
    assert_int_equal(take(&s, NULL, window(platoon_int(-1), platoon_int(20))), PLATOON_EINVAL);
    assert_says("measure.from must be a simulated time");
    assert_int_equal(take(&s, NULL, window(platoon_bool(true), platoon_int(20))), PLATOON_EINVAL);
    assert_int_equal(take(&s, NULL, with(platoon_dict(), "til", platoon_int(3))), PLATOON_EINVAL);
    assert_says("from and to, not til");

    for (int i = 0; i <= MEASURE_MAX_METRICS; i++) {
        snprintf(name, sizeof name, "m%d", i);
        with(many, name, platoon_str("summary/halting max"));
    }
    measure_settings_release(&s);
    assert_int_equal(take(&s, many, NULL), PLATOON_EINVAL);
    assert_says("metrics.m32 is one too many");
    assert_int_equal(measure_settings_finish(&s, task, -1, &err), PLATOON_OK);
    with(task, "m7", platoon_none());
    assert_int_equal(measure_settings_finish(&s, task, -1, &err), PLATOON_EINVAL);
    assert_says("metrics.m7");
    measure_settings_release(&s);

    assert_int_equal(take(&s, with(platoon_dict(), "mean_delay_s", platoon_str("e1/flow max")),
                          window(platoon_int(100), platoon_int(200))),
                     PLATOON_OK);
    assert_int_equal(measure_settings_finish(&s, task, -1, &err), PLATOON_EINVAL);
    assert_says("one of its own");
    measure_settings_release(&s);
    assert_int_equal(take(&s, NULL, window(platoon_int(100), platoon_int(200))), PLATOON_OK);
    assert_int_equal(measure_settings_finish(&s, task, 100, &err), PLATOON_EINVAL);
    assert_says("not before the simulation's end");
    assert_int_equal(measure_settings_finish(&s, task, 101, &err), PLATOON_OK);
    measure_settings_release(&s);
    platoon_value_unref(task);
}

/* --- aggregates ------------------------------------------------------------------------------- */

static double value_of(struct aggregate *a, enum metric_aggregate which)
{
    double value;

    assert_true(aggregate_value(a, which, &value));
    return value;
}

TEST(aggregates_of_known_values)
{
    static const double values[] = {4, -2, 7, 1, 10};
    struct aggregate a = {0};
    size_t room = 100;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(aggregate_add(&a, values[i], true, &room), PLATOON_OK);
    assert_int_equal(room, 95);
    assert_near(value_of(&a, METRIC_MEAN), 4);
    assert_near(value_of(&a, METRIC_SUM), 20);
    assert_near(value_of(&a, METRIC_MIN), -2);
    assert_near(value_of(&a, METRIC_MAX), 10);
    assert_near(value_of(&a, METRIC_COUNT), 5);
    assert_near(value_of(&a, METRIC_STD), sqrt(90 / 4.0));
    assert_near(value_of(&a, METRIC_P50), 4);
    assert_near(value_of(&a, METRIC_P90), 7 + 0.6 * 3); /* place 3.6 of 0..4 */
    assert_near(value_of(&a, METRIC_P99), 7 + 0.96 * 3);
    aggregate_release(&a);
}

TEST(aggregates_of_nothing_and_of_one_value)
{
    struct aggregate a = {0};
    size_t room = 1;
    double value;

    assert_near(value_of(&a, METRIC_SUM), 0);
    assert_near(value_of(&a, METRIC_COUNT), 0);
    assert_false(aggregate_value(&a, METRIC_MEAN, &value));
    assert_false(aggregate_value(&a, METRIC_MIN, &value));
    assert_false(aggregate_value(&a, METRIC_P50, &value));
    assert_int_equal(aggregate_add(&a, 3, true, &room), PLATOON_OK);
    assert_false(aggregate_value(&a, METRIC_STD, &value));
    assert_near(value_of(&a, METRIC_P99), 3);
    assert_int_equal(aggregate_add(&a, 3, true, &room), PLATOON_ELIMIT);
    aggregate_release(&a);
}

TEST(sums_lose_nothing_to_rounding)
{
    struct aggregate a = {0};

    (void)aggregate_add(&a, 1.0, false, NULL);
    (void)aggregate_add(&a, 1e100, false, NULL);
    (void)aggregate_add(&a, 1.0, false, NULL);
    (void)aggregate_add(&a, -1e100, false, NULL);
    assert_true(value_of(&a, METRIC_SUM) == 2.0);
    a = (struct aggregate){0};
    for (int i = 0; i < 10000000; i++)
        (void)aggregate_add(&a, 0.1, false, NULL);
    assert_true(fabs(value_of(&a, METRIC_SUM) - 1e6) < 1e-9);
}

/* --- files ------------------------------------------------------------------------------------ */

#define TRIPS                                                                                      \
    "<tripinfos>"                                                                                  \
    "<tripinfo id='a' depart='5.00' departDelay='1.00' arrival='15.00' duration='10.00' "          \
    "routeLength='100.00' timeLoss='2.00' vType='car' departPosLat='-1.00'/>"                      \
    "<tripinfo id='b' depart='10.00' departDelay='0.00' arrival='30.00' duration='20.00' "         \
    "routeLength='100.00' timeLoss='4.00' vType='car' departPosLat='1.00'/>"                       \
    "<tripinfo id='c' depart='19.00' departDelay='3.00' arrival='-1.00' duration='11.00' "         \
    "routeLength='11.00' timeLoss='9.00' vType='car' departPosLat='2.00'><emissions/></tripinfo>"  \
    "<personinfo id='p' depart='12.00' timeLoss='100'/>"                                           \
    "<tripinfo id='d' depart='-1' departDelay='15.00' arrival='-1.00' duration='0.00' "            \
    "routeLength='0.00' timeLoss='0.00' vType='car' departPosLat='-1.00'/>"                        \
    "<tripinfo id='e' depart='-1' departDelay='2.00' arrival='-1.00' duration='0.00' "             \
    "routeLength='0.00' timeLoss='0.00' vType='car' departPosLat='-1.00'/>"                        \
    "</tripinfos>"

struct outputs {
    char folder[64];
    struct measure_files files;
};

static void put(const struct outputs *o, const char *name, const char *text)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", o->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin(struct outputs *o)
{
    strcpy(o->folder, "/tmp/platoon-measure-XXXXXX");
    assert_non_null(mkdtemp(o->folder));
    o->files = (struct measure_files){o->folder, "trips.xml", "summary.xml"};
    put(o, "trips.xml", TRIPS);
    put(o, "summary.xml",
        "<summary><step time='0.00' halting='1' meanSpeed='-1.00'/>"
        "<step time='10.00' halting='5' meanSpeed='3.00'/>"
        "<step time='20.00' halting='9' meanSpeed='4.00'/></summary>");
    put(o, "loops.xml",
        "<detector><interval begin='0.00' end='10.00' id='l' nVehContrib='0' speed='-1.00'/>"
        "<interval begin='0.00' end='10.00' id='a' meanSpeed='7' maxJamLengthInVehicles='8'/>"
        "<interval begin='10.00' end='20.00' id='l' nVehContrib='3' speed='9.00'/></detector>");
    put(o, "more.xml",
        "<detector><interval begin='10.00' end='20.00' id='m' nVehContrib='5' "
        "speed='3.00'/></detector>");
    put(o, "fcd.xml", "<fcd-export><interval id='l' nVehContrib='1000'/> never read to its end");
}

static void end(struct outputs *o)
{
    assert_int_equal(remove_tree(o->folder), 0);
}

/* One metric of these outputs, of the window if to_s > 0. */
static enum platoon_status measured(const struct outputs *o, const char *text, double from_s,
                                    double to_s, double *out)
{
    struct measure_settings s = {.has_window = to_s > 0, .from_s = from_s, .to_s = to_s};
    struct sumo_statistics statistics = {.loaded = 0};
    enum platoon_status st;

    assert_int_equal(take(&s, with(platoon_dict(), "x", platoon_str(text)), NULL), PLATOON_OK);
    st = measure_collect(&s, &o->files, 30.0, &statistics, out, &err);
    measure_settings_release(&s);
    return st;
}

TEST(metrics_of_files)
{
    static const struct {
        const char *text;
        double from_s, to_s, wanted; /* NAN: none */
    } cases[] = {
        {"tripinfo/timeLoss sum", 0, 0, 15}, /* neither the person's nor those who never departed */
        {"tripinfo/timeLoss mean", 10, 20, 6.5},
        {"tripinfo/id count", 0, 0, 3},
        {"tripinfo/vType count", 10, 20, 2},
        {"tripinfo/departDelay sum", 0, 0, 21},
        {"tripinfo/departDelay sum", 10, 20, 18}, /* d wanted to depart at 15 */
        {"tripinfo/departDelay sum", 20, 30, 2},  /* e at 28 */
        {"tripinfo/arrival max", 0, 0, 30},
        {"tripinfo/arrival count", 0, 0, 2},
        {"tripinfo/departPosLat min", 0, 0, -1}, /* -1 is a place here */
        {"tripinfo/timeLoss mean", 25, 28, NAN},
        {"summary/halting max", 0, 0, 9},
        {"summary/halting max", 0, 20, 5},
        {"summary/meanSpeed mean", 0, 0, 3.5},
        {"e1/nVehContrib sum", 0, 0, 8},
        {"e1/l/nVehContrib sum", 0, 0, 3},
        {"e1/l/speed mean", 0, 0, 9},
        {"e1/l/speed mean", 0, 10, NAN},
        {"e1/speed p50", 10, 20, 6},
        {"e2/a/maxJamLengthInVehicles max", 0, 0, 8},
        {"e2/id count", 10, 20, 0},
    };
    struct outputs o;

    begin(&o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value;

        if (measured(&o, cases[i].text, cases[i].from_s, cases[i].to_s, &value) != PLATOON_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        if (isnan(cases[i].wanted) ? !isnan(value) : !(fabs(value - cases[i].wanted) < 1e-9))
            fail_msg("%s: %g is not %g", cases[i].text, value, cases[i].wanted);
    }
    end(&o);
}

TEST(what_the_outputs_lack_is_an_error_that_lists_what_they_have)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"tripinfo/timeloss mean", "(did you mean \"timeLoss\"?). There is: id, depart, "},
        {"summary/halted max", "There is: time, halting, meanSpeed"},
        {"e1/l/occupancy mean", "There is: begin, end, id, nVehContrib, speed"},
        {"e1/a/speed mean", "no intervals of an e1 detector \"a\""},
        {"e1/a/speed mean", "There is: l, m"},
        {"e2/l/meanSpeed mean", "There is: a"},
        {"tripinfo/vType max", "texts, not numbers"},
    };
    struct outputs o;
    double value;

    begin(&o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(measured(&o, cases[i].text, 0, 0, &value), PLATOON_EINVAL);
        assert_says(cases[i].part);
    }
    put(&o, "trips.xml", "<tripinfos/>"); /* of an empty file nothing is known */
    assert_int_equal(measured(&o, "tripinfo/timeloss mean", 0, 0, &value), PLATOON_OK);
    assert_true(isnan(value));
    put(&o, "trips.xml", "<tripinfos><tripinfo id='a' depart='1'/></tripinfos>");
    assert_int_equal(measured(&o, "tripinfo/depart mean", 1, 2, &value), PLATOON_EPROTO);
    put(&o, "trips.xml", "<tripinfos><tripinfo id='a'");
    assert_int_equal(measured(&o, "tripinfo/depart mean", 0, 0, &value), PLATOON_EPROTO);
    o.files.tripinfo = "none.xml";
    assert_int_equal(measured(&o, "tripinfo/depart mean", 0, 0, &value), PLATOON_ENOTFOUND);
    end(&o);
}

TEST(figures_of_a_window_are_of_its_vehicles)
{
    struct measure_settings s = {.has_window = true, .from_s = 10, .to_s = 20};
    struct sumo_statistics f = {.inserted = 99, .teleports = 4, .collisions = 2};
    struct outputs o;

    begin(&o);
    assert_int_equal(measure_collect(&s, &o.files, 30.0, &f, NULL, &err), PLATOON_OK);
    assert_near(f.inserted, 2); /* b, c */
    assert_near(f.trips, 2);
    assert_near(f.running, 1); /* c */
    assert_near(f.waiting, 1); /* d */
    assert_near(f.loaded, 3);
    assert_near(f.teleports, 4);
    assert_near(f.collisions, 2);
    assert_near(f.total_travel_time, 31);
    assert_near(f.total_depart_delay, 18);
    assert_near(f.mean_time_loss, 6.5);
    assert_near(f.mean_speed, (5.0 + 1.0) / 2);
    assert_near(outputs_mean_delay_s(&f), (13.0 + 18.0) / 3);
    s.to_s = 10.5;
    s.from_s = 10.25; /* nobody */
    assert_int_equal(measure_collect(&s, &o.files, 30.0, &f, NULL, &err), PLATOON_OK);
    assert_near(f.inserted + f.waiting + f.mean_speed + outputs_mean_delay_s(&f), 0);
    end(&o);
}

TEST(times_written_for_people_are_times)
{
    static const char *const attributes[] = {"depart", "00:15:00", "x", "1:30", "y", "nan", NULL};
    struct trip trip;
    double value;

    assert_true(trip_read(attributes, 0, &trip));
    assert_near(trip.depart_s, 900);
    assert_false(trip_number(attributes, "x", &value));
    assert_false(trip_number(attributes, "y", &value));
    assert_false(trip_number(attributes, "z", &value));
}
