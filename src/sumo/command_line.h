/* SPDX-License-Identifier: Apache-2.0 */
/* command_line.h - the arguments that SUMO is started with. */
#ifndef PLATOON_SUMO_COMMAND_LINE_H
#define PLATOON_SUMO_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "sumo/program.h"
#include "sumo/task.h"

/* The command line of a planned run, NULL-terminated; argv_free() it. NULL when out of memory.
 *
 *   task_dir   absolute; where all outputs of the run go
 *   port       of TraCI; 0: none */
char **command_line(const struct sumo_plan *plan, const struct sumo_program *program,
                    const char *task_dir, unsigned port);

/* A NULL-terminated list of malloc()ed strings under construction. Takes `text`, also when it
 * fails; NULL (a text that there was no memory for) is a failure. */
bool argv_push(char ***argv, size_t *n, char *text);
void argv_free(char **argv); /* NULL is fine */
/* The fewest digits that read back the same, a whole number without ".0"; malloc()ed. */
char *argv_number(double number);

#endif
