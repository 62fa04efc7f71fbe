/* SPDX-License-Identifier: Apache-2.0 */
#include "store/put_keys.h"

#include "support/test.h"

static struct store_key key(uint64_t epoch, uint64_t counter)
{
    return (struct store_key){epoch, counter};
}

TEST(a_key_is_its_epoch_and_its_counter)
{
    struct put_keys k = {0};

    assert_int_equal(put_keys_find(&k, key(1, 1)), 0);
    assert_true(put_keys_reserve(&k));
    put_keys_add(&k, key(1, 7), 100);
    put_keys_add(&k, key(2, 7), 200);
    put_keys_add(&k, key(7, 1), 300);
    assert_int_equal(put_keys_find(&k, key(1, 7)), 100);
    assert_int_equal(put_keys_find(&k, key(2, 7)), 200);
    assert_int_equal(put_keys_find(&k, key(7, 1)), 300);
    assert_int_equal(put_keys_find(&k, key(7, 2)), 0);
    put_keys_release(&k);
}

TEST(the_newest_keys_are_remembered_and_older_ones_forgotten)
{
    struct put_keys k = {0};
    const uint64_t n = 5 * PUT_KEYS_MAX / 2;

    assert_true(put_keys_reserve(&k));
    for (uint64_t i = 1; i <= n; i++) {
        put_keys_add(&k, key(9, i), i + 5);
    }
    for (uint64_t i = 1; i <= n; i++)
        assert_int_equal(put_keys_find(&k, key(9, i)), i > n - PUT_KEYS_MAX ? i + 5 : 0);
    put_keys_release(&k);
}
