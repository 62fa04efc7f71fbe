/* SPDX-License-Identifier: Apache-2.0 */
/* How runs are judged. */
#include "support/test.h"

#include "sumo/outcome.h"

#define EXITED(code)   ((code) << 8)
#define KILLED(signal) (signal)

static struct run_end good_end(void)
{
    return (struct run_end){
        .wait_status = EXITED(0),
        .reason = REASON_END_REACHED,
        .has_ended = true,
        .ended_s = 3600.0,
    };
}

TEST(a_good_end_is_ok)
{
    struct run_end end = good_end();

    assert_int_equal(outcome_of_end(&end), OUTCOME_OK);
    end.reason = REASON_OTHER; /* a release with other words */
    assert_int_equal(outcome_of_end(&end), OUTCOME_OK);
}

TEST(an_exit_code_or_a_signal_is_a_failure)
{
    struct run_end end = good_end();

    end.wait_status = EXITED(1);
    assert_int_equal(outcome_of_end(&end), OUTCOME_FAILED);
    end.wait_status = KILLED(9);
    assert_int_equal(outcome_of_end(&end), OUTCOME_FAILED);
    end = good_end();
    end.reason = REASON_ERROR;
    assert_int_equal(outcome_of_end(&end), OUTCOME_FAILED);
}

TEST(an_interrupted_run_is_no_success_though_sumo_exits_with_0)
{
    struct run_end end = good_end();

    end.reason = REASON_INTERRUPTED;
    assert_int_equal(outcome_of_end(&end), OUTCOME_INTERRUPTED);
    assert_false(outcome_is_done(OUTCOME_INTERRUPTED));
}

TEST(a_run_that_does_not_say_how_it_ended_is_incomplete)
{
    struct run_end end = good_end();

    end.has_ended = false;
    assert_int_equal(outcome_of_end(&end), OUTCOME_INCOMPLETE);
}

TEST(a_driven_run_must_have_been_driven_to_its_end)
{
    struct run_end end = good_end();

    end.is_driven = true;
    end.reason = REASON_CLIENT_FINISHED;
    assert_int_equal(outcome_of_end(&end), OUTCOME_INCOMPLETE);
    end.loop_finished = true;
    assert_int_equal(outcome_of_end(&end), OUTCOME_OK);
}

/* `running` on the road, of which `halting` stand; `waiting` for room; so many arrived in 5 minutes. */
static enum run_outcome judge(const struct run_end *end, double wanted_end_s, double running,
                              double halting, double waiting, double arrived)
{
    const struct sumo_statistics s = {.running = running, .waiting = waiting};
    const struct sumo_last_minutes last = {
        .running = running, .halting = halting, .arrived_lately = arrived, .window_s = 300.0};

    return outcome_of_figures(end, wanted_end_s, &s, &last);
}

TEST(an_empty_road_is_ok)
{
    struct run_end end = good_end();

    assert_int_equal(judge(&end, 3600.0, 0, 0, 0, 5), OUTCOME_OK);
    end.reason = REASON_NO_VEHICLES_LEFT;
    assert_int_equal(judge(&end, -1.0, 0, 0, 0, 5), OUTCOME_OK);
}

TEST(a_run_cut_off_by_its_end_while_traffic_flows_is_ok)
{
    struct run_end end = good_end();

    assert_int_equal(judge(&end, 3600.0, 176, 0, 0, 189), OUTCOME_OK);
    assert_int_equal(judge(&end, 3600.0, 500, 450, 30, 3), OUTCOME_OK); /* a jam that still moves */
    assert_int_equal(judge(&end, 3600.0, 50, 3, 0, 0), OUTCOME_OK);     /* nobody is there yet */
}

TEST(standing_vehicles_at_the_end_are_a_gridlock)
{
    struct run_end end = good_end();

    assert_int_equal(judge(&end, 3600.0, 187, 187, 950, 0), OUTCOME_GRIDLOCKED);
    assert_int_equal(judge(&end, 3600.0, 187, 100, 0, 0), OUTCOME_GRIDLOCKED);
    assert_int_equal(judge(&end, 3600.0, 0, 0, 12, 0), OUTCOME_GRIDLOCKED);
    assert_true(outcome_is_done(OUTCOME_GRIDLOCKED));
}

TEST(a_run_shorter_than_the_window_is_no_gridlock)
{
    const struct sumo_statistics s = {.running = 9};
    const struct sumo_last_minutes last = {.running = 9, .halting = 9, .window_s = 120.0};

    assert_false(outcome_is_gridlock(&s, &last));
}

TEST(vehicles_left_before_the_wanted_end_make_it_incomplete)
{
    struct run_end end = good_end();

    end.reason = REASON_OTHER;
    end.ended_s = 3000.0;
    assert_int_equal(judge(&end, 3600.0, 12, 0, 0, 9), OUTCOME_INCOMPLETE);
    assert_int_equal(judge(&end, 3600.0, 0, 0, 0, 9), OUTCOME_OK);
    assert_int_equal(judge(&end, -1.0, 12, 0, 0, 9), OUTCOME_INCOMPLETE);
    end.ended_s = 3600.0;
    assert_int_equal(judge(&end, 3600.0, 12, 0, 0, 9), OUTCOME_OK);
}

TEST(sumos_own_rule_on_teleports_stops_a_run_early)
{
    struct run_end end = good_end();

    end.reason = REASON_TOO_MANY_TELEPORTS;
    end.ended_s = 100.0;
    assert_int_equal(judge(&end, 3600.0, 12, 12, 0, 0), OUTCOME_STOPPED_EARLY);
    assert_true(outcome_is_done(OUTCOME_STOPPED_EARLY));
}

TEST(a_rule_that_stopped_a_run_is_told_whatever_stood_then)
{
    struct run_end end = good_end();

    end.is_driven = end.loop_finished = end.was_stopped = true;
    end.reason = REASON_CLIENT_FINISHED;
    end.ended_s = 100.0;
    assert_int_equal(outcome_of_end(&end), OUTCOME_OK);
    assert_int_equal(judge(&end, 3600.0, 500, 20, 900, 40), OUTCOME_STOPPED_EARLY);
    assert_int_equal(judge(&end, 3600.0, 187, 187, 950, 0), OUTCOME_STOPPED_EARLY);
}

TEST(outcomes_have_the_names_that_results_carry)
{
    assert_string_equal(outcome_text(OUTCOME_OK), "ok");
    assert_string_equal(outcome_text(OUTCOME_GRIDLOCKED), "gridlocked");
    assert_string_equal(outcome_text(OUTCOME_STOPPED_EARLY), "stopped-early");
    assert_string_equal(outcome_text(OUTCOME_FAILED), "failed");
    assert_string_equal(outcome_text(OUTCOME_TIMED_OUT), "timed-out");
    assert_string_equal(outcome_text(OUTCOME_INTERRUPTED), "interrupted");
    assert_string_equal(outcome_text(OUTCOME_INCOMPLETE), "incomplete");
}
