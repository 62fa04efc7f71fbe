/* SPDX-License-Identifier: Apache-2.0 */
#include "server/deadline.h"
#include "support/test.h"

enum { N = 500 };
static struct deadline nodes[N];
static uint64_t last_fired;
static size_t n_fired;
static struct deadlines all;
static struct deadline *victim;

static void note(struct deadline *d)
{
    assert_true(d->at_ns >= last_fired);
    assert_int_equal(d->place, 0);
    last_fired = d->at_ns;
    n_fired++;
}

static void note_and_clear_victim(struct deadline *d)
{
    note(d);
    deadline_clear(&all, victim);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

TEST(deadlines_fire_in_order_after_random_sets_moves_and_clears)
{
    uint32_t random = 7;
    size_t n_set = 0;

    (void)state;
    memset(nodes, 0, sizeof nodes);
    last_fired = n_fired = 0;
    deadlines_init(&all);
    assert_true(deadlines_next(&all) == UINT64_MAX);
    for (int round = 0; round < 5000; round++) {
        struct deadline *d = &nodes[next_random(&random) % N];

        if (next_random(&random) % 3)
            assert_true(deadline_set(&all, d, next_random(&random) % 1000, note));
        else
            deadline_clear(&all, d);
    }
    for (size_t i = 0; i < N; i++)
        n_set += nodes[i].place != 0;
    assert_int_equal(n_set, all.n);
    deadlines_run(&all, 499);
    assert_true(last_fired <= 499);
    assert_true(deadlines_next(&all) > 499);
    deadlines_run(&all, 1000);
    assert_int_equal(n_fired, n_set);
    assert_int_equal(all.n, 0);
    deadlines_release(&all);
}

TEST(a_deadline_can_clear_another_that_is_due_at_the_same_time)
{
    (void)state;
    memset(nodes, 0, sizeof nodes);
    last_fired = n_fired = 0;
    deadlines_init(&all);
    victim = &nodes[1];
    assert_true(deadline_set(&all, &nodes[0], 5, note_and_clear_victim));
    assert_true(deadline_set(&all, &nodes[1], 5, note));
    assert_true(deadline_set(&all, &nodes[2], 9, note));
    deadlines_run(&all, 5);
    assert_int_equal(n_fired, 1);
    assert_true(deadlines_next(&all) == 9);
    deadlines_release(&all);
}
