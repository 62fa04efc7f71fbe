/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - what the end of a process means for the task it had. Pure. */
#ifndef PLATOON_WORKER_JUDGE_H
#define PLATOON_WORKER_JUDGE_H

#include <stdbool.h>

#include "spawn/spawn_protocol.h"
#include "worker/task.h"

/* It could not be started. `program` is what should have run, `folder` where. true: the task's or
 * the operator's fault, `out` is a failure; false: this machine is short of something, another try
 * may do, `why` (512 bytes) says what. */
bool judge_start(const struct spawn_ended *ended, const char *program, const char *folder,
                 struct outcome *out, char *why);

/* It ended by itself, but not well: by a signal, with a code, or (`is_early`, a persistent runner)
 * before it answered. */
void judge_bad_end(const struct spawn_ended *ended, bool is_early, struct outcome *out);
/* It ended with code 0. */
bool judge_is_good_end(const struct spawn_ended *ended);

/* We ended it after `limit_s` seconds. */
void judge_timeout(const struct spawn_ended *ended, double limit_s, struct outcome *out);

#endif
