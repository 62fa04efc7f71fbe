/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - metrics and windowed figures out of the files that SUMO wrote, by streaming: each
 * file is read once for all that is wanted of it.
 *
 * Which values count:
 *   tripinfo  vehicles that departed in the window. departDelay: also those that never departed
 *             (trips.h)
 *   summary   lines whose time is in the window
 *   e1, e2    intervals that lie in the window
 * -1 is what SUMO writes where there is nothing to measure (the speed of an interval without
 * vehicles, the arrival of one that is still on the road): such values do not count, but for
 * departPosLat and arrivalPosLat, which may be -1. */
#ifndef PLATOON_SUMO_MEASURE_COLLECT_H
#define PLATOON_SUMO_MEASURE_COLLECT_H

#include "sumo/measure/settings.h"
#include "sumo/outputs.h"

struct measure_files {
    const char *folder;             /* where all outputs are */
    const char *tripinfo, *summary; /* names in it */
};

/* The metrics of `s` into values[n_metrics]: NAN where there is none (a mean of no values). With a
 * window also *statistics (which come in as SUMO told them, of the whole run) become those of the
 * window's vehicles; `ended_s` is when the simulation ended.
 *
 * EINVAL: a metric names a detector or an attribute that the outputs do not have, with those that
 * they have. ELIMIT: too many values for quantiles. EPROTO, ENOTFOUND, EIO, ENOMEM: as xml_scan().
 * Takes as long as reading the files does, some 100 MB/s. */
enum platoon_status measure_collect(const struct measure_settings *s,
                                    const struct measure_files *files, double ended_s,
                                    struct sumo_statistics *statistics, double *values,
                                    struct platoon_err *err);

#endif
