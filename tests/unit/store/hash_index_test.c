/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hash_index.h"

#include "support/test.h"

struct thing {
    struct hash_node node;
    bool is_in;
};

enum { N_THINGS = 20000 };

static struct thing *things_new(void)
{
    struct thing *things = calloc(N_THINGS, sizeof *things);

    for (size_t i = 0; i < N_THINGS; i++)
        things[i].node.key = i;
    return things;
}

static void assert_all_found(const struct hash_index *ix, const struct thing *things)
{
    for (size_t i = 0; i < N_THINGS; i++)
        assert_ptr_equal(hash_index_find(ix, i), things[i].is_in ? &things[i].node : NULL);
}

TEST(every_node_is_found_while_the_index_grows_and_shrinks)
{
    struct hash_index ix;
    struct thing *things = things_new();
    size_t grown;

    assert_true(hash_index_init(&ix));
    for (size_t i = 0; i < N_THINGS; i++) {
        things[i].is_in = true;
        hash_index_add(&ix, &things[i].node);
        if (i % 1999 == 0)
            assert_all_found(&ix, things);
    }
    grown = ix.n_buckets;
    assert_true(grown > N_THINGS / 2);
    for (size_t i = 0; i < N_THINGS; i++) {
        size_t k = i * 7919 % N_THINGS; /* no order of any kind */

        hash_index_remove(&ix, &things[k].node);
        things[k].is_in = false;
        if (i % 1999 == 0)
            assert_all_found(&ix, things);
    }
    assert_int_equal(ix.n, 0);
    assert_true(ix.n_buckets < grown / 4);
    assert_true(ix.n_segments <= ix.n_buckets / 1024 + 2);
    hash_index_release(&ix);
    free(things);
}

TEST(chains_stay_short_for_ids_with_a_common_factor)
{
    struct hash_index ix;
    struct thing *things = things_new();
    size_t longest = 0;

    assert_true(hash_index_init(&ix));
    for (size_t i = 0; i < N_THINGS; i++) {
        things[i].node.key = i * 4096;
        hash_index_add(&ix, &things[i].node);
    }
    for (size_t b = 0; b < ix.n_buckets; b++) {
        size_t len = 0;

        for (const struct hash_node *n = ix.segments[b / 1024][b % 1024]; n; n = n->next)
            len++;
        longest = len > longest ? len : longest;
    }
    assert_true(longest <= 12);
    hash_index_release(&ix);
    free(things);
}

TEST(nodes_with_one_key_are_all_found)
{
    struct hash_index ix;
    struct hash_node a = {.key = 5}, b = {.key = 5}, other = {.key = 6};

    assert_true(hash_index_init(&ix));
    hash_index_add(&ix, &a);
    hash_index_add(&ix, &other);
    hash_index_add(&ix, &b);
    assert_ptr_equal(hash_index_find(&ix, 5), &b);
    assert_ptr_equal(hash_index_again(&b), &a);
    assert_null(hash_index_again(&a));
    hash_index_remove(&ix, &b);
    assert_ptr_equal(hash_index_find(&ix, 5), &a);
    hash_index_release(&ix);
}

TEST(drain_gives_each_node_once)
{
    struct hash_index ix;
    struct thing *things = things_new();
    struct hash_node *node;
    size_t cursor = 0, n = 0;

    assert_true(hash_index_init(&ix));
    for (size_t i = 0; i < N_THINGS; i++)
        hash_index_add(&ix, &things[i].node);
    while ((node = hash_index_drain(&ix, &cursor))) {
        struct thing *thing = HASH_OWNER(node, struct thing, node);

        assert_false(thing->is_in);
        thing->is_in = true;
        n++;
    }
    assert_int_equal(n, N_THINGS);
    hash_index_release(&ix);
    free(things);
}

TEST(an_index_that_expects_nodes_finds_all_and_shrinks_again)
{
    struct hash_index ix;
    struct thing *things = things_new();

    assert_true(hash_index_init(&ix));
    hash_index_expect(&ix, N_THINGS / 2 + 1); /* fewer than come */
    for (size_t i = 0; i < N_THINGS; i++)
        hash_index_add(&ix, &things[i].node);
    for (size_t i = 0; i < N_THINGS; i++)
        assert_ptr_equal(hash_index_find(&ix, things[i].node.key), &things[i].node);
    for (size_t i = 0; i < N_THINGS; i++)
        hash_index_remove(&ix, &things[i].node);
    assert_int_equal(ix.n, 0);
    assert_true(ix.n_buckets < N_THINGS / 2);
    hash_index_release(&ix);
    free(things);
}
