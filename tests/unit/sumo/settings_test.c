/* SPDX-License-Identifier: Apache-2.0 */
/* Control settings out of dicts, and against a network. */
#include "support/test.h"

#include "sumo/control/settings.h"

static struct platoon_err err;

static platoon_value *dict(const char *key, platoon_value *value)
{
    platoon_value *d = platoon_dict();

    assert_int_equal(platoon_dict_set(d, key, value), PLATOON_OK);
    return d;
}

/* Init, take, finish; returns the first status that is not OK. Takes `control`. */
static enum platoon_status settle(struct control_settings *s, platoon_value *control)
{
    enum platoon_status st = control_settings_init(s, control, "the task", &err);

    if (st == PLATOON_OK &&
        (st = control_settings_take(s, control, "the task", &err)) == PLATOON_OK)
        st = control_settings_finish(s, &err);
    platoon_value_unref(control);
    return st;
}

static void assert_refused(platoon_value *control, const char *because)
{
    struct control_settings s = {0};

    assert_int_equal(settle(&s, control), PLATOON_EINVAL);
    if (!strstr(err.message, because))
        fail_msg("\"%s\" is not in: %s", because, err.message);
    control_settings_release(&s);
}

static double value_of(const struct control_settings *s, const char *name)
{
    for (size_t i = 0; i < s->type->n_parameters; i++) {
        if (strcmp(s->type->parameters[i].name, name) == 0)
            return s->parameters[i];
    }
    fail_msg("no parameter %s", name);
    return 0.0;
}

TEST(settings_start_from_the_presets_of_the_scenario)
{
    struct control_settings s;

    assert_int_equal(settle(&s, platoon_dict()), PLATOON_OK);
    assert_true(value_of(&s, "K_R") == 70.0);
    assert_true(value_of(&s, "o_target") == 18.0);
    assert_true(value_of(&s, "period_s") == 30.0);
    assert_true(value_of(&s, "r_min_vph") == 240.0);
    assert_true(value_of(&s, "r_max_vph") == 900.0);
    assert_true(value_of(&s, "green_s") == 2.0);
    assert_true(value_of(&s, "open_queue_vehicles") == 8.0);
    assert_true(value_of(&s, "storage_vehicles") == 160.0);
    assert_true(value_of(&s, "queue_override") == 1.0);
    assert_string_equal(s.places[0].names[0], "meter");
    assert_true(s.places[0].is_preset);
    control_settings_release(&s);
}

TEST(settings_take_parameters_and_names)
{
    platoon_value *control = dict("K_R", platoon_int(120)), *names = platoon_list();
    struct control_settings s;

    platoon_dict_set(control, "type", platoon_str("alinea"));
    platoon_dict_set(control, "o_target", platoon_float(16.5));
    platoon_dict_set(control, "queue_override", platoon_bool(false));
    platoon_dict_set(control, "tls", platoon_str("J7"));
    platoon_append(names, platoon_str("e1_a"));
    platoon_append(names, platoon_str("e1_b"));
    platoon_dict_set(control, "occupancy_detectors", names);
    assert_int_equal(settle(&s, control), PLATOON_OK);
    assert_true(value_of(&s, "K_R") == 120.0);
    assert_true(value_of(&s, "o_target") == 16.5);
    assert_true(value_of(&s, "queue_override") == 0.0);
    assert_string_equal(s.places[0].names[0], "J7");
    assert_false(s.places[0].is_preset);
    assert_int_equal(s.places[1].n, 2);
    assert_string_equal(s.places[1].names[1], "e1_b");
    assert_int_equal(s.places[2].n, 0); /* not needed without the override */
    control_settings_release(&s);
}

TEST(settings_of_a_later_source_win)
{
    platoon_value *first = dict("K_R", platoon_int(50)), *second = dict("K_R", platoon_int(60));
    struct control_settings s;

    platoon_dict_set(first, "tls", platoon_str("a"));
    platoon_dict_set(first, "o_target", platoon_int(20));
    platoon_dict_set(second, "tls", platoon_str("b"));
    assert_int_equal(control_settings_init(&s, first, "file", &err), PLATOON_OK);
    assert_int_equal(control_settings_take(&s, first, "file", &err), PLATOON_OK);
    assert_int_equal(control_settings_take(&s, second, "task", &err), PLATOON_OK);
    assert_true(value_of(&s, "K_R") == 60.0);
    assert_true(value_of(&s, "o_target") == 20.0);
    assert_int_equal(s.places[0].n, 1);
    assert_string_equal(s.places[0].names[0], "b");
    control_settings_release(&s);
    platoon_value_unref(first);
    platoon_value_unref(second);
}

