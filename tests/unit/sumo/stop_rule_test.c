/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that stop a run: texts that are taken, texts that are refused, and when one fires. */
#include "support/test.h"

#include "sumo/stop_rule.h"

static struct platoon_err err;

static struct stop_rule rule_of(const char *text)
{
    struct stop_rule rule;

    if (stop_rule_parse(text, "x", &rule, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    return rule;
}

TEST(a_condition_is_a_quantity_a_comparison_and_a_number)
{
    static const struct {
        const char *text;
        enum stop_quantity quantity;
        enum stop_comparison comparison;
        double limit;
    } good[] = {
        {"waiting > 2000", STOP_WAITING, STOP_ABOVE, 2000},
        {"  running\t>=  12.5 ", STOP_RUNNING, STOP_AT_LEAST, 12.5},
        {"arrived<1e2", STOP_ARRIVED, STOP_BELOW, 100},
        {"inserted<=0", STOP_INSERTED, STOP_AT_MOST, 0},
        {"time > 1e9", STOP_TIME, STOP_ABOVE, 1e9},
        {"teleports >5", STOP_TELEPORTS, STOP_ABOVE, 5},
        {"collided >= 2", STOP_COLLIDED, STOP_AT_LEAST, 2},
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct stop_rule rule = rule_of(good[i].text);

        assert_int_equal(rule.n_conditions, 1);
        assert_int_equal(rule.conditions[0].quantity, good[i].quantity);
        assert_int_equal(rule.conditions[0].comparison, good[i].comparison);
        assert_true(rule.conditions[0].limit == good[i].limit && rule.hold_s == 0.0);
        for (int q = 0; q < STOP_N_QUANTITIES; q++)
            assert_int_equal(stop_rule_names(&rule, (enum stop_quantity)q),
                             (enum stop_quantity)q == good[i].quantity);
    }
    assert_string_equal(rule_of("  running\t>=  12.5 ").text, "running\t>=  12.5");
}

TEST(none_is_no_rule)
{
    struct stop_rule rule = rule_of(" none ");
    const double values[STOP_N_QUANTITIES] = {0};

    assert_int_equal(rule.n_conditions, 0);
    assert_false(stop_rule_holds(&rule, values));
}

TEST(a_time_to_hold_may_have_its_unit)
{
    static const char *const texts[] = {"waiting > 1 for 300", "waiting > 1 for 300 s",
                                        "waiting > 1 for 300s"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(rule_of(texts[i]).hold_s == 300.0);
}

TEST(bad_rules_are_refused_with_the_place_and_what_may_stand_there)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "x is empty"},
        {"  ", "x is empty"},
        {"waitng > 5", "character 1: waiting, or another one of time, waiting, running, inserted, "
                       "arrived, teleports and collided must stand here, not \"waitng\""},
        {"speed > 5",
         "character 1: one of time, waiting, running, inserted, arrived, teleports and "
         "collided"},
        {"> 5", "not \">\""},
        {"waiting", "\"waiting\" ends where one of > >= < <= must stand"},
        {"waiting = 5", "character 9: one of > >= < <= must stand here, not \"=\""},
        {"waiting => 5", "not \"=>\""},
        {"waiting >> 5", "not \">>\""},
        {"waiting >", "ends where a number from 0 to 1e9 must stand"},
        {"waiting > many", "character 11: a number from 0 to 1e9 must stand here, not \"many\""},
        {"waiting > -1", "not \"-1\""},
        {"waiting > 1e10", "not \"1e10\""},
        {"waiting > nan", "not \"nan\""},
        {"waiting > inf", "not \"inf\""},
        {"waiting > 5 && time > 3", "character 13: and, or, for SECONDS, or the end"},
        {"waiting > 5 and", "ends where one of time,"},
        {"waiting > 5 and and", "not \"and\""},
        {"waiting > 5 for", "ends where a number from 0 to 1e9 must stand"},
        {"waiting > 5 for ever", "not \"ever\""},
        {"waiting > 5 for 3 min", "character 19: the end must stand here, not \"min\""},
        {"waiting > 5 for 3 s s", "character 21: the end must stand here"},
        {"waiting > 5 for 3 and time > 4", "the end must stand here, not \"and\""},
        {"none > 5", "one of time,"},
    };
    struct stop_rule rule = {.text = "as it was"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(stop_rule_parse(bad[i].text, "x", &rule, &err), PLATOON_EINVAL);
        if (!strstr(err.message, bad[i].part) || err.message[0] != 'x')
            fail_msg("\"%s\" is not in: %s", bad[i].part, err.message);
    }
    assert_string_equal(rule.text, "as it was");
}

TEST(long_rules_are_refused)
{
    char text[STOP_RULE_BYTES + 2] = "waiting > 5";
    struct stop_rule rule;

    memset(text + strlen(text), ' ', sizeof text - strlen(text));
    memcpy(text + sizeof text - 9, "for 0000", 8);
    text[sizeof text - 1] = '\0';
    assert_int_equal(stop_rule_parse(text, "x", &rule, &err), PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "201 bytes long"));
    text[sizeof text - 2] = '\0'; /* one less fits */
    assert_int_equal(stop_rule_parse(text, "x", &rule, &err), PLATOON_OK);
    assert_int_equal(stop_rule_parse("time>1 or time>2 or time>3 or time>4 or time>5 or time>6 or "
                                     "time>7 or time>8",
                                     "x", &rule, &err),
                     PLATOON_OK);
    assert_int_equal(stop_rule_parse("time>1 or time>2 or time>3 or time>4 or time>5 or time>6 or "
                                     "time>7 or time>8 or time>9",
                                     "x", &rule, &err),
                     PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "more than 8 conditions"));
}

