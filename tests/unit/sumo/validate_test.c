/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of controllers: ours are as the rules say, and the rules' limits are where they say.
 * Tables that are wrong: tests/integration/sumo_controller.py. */
#include "support/test.h"

#include "sumo/control/controller.h"
#include "sumo/control/validate.h"

static struct platoon_err err;

TEST(controllers_of_platoon_are_valid)
{
    const struct platoon_controller *c;
    size_t n = 0;

    for (; (c = controller_at(n)); n++) {
        if (controller_validate(c, &err) != PLATOON_OK)
            fail_msg("%s: %s", c->name, err.message);
        assert_null(controller_origin(c));
    }
    assert_int_equal(n, 2);
}

TEST(a_table_of_the_greatest_size_is_valid)
{
    static char names[PLATOON_CONTROLLER_MAX_PARAMETERS][PLATOON_CONTROLLER_MAX_NAME_BYTES + 1];
    static char keys[PLATOON_CONTROLLER_MAX_PLACES][16];
    static char id[PLATOON_CONTROLLER_MAX_ID_BYTES + 1];
    static const char *ids[PLATOON_CONTROLLER_MAX_IDS + 1];
    struct platoon_controller_parameter parameters[PLATOON_CONTROLLER_MAX_PARAMETERS];
    struct platoon_controller_place places[PLATOON_CONTROLLER_MAX_PLACES];
    struct platoon_controller c = controller_fixed;

    memset(id, 'i', sizeof id - 1);
    for (int i = 0; i < PLATOON_CONTROLLER_MAX_IDS; i++)
        ids[i] = id;
    for (int i = 0; i < PLATOON_CONTROLLER_MAX_PARAMETERS; i++) {
        memset(names[i], 'a' + i, PLATOON_CONTROLLER_MAX_NAME_BYTES);
        parameters[i] = (struct platoon_controller_parameter){.name = names[i],
                                                              .unit = "\xc2\xb0",
                                                              .preset = 0.0,
                                                              .min = -1.0,
                                                              .help = "\xe9\x81\x93"};
    }
    for (int i = 0; i < PLATOON_CONTROLLER_MAX_PLACES; i++) {
        snprintf(keys[i], sizeof keys[i], "p_%d", i);
        places[i] = (struct platoon_controller_place){
            keys[i], (enum platoon_controller_place_kind)i, true, ids, ""};
    }
    c.parameters = parameters;
    c.n_parameters = PLATOON_CONTROLLER_MAX_PARAMETERS;
    c.places = places;
    c.n_places = PLATOON_CONTROLLER_MAX_PLACES;
    c.check = NULL;
    c.needs = NULL;
    if (controller_validate(&c, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    ids[PLATOON_CONTROLLER_MAX_IDS] = id;
    assert_int_equal(controller_validate(&c, &err), PLATOON_EINVAL);
    assert_non_null(strstr(err.message, "place \"p_0\": its preset must hold 1 to 32 ids"));
}

TEST(another_version_of_the_interface_is_told_before_anything_else_is_looked_at)
{
    static const struct platoon_controller_abi newer = {2, 400, 80, 64};
    const struct platoon_controller *c = (const struct platoon_controller *)(const void *)&newer;

    assert_int_equal(controller_validate(c, &err), PLATOON_EVERSION);
    assert_non_null(strstr(err.message, "version 2 of the interface"));
}
