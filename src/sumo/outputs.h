/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.h - figures out of the files that SUMO wrote, by streaming: what a run of any length
 * measured, in constant memory. */
#ifndef PLATOON_SUMO_OUTPUTS_H
#define PLATOON_SUMO_OUTPUTS_H

#include <platoon/status.h>

/* SUMO's statistic output (--statistic-output with --duration-log.statistics and
 * --tripinfo-output.write-unfinished, .write-undeparted): every vehicle of the run, also those
 * still on the road at its end and those that found no room to depart. Times in s, speed in m/s, as
 * SUMO wrote them. */
struct sumo_statistics {
    double loaded, inserted, running, waiting; /* vehicles; waiting: for room to depart */
    double teleports, collisions;
    double trips; /* vehicles that the means below are over: those that departed */
    double mean_speed, mean_time_loss;
    double total_travel_time, total_depart_delay;
};

/* EPROTO if the file is malformed or cut off, or lacks the figures; ENOTFOUND, EIO. */
enum platoon_status outputs_read_statistics(const char *path, struct sumo_statistics *out,
                                            struct platoon_err *err);

/* Total time spent: time on the road and time waiting for room to depart, of all vehicles. */
double outputs_total_time_spent_s(const struct sumo_statistics *s);
/* Mean over all vehicles, departed or not, of time lost on the road and waiting to depart. SUMO's
 * own departDelay leaves out those that never departed, which flatters a run that jammed. 0 if
 * there were none. */
double outputs_mean_delay_s(const struct sumo_statistics *s);

/* What the end of SUMO's summary output (--summary-output) tells about how traffic stood then. */
struct sumo_last_minutes {
    double time_s;         /* of the last line; -1 if the file has none */
    double running;        /* on the road */
    double halting;        /* of these slower than 0.1 m/s; parked and planned stops left out */
    double waiting;        /* for room to depart */
    double arrived_lately; /* that ended their trips in the last `window_s` before time_s */
    double window_s;       /* shorter if the run was */
};

/* Read lines up to the end, keeping those of the last `window_s`. Errors as above. */
enum platoon_status outputs_read_last_minutes(const char *path, double window_s,
                                              struct sumo_last_minutes *out,
                                              struct platoon_err *err);

#endif