/* Whether `text` holds where so many wait, arrived and teleported. */
static bool holds(const char *text, double waiting, double arrived, double teleports)
{
    struct stop_rule rule = rule_of(text);
    const double values[STOP_N_QUANTITIES] = {
        [STOP_WAITING] = waiting, [STOP_ARRIVED] = arrived, [STOP_TELEPORTS] = teleports};

    return stop_rule_holds(&rule, values);
}

TEST(comparisons_at_their_limits)
{
    assert_false(holds("waiting > 5", 5, 0, 0));
    assert_true(holds("waiting > 5", 6, 0, 0));
    assert_true(holds("waiting >= 5", 5, 0, 0));
    assert_false(holds("waiting >= 5", 4, 0, 0));
    assert_false(holds("waiting < 5", 5, 0, 0));
    assert_true(holds("waiting < 5", 4, 0, 0));
    assert_true(holds("waiting <= 5", 5, 0, 0));
    assert_false(holds("waiting <= 5", 6, 0, 0));
}

TEST(and_binds_closer_than_or)
{
    for (int bits = 0; bits < 8; bits++) {
        bool w = bits & 1, a = bits & 2, t = bits & 4;

        assert_int_equal(holds("waiting > 0 and arrived > 0 or teleports > 0", w, a, t),
                         (w && a) || t);
        assert_int_equal(holds("waiting > 0 or arrived > 0 and teleports > 0", w, a, t),
                         w || (a && t));
        assert_int_equal(holds("waiting > 0 and arrived > 0 and teleports > 0", w, a, t),
                         w && a && t);
        assert_int_equal(holds("waiting > 0 or arrived > 0 or teleports > 0", w, a, t),
                         w || a || t);
    }
}

static bool look(struct stop_watch *watch, double time_s, double waiting)
{
    const double values[STOP_N_QUANTITIES] = {[STOP_TIME] = time_s, [STOP_WAITING] = waiting};

    return stop_watch_look(watch, values);
}

TEST(a_rule_fires_when_it_has_held_for_its_time_without_a_gap)
{
    struct stop_rule at_once = rule_of("waiting > 5"), held = rule_of("waiting > 5 for 30 s");
    struct stop_watch first = {.rule = &at_once}, second = {.rule = &held};

    assert_false(look(&first, 10, 5));
    assert_true(look(&first, 20, 6));
    assert_false(look(&second, 10, 6));
    assert_false(look(&second, 20, 6));
    assert_false(look(&second, 30, 5)); /* a gap */
    assert_false(look(&second, 40, 6));
    assert_false(look(&second, 50, 7));
    assert_false(look(&second, 60, 8));
    assert_false(second.has_fired);
    assert_true(look(&second, 70, 9)); /* since 40 */
    assert_true(second.has_fired);
}

TEST(what_fired_is_told_with_what_was_seen)
{
    struct stop_rule rule = rule_of("waiting > 2000"), timed = rule_of("time > 900"),
                     mixed = rule_of("teleports > 3 or time > 900 and waiting > 1 for 10");
    struct stop_watch watch = {.rule = &rule};
    char text[STOP_EVENT_TEXT_BYTES];

    look(&watch, 1830, 2013);
    stop_watch_text(&watch, text);
    assert_string_equal(text, "waiting > 2000 (waiting 2013 at 1830 s)");
    watch.rule = &timed;
    look(&watch, 900.5, 0);
    stop_watch_text(&watch, text);
    assert_string_equal(text, "time > 900 (at 900.5 s)");
    watch.rule = &mixed;
    look(&watch, 910, 7);
    stop_watch_text(&watch, text);
    assert_string_equal(text, "teleports > 3 or time > 900 and waiting > 1 for 10 (waiting 7, "
                              "teleports 0 at 910 s)");
}

TEST(the_longest_text_fits)
{
    char rule_text[STOP_RULE_BYTES + 1] =
        "waiting>=0 and running>=0 and inserted>=0 and arrived>=0 and teleports>=0 and time>=0 and "
        "collided>=0";
    size_t len = strlen(rule_text);
    double values[STOP_N_QUANTITIES];
    char text[STOP_EVENT_TEXT_BYTES];
    struct stop_rule rule;
    struct stop_watch watch = {.rule = &rule};

    memset(rule_text + len, ' ', sizeof rule_text - 1 - len);
    memcpy(rule_text + sizeof rule_text - 1 - 5, "for 0", 5);
    rule = rule_of(rule_text);
    assert_int_equal(strlen(rule.text), STOP_RULE_BYTES);
    for (int i = 0; i < STOP_N_QUANTITIES; i++)
        values[i] = 1.2345678901e+300;
    stop_watch_look(&watch, values);
    stop_watch_text(&watch, text);
    assert_string_equal(text + strlen(text) - 3, " s)");
}
