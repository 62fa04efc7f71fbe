/* SPDX-License-Identifier: Apache-2.0 */
/* range.h - short ways to write many values: what factors and seeds are made of.
 *
 *     1..20              1, 2, ... 20
 *     0.1..0.5 step 0.1  0.1, 0.2, 0.3, 0.4, 0.5: decimal fractions as a person means them, each
 *     the
 *                        double nearest to its decimal; the end counts if it is hit
 *     20..1 step -1      downwards with a negative step
 *     a,b,c              the words of a command line, each a plain YAML scalar or a range
 *
 * A text that is no range is one value. */
#ifndef PLATOON_CONFIG_RANGE_H
#define PLATOON_CONFIG_RANGE_H

#include <platoon/value.h>

enum { RANGE_MAX_VALUES = 1000000 };

/* Append what `text` means to `list` (a list value, borrowed). EINVAL with a sentence (a step of 0,
 * a step that leads away, not a number); ELIMIT beyond RANGE_MAX_VALUES; ENOMEM. */
enum platoon_status range_append(const char *text, platoon_value *list, struct platoon_err *err);
/* The same for a comma-separated list. An empty item is EINVAL. */
enum platoon_status range_append_words(const char *text, platoon_value *list,
                                       struct platoon_err *err);

#endif
