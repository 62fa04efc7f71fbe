/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "config/range.h"

static void assert_means(const char *text, const char *wanted)
{
    platoon_value *list = platoon_list();
    struct platoon_err err;
    char *got;

    if (range_append_words(text, list, &err) != PLATOON_OK)
        fail_msg("%s: %s", text, err.message);
    got = platoon_repr(list);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s means %s, wanted %s", text, got, wanted);
    free(got);
    platoon_value_unref(list);
}

static void assert_refused(const char *text, enum platoon_status status, const char *message)
{
    platoon_value *list = platoon_list();
    struct platoon_err err;

    assert_int_equal(range_append_words(text, list, &err), status);
    if (!strstr(err.message, message))
        fail_msg("%s: said \"%s\"", text, err.message);
    platoon_value_unref(list);
}

TEST(ranges_mean_what_a_person_means)
{
    assert_means("1..5", "[1, 2, 3, 4, 5]");
    assert_means("0.1..0.5 step 0.1", "[0.1, 0.2, 0.3, 0.4, 0.5]");
    assert_means("0..1 step 0.25", "[0.0, 0.25, 0.5, 0.75, 1.0]");
    assert_means("1..10 step 4", "[1, 5, 9]");
    assert_means("3..1 step -1", "[3, 2, 1]");
    assert_means("-2..2 step 2", "[-2, 0, 2]");
    assert_means("7..7", "[7]");
    assert_means("0.70..0.71 step 0.01", "[0.7, 0.71]");
}

TEST(words_are_scalars_or_ranges)
{
    assert_means("false,true", "[False, True]");
    assert_means("a, 2 ,3.5,1..3", "['a', 2, 3.5, 1, 2, 3]");
    assert_means("data/../x.cfg", "['data/../x.cfg']");
}

TEST(bad_ranges_say_why)
{
    assert_refused("1..x", PLATOON_EINVAL, "is no range");
    assert_refused("1..5 by 2", PLATOON_EINVAL, "is no range");
    assert_refused("5..1", PLATOON_EINVAL, "step -1");
    assert_refused("1..5 step 0", PLATOON_EINVAL, "step of 0");
    assert_refused("0.1..0.5", PLATOON_EINVAL, "needs a step");
    assert_refused("1..2000001", PLATOON_ELIMIT, "2000001 values");
    assert_refused("1,,2", PLATOON_EINVAL, "empty item");
    assert_refused("1..5 step 0.0000000000000001", PLATOON_EINVAL, "is no range");
}
