/* SPDX-License-Identifier: Apache-2.0 */
/* store_suite_operators.c - the part of the suite about what operators do: retry, cancel, purge,
 * look. */
#include "support/store_suite.h"

#define SUITE(name) void store_suite_##name(const struct store_maker *maker)

SUITE(an_abandoned_task_can_be_retried)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "ab");
    claim(&r, r.tasks, 1);
    release(&r, 'a', STORE_TO_ABANDONED);
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    assert_int_equal(counts(&r, r.tasks).abandoned, 0);
    assert_int_equal(counts(&r, r.tasks).unfinished, 2);
    assert_string_equal(claim(&r, r.tasks, 9), "ab");
    rig_close(&r);
}

SUITE(a_dead_task_can_be_retried_and_has_all_its_attempts_again)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "a");
    for (int i = 0; i < 5; i++) {
        assert_string_equal(claim(&r, r.tasks, 1), "a");
        lose(&r, 'a', STORE_TO_FRONT);
    }
    assert_int_equal(counts(&r, r.tasks).dead, 1);
    assert_int_equal(counts(&r, r.tasks).unfinished, 0);
    assert_int_equal(retry(&r, r.held['a'].ref.task), STORE_RETRIED);
    assert_int_equal(counts(&r, r.tasks).dead, 0);
    assert_int_equal(counts(&r, r.tasks).unfinished, 1);
    assert_string_equal(claim(&r, r.tasks, 1), "a");
    assert_int_equal(r.held['a'].attempt, 1);
    assert_int_equal(lose(&r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
    rig_close(&r);
}

SUITE(what_waits_or_runs_is_not_retried)
{
    struct rig r;
    store_task_id ids[2];

    rig_open(&r, maker);
    put_keyed(&r, r.tasks, "ab", 1, 0, ids);
    claim(&r, r.tasks, 1);
    assert_int_equal(retry(&r, ids[0]), STORE_RETRY_NOT_NOW);
    assert_int_equal(retry(&r, ids[1]), STORE_RETRY_NOT_NOW);
    assert_int_equal(retry(&r, 999), STORE_RETRY_GONE);
    rig_close(&r);
}

SUITE(a_cancelled_task_ends_wherever_it_is)
{
    struct rig r;
    store_task_id ids[4];

    rig_open(&r, maker);
    put_keyed(&r, r.tasks, "abcd", 1, 0, ids);
    claim(&r, r.tasks, 2);
    release(&r, 'b', STORE_TO_ABANDONED);
    assert_int_equal(cancel(&r, ids[0], 'A'), STORE_DONE_RECORDED); /* leased */
    assert_int_equal(cancel(&r, ids[1], 'B'), STORE_DONE_RECORDED); /* set aside */
    assert_int_equal(cancel(&r, ids[2], 0), STORE_DONE_RECORDED);   /* waiting */
    assert_int_equal(cancel(&r, ids[2], 'C'), STORE_DONE_ALREADY);
    assert_int_equal(cancel(&r, 999, 'X'), STORE_DONE_GONE);
    assert_int_equal(renew(&r, 'a', 1000), STORE_LEASE_ENDED);
    assert_int_equal(done(&r, 'a', 'Z'), STORE_DONE_ALREADY);
    assert_int_equal(counts(&r, r.tasks).cancelled, 3);
    assert_int_equal(counts(&r, r.tasks).unfinished, 1);
    assert_string_equal(claim(&r, r.tasks, 9), "d");
    assert_string_equal(claim(&r, r.results, 9), "AB");
    rig_close(&r);
}

SUITE(purge_forgets_what_waits_and_leaves_what_runs)
{
    struct rig r;

    rig_open(&r, maker);
    put(&r, r.tasks, "abcde");
    put(&r, r.plain, "x");
    claim(&r, r.tasks, 2);
    release(&r, 'b', STORE_TO_ABANDONED);
    assert_int_equal(purge(&r, r.tasks, LOOK_STATE(STORE_ABANDONED)), 1);
    assert_int_equal(purge(&r, r.tasks, ~0u), 3);
    assert_int_equal(counts(&r, r.tasks).queued, 0);
    assert_int_equal(counts(&r, r.tasks).leased, 1);
    assert_int_equal(counts(&r, r.tasks).unfinished, 1);
    assert_int_equal(counts(&r, r.plain).queued, 1);
    assert_int_equal(done(&r, 'a', 'A'), STORE_DONE_RECORDED);
    rig_close(&r);
}

SUITE(a_look_shows_tasks_by_state_in_the_order_of_ids)
{
    struct rig r;
    store_task_id ids[5];
    struct store_filter filter = {.with_values = true, .limit = 10};

    rig_open(&r, maker);
    put_keyed(&r, r.tasks, "abcde", 1, 0, ids);
    claim(&r, r.tasks, 2);
    release(&r, 'a', STORE_TO_BACK);
    filter.queue = r.tasks;
    assert_string_equal(look(&r, &filter), "abcde");
    filter.limit = 2;
    assert_string_equal(look(&r, &filter), "ab");
    filter.after = ids[1];
    assert_string_equal(look(&r, &filter), "cd");
    filter = (struct store_filter){
        .queue = r.tasks, .states = LOOK_STATE(STORE_LEASED), .with_values = true, .limit = 10};
    assert_string_equal(look(&r, &filter), "b");
    filter = (struct store_filter){.task = ids[3], .with_values = true, .limit = 10};
    assert_string_equal(look(&r, &filter), "d");
    rig_close(&r);
}
