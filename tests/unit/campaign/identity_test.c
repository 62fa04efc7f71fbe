/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <unistd.h>

#include "campaign/identity.h"

static platoon_value *task(const char *first, const char *second)
{
    platoon_value *v = platoon_dict();

    assert_int_equal(platoon_dict_set(v, first, platoon_int(1)), PLATOON_OK);
    assert_int_equal(platoon_dict_set(v, second, platoon_float(2.5)), PLATOON_OK);
    return v;
}

static struct identity of(platoon_value *recipe, platoon_value *v)
{
    struct identity id;

    assert_int_equal(identity_of(recipe, v, &id), PLATOON_OK);
    platoon_value_unref(recipe);
    platoon_value_unref(v);
    return id;
}

static bool is_same(struct identity a, struct identity b)
{
    return a.high == b.high && a.low == b.low;
}

TEST(order_of_keys_does_not_count)
{
    platoon_value *ab = task("a", "b"), *ba = platoon_dict();

    (void)platoon_dict_set(ba, "b", platoon_float(2.5));
    (void)platoon_dict_set(ba, "a", platoon_int(1));
    assert_true(is_same(of(platoon_none(), ab), of(platoon_none(), ba)));
}

TEST(every_part_counts)
{
    struct identity plain = of(platoon_none(), task("a", "b"));

    assert_false(is_same(plain, of(platoon_str("other"), task("a", "b"))));
    assert_false(is_same(plain, of(platoon_none(), task("a", "c"))));
    assert_false(is_same(of(platoon_none(), platoon_int(1)), of(platoon_none(), platoon_float(1))));
    assert_false(is_same(of(platoon_none(), platoon_int(1)), of(platoon_none(), platoon_str("1"))));
    assert_false(
        is_same(of(platoon_none(), platoon_bool(true)), of(platoon_none(), platoon_int(1))));
}

/* Two texts whose bytes join to the same run must stay two. */
TEST(borders_between_items_count)
{
    platoon_value *a = platoon_tuple(2, platoon_str("ab"), platoon_str("c"));
    platoon_value *b = platoon_tuple(2, platoon_str("a"), platoon_str("bc"));

    assert_false(is_same(of(platoon_none(), a), of(platoon_none(), b)));
}

TEST(text_comes_back)
{
    struct identity id = of(platoon_none(), task("a", "b")), again;
    char text[IDENTITY_TEXT];

    assert_true(identity_parse(identity_text(&id, text), &again));
    assert_true(is_same(id, again));
    text[31] = 'g';
    assert_false(identity_parse(text, &again));
    assert_false(identity_parse("ab", &again));
    assert_false(identity_parse(NULL, &again));
}

TEST(too_deep_a_task_is_refused)
{
    platoon_value *v = platoon_none();
    struct identity id;

    for (int i = 0; i < 100; i++) {
        platoon_value *list = platoon_list();

        assert_int_equal(platoon_append(list, v), PLATOON_OK);
        v = list;
    }
    assert_int_equal(identity_of(NULL, v, &id), PLATOON_ELIMIT);
    platoon_value_unref(v);
}

/* "abc": FIPS 180-2, appendix B.1. */
TEST(a_file_has_the_published_hash)
{
    char path[] = "/tmp/platoon-identity-XXXXXX", out[IDENTITY_FILE_TEXT];
    struct platoon_err err;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    assert_int_equal(identity_of_file(path, out, &err), PLATOON_OK);
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    unlink(path);
    assert_int_equal(identity_of_file(path, out, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, path));
}
