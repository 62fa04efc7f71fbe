/* SPDX-License-Identifier: Apache-2.0 */
/* traci_meter.c - meters a ramp of a SUMO that runs already, over its TraCI port.
 *
 *     sumo -c data/ramp_metering2.sumocfg --remote-port 8813 &
 *     traci_meter PORT [GREEN_S RED_S [SIGNAL]]
 *
 * One cycle (2 s green, 4 s red) whatever the traffic, at the signal `meter`. It needs the loop
 * `ramp_in` and the lane area detector `ramp_queue` of scenarios/ramp_metering, and tells at the end
 * what they saw. `platoon sumo --control fixed` does the same without a line of C. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/traci.h>

static struct platoon_err err;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "traci_meter: %s: %s: %s\n", what, platoon_status_text(st), err.message);
    exit(1);
}

/* What came with the steps. */
struct seen {
    double time_s, expected; /* vehicles on the road, waiting, or yet to be loaded */
    double passed, longest_queue;
};

static enum platoon_status on_value(const struct platoon_traci_value *value, void *arg,
                                    struct platoon_err *unused)
{
    struct seen *seen = arg;

    (void)unused; /* every value is welcome */
    switch (value->domain) {
    case PLATOON_TRACI_SIMULATION:
        if (value->variable == PLATOON_TRACI_TIME)
            seen->time_s = value->number;
        else
            seen->expected = value->number;
        break;
    case PLATOON_TRACI_E1:
        seen->passed += value->number;
        break;
    default:
        seen->longest_queue = fmax(seen->longest_queue, value->number);
        break;
    }
    return PLATOON_OK;
}

static void subscribe(platoon_traci *t)
{
    static const uint8_t of_simulation[] = {PLATOON_TRACI_TIME, PLATOON_TRACI_VEHICLES_EXPECTED};
    static const uint8_t of_loop[] = {PLATOON_TRACI_PASSED};
    static const uint8_t of_area[] = {PLATOON_TRACI_VEHICLES};

    must(platoon_traci_subscribe(t, PLATOON_TRACI_SIMULATION, "", of_simulation, 2, &err),
         "the simulation");
    must(platoon_traci_subscribe(t, PLATOON_TRACI_E1, "ramp_in", of_loop, 1, &err), "ramp_in");
    must(platoon_traci_subscribe(t, PLATOON_TRACI_E2, "ramp_queue", of_area, 1, &err),
         "ramp_queue");
}

int main(int argc, char **argv)
{
    struct platoon_traci_options options = {
        .port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 8813),
        .connect_timeout_s = 10,
        .answer_timeout_s = 30,
    };
    double green_s = argc > 3 ? atof(argv[2]) : 2, red_s = argc > 3 ? atof(argv[3]) : 4;
    const char *signal = argc > 4 ? argv[4] : "meter";
    double begin_s, end_s;
    char *state, shown = '\0';
    struct seen seen = {.expected = 1};
    platoon_traci *t;

    must(platoon_traci_connect(&options, &t, &err), "cannot connect");
    printf("connected to %s\n", platoon_traci_version(t));
    must(platoon_traci_number(t, PLATOON_TRACI_SIMULATION, PLATOON_TRACI_END, "", &end_s, &err),
         "the end");
    /* A letter for each link that the signal steers. */
    must(platoon_traci_text(t, PLATOON_TRACI_SIGNAL, PLATOON_TRACI_SIGNAL_STATE, signal, &state,
                            &err),
         "the signal");
    platoon_traci_on_value(t, on_value, &seen);
    subscribe(t);
    begin_s = seen.time_s;
    while (seen.expected > 0 && (end_s < 0 || seen.time_s < end_s)) {
        char letter = fmod(seen.time_s - begin_s, green_s + red_s) < green_s ? 'G' : 'r';

        if (letter != shown) {
            memset(state, letter, strlen(state));
            must(platoon_traci_set_signal(t, signal, state, &err), "set");
            shown = letter;
        }
        must(platoon_traci_step(t, &err), "step");
    }
    must(platoon_traci_finish(t, &err), "finish");
    platoon_traci_free(t);
    free(state);
    printf("%.0f s, %.0f vehicles came, longest queue %.0f\n", seen.time_s, seen.passed,
           seen.longest_queue);
    return 0;
}
