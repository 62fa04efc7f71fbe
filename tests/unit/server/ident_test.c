/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ident.h"
#include "support/test.h"

static bool parse(const char *text, struct ident_parts *out)
{
    return ident_parse(text, strlen(text), out);
}

TEST(a_well_formed_ident_says_its_typeid_and_private_name)
{
    struct ident_parts p;

    (void)state;
    assert_true(parse("get_task_queue#9f31c2aa-17", &p));
    assert_int_equal(p.typeid_len, 14);
    assert_int_equal(p.name_len, 0);
    assert_true(parse("q:run 7#9f31c2aa-18446744073709551615", &p));
    assert_int_equal(p.typeid_len, 1);
    assert_int_equal(p.name_start, 2);
    assert_int_equal(p.name_len, 5);
    /* A private name may hold the marks themselves. */
    assert_true(parse("q:a#b:c#00000000-1#9f31c2aa-2", &p));
    assert_int_equal(p.name_len, 16);
}

TEST(what_python_would_hand_out_and_other_texts_are_no_idents_of_ours)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "7f25a47de900",
                                      "q",
                                      "q#",
                                      "q#9f31c2aa",
                                      "q#9f31c2aa-",
                                      "q#9f31c2a-1",
                                      "q#9f31c2aaa-1",
                                      "q#9F31C2AA-1",
                                      "#9f31c2aa-1",
                                      ":n#9f31c2aa-1",
                                      "q:#9f31c2aa-1",
                                      "q#9f31c2aa-1x",
                                      "q#9f31c2aa-000000000000000000001"};
    struct ident_parts p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], &p))
            fail_msg("'%s' was taken for an ident", bad[i]);
}

TEST(idents_are_counted_and_stay_known_after_their_last_decref)
{
    struct ident_table t;
    struct ident *a, *b;
    char text[64];

    (void)state;
    assert_true(ident_table_init(&t, 100));
    a = ident_new(&t, NULL, "q", "", NULL);
    b = ident_new(&t, NULL, "q", "", NULL);
    assert_string_not_equal(a->text, b->text);
    assert_int_equal(t.n_counted, 2);
    snprintf(text, sizeof text, "%s", a->text);
    ident_incref(&t, a);
    ident_decref(&t, a);
    ident_decref(&t, a);
    ident_decref(&t, a);
    assert_int_equal(a->count, 0);
    assert_int_equal(t.n_counted, 1);
    assert_ptr_equal(ident_find(&t, text, strlen(text)), a);
    ident_incref(&t, a);
    assert_int_equal(t.n_counted, 2);
    ident_table_release(&t);
}

TEST(a_full_table_forgets_uncounted_idents_first_and_then_the_least_recently_used)
{
    struct ident_table t;
    struct ident *i;
    char zero[64], old[64], used[64];

    (void)state;
    assert_true(ident_table_init(&t, 1000));
    snprintf(old, sizeof old, "%s", ident_new(&t, NULL, "q", "", NULL)->text);
    snprintf(used, sizeof used, "%s", ident_new(&t, NULL, "q", "", NULL)->text);
    i = ident_new(&t, NULL, "q", "", NULL);
    snprintf(zero, sizeof zero, "%s", i->text);
    ident_decref(&t, i);
    for (int n = 3; n < 1000; n++)
        assert_non_null(ident_new(&t, NULL, "q", "x", NULL));
    assert_int_equal(t.n, 1000);
    assert_non_null(ident_new(&t, NULL, "q", "", NULL));
    assert_null(ident_find(&t, zero, strlen(zero)));
    assert_non_null(ident_find(&t, used, strlen(used)));
    assert_non_null(ident_new(&t, NULL, "q", "", NULL));
    assert_null(ident_find(&t, old, strlen(old)));
    assert_non_null(ident_find(&t, used, strlen(used)));
    assert_int_equal(t.n, 1000);
    i = ident_know(&t, old, strlen(old), NULL);
    assert_int_equal(i->count, 0);
    assert_ptr_equal(ident_find(&t, old, strlen(old)), i);
    ident_table_release(&t);
}
