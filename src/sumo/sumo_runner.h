/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_runner.h - the process of a slot that runs SUMO tasks, one after the other, until its input
 * ends.
 *
 *     platoon _sumo-runner [--root DIR] [--sumo EXE] [--allow-any-path]
 *                          [--sumo-backend auto|libsumo|traci] [--timeout SECONDS]
 *                          [--controller FILE.so]... [--keep none|failed|all --keep-dir DIR]
 *
 * Descriptor 3 brings tasks, descriptor 4 takes results (runner_io.h). In:
 *
 *     {'task': VALUE, 'task_id': N, 'attempt': K, 'slot': I, 'task_dir': PATH,
 *      'timeout_s': SECONDS}
 *
 * of which 'task' and 'task_dir' (an existing folder of the task's own; outputs go there) are
 * needed; 'task_id' and 'attempt' name the folder under --keep-dir (absolute) that outputs are kept
 * in. Out, for each task, any number of
 *
 *     {'progress': {'time_s', 'begin_s', 'end_s', 'running', 'waiting', 'wall_s', 'done',
 *                   'real_time_factor', 'left_s'}}      (value/task_progress.h)
 *     {'warning': TEXT}   outputs could not be kept
 *
 * and then one of
 *
 *     {'result': DICT}
 *     {'error': {'kind', 'message', 'exit', 'stderr_tail', 'outcome'}}
 *
 * If a controller cannot be loaded, the first task is answered with {'failed': TEXT} and the exit
 * code is 2.
 *
 * Standard output and error are log. SUMO stays in this process's group: whoever kills the group
 * has killed the simulation. It ends, taking SUMO with it, when descriptor 3 hangs up, in mid run
 * too. */
#ifndef PLATOON_SUMO_SUMO_RUNNER_H
#define PLATOON_SUMO_SUMO_RUNNER_H

/* argv[0] is the command's name. Exit code: 0 when the input ended, 1 when something broke, 2 for a
 * wrong command line. */
int sumo_runner_main(int argc, char **argv);

#endif
