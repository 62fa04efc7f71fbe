/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - one argument of a command, with places that a task fills.
 *
 *     --seed={seed}     {key}: that key of a dict task; text as it is, anything else as JSON
 *     {task}            the whole task as JSON, whatever it is
 *     {{ and }}         one brace
 *
 * The result is one argument, whatever is in it: no shell sees it, nothing is split. */
#ifndef PLATOON_WORKER_TEMPLATE_H
#define PLATOON_WORKER_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/value.h>

struct template_piece {
    char *text; /* literal text, or a key; owned */
    bool is_key;
};

struct template
{
    struct template_piece *pieces; /* owned */
    size_t n_pieces;
    char *source; /* as it was written; owned */
};

/* EINVAL (a brace without its partner, an empty key), ENOMEM. `out` is unchanged on failure. */
enum platoon_status template_parse(const char *source, struct template *out,
                                   struct platoon_err *err);
void template_release(struct template *t);
bool template_has_keys(const struct template *t);

/* Fill in `task`. A value that begins with `-` is refused where it would stand at the start of the
 * argument, because the program could take it for an option; unless `is_operand` (the command has
 * `--` before).
 *
 * EINVAL: the task does not fit, `err` says how. ENOMEM. *out is malloc()ed. */
enum platoon_status template_expand(const struct template *t, const platoon_value *task,
                                    bool is_operand, char **out, struct platoon_err *err);

#endif
