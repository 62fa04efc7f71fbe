/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/suggest.h"

static const char *nearest(const char *wanted)
{
    static const char *const words[] = {"serve", "status", "stop", "demo", "work", NULL};
    struct suggest s;

    suggest_init(&s, wanted);
    for (size_t i = 0; words[i]; i++)
        suggest_offer(&s, words[i]);
    return s.best;
}

TEST(suggest_finds_a_swap_a_slip_and_a_beginning)
{
    assert_string_equal(nearest("sreve"), "serve");
    assert_string_equal(nearest("wrok"), "work");
    assert_string_equal(nearest("stauts"), "status");
    assert_string_equal(nearest("stp"), "stop");
    assert_string_equal(nearest("stat"), "status");
}

TEST(suggest_stays_silent_when_nothing_is_near)
{
    assert_null(nearest("frobnicate"));
    assert_null(nearest("x"));
    assert_null(nearest(""));
}

TEST(suggest_distance_counts_edits)
{
    char longest[65];

    assert_int_equal(suggest_distance("", ""), 0);
    assert_int_equal(suggest_distance("", "abc"), 3);
    assert_int_equal(suggest_distance("abc", ""), 3);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(suggest_distance("ab", "ba"), 1);
    memset(longest, 'a', 64);
    longest[64] = '\0';
    assert_true(suggest_distance(longest, longest + 1) > 100);
    assert_int_equal(suggest_distance(longest + 1, longest + 1), 0);
}
