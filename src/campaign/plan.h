/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - what a campaign's definition expands to: design points x arms x replications, each one
 * task.
 *
 * A definition is plain data (the keys below); a file or a command line becomes one in the program,
 * so that the server needs neither. Every task is a dict:
 *
 *     base, overlaid by the design point's parameters, overlaid by the arm's, with 'seed'
 *
 * A dotted name reaches into nested dicts: 'control.K_R' sets task['control']['K_R'].
 *
 *     name      text
 *     base      dict of parameters that all tasks share            (default {})
 *     factors   list of [name, [value, ...]]                       (default [])
 *     table     list of dicts: rows of parameters, crossed with the factors (default [{}])
 *     combine   'cross' (all combinations) or 'zip' (the i-th values together; equal lengths)
 *     where     list of [name, op, value or {'name': ...}]: points that fail one are left out;
 *               op: < <= > >= == !=
 *     arms      list of [name, dict of parameters]; the first is the baseline (default one arm, '')
 *     seeds     list of ints, one a replication, the same for all arms and points
 *
 * Order. Tasks are numbered so that every arm and design point grows evenly: replication by
 * replication, within one the points, within a point the arms.
 *
 * Pure; a plan is immutable and belongs to one thread at a time. */
#ifndef PLATOON_CAMPAIGN_PLAN_H
#define PLATOON_CAMPAIGN_PLAN_H

#include <platoon/value.h>

struct campaign_plan;

enum { PLAN_MAX_POINTS = 1000000, PLAN_MAX_ARMS = 64, PLAN_MAX_FACTORS = 64 };

/* EINVAL with a sentence that names the key; ELIMIT; ENOMEM. `definition` is referenced. */
enum platoon_status plan_new(platoon_value *definition, struct campaign_plan **out,
                             struct platoon_err *err);
void plan_free(struct campaign_plan *p); /* NULL is fine */

const char *plan_name(const struct campaign_plan *p);
size_t plan_points(const struct campaign_plan *p);
size_t plan_arms(const struct campaign_plan *p);
const char *plan_arm_name(const struct campaign_plan *p, size_t arm);
/* The parameters that make the design point, by their dotted names, in the order of the definition;
 * borrowed. */
const platoon_value *plan_point(const struct campaign_plan *p, size_t point);
/* The task; yours. NULL when out of memory. */
platoon_value *plan_task(const struct campaign_plan *p, size_t point, size_t arm, int64_t seed);

/* The place of a task in the order above. */
struct plan_place {
    size_t replication, point, arm;
};
struct plan_place plan_place_of(const struct campaign_plan *p, size_t index);

/* Set `dict`[path] where dots descend, making dicts on the way. Takes `child`. ETYPE if something
 * on the way is no dict. */
enum platoon_status plan_set_path(platoon_value *dict, const char *path, platoon_value *child);
/* Look up by dotted path; the whole name as one key wins. NULL: absent. Borrowed. */
platoon_value *plan_get_path(const platoon_value *dict, const char *path);
/* A deep copy, so that a task can be changed without changing the definition. Opaque values are
 * shared. Depth of at most 64; NULL when out of memory or deeper. */
platoon_value *plan_copy(const platoon_value *v);

#endif
