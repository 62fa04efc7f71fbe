/* SPDX-License-Identifier: Apache-2.0 */
#include "report/lanes.h"

#define SLACK_S 0.0015

size_t lanes_place(struct lanes *l, double start_s, double end_s)
{
    size_t i = 0;

    while (i < l->n && l->ends_s[i] > start_s + SLACK_S)
        i++;
    if (i == LANES_MAX)
        return LANES_MAX;
    l->n += i == l->n;
    l->ends_s[i] = end_s;
    return i;
}
