/* SPDX-License-Identifier: Apache-2.0 */
/* timing.h - samples of time and their percentiles, for the C programs of the bench. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct samples {
    uint64_t *ns;
    size_t n, cap;
};

static inline uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void samples_add(struct samples *s, uint64_t ns)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4096;
        uint64_t *grown = realloc(s->ns, cap * sizeof *grown);

        if (!grown) {
            fprintf(stderr, "no memory for %zu samples\n", cap);
            exit(1);
        }
        s->ns = grown;
        s->cap = cap;
    }
    s->ns[s->n++] = ns;
}

static inline int samples_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Microseconds that `percent` of the samples do not pass (100: the longest); 0 without samples.
 * Sorts them. */
static inline double samples_at(struct samples *s, unsigned percent)
{
    if (!s->n)
        return 0;
    qsort(s->ns, s->n, sizeof *s->ns, samples_order);
    return (double)s->ns[(s->n - 1) * percent / 100] / 1000.0;
}

static inline void samples_release(struct samples *s)
{
    free(s->ns);
    *s = (struct samples){0};
}

#endif
