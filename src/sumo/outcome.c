/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.c - the rules of the header. */
#include "sumo/outcome.h"

#include <sys/wait.h>

/* SUMO counts milliseconds and prints two decimals. */
#define TIME_TOLERANCE_S 0.011

const char *outcome_text(enum run_outcome outcome)
{
    switch (outcome) {
    case OUTCOME_OK:
        return "ok";
    case OUTCOME_GRIDLOCKED:
        return "gridlocked";
    case OUTCOME_STOPPED_EARLY:
        return "stopped-early";
    case OUTCOME_FAILED:
        return "failed";
    case OUTCOME_TIMED_OUT:
        return "timed-out";
    case OUTCOME_INTERRUPTED:
        return "interrupted";
    case OUTCOME_INCOMPLETE:
        return "incomplete";
    }
    return "failed";
}

bool outcome_is_done(enum run_outcome outcome)
{
    return outcome <= OUTCOME_STOPPED_EARLY;
}

enum run_outcome outcome_of_end(const struct run_end *end)
{
    if (end->reason == REASON_INTERRUPTED)
        return OUTCOME_INTERRUPTED;
    if (!WIFEXITED(end->wait_status) || WEXITSTATUS(end->wait_status) != 0 ||
        end->reason == REASON_ERROR)
        return OUTCOME_FAILED;
    if (end->has_ended && end->reason == REASON_TOO_MANY_TELEPORTS)
        return OUTCOME_OK; /* by its own rule, which a control loop does not see */
    if (!end->has_ended || (end->is_driven && !end->loop_finished))
        return OUTCOME_INCOMPLETE; /* exited with 0, but before its time */
    return OUTCOME_OK;
}

enum run_outcome outcome_of_figures(const struct run_end *end, double wanted_end_s,
                                    const struct sumo_statistics *statistics,
                                    const struct sumo_last_minutes *last)
{
    bool has_left = statistics->running + statistics->waiting > 0.0;
    bool reached_end = end->loop_finished || end->reason == REASON_END_REACHED ||
                       (wanted_end_s >= 0.0 && end->ended_s >= wanted_end_s - TIME_TOLERANCE_S);

    if (end->was_stopped || end->reason == REASON_TOO_MANY_TELEPORTS)
        return OUTCOME_STOPPED_EARLY; /* the latter: the configuration's rule, max-num-teleports */
    if (has_left && !reached_end)
        return OUTCOME_INCOMPLETE;
    return outcome_is_gridlock(statistics, last) ? OUTCOME_GRIDLOCKED : OUTCOME_OK;
}

bool outcome_is_gridlock(const struct sumo_statistics *statistics,
                         const struct sumo_last_minutes *last)
{
    bool has_left = statistics->running + statistics->waiting > 0.0;

    return has_left && last->window_s >= GRIDLOCK_WINDOW_S && last->arrived_lately <= 0.0 &&
           last->halting * 2.0 >= last->running;
}
