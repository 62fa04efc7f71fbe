/* SPDX-License-Identifier: Apache-2.0 */
/* demo_results.h - the results of `platoon demo`: written to files as they come, compared at the
 * end.
 *
 * Each run is one line of results.jsonl (the result as it came) and of results.csv (fixed columns),
 * both with full precision. Runs of the two arms that used the same seed are a pair. */
#ifndef PLATOON_CLI_DEMO_RESULTS_H
#define PLATOON_CLI_DEMO_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <platoon/value.h>

enum demo_metric { DEMO_TIME_SPENT, DEMO_TRAVEL_TIME, DEMO_DELAY, DEMO_SPEED, DEMO_N_METRICS };

enum demo_arm { DEMO_NO_CONTROL, DEMO_ALINEA, DEMO_N_ARMS };

struct demo_run {
    enum demo_arm arm;
    int64_t seed;
    double metric[DEMO_N_METRICS];
};

struct demo_results {
    FILE *csv, *jsonl;
    struct demo_run *runs; /* those that succeeded */
    size_t n_runs, cap_runs;
    size_t n_failed;
    char *first_failure; /* its message; malloc()ed */
    size_t n_not_ok;     /* succeeded, but did not end as planned (gridlock, ...) */
};

/* Make the two files in `folder`. Release `r` also after a failure. */
enum platoon_status demo_results_open(struct demo_results *r, const char *folder,
                                      struct platoon_err *err);
void demo_results_release(struct demo_results *r); /* zeroed is fine */
/* Write one result (borrowed) and keep its figures. EIO when the disk is full; EPROTO when it is
 * not a result of the demo's tasks. A failure result is written too, and counted. */
enum platoon_status demo_results_add(struct demo_results *r, const platoon_value *result,
                                     struct platoon_err *err);
/* The table: n, the mean of each arm, the mean paired difference. False when out of memory. */
bool demo_results_print(const struct demo_results *r, FILE *out);

#endif
