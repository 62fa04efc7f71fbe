/* SPDX-License-Identifier: Apache-2.0 */
/* cpus.h - how many tasks can run at once: the CPUs that this process may really use. */
#ifndef PLATOON_WORKER_CPUS_H
#define PLATOON_WORKER_CPUS_H

#include <stdbool.h>

/* The smaller of the affinity mask (taskset, Slurm's cpusets) and the cgroup CPU quotas
 * (containers), at least 1. A quota of 1.5 CPUs counts as 2: two slots use all of it, one would
 * not. */
unsigned cpus_usable(void);

/* The smallest quota of the cgroup that this process is in and of those around it, in CPUs; 0:
 * none. `root` stands before /proc and /sys ("" but in tests). */
double cpus_quota(const char *root);

/* What cpu.max (cgroup v2: "QUOTA PERIOD" or "max PERIOD") grants, in CPUs; 0: no limit, or not
 * such a text. */
double cpus_parse_max(const char *text);

#endif