TEST(settings_refuse_what_is_out_of_range_with_the_range)
{
    assert_refused(dict("K_R", platoon_int(-1)), "control.K_R is -1; it must be 0 to 1000 veh/h/%");
    assert_refused(dict("o_target", platoon_float(100.5)), "it must be 1 to 100 %");
    assert_refused(dict("o_target", platoon_float(0.0 / 0.0)), "control.o_target is");
    assert_refused(dict("period_s", platoon_float(1.0 / 0.0)), "control.period_s is inf");
    assert_refused(dict("r_min_vph", platoon_int(1000)), "r_min_vph (1000) is greater than");
}

TEST(settings_refuse_the_wrong_kind_and_name_it)
{
    assert_refused(dict("K_R", platoon_str("70")),
                   "control.K_R must be a number (veh/h/%), not a str");
    assert_refused(dict("K_R", platoon_bool(true)), "not a bool");
    assert_refused(dict("queue_override", platoon_str("yes")), "must be true or false");
    assert_refused(dict("queue_override", platoon_int(2)), "must be true or false");
    assert_refused(dict("tls", platoon_int(7)), "control.tls must be the id");
    assert_refused(dict("tls", platoon_str("")), "control.tls must be the id");
    assert_refused(dict("occupancy_detectors", platoon_list()), "holds 0 names");
    assert_refused(dict("type", platoon_str("pid")),
                   "control.type is \"pid\"; there is: alinea, fixed");
    assert_refused(dict("type", platoon_int(1)), "control.type is \"int\"");
    assert_refused(platoon_str("alinea"), "control must be a dict, not a str");
    assert_refused(platoon_list(), "control must be a dict, not a list");
}

TEST(settings_refuse_two_signals_and_a_detector_named_twice)
{
    platoon_value *two = platoon_list(), *twice = platoon_list();

    platoon_append(two, platoon_str("a"));
    platoon_append(two, platoon_str("b"));
    assert_refused(dict("tls", two), "control.tls holds 2 names, which must be 1");
    platoon_append(twice, platoon_str("a"));
    platoon_append(twice, platoon_str("a"));
    assert_refused(dict("occupancy_detectors", twice), "names \"a\" twice");
}

TEST(settings_suggest_for_a_key_that_is_misspelt)
{
    assert_refused(dict("o_traget", platoon_int(18)), "did you mean \"o_target\"?");
    assert_refused(dict("zzzzzzzzzzz", platoon_int(18)), "it has: type, tls, ");
    assert_refused(dict("kr", platoon_int(18)), "no control.kr");
}

TEST(settings_say_what_the_network_has)
{
    char *const signals[] = {(char[]){"J1"}, (char[]){"J2"}, NULL};
    char *const loops[] = {(char[]){"e1_a"}, NULL};
    char *const none[] = {NULL};
    struct network_ids network = {
        .of_kind = {[PLATOON_PLACE_SIGNAL] = signals,
                    [PLATOON_PLACE_E1_OCCUPANCY] = loops,
                    [PLATOON_PLACE_E1_PASSED] = loops,
                    [PLATOON_PLACE_E2_VEHICLES] = none},
    };
    platoon_value *control = dict("tls", platoon_str("J9"));
    struct control_settings s;

    assert_int_equal(settle(&s, control), PLATOON_OK);
    assert_int_equal(control_settings_check(&s, &network, &err), PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "control.tls: the network has no signal (tlLogic) \"J9\"; "
                                        "it has: J1, J2"));
    control_settings_release(&s);

    assert_int_equal(settle(&s, dict("tls", platoon_str("J2"))), PLATOON_OK);
    assert_int_equal(control_settings_check(&s, &network, &err), PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "control.occupancy_detectors is not set"));
    assert_non_null(strstr(err.message, "it has: e1_a. Set it"));
    control_settings_release(&s);

    control = dict("tls", platoon_str("J2"));
    platoon_dict_set(control, "occupancy_detectors", platoon_str("e1_a"));
    platoon_dict_set(control, "queue_override", platoon_int(0));
    assert_int_equal(settle(&s, control), PLATOON_OK);
    assert_int_equal(control_settings_check(&s, &network, &err), PLATOON_OK);
    control_settings_release(&s);
}

TEST(settings_list_of_a_large_network_is_cut)
{
    enum { N = 2000 };
    static char names[N][16];
    static char *signals[N + 1];
    struct network_ids network = {.of_kind = {[PLATOON_PLACE_SIGNAL] = signals}};
    struct control_settings s;

    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "J%d", i);
        signals[i] = names[i];
    }
    assert_int_equal(settle(&s, dict("tls", platoon_str("none"))), PLATOON_OK);
    assert_int_equal(control_settings_check(&s, &network, &err), PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "J0, J1, "));
    assert_non_null(strstr(err.message, " ..."));
    control_settings_release(&s);
}
