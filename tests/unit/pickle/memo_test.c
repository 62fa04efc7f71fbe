/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "pickle/memo.h"

enum { MODEL = 512 };

/* Setting numbers in any order, beside an array of what is set. */
static void compare_with_model(unsigned seed, bool mostly_rises)
{
    bool set[MODEL] = {false};
    uint64_t count = 0, next = 0, number = 0;
    struct memo m;

    memo_init(&m, 1000);
    srand(seed);
    for (int i = 0; i < 2000; i++) {
        bool was_set;

        number = mostly_rises && rand() % 8 ? number + 1 : (uint64_t)rand();
        if (rand() % 4 == 0)
            number = count; /* MEMOIZE */
        number %= MODEL;
        was_set = set[number];
        assert_int_equal(memo_set(&m, number), PLATOON_OK);
        assert_int_equal(m.was_reset, was_set);
        set[number] = true;
        count += !was_set;
        next = number >= next ? number + 1 : next;
        assert_int_equal(m.count, count);
        assert_int_equal(m.next, next);
        if (i % 16 == 0)
            for (uint64_t n = 0; n < MODEL + 2; n++)
                assert_int_equal(memo_has(&m, n), n < MODEL && set[n]);
        if (rand() % 500 == 0) {
            memo_reset(&m);
            memset(set, 0, sizeof set);
            count = next = 0;
        }
    }
    memo_release(&m);
}

TEST(memo_knows_what_is_set_in_any_order)
{
    for (unsigned seed = 1; seed <= 10; seed++) {
        compare_with_model(seed, false);
        compare_with_model(seed, true);
    }
}

TEST(memo_of_rising_numbers_is_one_range_and_not_wild)
{
    struct memo m;

    memo_init(&m, 1);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(memo_set(&m, m.count), PLATOON_OK);
    assert_int_equal(m.n_ranges, 1);
    assert_false(m.is_wild);
    assert_int_equal(memo_set(&m, 5), PLATOON_OK);
    assert_true(m.is_wild);
    assert_true(m.was_reset);
    assert_int_equal(m.count, 1000);
    memo_reset(&m);
    for (uint64_t i = 1; i < 1000; i++) /* Python 2.7 begins at 1 */
        assert_int_equal(memo_set(&m, i), PLATOON_OK);
    assert_int_equal(m.n_ranges, 1);
    assert_false(m.is_wild);
    assert_false(memo_has(&m, 0));
    memo_release(&m);
}

TEST(memo_refuses_more_ranges_than_its_limit)
{
    struct memo m;

    memo_init(&m, 100);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(memo_set(&m, 2 * i), PLATOON_OK);
    assert_int_equal(memo_set(&m, 1000), PLATOON_ELIMIT);
    assert_int_equal(m.count, 100);
    assert_int_equal(memo_set(&m, 7), PLATOON_OK); /* joins two, so there is room for one */
    assert_int_equal(memo_set(&m, 1000), PLATOON_OK);
    memo_release(&m);
}

TEST(memo_refuses_to_move_many_ranges_about)
{
    struct memo m;
    enum platoon_status st = PLATOON_OK;
    uint64_t n = 0;

    memo_init(&m, 100000);
    for (uint64_t i = 100000; i > 0 && st == PLATOON_OK; i--, n++)
        st = memo_set(&m, 2 * i); /* each before all others */
    assert_int_equal(st, PLATOON_ELIMIT);
    assert_true(n > 200 && n < 1000);
    memo_reset(&m);
    for (uint64_t i = 0; i < 100000; i++) /* rising, they may be many */
        assert_int_equal(memo_set(&m, 2 * i), PLATOON_OK);
    assert_true(memo_has(&m, 2 * 77777));
    assert_false(memo_has(&m, 2 * 77777 + 1));
    memo_release(&m);
}

static void assert_name(const struct memo *m, uint64_t number, const char *expected)
{
    const struct memo_name *name = memo_name_get(m, number);

    if (!expected) {
        assert_null(name);
        return;
    }
    assert_non_null(name);
    assert_int_equal(name->len, strlen(expected));
    assert_memory_equal(name->text, expected, name->len);
}

static void set_name(struct memo *m, const char *text, bool pin)
{
    uint64_t number = m->count;

    assert_int_equal(memo_set(m, number), PLATOON_OK);
    memo_name_set(m, number, text, strlen(text), pin);
}

TEST(memo_remembers_pinned_names_and_the_latest_others)
{
    struct memo m;
    char text[32];

    memo_init(&m, 10);
    set_name(&m, "kept", true);
    set_name(&m, "lost", false);
    for (int i = 2; i < 100; i++) {
        (void)snprintf(text, sizeof text, "name%d", i);
        set_name(&m, text, false);
    }
    assert_name(&m, 0, "kept");
    assert_name(&m, 1, NULL);
    assert_name(&m, 99, "name99");
    assert_name(&m, 99 - MEMO_RECENT + 1, "name68");
    assert_name(&m, 99 - MEMO_RECENT, NULL);
    memo_name_pin(&m, 80);
    memo_name_pin(&m, 80);
    for (int i = 0; i < 100; i++)
        set_name(&m, "x", false);
    assert_name(&m, 80, "name80");
    memo_reset(&m);
    assert_name(&m, 0, NULL);
    assert_name(&m, 80, NULL);
    memo_release(&m);
}

TEST(memo_forgets_the_name_of_a_number_that_is_set_again)
{
    struct memo m;

    memo_init(&m, 10);
    set_name(&m, "zero", true);
    set_name(&m, "one", false);
    set_name(&m, "two", true);
    assert_int_equal(memo_set(&m, 0), PLATOON_OK);
    assert_int_equal(memo_set(&m, 1), PLATOON_OK);
    assert_name(&m, 0, NULL);
    assert_name(&m, 1, NULL);
    assert_name(&m, 2, "two");
    memo_name_set(&m, 0, "again", 5, true);
    assert_name(&m, 0, "again");
    memo_release(&m);
}

TEST(memo_pins_no_more_names_than_its_limit)
{
    struct memo m;

    memo_init(&m, 10);
    for (int i = 0; i < MEMO_MAX_PINNED + 10; i++)
        set_name(&m, "name", true);
    assert_int_equal(m.n_pinned, MEMO_MAX_PINNED);
    assert_name(&m, MEMO_MAX_PINNED + 9, "name"); /* among the latest */
    for (int i = 0; i < MEMO_RECENT; i++)
        set_name(&m, "x", false);
    assert_name(&m, MEMO_MAX_PINNED + 9, NULL);
    memo_release(&m);
}
