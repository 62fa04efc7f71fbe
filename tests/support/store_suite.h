/* SPDX-License-Identifier: Apache-2.0 */
/* store_suite.h - what every store must do, whatever it keeps its data in. A store joins by a test
 * file of its own:
 *
 *     static const struct store_maker maker = {...};
 *     #define X(name) TEST(name) { (void)state; store_suite_##name(&maker); }
 *     STORE_SUITE(X)
 * */
#ifndef PLATOON_TEST_STORE_SUITE_H
#define PLATOON_TEST_STORE_SUITE_H

#include "support/store_rig.h"

#define STORE_SUITE(X)                                                                             \
    X(no_callback_comes_from_inside_a_call)                                                        \
    X(callbacks_come_in_the_order_of_the_calls)                                                    \
    X(calls_made_from_callbacks_are_answered_in_the_same_turn)                                     \
    X(close_drops_answers_that_were_not_told)                                                      \
    X(epochs_rise)                                                                                 \
    X(a_queue_stays_as_it_was_made)                                                                \
    X(queue_list_tells_options_and_counts)                                                         \
    X(tasks_are_claimed_in_the_order_of_their_puts)                                                \
    X(a_claim_never_waits)                                                                         \
    X(a_put_over_the_limit_is_refused_whole)                                                       \
    X(a_repeated_put_is_a_dup)                                                                     \
    X(a_repeated_claim_answers_what_its_leases_hold)                                               \
    X(returned_tasks_precede_newer_ones_in_their_old_order)                                        \
    X(a_task_sent_to_the_back_gets_a_new_place)                                                    \
    X(an_abandoned_task_is_not_taken_but_a_late_result_completes_it)                               \
    X(attempts_are_counted_only_where_told)                                                        \
    X(a_task_that_is_lost_too_often_is_dead)                                                       \
    X(may_be_repeat_sticks_to_a_task)                                                              \
    X(a_failed_task_is_tried_again_at_the_end)                                                     \
    X(a_failed_task_waits_for_its_delay)                                                           \
    X(a_lease_runs_out_and_its_task_goes_to_the_front)                                             \
    X(a_renewed_lease_does_not_run_out)                                                            \
    X(sweep_takes_no_more_than_asked)                                                              \
    X(a_stopped_server_does_not_lose_its_leases)                                                   \
    X(a_lost_lease_can_do_nothing_but_complete)                                                    \
    X(the_first_result_wins_even_from_a_lost_lease)                                                \
    X(a_late_result_takes_a_queued_task_off_its_queue)                                             \
    X(a_result_of_another_life_of_the_store_is_gone)                                               \
    X(a_result_is_an_entry_of_the_linked_queue)                                                    \
    X(a_result_needs_no_room)                                                                      \
    X(a_batch_of_results_may_name_a_task_twice)                                                    \
    X(a_limit_of_attempts_of_its_own_goes_before_the_queues)                                       \
    X(the_failure_of_a_dead_task_is_recorded_once)                                                 \
    X(a_late_result_of_a_dead_task_wins_over_its_failure)                                          \
    X(unfinished_falls_once_for_each_task)                                                         \
    X(task_done_below_zero_changes_nothing)                                                        \
    X(get_tells_of_tasks_in_every_state)                                                           \
    X(counts_follow_each_step)                                                                     \
    X(ready_is_told_when_there_is_something_to_take)                                               \
    X(room_is_told_when_there_may_be_some)                                                         \
    X(an_abandoned_task_can_be_retried)                                                            \
    X(a_dead_task_can_be_retried_and_has_all_its_attempts_again)                                   \
    X(what_waits_or_runs_is_not_retried)                                                           \
    X(a_cancelled_task_ends_wherever_it_is)                                                        \
    X(purge_forgets_what_waits_and_leaves_what_runs)                                               \
    X(a_look_shows_tasks_by_state_in_the_order_of_ids)                                             \
    X(large_batches_keep_their_order)                                                              \
    X(random_histories_match_the_model)

#define X(name) void store_suite_##name(const struct store_maker *maker);
STORE_SUITE(X)
#undef X

#endif
