/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.h - spans of time in as few lanes as they need, so that none covers another: the slots of a
 * worker as they were. Pure. */
#ifndef PLATOON_REPORT_LANES_H
#define PLATOON_REPORT_LANES_H

#include <stddef.h>

enum { LANES_MAX = 256 };

/* The ends of the spans in each lane so far; zero-initialised there are none. */
struct lanes {
    size_t n;
    double ends_s[LANES_MAX];
};

/* A lane for the span; spans come in the order of their starts. The free one with the smallest
 * number; LANES_MAX: there is none. Ends of one and starts of the next may overlap by a
 * millisecond, which is how finely they are recorded. */
size_t lanes_place(struct lanes *l, double start_s, double end_s);

#endif
