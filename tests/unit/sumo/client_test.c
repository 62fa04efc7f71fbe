/* SPDX-License-Identifier: Apache-2.0 */
/* What platoon_sumo_run() refuses before it starts anything. The runs themselves:
 * tests/integration/sumo_examples.py. */
#include "support/test.h"

#include <platoon/platoon.h>

static void check_refused(const struct platoon_sumo_options *options, const char *message)
{
    platoon_value *task = platoon_dict(), *result = NULL;
    struct platoon_err err;

    assert_int_equal(platoon_sumo_run(task, options, &result, &err), PLATOON_EINVAL);
    assert_string_equal(err.message, message);
    assert_null(result);
    platoon_value_unref(task);
}

TEST(wrong_options_are_refused)
{
    const char *many[PLATOON_SUMO_MAX_CONTROLLERS + 1] = {"a.so"};
    const char *none[] = {"a.so", NULL};

    check_refused(&(struct platoon_sumo_options){.program = "/nowhere", .backend = "tracy"},
                  "options.backend is \"tracy\"; there are auto, libsumo and traci");
    check_refused(&(struct platoon_sumo_options){.program = "/nowhere",
                                                 .controllers = many,
                                                 .n_controllers = sizeof many / sizeof many[0]},
                  "options.n_controllers is 17; there may be 16");
    check_refused(&(struct platoon_sumo_options){.program = "/nowhere",
                                                 .controllers = none,
                                                 .n_controllers = 2},
                  "options.controllers[1] is NULL");
    check_refused(&(struct platoon_sumo_options){.program = "/nowhere", .n_controllers = 1},
                  "options.controllers[0] is NULL");
}

TEST(options_that_are_right_come_to_the_program)
{
    const char *controllers[PLATOON_SUMO_MAX_CONTROLLERS];
    struct platoon_sumo_options options = {
        .program = "/nowhere/platoon",
        .backend = "traci",
        .timeout_s = 1e300,
        .controllers = controllers,
        .n_controllers = PLATOON_SUMO_MAX_CONTROLLERS,
        .sumo = "sumo",
        .allow_any_path = true,
    };
    platoon_value *task = platoon_dict(), *result = NULL;
    struct platoon_err err;

    for (size_t i = 0; i < PLATOON_SUMO_MAX_CONTROLLERS; i++)
        controllers[i] = "a.so";
    assert_int_equal(platoon_sumo_run(task, &options, &result, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "/nowhere/platoon"));
    platoon_value_unref(task);
}
